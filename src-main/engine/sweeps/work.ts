/** What working through a sweep has in common, wherever its jobs run. */
import { join } from 'node:path';
import { messageOf } from '../../../src-shared/errors.ts';
import type { JobParamsInput } from '../../../src-shared/jobs/index.ts';
import type { SweepStandingCell } from '../../../src-shared/sweep-requests.ts';
import type { SweepCell } from '../../../src-shared/sweep.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';
import { runIdAt } from '../catalog/run-at.ts';
import type { RunStore } from '../catalog/runs.ts';
import type { JobService } from '../jobs/service.ts';
import type { JobStore } from '../jobs/store.ts';
import type { ResultStore } from '../results.ts';

export interface SweepTools {
  readonly runs: RunStore;
  readonly results: ResultStore;
  readonly store: JobStore;
  readonly jobs: JobService;
  readonly workspaceRoot: string;
  /** Runs that are worked on at once, on this machine. */
  readonly atOnce: number;
}

/** A sweep that is being trained and measured. */
export interface SweepWork {
  readonly found: SweepFolder;
  readonly refusals: Refused;
  /** Resolves when its first jobs are submitted; rejects with the reason if they were refused. */
  readonly begun: Promise<void>;
  /** Resolves when nothing is left to do, or after it was stopped. */
  readonly ended: Promise<void>;
  /** It was told to stop, and has not ended yet. */
  readonly stopping: boolean;
  /** Begins nothing more. */
  stop(): void;
  /** Stops, and cancels what waits or runs for it. */
  cancel(): Promise<void>;
}

/** What could not even be made a job, by name of the cell. */
export class Refused extends Map<string, SweepStandingCell['failures']> {
  /** The last reason for each kind. */
  add({ name }: SweepCell, kind: string, error: unknown): void {
    const failure = { jobId: '', kind, state: 'failed' as const, message: messageOf(error) };
    this.set(name, [...this.#others(name, kind), failure]);
  }

  /** It was taken after all. */
  takeBack({ name }: SweepCell, kind: string): void {
    if (this.has(name)) this.set(name, this.#others(name, kind));
  }

  #others(name: string, kind: string): SweepStandingCell['failures'] {
    return (this.get(name) ?? []).filter((each) => each.kind !== kind);
  }
}

/** A run of a sweep as the catalog has it. */
export class SweepRun {
  readonly cell: SweepCell;
  readonly path: string;
  readonly #tools: SweepTools;
  readonly #found: SweepFolder;

  constructor(cell: SweepCell, found: SweepFolder, tools: SweepTools) {
    this.cell = cell;
    this.path = join(found.folder, cell.name);
    this.#found = found;
    this.#tools = tools;
  }

  get id(): string | undefined {
    return runIdAt(this.#tools.runs, this.path);
  }

  get isTrashed(): boolean {
    const { id } = this;
    return id !== undefined && this.#tools.runs.isTrashed(id);
  }

  /**
   * Params of the job that starts or resumes its training.
   * @throws UserError for a config that cannot be trained, or a folder that cannot be written to
   */
  async training(): Promise<JobParamsInput<'train'>> {
    const { path } = this;
    if (configFileOf(path) !== undefined) return { run: path, resume: true };
    const { checkWritable, configOfRun } = await import('../new-run.ts');
    const { source } = this.#found.sweep;
    const { overrides } = this.cell;
    const config = configOfRun({ source, overrides, workspace: this.#tools.workspaceRoot });
    await checkWritable(path);
    return { run: path, config };
  }

  /** Params of a measure at its last epoch; undefined if it was measured so already. */
  async measure(kind: string): Promise<{ run: string; epoch: number } | undefined> {
    const { id, path } = this;
    const epoch = id === undefined ? null : this.#tools.runs.lastEpoch(id);
    if (epoch === null) throw new Error(`${path}: the catalog has no checkpoint of this run.`);
    const params = { run: path, epoch };
    return (await this.#tools.jobs.isAnswered(kind, params)) ? undefined : params;
  }
}

/** Ids of the runs that were trained to their end. */
export const trainedRuns = ({ results }: SweepTools): ReadonlySet<string> =>
  new Set(results.list('train').flatMap(({ runIds }) => runIds));
