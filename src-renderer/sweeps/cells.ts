/** The runs of a sweep as the table shows them: their state in words, and grouped by what was varied. */
import type { Job } from '../../src-shared/api.ts';
import { isJobKind, jobKindNamed } from '../../src-shared/jobs/index.ts';
import { spreadOf, type MeasuredSpread } from '../../src-shared/run-measures.ts';
import { isOutdated, measured, sweepMetrics, type SweepMetric } from '../../src-shared/sweep-figures.ts';
import type { SweepStandingCell } from '../../src-shared/sweep-requests.ts';

export type CellTone = 'done' | 'running' | 'waiting' | 'open' | 'failed';

export interface CellState {
  tone: CellTone;
  text: string;
  /** 0 to 1, of the job that is at work. */
  fraction?: number;
}

const doing = (kind: string): string =>
  kind === 'train' ? 'training' : isJobKind(kind) ? jobKindNamed(kind).title.toLowerCase() : kind;

/** @param job as the window knows it, with its progress */
export function stateOf(cell: SweepStandingCell, active: boolean, job: Job | undefined): CellState {
  const state = job?.state === 'running' || job?.state === 'queued' ? job.state : cell.job?.state;
  if (cell.job && state === 'running') {
    const fraction = job?.progress?.fraction ?? 0;
    return { tone: 'running', text: `${doing(cell.job.kind)}, ${Math.floor(100 * fraction)} %`, fraction };
  }
  if (cell.job) return { tone: 'waiting', text: `${doing(cell.job.kind)}: in the queue` };
  if (cell.state === 'trashed') return { tone: 'open', text: 'in the trash' };
  const [failure] = cell.failures;
  if (failure)
    return {
      tone: failure.state === 'failed' ? 'failed' : 'open',
      text: `${doing(failure.kind)} ${failure.state}`,
    };
  if (cell.state === 'trained' && cell.unmeasured.length === 0)
    return { tone: 'done', text: isOutdated(cell) ? 'done, outdated' : 'done' };
  if (active) return { tone: 'waiting', text: cell.state === 'missing' ? 'waiting' : 'begun, waiting' };
  if (cell.state === 'trained') return { tone: 'open', text: 'trained, not measured' };
  return { tone: 'open', text: cell.state === 'missing' ? 'not begun' : 'not finished' };
}

/** Which runs the table lists. */
export const selections = ['all', 'done', 'open', 'failed'] as const;
export type Selection = (typeof selections)[number];
export const selectionNames: Record<Selection, string> = {
  ...{ all: 'all runs', done: 'done', open: 'not done', failed: 'failed' },
};

export const isSelected = (cell: SweepStandingCell, wanted: Selection): boolean => {
  const done = cell.state === 'trained' && cell.unmeasured.length === 0;
  if (wanted === 'done') return done;
  if (wanted === 'open') return !done;
  return wanted === 'all' || cell.failures.length > 0;
};

export interface CellGroup {
  /** Of the setting that the groups differ in; empty if there is only one group. */
  value: string;
  cells: SweepStandingCell[];
}

/** In the order of the grid. @param key undefined for a single group */
export function groupsOf(cells: readonly SweepStandingCell[], key: string | undefined): CellGroup[] {
  if (key === undefined) return [{ value: '', cells: [...cells] }];
  const found = Map.groupBy(cells, (cell) => cell.values[key] ?? '');
  return [...found].map(([value, of]) => ({ value, cells: of }));
}

/** `97.2 ± 0.4` */
export function spreadText(found: Pick<MeasuredSpread, 'mean' | 'std' | 'missing'> | null): string {
  if (found === null) return '–';
  const { mean, std, missing } = found;
  const text = std === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${std.toFixed(3)}`;
  return missing > 0 ? `${text} (${missing} not finite)` : text;
}

/** Mean and spread (n - 1) over the means of the runs; null if none was measured. */
export const summary = (cells: readonly SweepStandingCell[], metric: SweepMetric): MeasuredSpread | null =>
  spreadOf(cells.flatMap((cell) => measured(cell, metric)?.mean ?? []));

export const metricTitle = (metric: SweepMetric): string => sweepMetrics[metric].title;

/** A setting that only repeats a run: its values differ in chance alone. */
export const isRepetition = (key: string): boolean => /(^|[._])seed$/.test(key);
