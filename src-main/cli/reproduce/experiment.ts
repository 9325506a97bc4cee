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

/** What of a size `--limit` can cut, to see that it runs: the most epochs, networks and settings of a sweep. */
export const limitNames = ['epochs', 'models', 'settings'] as const;
export type LimitName = (typeof limitNames)[number];
export type Limit = Partial<Record<LimitName, number>>;

export interface ExperimentWork {
  size: ExperimentSize;
  seed: number;
  /** Empty unless `--limit` was given. Each of the experiment's `limits` must be honoured (`cut`, limit.ts). */
  limit: Limit;
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

/** One size of an experiment, told before it starts. */
export interface ExperimentPlan {
  /** What is trained and measured: one sentence without its full stop. */
  setting: string;
  /** On two idle cores. */
  seconds: number;
  /** Peak of the worker that computes, MiB; measured in one that had done the entries before. */
  memoryMiB: number;
  /** `measured`: as it took once; `estimated`: from multiply-adds (estimate.ts) or from a part of the work. */
  known: 'measured' | 'estimated';
  /** What differs from the authors' own setting, or why their numbers cannot be reached. A whole sentence. */
  remark?: string;
}

export interface Experiment {
  title: string;
  /** The claim, and the numbers, of the papers or of their authors' records, and where they say so. Whole sentences. */
  paper: { says: string; source: string };
  sizes: Record<ExperimentSize, ExperimentPlan>;
  /** What `--limit` can cut. */
  limits: readonly LimitName[];
  run(work: ExperimentWork): Promise<ExperimentReport>;
}
