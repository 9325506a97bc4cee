/** The queue: takes jobs in their order, gives them to workers, writes down how they ended. */
import { dirname } from 'node:path';
import { isActive } from '../../../src-shared/api.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { JobLane } from '../../../src-shared/jobs/define.ts';
import type { JobEvent, Progress } from '../../../src-shared/progress.ts';
import { isAlive, processStart } from '../store/lock.ts';
import type { Death } from './death.ts';
import type { JobHooks, JobPart, Runner } from './hooks.ts';
import type { WorkerPool } from './pool.ts';
import type { Job } from './states.ts';
import type { JobDetail, JobStore } from './store.ts';
import type { Outcome, WorkerJob } from './worker-process.ts';

/** `own`: only jobs that were submitted to this engine since it opened (one command); `all`: the whole queue. */
export type QueueMode = 'all' | 'own';

interface Running {
  runner: Runner;
  /** On another machine, where it stays when this engine ends. */
  elsewhere: boolean;
  ended: Promise<void>;
  cancelled: boolean;
  /** Why the engine had to stop it: what the worker reported could not be saved. */
  broken: unknown;
  /** A checkpoint or a part was written in this attempt: a crash after it is worth another try. */
  progressed: boolean;
  /** Parts that are being written, in their order. */
  keeping: Promise<void>;
  progress: Progress | null;
}

const lanes: readonly JobLane[] = ['main', 'light', 'background'];
/** A job whose process dies is resumed; this many times at most if it writes no new checkpoint or part in between. */
const mostFruitless = 3;
const logEvery = 250;
/** Milliseconds until what could not be written (a full disk, say) is tried again. */
const writeAgainAfter = 5000;

export class JobQueue {
  readonly #store: JobStore;
  readonly #pool: WorkerPool;
  readonly #hooks: JobHooks;
  readonly #mode: QueueMode;
  readonly #own = new Set<string>();
  readonly #running = new Map<string, Running>();
  readonly #logs = new Map<string, string[]>();
  readonly #waiters = new Map<string, ((job: Job) => void)[]>();
  /** Jobs that ended while nothing could be written. */
  readonly #unwritten = new Map<string, { error: string; hint: string | null }>();
  #logTimer: NodeJS.Timeout | undefined;
  #writeTimer: NodeJS.Timeout | undefined;
  /** The last warning about jobs that could not be started or saved. */
  #trouble: string | undefined;
  #closing = false;

  constructor(store: JobStore, pool: WorkerPool, hooks: JobHooks, mode: QueueMode) {
    this.#store = store;
    this.#pool = pool;
    this.#hooks = hooks;
    this.#mode = mode;
  }

  get busy(): number {
    return this.#running.size;
  }

  /**
   * After the engine before this one was killed: what ran then is interrupted now, workers that outlived it are ended
   * (two processes must never write one run folder), and what can be resumed is resumed.
   */
  recover(resume: boolean): void {
    for (const detail of this.#store.inState('running')) {
      const { worker, job } = detail;
      if (this.#hooks.elsewhere.follows(job.id)) continue;
      if (worker && worker.start !== '' && isAlive(worker.pid, worker.start))
        process.kill(worker.pid, 'SIGKILL');
      const resultId = this.#hooks.resultOf(job.id);
      if (resultId !== undefined) {
        // Killed between the two: done again, there would be two results.
        this.#ended(this.#store.transition(job.id, 'done', { resultId }));
        continue;
      }
      if (detail.cancelRequested) {
        this.#store.transition(job.id, 'cancelled');
        continue;
      }
      const error = 'Basin ended while this job was running.';
      const ended = this.#store.transition(job.id, 'interrupted', { error, hint: 'Resume or retry it.' });
      if (resume && ended.resumable && detail.fruitless < mostFruitless) this.requeue(job.id);
    }
  }

  /** Takes a queued job into this engine's care. */
  accept(id: string): void {
    this.#own.add(id);
    this.schedule();
  }

  /** Puts a job that ended without a result back into the queue. */
  requeue(id: string): Job {
    const job = this.#store.transition(id, 'queued');
    this.#own.add(id);
    this.#hooks.emit({ type: 'job-changed', job });
    if (this.#hooks.elsewhere.has(id)) this.#hooks.elsewhere.again(id);
    else this.schedule();
    return job;
  }

  /** A job has begun on another machine, or is followed again by this engine. Resolves when its end is written down. */
  runElsewhere(id: string, runner: Runner): Promise<void> {
    const { job } = this.#store.get(id);
    const begun = job.state === 'running' ? job : this.#store.transition(id, 'running');
    return this.#begin(this.#store.get(id), begun, runner, true);
  }

  /** Starts whatever there is room for; first saves how jobs ended while nothing could be written. */
  schedule(): void {
    if (this.#closing) return;
    if (this.writeLeft() && this.#startAll()) this.#tellTrouble(undefined);
    else {
      // Until then the catalog has them as before: jobs that ended as running, those that should start as queued.
      clearTimeout(this.#writeTimer);
      this.#writeTimer = setTimeout(() => attempt(() => this.schedule()), writeAgainAfter);
    }
  }

  /** False if one that there is room for could not be started. */
  #startAll(): boolean {
    const queued = this.#store
      .inState('queued')
      .filter(({ job }) => this.#mode === 'all' || this.#own.has(job.id))
      .filter(({ job }) => !this.#hooks.elsewhere.has(job.id));
    // A job that fails as it starts calls `schedule` itself, which may have started others of this list.
    const canStart = ({ lane, job }: JobDetail): boolean =>
      this.#pool.hasRoom(lane) && this.#store.get(job.id).job.state === 'queued';
    return lanes.every((lane) =>
      queued
        .filter((detail) => detail.lane === lane)
        .every((detail) => !canStart(detail) || this.#try(() => this.#start(detail))),
    );
  }

  /** Resolves as soon as the job has ended. */
  wait(id: string): Promise<Job> {
    const job = this.live(this.#store.get(id).job);
    if (!isActive(job)) return Promise.resolve(job);
    return new Promise((resolve) => {
      this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), resolve]);
    });
  }

  /** The job with what only lives in memory: its progress, and an end that could not be written down yet. */
  live(job: Job): Job {
    const end = this.#unwritten.get(job.id);
    if (end && job.state === 'running') return { ...job, ...end, state: 'failed' };
    const progress = this.#running.get(job.id)?.progress;
    return progress ? { ...job, progress } : job;
  }

  /** A queued job is cancelled at once; a running one within a second. */
  async cancel(id: string): Promise<Job> {
    if (this.#hooks.elsewhere.follows(id)) await this.#hooks.elsewhere.stop(id);
    const { job } = this.#store.get(id);
    if (job.state === 'queued' || job.state === 'interrupted') {
      this.#ended(this.#store.transition(id, 'cancelled'));
      return this.#store.get(id).job;
    }
    const running = this.#running.get(id);
    if (!running) throw new UserError(`Job ${id} is ${job.state}; there is nothing to cancel.`);
    if (!running.cancelled) {
      running.cancelled = true;
      this.#store.requestCancel(id);
      running.runner.cancel();
    }
    await running.ended;
    return this.#store.get(id).job;
  }

  /** Ends all work; running jobs become interrupted and can be resumed. */
  async close(): Promise<void> {
    this.#closing = true;
    const here = [...this.#running.values()].filter(({ elsewhere }) => !elsewhere);
    const ends = here.map((running) => running.ended);
    await this.#pool.close();
    await Promise.all(ends);
    clearTimeout(this.#writeTimer);
    clearTimeout(this.#logTimer);
    this.flushLogs();
  }

  flushLogs(): void {
    clearTimeout(this.#logTimer);
    this.#logTimer = undefined;
    for (const [id, lines] of this.#logs) {
      if (attempt(() => this.#store.addLog(id, lines))) this.#logs.delete(id);
    }
  }

  #start(detail: JobDetail): void {
    const { id } = detail.job;
    const worker = this.#pool.take(detail.lane);
    const fields = { workerPid: worker.pid, workerStart: processStart(worker.pid) };
    const job = this.#store.transition(id, 'running', fields);
    const runner = {
      run: (work: WorkerJob) => this.#pool.run(worker, work),
      cancel: () => worker.cancel(),
    };
    void this.#begin(detail, job, runner, false);
  }

  #begin(detail: JobDetail, job: Job, runner: Runner, elsewhere: boolean): Promise<void> {
    const running: Running = {
      ...{ runner, elsewhere, ended: Promise.resolve(), cancelled: detail.cancelRequested, broken: null },
      ...{ progressed: false, keeping: Promise.resolve(), progress: null },
    };
    this.#running.set(job.id, running);
    this.#hooks.emit({ type: 'job-changed', job });
    running.ended = this.#work(detail, running);
    return running.ended;
  }

  async #work(detail: JobDetail, running: Running): Promise<void> {
    const { id, kind } = detail.job;
    try {
      const params = this.#hooks.prepare(detail);
      const outcome = await running.runner.run({
        id,
        kind,
        params,
        onEvent: (event) => this.#guarded(detail, running, event),
        onPlan: (parts) =>
          this.#hooks.onPlan(detail, parts).catch((error: unknown) => {
            this.#break(running, error);
            return parts.map(() => false);
          }),
        onBackend: (backend) => {
          this.#hooks.onBackend(backend);
          this.#hooks.emit({ type: 'job-changed', job: this.live({ ...this.#store.get(id).job, backend }) });
        },
      });
      await running.keeping;
      if (running.broken !== null) throw running.broken;
      await this.#finish(detail, running, outcome);
    } catch (thrown) {
      const error = this.#hooks.explain(thrown);
      this.#fail(detail, messageOf(error), error instanceof UserError ? (error.hint ?? null) : null);
    } finally {
      this.#running.delete(id);
      this.#ended(this.live(this.#store.get(id).job));
      this.schedule();
    }
  }

  /** An event that cannot be kept (full disk, say) ends its job, not the engine. */
  #guarded(detail: JobDetail, running: Running, event: JobEvent): void {
    if (running.broken !== null) return;
    try {
      this.#onEvent(detail, running, event);
    } catch (error) {
      this.#break(running, error);
    }
  }

  #break(running: Running, error: unknown): void {
    running.broken ??= this.#hooks.explain(error);
    running.runner.cancel();
  }

  async #keepPart(detail: JobDetail, running: Running, part: JobPart): Promise<void> {
    if (running.broken !== null) return;
    try {
      await this.#hooks.onPart(detail, part);
      this.#store.addPart(detail.job.id);
    } catch (error) {
      this.#break(running, error);
    }
  }

  #onEvent(detail: JobDetail, running: Running, event: JobEvent): void {
    const { id } = detail.job;
    if (event.type === 'progress') {
      running.progress = event.progress;
      this.#hooks.emit({ type: 'job-progress', jobId: id, progress: event.progress });
    } else if (event.type === 'log') {
      this.#addLog(id, event.level === 'warning' ? `warning: ${event.line}` : event.line);
    } else if (event.type === 'epoch') {
      this.#store.addEpoch(id, event.metrics);
      this.#hooks.emit({ type: 'job-epoch', jobId: id, metrics: event.metrics });
    } else if (event.type === 'part') {
      running.keeping = running.keeping.then(() => this.#keepPart(detail, running, event));
    } else {
      if (event.type === 'checkpoint' && !running.progressed) {
        running.progressed = true;
        this.#store.setProgressed(id, dirname(event.path));
      }
      this.#hooks.onEvent(detail, event);
    }
  }

  async #finish(detail: JobDetail, running: Running, outcome: Outcome): Promise<void> {
    const { id } = detail.job;
    const progress = running.progress;
    if (outcome.type === 'result') {
      const acknowledge = await this.#hooks.keep(detail, outcome);
      this.#store.transaction(() => {
        const resultId = acknowledge();
        const done: Progress = { fraction: 1, message: progress?.message ?? 'done' };
        this.#store.transition(id, 'done', { resultId, backend: outcome.backend, progress: done });
      });
    } else if (running.cancelled) {
      this.#store.transition(id, 'cancelled', { progress });
    } else if (this.#closing && !running.elsewhere) {
      // Before 'cancelled': a worker that is quick to stop when Basin closes says the same as one told to cancel.
      const error = 'Basin was closed while this job was running.';
      this.#store.transition(id, 'interrupted', { error, hint: 'Resume or retry it.', progress });
    } else if (outcome.type === 'error' && outcome.error.kind === 'cancelled') {
      this.#store.transition(id, 'cancelled', { progress });
    } else if (outcome.type === 'died') {
      this.#died(detail, running, outcome.death, outcome.stderr);
    } else {
      const { message, hint, stack, kind } = outcome.error;
      if (kind === 'defect' && stack !== undefined) this.#addLog(id, stack);
      this.#fail(detail, message, hint ?? null, progress);
    }
  }

  #died(detail: JobDetail, running: Running, death: Death, stderr: string): void {
    const { id } = detail.job;
    if (stderr.trim() !== '') this.#addLog(id, stderr.trim());
    const { job, fruitless } = this.#store.get(id);
    // Memory would run out again at the same place.
    const again = death.cause === 'crash' || death.cause === 'killed';
    if (again && this.#store.isResumable(job.kind) && fruitless < mostFruitless) {
      const ended = this.#store.transition(id, 'interrupted', { error: death.message, hint: death.hint });
      if (ended.resumable) {
        this.#addLog(id, `${death.message} Resuming from the finished parts.`);
        queueMicrotask(
          () => !this.#closing && this.#store.get(id).job.state === 'interrupted' && this.requeue(id),
        );
      }
      return;
    }
    this.#fail(detail, death.message, death.hint, running.progress);
  }

  #fail(detail: JobDetail, error: string, hint: string | null, progress: Progress | null = null): void {
    const { id } = detail.job;
    if (this.#store.get(id).job.state !== 'running') return;
    if (attempt(() => this.#store.transition(id, 'failed', { error, hint, progress }))) return;
    this.#unwritten.set(id, { error, hint });
  }

  /** Saves how jobs ended while nothing could be written. False if that is still so. */
  writeLeft(): boolean {
    for (const [id, { error, hint }] of this.#unwritten) {
      if (!this.#try(() => this.#store.transition(id, 'failed', { error, hint }))) return false;
      this.#unwritten.delete(id);
    }
    return true;
  }

  #try(work: () => unknown): boolean {
    return attempt(work, (error) => this.#tellTrouble(messageOf(this.#hooks.explain(error))));
  }

  /** Warns once, not with every attempt. */
  #tellTrouble(trouble: string | undefined): void {
    const warning = `warning: jobs cannot be started or saved; Basin tries again every few seconds: ${trouble}\n`;
    if (trouble !== undefined && trouble !== this.#trouble) process.stderr.write(warning);
    this.#trouble = trouble;
  }

  #ended(job: Job): void {
    this.flushLogs();
    this.#hooks.emit({ type: 'job-changed', job });
    if (isActive(job)) return;
    attempt(() => this.#hooks.onEnd(job));
    if (job.state === 'interrupted' && !this.#closing && job.resumable) return;
    for (const resolve of this.#waiters.get(job.id) ?? []) resolve(job);
    this.#waiters.delete(job.id);
  }

  #addLog(id: string, line: string): void {
    this.#logs.set(id, [...(this.#logs.get(id) ?? []), line]);
    this.#hooks.emit({ type: 'job-log', jobId: id, line });
    this.#logTimer ??= setTimeout(() => this.flushLogs(), logEvery);
  }
}

/** False when it threw: for writes that will be tried again and must not end the engine. */
function attempt(work: () => unknown, failed?: (error: unknown) => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    failed?.(error);
    return false;
  }
}
