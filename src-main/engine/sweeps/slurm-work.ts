/**
 * Works through a sweep on a cluster: everything that is to be trained is one job array; measures follow in arrays of
 * those runs that have been trained meanwhile, so that one slow run does not keep the results of the others.
 */
import type { Job } from '../../../src-shared/api.ts';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import { cellsOf } from '../../../src-shared/sweep.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';
import { Refused, SweepRun, trainedRuns, type SweepTools, type SweepWork } from './work.ts';

/** Looks at the cluster between two arrays of measures, while trainings go on: a minute, by default. */
const looksBetween = 12;

interface Ask {
  run: SweepRun;
  kind: string;
  params: object;
}

interface Submitted {
  training: (readonly [Ask, Job])[];
  /** Runs that were trained before. */
  trained: SweepRun[];
}

export class SlurmWork implements SweepWork {
  readonly found: SweepFolder;
  readonly refusals = new Refused();
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
  readonly #settings: SlurmSettings;
  readonly #tools: SweepTools;
  readonly #changed: () => void;
  readonly #waiting = new Set<string>();
  /** Measures that the next array will have. */
  #ready: Ask[] = [];
  /** One for each array of measures; each resolves when all of its jobs have ended. */
  readonly #measuring: Promise<void>[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #stop = new AbortController();
  #cancelled = false;

  /** @param changed a run is further than before */
  constructor(found: SweepFolder, settings: SlurmSettings, tools: SweepTools, changed: () => void) {
    this.found = found;
    this.#settings = settings;
    this.#tools = tools;
    this.#changed = changed;
    const submitted = this.#train();
    this.begun = submitted.then(() => undefined);
    this.ended = submitted.then(
      (asked) => this.#measure(asked),
      // Whoever begins it waits for that; an engine that goes on with it finds the reasons at the runs.
      () => undefined,
    );
    this.begun.catch(() => undefined);
  }

  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.stop();
    await this.#cancelAll([...this.#waiting]);
    await this.ended;
  }

  /** Submits what is to be trained. */
  async #train(): Promise<Submitted> {
    // Arrays that an engine was killed over may hold the very jobs that are missing.
    await this.#tools.jobs.slurm.whenPlaced(this.#stop.signal);
    const trained = trainedRuns(this.#tools);
    const runs = cellsOf(this.found.sweep)
      .map((cell) => new SweepRun(cell, this.found, this.#tools))
      .filter((run) => !run.isTrashed);
    const isTrained = ({ id }: SweepRun): boolean => id !== undefined && trained.has(id);
    const missing = runs.filter((run) => !isTrained(run));
    const training = await this.#submit(await this.#asks(missing, 'train', (run) => run.training()));
    return { training, trained: runs.filter(isTrained) };
  }

  /** Measures what is trained, and the others as they get there. */
  async #measure({ training, trained }: Submitted): Promise<void> {
    for (const run of trained) await this.#gather(run);
    this.#measureNow();
    await Promise.all(
      training.map(async ([{ run }, job]) => {
        try {
          const { state } = await this.#end(job);
          if (state === 'done') await this.#gather(run);
        } catch (error) {
          this.refusals.add(run.cell, 'train', error);
        }
      }),
    );
    this.#measureNow();
    await Promise.all(this.#measuring);
  }

  /** What can be asked; what cannot is refused, and does not keep the others. */
  async #asks(
    runs: readonly SweepRun[],
    kind: string,
    paramsOf: (run: SweepRun) => Promise<object | undefined>,
  ): Promise<Ask[]> {
    const asks: Ask[] = [];
    for (const run of runs) {
      try {
        const params = await paramsOf(run);
        if (params) asks.push({ run, kind, params });
      } catch (error) {
        this.refusals.add(run.cell, kind, error);
      }
    }
    return asks;
  }

  /** Into the array of measures that is submitted next. */
  async #gather(run: SweepRun): Promise<void> {
    for (const kind of this.found.sweep.then)
      this.#ready.push(...(await this.#asks([run], kind, () => run.measure(kind))));
    if (this.#stop.signal.aborted) return;
    this.#timer ??= setTimeout(() => this.#measureNow(), looksBetween * 1000 * this.#settings.poll);
  }

  #measureNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const asks = this.#ready.splice(0);
    if (this.#stop.signal.aborted || asks.length === 0) return;
    const measured = this.#submit(asks).then((jobs) => Promise.all(jobs.map(([, job]) => this.#end(job))));
    // The runs say what was refused.
    this.#measuring.push(
      measured.then(
        () => undefined,
        () => undefined,
      ),
    );
  }

  /** @throws UserError with what Slurm says, after each of the runs says so too */
  async #submit(asks: readonly Ask[]): Promise<(readonly [Ask, Job])[]> {
    if (this.#stop.signal.aborted || asks.length === 0) return [];
    let jobs: Job[];
    try {
      jobs = await this.#tools.jobs.submitOnSlurm(asks, this.#settings);
    } catch (error) {
      for (const { run, kind } of asks) this.refusals.add(run.cell, kind, error);
      this.#changed();
      throw error;
    }
    for (const { id } of jobs) this.#waiting.add(id);
    this.#changed();
    // It may have been cancelled while they were being submitted.
    if (this.#cancelled) await this.#cancelAll(jobs.map(({ id }) => id));
    return asks.map((ask, i) => [ask, jobs[i]!] as const);
  }

  async #end({ id }: Job): Promise<Job> {
    const ended = await this.#tools.jobs.queue.wait(id);
    this.#waiting.delete(id);
    this.#changed();
    return ended;
  }

  /** @throws UserError if Slurm does not take them back */
  async #cancelAll(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#tools.jobs.cancelIfActive(id)));
  }
}
