/**
 * Works through a sweep: trains what is missing, then measures. A few runs at a time are in the queue, so that other jobs
 * do not wait for all of them; what one run ends with does not stop the others.
 */
import { join } from 'node:path';
import type { Job } from '../../../src-shared/api.ts';
import { messageOf } from '../../../src-shared/errors.ts';
import type { SweepStandingCell } from '../../../src-shared/sweep-requests.ts';
import { cellsOf, type SweepCell } from '../../../src-shared/sweep.ts';
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
  /** Runs that are worked on at once. */
  readonly atOnce: number;
}

export class SweepWork {
  readonly found: SweepFolder;
  /** What could not even be made a job, by name of the cell. */
  readonly refusals = new Map<string, SweepStandingCell['failures']>();
  /** Resolves when nothing is left to do, or after it was stopped. */
  readonly ended: Promise<void>;
  readonly #tools: SweepTools;
  readonly #changed: () => void;
  readonly #waiting = new Set<string>();
  readonly #trained: ReadonlySet<string>;
  #stopped = false;

  /** @param changed a run is further than before */
  constructor(found: SweepFolder, tools: SweepTools, changed: () => void) {
    this.found = found;
    this.#tools = tools;
    this.#changed = changed;
    this.#trained = new Set(tools.results.list('train').flatMap(({ runIds }) => runIds));
    this.ended = this.#workThrough();
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Stops, and cancels what is in the queue or at work for it. */
  async cancel(): Promise<void> {
    this.stop();
    const { queue } = this.#tools.jobs;
    await Promise.all([...this.#waiting].map((id) => queue.cancel(id).catch(() => undefined)));
    await this.ended;
  }

  async #workThrough(): Promise<void> {
    const cells = cellsOf(this.found.sweep).values();
    // Whoever began it gets the sweep before its first run changes.
    await new Promise((resolve) => setImmediate(resolve));
    const lane = async (): Promise<void> => {
      for (const cell of cells) {
        if (this.#stopped) return;
        await this.#workOn(cell);
        this.#changed();
      }
    };
    await Promise.all(Array.from({ length: this.#tools.atOnce }, lane));
  }

  async #workOn(cell: SweepCell): Promise<void> {
    const { runs } = this.#tools;
    const path = join(this.found.folder, cell.name);
    const before = runIdAt(runs, path);
    if (before !== undefined && runs.isTrashed(before)) return;
    if (before === undefined || !this.#trained.has(before)) {
      const trained = await this.#attempt(cell, 'train', () => this.#train(cell, path));
      if (trained?.state !== 'done') return;
    }
    const run = runIdAt(runs, path);
    const epoch = run === undefined ? null : runs.lastEpoch(run);
    for (const kind of this.found.sweep.then) {
      if (this.#stopped) return;
      await this.#attempt(cell, kind, async () => {
        if (epoch === null) throw new Error(`${path}: the catalog has no checkpoint of this run.`);
        const params = { run: path, epoch };
        const { jobs } = this.#tools;
        return (await jobs.isAnswered(kind, params)) ? undefined : jobs.submit(kind, params);
      });
    }
  }

  /** The job that is training this run already, or a new one that begins it or goes on with it. */
  async #train({ overrides }: SweepCell, path: string): Promise<Job> {
    const { store, jobs, workspaceRoot } = this.#tools;
    const active = store.activeOn(path);
    if (active) return jobs.join(active);
    if (configFileOf(path) !== undefined) return jobs.submit('train', { run: path, resume: true });
    const { checkWritable, configOfRun } = await import('../new-run.ts');
    const config = configOfRun({ source: this.found.sweep.source, overrides, workspace: workspaceRoot });
    await checkWritable(path);
    return jobs.submit('train', { run: path, config });
  }

  /** Waits for the job that `submit` gives; undefined if nothing is to be done, or it could not be submitted. */
  async #attempt(
    { name }: SweepCell,
    kind: string,
    submit: () => Promise<Job | undefined>,
  ): Promise<Job | undefined> {
    try {
      const job = await submit();
      if (!job) return undefined;
      this.#waiting.add(job.id);
      this.#changed();
      // It may have been stopped while the job was being made.
      if (this.#stopped) await this.#tools.jobs.queue.cancel(job.id).catch(() => undefined);
      const ended = await this.#tools.jobs.queue.wait(job.id);
      this.#waiting.delete(job.id);
      return ended;
    } catch (error) {
      const failure = { jobId: '', kind, state: 'failed' as const, message: messageOf(error) };
      this.refusals.set(name, [...(this.refusals.get(name) ?? []), failure]);
      return undefined;
    }
  }
}
