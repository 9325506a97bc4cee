/** How far sweeps are: what catalog, results and jobs say of each of their runs. */
import { isActive } from '../../../src-shared/api.ts';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { RunMeasures } from '../../../src-shared/run-measures.ts';
import type { SweepRow, SweepStanding, SweepStandingCell } from '../../../src-shared/sweep-requests.ts';
import { cellsOf } from '../../../src-shared/sweep.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';
import type { RunStore } from '../catalog/runs.ts';
import type { JobOnRun, JobStore } from '../jobs/store.ts';
import type { ResultStore } from '../results.ts';
import type { MeasureStore } from '../run-measures.ts';

export interface SweepSources {
  readonly runs: RunStore;
  readonly results: ResultStore;
  readonly measures: MeasureStore;
  readonly store: JobStore;
}

/** What the workspace holds, asked for once however many sweeps there are. */
export interface Holdings {
  runAt: ReadonlyMap<string, { id: string; trashed: boolean }>;
  measures: ReadonlyMap<string, RunMeasures>;
  /** Ids of the runs that have a result of a kind; of `train`: that were trained to their end. */
  having: (kind: string) => ReadonlySet<string>;
}

export async function holdingsOf({ runs, results, measures }: SweepSources): Promise<Holdings> {
  const known = new Map<string, ReadonlySet<string>>();
  const runAt = new Map<string, { id: string; trashed: boolean }>();
  for (const { id, path } of runs.trash()) runAt.set(path, { id, trashed: true });
  for (const { id, path } of runs.list()) runAt.set(path, { id, trashed: false });
  return {
    runAt,
    measures: new Map((await measures.list()).map((each) => [each.runId, each])),
    having: (kind) => {
      const found = known.get(kind) ?? new Set(results.list(kind).flatMap(({ runIds }) => runIds));
      known.set(kind, found);
      return found;
    },
  };
}

type Refusals = ReadonlyMap<string, SweepStandingCell['failures']>;

interface StandingOf extends Pick<SweepRow, 'active' | 'onSlurm'> {
  /** Of the folder's runs, the oldest first. */
  jobs: readonly JobOnRun[];
  refusals: Refusals;
}

export function standingIn(
  found: SweepFolder,
  holdings: Holdings,
  { jobs, refusals, ...work }: StandingOf,
): SweepStanding {
  const { name, folder, sweep } = found;
  const real = realPathOf(folder);
  const jobsOf = Map.groupBy(jobs, ({ run }) => run);
  const cells = cellsOf(sweep).map((cell): SweepStandingCell => {
    const path = join(folder, cell.name);
    const run = holdings.runAt.get(join(real, cell.name)) ?? holdings.runAt.get(realPathOf(path));
    const state = stateOf(path, run, holdings);
    const unmeasured = sweep.then.filter((kind) => !run || !holdings.having(kind).has(run.id));
    const ended = endedBadly(jobsOf.get(path) ?? []).filter(({ kind }) =>
      kind === 'train' ? state !== 'trained' : unmeasured.includes(kind),
    );
    const at = jobsOf.get(path)?.find(isActive);
    return {
      ...{ name: cell.name, values: cell.values, path, state, runId: run?.id ?? null },
      measures: (run && holdings.measures.get(run.id)) ?? null,
      unmeasured,
      job: at ? { id: at.id, kind: at.kind, state: at.state as 'queued' | 'running' } : null,
      failures: [...ended, ...(refusals.get(cell.name) ?? [])],
    };
  });
  return { ...rowOf({ name, folder, sweep, ...work }, cells), cells };
}

function rowOf(
  of: Pick<SweepRow, 'name' | 'folder' | 'sweep' | 'active' | 'onSlurm'>,
  cells: readonly SweepStandingCell[],
): SweepRow {
  const trained = cells.filter(({ state }) => state === 'trained');
  return {
    ...of,
    runs: cells.length,
    trained: trained.length,
    complete: trained.filter(({ unmeasured }) => unmeasured.length === 0).length,
    failed: cells.filter(({ failures }) => failures.length > 0).length,
  };
}

function stateOf(
  path: string,
  run: { id: string; trashed: boolean } | undefined,
  { having }: Holdings,
): SweepStandingCell['state'] {
  if (run?.trashed) return 'trashed';
  if (run && having('train').has(run.id)) return 'trained';
  return run || configFileOf(path) !== undefined ? 'unfinished' : 'missing';
}

/** The newest job of each kind, if it ended without a result. */
function endedBadly(jobs: readonly JobOnRun[]): SweepStandingCell['failures'] {
  const newest = new Map(jobs.map((job) => [job.kind, job]));
  return [...newest.values()].flatMap(({ id: jobId, kind, state, error }) =>
    state === 'failed' || state === 'cancelled' || state === 'interrupted'
      ? [{ jobId, kind, state, message: error ?? state }]
      : [],
  );
}

/** The catalog knows runs by their real paths. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
