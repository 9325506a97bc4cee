/** A sweep on a cluster: what is missing of the training as one job array, then what is missing of the measures as another. */
import { isActive } from '../../../src-shared/api.ts';
import { CancelledError, messageOf } from '../../../src-shared/errors.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import type { SweepStandingCell } from '../../../src-shared/sweep-requests.ts';
import { cellsOf } from '../../../src-shared/sweep.ts';
import { writeSweep, type SweepFolder } from '../../formats/sweep-folder.ts';
import type { Globals } from '../globals.ts';
import { runOnSlurm, type SlurmEnd, type SlurmRequest } from '../slurm/run.ts';
import type { OnSlurm } from '../slurm/flags.ts';
import { resumeParams, trainingParams } from '../training.ts';
import { refuseFailures, todoText, type Failure } from './run.ts';

interface Cell extends SweepStandingCell {
  /** `key=value`, all of them. */
  overrides: string[];
  /** The last that has a checkpoint. */
  epoch: number | undefined;
}

interface Work {
  client: Client;
  found: SweepFolder;
  workspace: string;
  slurm: OnSlurm;
  globals: Globals;
}

/**
 * @returns false with --detach: it is submitted, as far as that can be done now
 * @throws CancelledError; UserError that names what failed, after everything else was done
 */
export async function runSweepOnSlurm(work: Work): Promise<boolean> {
  const { client, found, globals } = work;
  writeSweep(found.folder, found.sweep);
  // Before the standing: what ends in between is then trained by its count, and what runs is not submitted twice.
  const active = await trainingNow(client);
  const cells = await cellsNow(client, found);
  const before = new Set(cells.filter(({ state }) => state === 'trained').map(({ name }) => name));
  globals.terminal.note(todoText({ runs: cells.length, trained: before.size }));
  const failures = await trainAll(work, cells, active);
  if (!failures) return false;
  const failed = new Set(failures.map(({ name }) => name));
  const trained = (await cellsNow(client, found))
    .filter(({ name }) => !failed.has(name))
    // What was measured before a run went on was measured of another epoch.
    .map((cell) => (before.has(cell.name) ? cell : { ...cell, unmeasured: found.sweep.then }));
  const more = await measureAll(work, trained);
  if (!more) return false;
  refuseFailures([...failures, ...more], cells.length, globals);
  return true;
}

/** Runs that something is to be done for: those in the trash are left alone. */
async function cellsNow(client: Client, { name, sweep }: SweepFolder): Promise<Cell[]> {
  const { cells } = await client.call('sweeps.get', { name });
  const runs = new Map((await client.call('runs.list', {})).map((run) => [run.id, run]));
  const overrides = new Map(cellsOf(sweep).map((cell) => [cell.name, cell.overrides]));
  return cells.flatMap((cell) =>
    cell.state === 'trashed'
      ? []
      : {
          ...{ ...cell, overrides: overrides.get(cell.name)! },
          epoch: runs.get(cell.runId ?? '')?.epochs.at(-1),
        },
  );
}

/** Run folder -> the job that waits or works for it. */
async function trainingNow(client: Client): Promise<Map<string, string>> {
  const jobs = await client.call('jobs.list', {});
  const active = jobs.filter((job) => job.kind === 'train' && isActive(job));
  return new Map(active.map(({ id, params }) => [(params as { run: string }).run, id]));
}

async function trainAll(
  { client, found, workspace, slurm, globals }: Work,
  cells: readonly Cell[],
  active: ReadonlyMap<string, string>,
): Promise<Failure[] | undefined> {
  const failures: Failure[] = [];
  const requests: SlurmRequest[] = [];
  const { source } = found.sweep;
  for (const { name, path, state, overrides } of cells.filter((cell) => cell.state !== 'trained')) {
    const jobId = active.get(path);
    try {
      const ask =
        jobId !== undefined
          ? { jobId }
          : {
              kind: 'train',
              params:
                state === 'unfinished'
                  ? resumeParams(path)
                  : await trainingParams({ source, overrides, out: path }, workspace),
            };
      requests.push({ label: name, ask });
    } catch (error) {
      failures.push({ name, what: 'training', message: messageOf(error) });
    }
  }
  if (requests.length === 0) return failures;
  const ends = await runOnSlurm(client, requests, slurm, globals, `${found.name}: training`);
  if (!ends) return undefined;
  const nameOf = (i: number): Named => ({ name: requests[i]!.label, what: 'training' });
  return [...failures, ...failuresOf(ends, nameOf, globals)];
}

async function measureAll(
  { client, found, slurm, globals }: Work,
  cells: readonly Cell[],
): Promise<Failure[] | undefined> {
  const asked = cells.flatMap(({ name, path, epoch, unmeasured }) =>
    unmeasured.map((kind) => ({ name, what: kind, path, epoch })),
  );
  const ready = asked.filter(({ epoch }) => epoch !== undefined);
  const failures = asked
    .filter(({ epoch }) => epoch === undefined)
    .map(({ name, what, path }) => ({
      ...{ name, what, message: `${path}: the catalog has no checkpoint of this run.` },
    }));
  if (ready.length === 0) return failures;
  const requests = ready.map(({ name, what, path, epoch }): SlurmRequest => ({
    label: `${name}, ${what}`,
    ask: { kind: what, params: { run: path, epoch } },
  }));
  const ends = await runOnSlurm(client, requests, slurm, globals, `${found.name}: measures`);
  if (!ends) return undefined;
  const nameOf = (i: number): Named => ({ name: ready[i]!.name, what: ready[i]!.what });
  return [...failures, ...failuresOf(ends, nameOf, globals)];
}

type Named = Omit<Failure, 'message'>;

/** @throws CancelledError if the whole command was cancelled; a task that somebody cancelled is one of the failures */
function failuresOf(
  ends: readonly SlurmEnd[],
  nameOf: (index: number) => Named,
  { signal }: Globals,
): Failure[] {
  if (signal.aborted) throw new CancelledError();
  return ends.flatMap((end, i) => {
    if ('job' in end) return [];
    return [{ ...nameOf(i), message: end.error.message }];
  });
}
