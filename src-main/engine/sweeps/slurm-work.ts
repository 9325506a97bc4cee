/**
 * Works through a sweep on a cluster: everything that is to be trained is submitted at once; measures follow in arrays of
 * those runs that have been trained meanwhile, so that one slow run does not keep the results of the others.
 */
import type { Job } from '../../../src-shared/api.ts';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import { cellsOf } from '../../../src-shared/sweep.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';
import { mostTasks } from '../slurm/spool.ts';
import { Refused, SweepRun, trainedRuns, type SweepTools, type SweepWork } from './work.ts';

/** Looks at the cluster between two submissions, while something is at work: a minute, by default. */
const looksBetween = 12;

interface Ask {
  run: SweepRun;
  kind: string;
  params: object;
}

export interface OnCluster {
  settings: SlurmSettings;
  /** Retry what failed or was cancelled: only if a person asked, not after a restart of the engine. */
  again: boolean;
}

export class SlurmWork implements SweepWork {
  readonly found: SweepFolder;
  readonly settings: SlurmSettings;
  readonly refusals = new Refused();
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
  readonly #tools: SweepTools;
  readonly #changed: () => void;
  /** Ids of jobs that wait or run for it. */
  readonly #waiting = new Set<string>();
  /** One for each of them; resolves when it has ended and its run was seen to. */
  readonly #open = new Set<Promise<void>>();
  /** What is submitted next. */
  readonly #ready: Ask[] = [];
  readonly #leftAlone: ReadonlySet<string>;
  #submitting: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  readonly #stop = new AbortController();
  #cancelled = false;

  /** @param changed a run is further than before */
  constructor(found: SweepFolder, { settings, again }: OnCluster, tools: SweepTools, changed: () => void) {
    this.found = found;
    this.settings = settings;
    this.#tools = tools;
    this.#changed = changed;
    this.#leftAlone = again ? new Set() : endedBadly(found, tools);
    this.begun = this.#begin();
    // Whoever begins it hears of a refusal.
    this.ended = this.begun
      .then(() => this.#goOn())
      .then(
        () => this.stop(),
        () => this.stop(),
      );
  }

  get stopping(): boolean {
    return this.#stop.signal.aborted;
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

  /** Submits what is to be trained, and measures of what is trained. */
  async #begin(): Promise<void> {
    // Arrays that an engine was killed over may hold the very jobs that are missing.
    await this.#tools.jobs.slurm.whenPlaced(this.#stop.signal);
    const trained = trainedRuns(this.#tools);
    const runs = cellsOf(this.found.sweep)
      .map((cell) => new SweepRun(cell, this.found, this.#tools))
      .filter((run) => !run.isTrashed);
    for (const run of runs) {
      if (run.id !== undefined && trained.has(run.id)) await this.#gather(run);
      else await this.#add(run, 'train', () => run.training());
    }
    try {
      await this.#submitReady();
    } catch (error) {
      // With some of it on the cluster it has begun: the others are tried again, and say why.
      if (this.#open.size === 0) throw error;
    }
  }

  async #goOn(): Promise<void> {
    for (;;) {
      while (this.#open.size > 0) await Promise.all(this.#open);
      if (this.stopping || this.#ready.length === 0) return;
      // What Slurm refuses now, with nothing of the sweep on it, it refuses for good; the runs say why.
      const isTaken = await this.#submitReady().then(
        () => true,
        () => false,
      );
      if (!isTaken && this.#open.size === 0) return;
    }
  }

  async #add(run: SweepRun, kind: string, paramsOf: () => Promise<object | undefined>): Promise<void> {
    if (this.#leftAlone.has(keyOf(run.path, kind))) return;
    try {
      const params = await paramsOf();
      if (params) this.#ready.push({ run, kind, params });
    } catch (error) {
      this.refusals.add(run.cell, kind, error);
    }
  }

  /** Its measures are submitted with the next array. */
  async #gather(run: SweepRun): Promise<void> {
    for (const kind of this.found.sweep.then) await this.#add(run, kind, () => run.measure(kind));
  }

  #submitLater(): void {
    if (this.stopping || this.#ready.length === 0) return;
    const submit = (): void => {
      this.#timer = undefined;
      this.#submitReady().catch(() => undefined);
    };
    this.#timer ??= setTimeout(submit, looksBetween * 1000 * this.settings.poll);
  }

  /**
   * All that is ready, one array after the other.
   * @throws UserError with what Slurm says: what it did not take stays ready, and its runs say why
   */
  #submitReady(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const submitted = this.#submitting.then(async () => {
      while (this.#ready.length > 0 && !this.stopping) await this.#submitArray();
    });
    this.#submitting = submitted.catch(() => this.#submitLater());
    return submitted;
  }

  async #submitArray(): Promise<void> {
    await this.#takeOutKnown();
    const asks = this.#ready.slice(0, mostTasks);
    if (asks.length === 0) return;
    let jobs: Job[];
    try {
      jobs = await this.#tools.jobs.submitOnSlurm(asks, this.settings);
    } catch (error) {
      for (const { run, kind } of this.#ready) this.refusals.add(run.cell, kind, error);
      this.#changed();
      throw error;
    }
    this.#ready.splice(0, asks.length);
    for (const [i, ask] of asks.entries()) this.#follow(ask, jobs[i]!);
    this.#changed();
    // It may have been cancelled while they were being submitted.
    if (this.#cancelled) await this.#cancelAll(jobs.map(({ id }) => id));
  }

  /** While configs were read, a task may have begun or ended; others may train the same run. */
  async #takeOutKnown(): Promise<void> {
    const { store, jobs } = this.#tools;
    const trained = trainedRuns(this.#tools);
    for (const ask of this.#ready.splice(0)) {
      const { run, kind } = ask;
      const active = kind === 'train' ? store.activeOn(run.path) : undefined;
      if (active) this.#follow(ask, jobs.join(active));
      else if (kind === 'train' && run.id !== undefined && trained.has(run.id)) await this.#gather(run);
      else this.#ready.push(ask);
    }
  }

  #follow({ run, kind }: Ask, { id }: Job): void {
    this.refusals.takeBack(run.cell, kind);
    this.#waiting.add(id);
    const seen = this.#seeTo(run, kind, id).finally(() => this.#open.delete(seen));
    this.#open.add(seen);
  }

  async #seeTo(run: SweepRun, kind: string, id: string): Promise<void> {
    try {
      const { state } = await this.#tools.jobs.queue.wait(id);
      if (kind === 'train' && state === 'done') await this.#gather(run);
      this.#submitLater();
    } catch (error) {
      this.refusals.add(run.cell, kind, error);
    }
    this.#waiting.delete(id);
    this.#changed();
  }

  /** @throws UserError if Slurm does not take them back */
  async #cancelAll(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#tools.jobs.cancelIfActive(id)));
  }
}

const keyOf = (path: string, kind: string): string => `${kind} ${path}`;

/** Runs and kinds whose newest job failed or was cancelled. */
function endedBadly({ folder }: SweepFolder, { store }: SweepTools): ReadonlySet<string> {
  const newest = new Map(store.onRunsIn(folder).map(({ run, kind, state }) => [keyOf(run, kind), state]));
  return new Set(
    [...newest].flatMap(([key, state]) => (state === 'failed' || state === 'cancelled' ? [key] : [])),
  );
}
