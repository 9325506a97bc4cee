/** How far a sweep is: what the catalog and the results say of each of its runs. */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRow } from '../../../src-shared/api.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import type { MeasuredSpread, RunMeasures } from '../../../src-shared/run-measures.ts';
import { cellsOf, type SweepCell } from '../../../src-shared/sweep.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';

export interface StandingCell extends SweepCell {
  /** Of its run folder. */
  path: string;
  /** `trained`: to its end. `unfinished`: some epochs. */
  state: 'trained' | 'unfinished' | 'missing';
  run: RunRow | undefined;
  measures: RunMeasures | undefined;
}

/** What the workspace holds, asked for once however many sweeps there are. */
interface Holdings {
  byPath: ReadonlyMap<string, RunRow>;
  /** Ids of the runs that were trained to their end. */
  trained: ReadonlySet<string>;
  measures: ReadonlyMap<string, RunMeasures>;
}

export async function holdingsOf(client: Client): Promise<Holdings> {
  const runs = await client.call('runs.list', {});
  const byPath = new Map(runs.map((run) => [run.path, run]));
  const trained = new Set(
    (await client.call('results.list', { kind: 'train' })).flatMap(({ runIds }) => runIds),
  );
  const measures = new Map((await client.call('runs.measures', {})).map((each) => [each.runId, each]));
  return { byPath, trained, measures };
}

export const standingOf = async (client: Client, found: SweepFolder): Promise<StandingCell[]> =>
  cellsIn(found, await holdingsOf(client));

export function cellsIn(
  { folder, sweep }: SweepFolder,
  { byPath, trained, measures }: Holdings,
): StandingCell[] {
  return cellsOf(sweep).map((cell) => {
    const path = join(folder, cell.name);
    const run = byPath.get(path) ?? byPath.get(realPathOf(path));
    const begun = configFileOf(path) !== undefined;
    const state = !begun ? 'missing' : run && trained.has(run.id) ? 'trained' : 'unfinished';
    return { ...cell, path, state, run, measures: run && measures.get(run.id) };
  });
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What a sweep is drawn and listed by. */
export const sweepMetrics = {
  test_accuracy: {
    title: 'test accuracy %',
    label: 'test accuracy (%)',
    of: ({ measures }: StandingCell): MeasuredSpread | null => measures?.test?.accuracy ?? null,
  },
  barrier: {
    title: 'loss barrier',
    label: 'loss barrier',
    of: ({ measures }: StandingCell): MeasuredSpread | null => measures?.unaligned?.barrier ?? null,
  },
  drop: {
    title: 'accuracy drop, points',
    label: 'accuracy drop (percentage points)',
    of: ({ measures }: StandingCell): MeasuredSpread | null => measures?.unaligned?.drop ?? null,
  },
  barrier_aligned: {
    title: 'loss barrier, aligned',
    label: 'loss barrier, aligned',
    of: ({ measures }: StandingCell): MeasuredSpread | null => measures?.aligned?.barrier ?? null,
  },
  drop_aligned: {
    title: 'accuracy drop, aligned, points',
    label: 'accuracy drop, aligned (percentage points)',
    of: ({ measures }: StandingCell): MeasuredSpread | null => measures?.aligned?.drop ?? null,
  },
} as const;
export type SweepMetric = keyof typeof sweepMetrics;
export const sweepMetricNames = Object.keys(sweepMetrics) as SweepMetric[];
