/** From a command line to a sweep that can be run: whatever can be refused is refused here, before anything is trained. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { jobKinds, type AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import {
  cellsOf,
  parseAxis,
  planOf,
  sweepFileName,
  type Sweep,
  type SweepCell,
} from '../../../src-shared/sweep.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import { readSweep, type SweepFolder } from '../../formats/sweep-folder.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { UsageError } from '../errors.ts';
import { self, shellWord } from '../self.ts';
import { trainingParams } from '../training.ts';

export interface SweepFlags {
  grid?: string[];
  seeds?: number;
  name?: string;
  then?: string[];
  dryRun?: true;
}

/** A new sweep, or the one of that name if its settings are the same: it is resumed. */
export async function plannedSweep(
  [source, ...settings]: readonly string[],
  flags: SweepFlags,
  workspace: string,
): Promise<SweepFolder & { cells: SweepCell[] }> {
  if (source === undefined) throw new UsageError('Nothing to train: give a preset or a config.yaml.');
  const config = existsSync(typedPath(source)) ? typedPath(source) : source;
  // Checked before the engine was started.
  const then = flags.then ?? [];
  const grid = (flags.grid ?? []).map(parseAxis);
  const name =
    flags.name ??
    nameOf(
      source,
      grid.map(({ key }) => key),
    );
  if (!/^[\w][\w.+-]*$/.test(name))
    throw new UsageError(
      `--name ${name}: letters, digits and . _ + - were expected; it is the name of a folder.`,
    );
  const folder = join(workspace, 'runs', name);
  const sweep: Sweep = {
    ...{ format: 'basin-sweep', version: 1, title: name, source: config, settings, grid },
    ...{ seeds: flags.seeds ?? null, then, createdAt: new Date().toISOString() },
  };
  const cells = cellsOf(sweep);
  const before = existedBefore(folder, sweep);
  await checkCells(cells, config, workspace);
  if (!before) return { name, folder, sweep, cells };
  return { name, folder, cells, sweep: { ...sweep, title: before.title, createdAt: before.createdAt } };
}

const nameOf = (source: string, keys: readonly string[]): string => {
  const base = basename(source).replace(/\.ya?ml$/, '');
  return [base, 'by', ...keys.map((key) => key.split('.').at(-1)!)].join('-').replace(/[^\w.+-]+/g, '_');
};

/** @throws UserError if the folder holds something else, or a sweep of other settings */
function existedBefore(folder: string, sweep: Sweep): Sweep | undefined {
  if (!existsSync(join(folder, sweepFileName))) {
    if (configFileOf(folder) === undefined) return undefined;
    throw new UserError(`${folder} holds a run already.`, { hint: 'Choose another --name.' });
  }
  const before = readSweep(folder);
  if (planOf(before) === planOf(sweep)) return before;
  throw new UserError(`${folder} holds a sweep of other settings.`, {
    hint: `Choose another --name, or repeat its own: ${commandOf(before, basename(folder))}`,
  });
}

/** The words to type for it. */
const commandOf = ({ source, settings, grid, seeds, then }: Sweep, name: string): string =>
  [
    ...[self, 'sweep'],
    ...[
      ...[source, ...settings],
      ...grid.flatMap(({ key, values }) => ['--grid', `${key}=${values.join(',')}`]),
      ...(seeds === null ? [] : ['--seeds', String(seeds)]),
      ...(then.length === 0 ? [] : ['--then', then.join(',')]),
      ...['--name', name],
    ].map(shellWord),
  ].join(' ');

/** Every combination must be one that can be trained. */
async function checkCells(cells: readonly SweepCell[], source: string, workspace: string): Promise<void> {
  for (const { overrides, name } of cells) {
    // Into a folder that cannot be there: only the settings count.
    const out = join(workspace, 'runs', '.sweep', name);
    await trainingParams({ source, overrides, out }, workspace);
  }
}

/** @throws UsageError for a kind that does not exist, or that needs more than a run and an epoch */
export function checkedKind(name: string): AnyJobKind {
  if (!Object.hasOwn(jobKinds, name))
    throw new UsageError(
      `--then ${name}: there is no such kind of job.${didYouMean(name, Object.keys(jobKinds))}`,
    );
  const kind: AnyJobKind = jobKinds[name as keyof typeof jobKinds];
  const probe = kind.params.safeParse({ run: '/run', epoch: 1 });
  if (probe.success && !kind.resumable) return kind;
  const missing = probe.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  throw new UsageError(
    `--then ${name}: it needs more than a run and an epoch${missing.length > 0 ? ` (${missing.join('; ')})` : ''}.`,
    { hint: `Measure afterwards: basin run ${name} --help` },
  );
}
