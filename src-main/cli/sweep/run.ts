/** Trains what a sweep lacks, and measures it: one run after the other; what one ends with does not stop the others. */
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import type { JobKindName } from '../../../src-shared/jobs/index.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { writeSweep, type SweepFolder } from '../../formats/sweep-folder.ts';
import { wholeProgress, type WholeProgress } from '../demo/progress.ts';
import type { Globals } from '../globals.ts';
import { runAnyKind, runKind } from '../job.ts';
import { resumeParams, trainingParams } from '../training.ts';
import { standingOf, type StandingCell } from './standing.ts';

export interface Failure {
  name: string;
  what: string;
  message: string;
}

/** @throws CancelledError; UserError that names what failed, after everything else was done */
export async function runSweep(
  client: Client,
  found: SweepFolder,
  workspace: string,
  { terminal, signal }: Globals,
): Promise<void> {
  writeSweep(found.folder, found.sweep);
  const cells = await standingOf(client, found);
  terminal.note(todoText(cells));
  const progress = wholeProgress(terminal, found.name);
  const failures: Failure[] = [];
  const work = { client, found, workspace, signal, progress };
  try {
    for (const cell of cells) {
      if (signal.aborted) throw new CancelledError();
      failures.push(...(await workOn(work, cell, 1 / cells.length)));
    }
  } finally {
    progress.finish();
  }
  refuseFailures(failures, cells.length, { terminal });
}

export function todoText(cells: readonly StandingCell[]): string {
  const todo = cells.filter(({ state }) => state !== 'trained').length;
  if (todo === 0) return `All ${cells.length} runs are trained.`;
  return `${todo} of ${cells.length} runs to train${todo < cells.length ? '; the others are' : ''}.`;
}

/** @throws UserError that names what failed, if anything did */
export function refuseFailures(
  failures: readonly Failure[],
  count: number,
  { terminal }: Pick<Globals, 'terminal'>,
): void {
  for (const { name, what, message } of failures) terminal.note(`${name}, ${what}: failed: ${message}`);
  if (failures.length === 0) return;
  const names = [...new Set(failures.map(({ name }) => name))];
  throw new UserError(
    `${names.length} of ${count} runs did not succeed: ${names.slice(0, 5).join('; ')}${names.length > 5 ? ' …' : ''}.`,
    {
      hint: 'The reasons are above. What was trained and measured is kept: the same command does only what is missing.',
    },
  );
}

interface Work {
  client: Client;
  found: SweepFolder;
  workspace: string;
  signal: AbortSignal;
  progress: WholeProgress;
}

async function workOn(work: Work, cell: StandingCell, share: number): Promise<Failure[]> {
  const { client, found, signal, progress } = work;
  const { source, then } = found.sweep;
  const steps = share / (1 + then.length);
  const attempt = async (what: string, act: () => Promise<unknown>): Promise<Failure[]> => {
    try {
      await act();
      return [];
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return [{ name: cell.name, what, message: messageOf(error) }];
    }
  };
  const listen = (what: string) => progress.step(`${cell.name}: ${what}`, steps);
  const listener = listen(cell.state === 'trained' ? 'trained' : 'training');
  let epoch = cell.run?.epochs.at(-1);
  if (cell.state !== 'trained') {
    const failed = await attempt('training', async () => {
      const params =
        cell.state === 'unfinished'
          ? resumeParams(cell.path)
          : await trainingParams({ source, overrides: cell.overrides, out: cell.path }, work.workspace);
      const { result } = await runKind(client, 'train', params, signal, listener);
      epoch = result.epochs;
    });
    if (failed.length > 0) return failed;
  }
  const failures: Failure[] = [];
  for (const kind of then) {
    const measuring = listen(kind);
    failures.push(
      ...(await attempt(kind, async () => {
        if (epoch === undefined)
          throw new UserError(`${cell.path}: the catalog has no checkpoint of this run.`);
        await runAnyKind(client, kind as JobKindName, { run: cell.path, epoch }, signal, measuring);
      })),
    );
  }
  return failures;
}
