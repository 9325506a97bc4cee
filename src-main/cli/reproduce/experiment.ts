/** What an experiment of `basin reproduce` is: some jobs, a table of "the paper says / we measured", figures. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { Outcome } from '../../../src-shared/verdicts/rules.ts';
import type { JobKindName, JobParamsInput, JobResult } from '../../../src-shared/jobs/index.ts';
import type { FamilySummary } from '../demo/summary.ts';

export const experimentSizes = ['quick', 'paper'] as const;
export type ExperimentSize = (typeof experimentSizes)[number];

export interface ExperimentRow {
  /** What was looked at, in which setting. */
  what: string;
  /** What the paper or the theory says, with where it says so. */
  expected: string;
  measured: string;
  /** Does the expectation hold? By a rule of `src-shared/verdicts`; null if nothing is expected, only set beside. */
  holds: Outcome | null;
  /** The command fails unless it holds. */
  required?: true;
  /** Further fields of the row for `--json`. */
  data?: Readonly<Record<string, unknown>>;
}

export interface ExperimentReport {
  /** As `basin demo` has them, if families of networks are compared. */
  families?: FamilySummary[];
  rows: ExperimentRow[];
  /** What is expected of the rows together, where these are numbers alone; shown below them. */
  expectations?: ExperimentRow[];
  /** File names without ending -> recipes. */
  figures: Record<string, FigureRecipe>;
}

export interface ExperimentWork {
  size: ExperimentSize;
  seed: number;
  /** Trains a run in the workspace from a preset and overrides as `basin train` takes them. */
  train(
    source: string,
    overrides: readonly string[],
    message: string,
    share: number,
  ): Promise<JobResult<'train'>>;
  /** Trains a child of a run in the workspace. */
  fork(
    fork: NonNullable<JobParamsInput<'train'>['fork']>,
    message: string,
    share: number,
  ): Promise<JobResult<'train'>>;
  /** Runs a job through the engine; `share` is its part of the whole, for the progress bar. */
  run<K extends JobKindName>(
    kind: K,
    params: JobParamsInput<K>,
    message: string,
    share: number,
  ): Promise<JobResult<K>>;
}

export interface Experiment {
  title: string;
  /** What is trained and measured, and how long that takes; said before anything else. */
  opening?(size: ExperimentSize): string;
  run(work: ExperimentWork): Promise<ExperimentReport>;
}
