/**
 * Jobs on a cluster that runs Slurm: submitted as job arrays, followed until each task has ended, and taken into the
 * queue's books like jobs of this machine. Order of writing: the spool, Slurm, the catalog; whichever of them an engine
 * that was killed did not reach, the next one finds what is missing.
 */
import { isActive } from '../../../src-shared/api.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import type { Elsewhere, Runner } from '../jobs/hooks.ts';
import type { Job } from '../jobs/states.ts';
import { newJobId, type JobStore, type NewJob } from '../jobs/store.ts';
import { accountedTasks, phaseOf, tasksNamed, type SlurmTask } from './cluster.ts';
import { outcomeOfFailure, outcomeWithout } from './ends.ts';
import { mostTasks, Spool, taskFolder, type Batch, type SlurmJob } from './spool.ts';
import { Resubmission } from './resubmission.ts';
import { Cancelling, submitBatch, type Order, type WorkerFacts } from './submission.ts';
import { endOf, lastOutput, TaskFollower } from './task.ts';

/** Of the engine around it. */
export interface SlurmParts extends WorkerFacts {
  workspace: string;
  store: JobStore;
  /** Hands a job that runs elsewhere to the queue, which keeps its books. */
  runElsewhere: (jobId: string, runner: Runner) => Promise<void>;
  created: (job: Job) => void;
  /** Of a job whose result was written, if the engine ended before it could say so. */
  resultOf: (jobId: string) => string | undefined;
}

/** Looks at a task that Slurm no longer runs and that has left nothing: a network file system may show files late. */
const looksForLost = 3;
const looksForLate = 20;

interface Place {
  batch: Batch;
  index: number;
  follower: TaskFollower | undefined;
  /** Its end is being written down. */
  ending: boolean;
  /** Resolves when it is. */
  ended?: Promise<void>;
  /** Looks in a row that found it ended, without a trace. */
  lost: number;
}

export class SlurmService implements Elsewhere {
  readonly #parts: SlurmParts;
  readonly #spool: Spool;
  /** Where each job was last submitted. */
  readonly #places = new Map<string, Place>();
  readonly #batches = new Set<Batch>();
  readonly #again: Resubmission;
  readonly #ends = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  readonly #cancelling = new Cancelling();
  readonly #problems = new WeakMap<Batch, string | undefined>();
  #closed = false;
  /** What the last look at the cluster failed with. */
  #unanswered: string | undefined;
  readonly #stop = new AbortController();

  constructor(parts: SlurmParts) {
    this.#parts = parts;
    this.#spool = new Spool(parts.workspace);
    this.#again = new Resubmission({
      store: parts.store,
      settingsOf: (jobId) => this.#places.get(jobId)?.batch.settings,
      submit: (order) => this.#submit(order),
      fail: (jobId, outcome) =>
        parts.runElsewhere(jobId, { run: () => Promise.resolve(outcome), cancel: () => undefined }),
    });
  }

  /** Reads the spool; before the queue looks at its jobs. */
  open(): string[] {
    const { batches, problems } = this.#spool.read();
    for (const batch of batches) this.#add(batch);
    return problems;
  }

  has(jobId: string): boolean {
    return this.#places.has(jobId);
  }

  follows(jobId: string): boolean {
    const place = this.#places.get(jobId);
    return place !== undefined && place.batch.open.has(place.index);
  }

  /**
   * Resolves when it is known of every array whether Slurm has it: an engine may have been killed while it submitted.
   * @throws UserError if Slurm does not respond
   */
  async whenPlaced(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#openBatches().some(({ slurmId }) => slurmId === undefined)) {
      if (this.#unanswered !== undefined)
        throw new UserError(
          `${this.#unanswered} Basin ended while it was submitting jobs, and Slurm does not say whether it has them.`,
          { hint: 'Try again when `squeue` responds.' },
        );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Brings catalog and spool together, and takes in what has ended since; Slurm itself is asked later. */
  async recover(): Promise<void> {
    const { store } = this.#parts;
    for (const batch of [...this.#batches])
      this.#attempt(batch, () => {
        if (batch.slurmId !== undefined) this.#bringIn(batch);
        this.#tidy(batch);
      });
    for (const { job } of store.inState('running'))
      if (this.follows(job.id)) this.#attempt(this.#places.get(job.id)!.batch, () => this.#beginAgain(job));
    for (const { job } of store.inState('queued'))
      if (this.has(job.id) && !this.follows(job.id)) this.again(job.id);
    for (const batch of this.#batches) this.#attempt(batch, () => this.#look(batch, undefined));
    await Promise.all(this.#ends);
    this.#schedule(0);
  }

  /**
   * Submits jobs that the catalog does not have yet, and writes them into it.
   * @throws UserError with what Slurm says; nothing is left then
   */
  async submit(jobs: readonly NewJob[], settings: SlurmSettings): Promise<Job[]> {
    const named = jobs.map((job): SlurmJob => ({ ...job, id: newJobId(job.kind), lane: 'main' }));
    for (let i = 0; i < named.length; i += mostTasks) {
      const jobs = named.slice(i, i + mostTasks);
      try {
        await this.#submit({ jobs, settings, paramsOf: (job) => job.params });
      } catch (error) {
        if (i === 0 || !(error instanceof UserError)) throw error;
        throw new UserError(`${i} of ${named.length} jobs were submitted, then: ${error.message}`, {
          ...(error.hint !== undefined && { hint: error.hint }),
          cause: error,
        });
      }
    }
    return named.map(({ id }) => this.#parts.store.get(id).job);
  }

  async stop(jobId: string): Promise<void> {
    const place = this.#places.get(jobId);
    const { slurmId } = place?.batch ?? {};
    if (!place || slurmId === undefined) return;
    await this.#cancelling.cancel(`${slurmId}_${place.index}`);
    const { state } = this.#parts.store.get(jobId).job;
    if (state === 'queued') this.#settle(place.batch, place.index);
    else this.#schedule(0);
  }

  again(jobId: string): void {
    this.#again.add(jobId);
  }

  /** Stops following, once Slurm has what is to be retried; running tasks continue. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#polling;
    await Promise.all(this.#ends);
    await this.#again.close();
  }

  #add(batch: Batch): void {
    this.#batches.add(batch);
    for (const [index, job] of batch.jobs.entries())
      this.#places.set(job.id, { batch, index, follower: undefined, ending: false, lost: 0 });
  }

  async #submit(order: Order): Promise<void> {
    const batch = await submitBatch(this.#spool, this.#parts, order);
    this.#add(batch);
    this.#bringIn(batch);
    for (const [index, { id }] of batch.jobs.entries())
      this.#parts.store.addLog(id, [`submitted to Slurm: task ${batch.slurmId}_${index}`]);
    // Of those that these jobs were in before, nothing may be left to keep.
    for (const old of [...this.#batches]) this.#tidy(old);
    this.#schedule();
  }

  /** Jobs of an array that Slurm has: into the catalog, if they are not there. */
  #bringIn(batch: Batch): void {
    const { store, created } = this.#parts;
    const fresh = store.transaction(() =>
      [...batch.open].flatMap((index) => {
        const job = batch.jobs[index]!;
        const known = store.find(job.id);
        if (!known) return [store.create(job)];
        const isOld = this.#places.get(job.id)!.batch !== batch;
        if (isOld || !isActive(known.job)) this.#forget(batch, index, known.job);
        return [];
      }),
    );
    for (const job of fresh) created(job);
  }

  /** Written a second time there would be two results. */
  #beginAgain(job: Job): void {
    const place = this.#places.get(job.id)!;
    const { batch, index } = place;
    const isDone = endOf(taskFolder(batch, index))?.type === 'result';
    const resultId = isDone ? this.#parts.resultOf(job.id) : undefined;
    if (resultId === undefined) return void this.#begin(place);
    this.#parts.store.transition(job.id, 'done', { resultId });
    this.#settle(batch, index);
  }

  /** The engine ended between writing a job's end down and saying so in the spool; or the job was cancelled meanwhile. */
  #forget(batch: Batch, index: number, { state }: Job): void {
    if (state !== 'done') void this.#cancelling.cancel(`${batch.slurmId}_${index}`).catch(() => undefined);
    this.#settle(batch, index);
  }

  /** A workspace opens, and other arrays continue, whatever is wrong with one. */
  #attempt(batch: Batch, what: () => void): void {
    try {
      what();
    } catch (error) {
      process.stderr.write(`warning: ${batch.folder}: ${messageOf(error)}\n`);
    }
  }

  #openBatches(): Batch[] {
    return [...this.#batches].filter(({ open }) => open.size > 0);
  }

  #schedule(after?: number): void {
    if (this.#closed) return;
    const open = this.#openBatches();
    if (open.length === 0) return;
    clearTimeout(this.#timer);
    const seconds = Math.min(...open.map(({ settings }) => settings.poll));
    this.#timer = setTimeout(
      () => {
        // One after the other, however slow Slurm is.
        const poll = (): Promise<void> => this.#poll().catch(() => undefined);
        this.#polling = this.#polling.then(poll).then(() => this.#schedule());
      },
      after ?? seconds * 1000,
    );
  }

  async #poll(): Promise<void> {
    const open = this.#openBatches();
    if (open.length === 0 || this.#closed) return;
    let tasks: SlurmTask[] | undefined;
    this.#unanswered = undefined;
    try {
      tasks = await tasksNamed(
        open.map(({ name }) => name),
        this.#stop.signal,
      );
    } catch (error) {
      this.#unanswered = messageOf(error);
    }
    for (const batch of open) {
      if (this.#closed) return;
      let problem = this.#unanswered;
      try {
        const own = tasks?.filter(({ name }) => name === batch.name);
        if (batch.slurmId === undefined && own) this.#adopt(batch, own);
        if (batch.slurmId !== undefined) this.#look(batch, own && (await this.#withAccounting(batch, own)));
      } catch (error) {
        // A full disk, say: checked again next time, and the other arrays continue.
        problem = messageOf(error);
      }
      this.#attempt(batch, () => this.#tellProblem(batch, problem));
    }
    await Promise.all(this.#ends);
  }

  /** An engine was killed while it submitted: Slurm has the array, or it never got it. */
  #adopt(batch: Batch, own: readonly SlurmTask[]): void {
    // A task may have begun and ended, and Slurm have forgotten it.
    const id = own[0]?.jobId ?? this.#spool.numberOf(batch.folder);
    if (id === undefined) return this.#giveUp(batch);
    this.#spool.submitted(batch, id);
    this.#bringIn(batch);
  }

  /** Slurm never got this array: jobs that were to be tried again with it still are. */
  #giveUp(batch: Batch): void {
    for (const index of [...batch.open]) {
      this.#spool.settle(batch, index);
      const { id } = batch.jobs[index]!;
      if (this.#places.get(id)?.batch !== batch) continue;
      if (this.#parts.store.find(id)?.job.state === 'queued') this.again(id);
    }
    this.#tidy(batch);
  }

  /** What the accounting knows of tasks that the queue has forgotten. */
  async #withAccounting(batch: Batch, own: SlurmTask[]): Promise<SlurmTask[]> {
    const listed = new Set(own.map(({ index }) => index));
    if ([...batch.open].every((index) => listed.has(index))) return own;
    return [
      ...own,
      ...(await accountedTasks(batch.slurmId!, batch.name, this.#stop.signal)).filter(
        ({ index }) => !listed.has(index),
      ),
    ];
  }

  /** @param tasks of this array, as Slurm sees them; undefined: Slurm was not asked, or does not respond */
  #look(batch: Batch, tasks: readonly SlurmTask[] | undefined): void {
    if (batch.slurmId === undefined) return;
    const byIndex = new Map(tasks?.map((task) => [task.index, task]));
    for (const index of [...batch.open]) {
      const place = this.#places.get(batch.jobs[index]!.id)!;
      if (place.batch === batch && !place.ending)
        this.#lookAt(place, byIndex.get(index), tasks !== undefined);
    }
  }

  #lookAt(place: Place, seen: SlurmTask | undefined, asked: boolean): void {
    const { job } = this.#parts.store.get(place.batch.jobs[place.index]!.id);
    if (!isActive(job)) return this.#forget(place.batch, place.index, job);
    const folder = taskFolder(place.batch, place.index);
    const phase = seen ? phaseOf(seen.state) : asked ? 'ended' : undefined;
    const found = endOf(folder);
    if (found?.type === 'result' || found?.type === 'unreadable') return this.#end(place, found.outcome);
    // One that was stopped may be started again by Slurm itself.
    const final = found && (found.failure.kind !== 'stopped' || phase === 'ended');
    if (final) return this.#end(place, outcomeOfFailure(found.failure, seen));
    if (phase === 'running') {
      if (!place.follower && seen) this.#parts.store.addLog(job.id, [`running on ${seen.node}`]);
      this.#begin(place).look();
    }
    if (phase !== 'running') place.follower?.look();
    place.lost = phase === 'ended' ? place.lost + 1 : 0;
    // One that ended well has left a result.
    const patience = seen?.state === 'COMPLETED' ? looksForLate : looksForLost;
    if (place.lost >= patience) this.#end(place, outcomeWithout(seen, lastOutput(folder)));
  }

  #begin(place: Place): TaskFollower {
    if (place.follower) return place.follower;
    const { batch, index } = place;
    const jobId = batch.jobs[index]!.id;
    const { store, runElsewhere } = this.#parts;
    const cancel = (): void => void this.stop(jobId).catch(() => undefined);
    const follower = new TaskFollower(taskFolder(batch, index), store.log(jobId), cancel);
    place.follower = follower;
    const ended = runElsewhere(jobId, follower).then(
      () => this.#settle(batch, index),
      // The disk is full, say: the next engine takes it in again.
      () => undefined,
    );
    const known = ended.finally(() => this.#ends.delete(known));
    place.ended = known;
    return follower;
  }

  #end(place: Place, outcome: Parameters<TaskFollower['end']>[0]): void {
    place.ending = true;
    this.#begin(place).end(outcome);
    if (place.ended) this.#ends.add(place.ended);
  }

  #settle(batch: Batch, index: number): void {
    this.#spool.settle(batch, index);
    this.#tidy(batch);
  }

  /** What ended without a result may be submitted again, with the same settings; an array without such tasks goes. */
  #tidy(batch: Batch): void {
    if (batch.open.size > 0) return;
    const own = batch.jobs.filter(({ id }) => this.#places.get(id)?.batch === batch);
    const states = own.map(({ id }) => this.#parts.store.find(id)?.job.state);
    if (states.some((state) => state !== undefined && state !== 'done')) return;
    this.#batches.delete(batch);
    for (const { id } of own) this.#places.delete(id);
    this.#spool.remove(batch);
  }

  /** Once, in the log of the jobs that it concerns. */
  #tellProblem(batch: Batch, message: string | undefined): void {
    if (message === this.#problems.get(batch) || this.#closed) return;
    this.#problems.set(batch, message);
    if (message === undefined) return;
    const line = `warning: ${message} Basin continues to follow the job.`;
    for (const index of batch.open) {
      const { id } = batch.jobs[index]!;
      if (this.#parts.store.find(id)) this.#parts.store.addLog(id, [line]);
    }
  }
}
