/**
 * Works through a sweep on this machine: trains what is missing, then measures. A few runs at a time are in the queue, so
 * that other jobs do not wait for all of them; what one run ends with does not stop the others.
 */
import type { Job } from '../../../src-shared/api.ts';
import { cellsOf } from '../../../src-shared/sweep.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';
import { Refused, SweepRun, trainedRuns, type SweepTools, type SweepWork } from './work.ts';

export class LocalWork implements SweepWork {
  readonly found: SweepFolder;
  readonly refusals = new Refused();
  readonly begun = Promise.resolve();
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
    this.#trained = trainedRuns(tools);
    this.ended = this.#workThrough();
  }

  get stopping(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }

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
        await this.#workOn(new SweepRun(cell, this.found, this.#tools));
        this.#changed();
      }
    };
    await Promise.all(Array.from({ length: this.#tools.atOnce }, lane));
  }

  async #workOn(run: SweepRun): Promise<void> {
    if (run.isTrashed) return;
    if (run.id === undefined || !this.#trained.has(run.id)) {
      const trained = await this.#attempt(run, 'train', () => this.#train(run));
      if (trained?.state !== 'done') return;
    }
    for (const kind of this.found.sweep.then) {
      if (this.#stopped) return;
      await this.#attempt(run, kind, async () => {
        const params = await run.measure(kind);
        return params && this.#tools.jobs.submit(kind, params);
      });
    }
  }

  /** The job that is training this run already, or a new one that starts or resumes it. */
  async #train(run: SweepRun): Promise<Job> {
    const { store, jobs } = this.#tools;
    const active = store.activeOn(run.path);
    return active ? jobs.join(active) : jobs.submit('train', await run.training());
  }

  /** Waits for the job that `submit` gives; undefined if nothing is to be done, or it could not be submitted. */
  async #attempt(
    { cell }: SweepRun,
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
      this.refusals.add(cell, kind, error);
      return undefined;
    }
  }
}
