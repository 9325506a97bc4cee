/** Jobs as the API offers them: between the queue, the catalog and the results. */
import { isActive, type EngineEvent } from '../../../src-shared/api.ts';
import type { BackendInfo } from '../../../src-shared/domain.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { paramSchema } from '../../../src-shared/jobs/schema.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import { withTypedPaths } from '../../formats/typed-path.ts';
import { Imports } from '../catalog/importing.ts';
import { takeResults } from '../imported-results.ts';
import type { RunStore } from '../catalog/runs.ts';
import type { FigureStore } from '../figure-store.ts';
import { linkMatrices, withoutMatrices } from '../matrix-files.ts';
import type { PartStore } from '../part-store.ts';
import type { NewResult, ResultStore } from '../results.ts';
import { provenanceOf } from '../provenance.ts';
import type { WorkerPool } from './pool.ts';
import { PartWork } from './part-work.ts';
import type { JobHooks } from './hooks.ts';
import { JobQueue, type QueueMode } from './queue.ts';
import { runOfTraining, resumedParams, TrainingWatch } from './training.ts';
import type { Job } from './states.ts';
import type { JobDetail, JobStore, NewJob } from './store.ts';
import { SlurmService } from '../slurm/service.ts';
import { identify, parseQuestion, titleOf } from './submit.ts';
import type { Outcome } from './worker-process.ts';

export interface JobServiceParts {
  store: JobStore;
  runs: RunStore;
  results: ResultStore;
  partStore: PartStore;
  figures: FigureStore;
  pool: WorkerPool;
  mode: QueueMode;
  kindNamed: (name: string) => AnyJobKind;
  emit: (event: EngineEvent) => void;
  explain: (error: unknown) => unknown;
  /** What `engine.info` says is another now. */
  infoChanged: () => void;
  version: string;
  workspace: string;
  /** As the tasks of a cluster need to know them. */
  worker: { env: Record<string, string>; entry: string | undefined; node: string };
}

/** A question that is to be computed: not yet in the catalog. `resultId`: the same one has been. */
interface Asked {
  job: NewJob;
  resultId: string | undefined;
}

export class JobService {
  readonly queue: JobQueue;
  readonly slurm: SlurmService;
  readonly #parts: JobServiceParts;
  readonly #imports: Imports;
  readonly #training: TrainingWatch;
  readonly #partWork: PartWork;
  /** Resolves when nothing is being submitted to a cluster. */
  #submitting: Promise<void> = Promise.resolve();
  #closing = false;
  /** What the last worker computed with. */
  backend: BackendInfo | null = null;

  constructor(parts: JobServiceParts) {
    this.#parts = parts;
    this.#imports = new Imports(parts.runs);
    this.#training = new TrainingWatch(parts.runs, () => parts.emit({ type: 'runs-changed' }));
    const { partStore, runs, version } = parts;
    this.#partWork = new PartWork({ store: partStore, hashes: runs.hashes, version });
    this.slurm = new SlurmService({
      ...{ workspace: parts.workspace, store: parts.store },
      ...{ env: parts.worker.env, worker: parts.worker.entry, node: parts.worker.node },
      runElsewhere: (jobId, runner) => this.queue.runElsewhere(jobId, runner),
      created: (job) => parts.emit({ type: 'job-changed', job }),
      resultOf: (jobId) => parts.results.ofJob(jobId),
    });
    const hooks: JobHooks = {
      elsewhere: this.slurm,
      prepare: (detail) => this.#prepare(detail),
      onEvent: (detail, event) => this.#onEvent(detail, event),
      onPlan: (detail, plan) => this.#partWork.plan(detail, plan),
      onPart: async (detail, part) => {
        const warning = await this.#partWork.keep(detail, part);
        if (warning !== undefined) parts.store.addLog(detail.job.id, [warning]);
      },
      keep: (detail, outcome) => this.#keep(detail, outcome),
      resultOf: (jobId) => parts.results.ofJob(jobId),
      onEnd: (job) => this.#onEnd(job),
      emit: parts.emit,
      explain: parts.explain,
      onBackend: (backend) => {
        this.backend = backend;
        parts.infoChanged();
      },
    };
    this.queue = new JobQueue(parts.store, parts.pool, hooks, parts.mode);
  }

  /** @param done how many of the jobs that are done, at most; absent: all */
  list(done?: number): Job[] {
    return this.#parts.store.list(done).map((job) => this.queue.live(job));
  }

  get(id: string): Job {
    return this.queue.live(this.#parts.store.get(id).job);
  }

  /** As `submit`, with paths as people type them. */
  submitTyped(name: string, params: unknown): Promise<Job> {
    return this.submit(name, withTypedPaths(paramSchema(this.#parts.kindNamed(name).params), params));
  }

  /** Takes the result that the same question has already; else puts the job into the queue. */
  async submit(name: string, given: unknown): Promise<Job> {
    // What is just being submitted to a cluster may be the same question.
    await this.#submitting;
    return this.#ask(name, given, false, (asked) =>
      this.join('active' in asked ? asked.active : this.#create(asked)),
    );
  }

  /**
   * Jobs in the order of the questions, on a cluster: those that have a result or are at work already are taken as they
   * are, the others become a job array.
   * @throws UserError with what Slurm says; none of them is submitted then
   */
  submitOnSlurm(
    questions: readonly { kind: string; params: unknown }[],
    settings: SlurmSettings,
  ): Promise<Job[]> {
    const submitted = this.#submitting.then(() => this.#submitAll(questions, settings));
    this.#submitting = submitted.then(
      () => undefined,
      () => undefined,
    );
    return submitted;
  }

  async #submitAll(
    questions: readonly { kind: string; params: unknown }[],
    settings: SlurmSettings,
  ): Promise<Job[]> {
    if (this.#closing) throw new UserError('Basin was closed before these jobs were submitted.');
    const asked: (Asked | { active: Job })[] = [];
    for (const { kind, params } of questions) {
      const known = this.#parts.kindNamed(kind);
      if (known.lane !== 'main')
        throw new UserError(
          `${kind} is not computed on a cluster: it concerns the catalog of this workspace.`,
          { hint: 'Leave --on slurm out.' },
        );
      const typed = withTypedPaths(paramSchema(known.params), params);
      asked.push(await this.#ask(kind, typed, true, (each) => each));
    }
    const open = asked.filter((each) => !('active' in each) && each.resultId === undefined) as Asked[];
    // The same question asked twice is one job.
    const byName = Map.groupBy(open, ({ job }, i) => job.cacheKey ?? job.runPath ?? `question ${i}`);
    const groups = [...byName.values()];
    const jobs = groups.map(([first]) => first!.job);
    const made = jobs.length === 0 ? [] : await this.slurm.submit(jobs, settings);
    const jobOf = new Map(groups.flatMap((group, i) => group.map((each) => [each, made[i]!] as const)));
    return asked.map((each) => {
      if ('active' in each) return this.queue.live(each.active);
      return jobOf.get(each) ?? this.#create(each);
    });
  }

  /** Submits nothing more to a cluster; resolves when Slurm has what it is just taking. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#submitting;
  }

  /**
   * @param attach a cluster's job that trains into the same run folder is the one that is meant
   * @param take gets what was found while it is still so: nothing else is submitted in between
   */
  async #ask<T>(
    name: string,
    given: unknown,
    attach: boolean,
    take: (asked: Asked | { active: Job }) => T,
  ): Promise<T> {
    const { store, results, runs } = this.#parts;
    // A job that failed on a full disk may still be listed as running.
    this.queue.writeLeft();
    const kind = this.#parts.kindNamed(name);
    const { params } = parseQuestion(kind, given);
    const key = kind.cacheable
      ? (await identify({ kind: name, version: kind.version, params }, runs.hashes)).key
      : null;
    const active = key === null ? undefined : store.activeWithKey(key);
    if (active) return take({ active });
    const runPath = runOfTraining(name, params);
    const writer = runPath === null ? undefined : store.activeOn(runPath);
    if (writer && attach && this.slurm.has(writer.id)) return take({ active: writer });
    if (writer) {
      throw new UserError(`Job ${writer.id} is already training into ${runPath}.`, {
        hint: 'Wait for it, cancel it, or choose another folder.',
      });
    }
    const job = {
      ...{ kind: name, version: kind.version, title: titleOf(kind, params), params },
      ...{ cacheKey: key, lane: kind.lane, runPath },
    };
    return take({ job, resultId: key === null ? undefined : results.withKey(key) });
  }

  #create({ job, resultId }: Asked): Job {
    const { store, emit } = this.#parts;
    const created = store.transaction(() => {
      const fresh = store.create(job);
      return resultId === undefined ? fresh : store.transition(fresh.id, 'done', { resultId, cached: true });
    });
    emit({ type: 'job-changed', job: created });
    return created;
  }

  /** There is a result of this question: submitting it would compute nothing. */
  async isAnswered(name: string, given: unknown): Promise<boolean> {
    const { runs, results, kindNamed } = this.#parts;
    const kind = kindNamed(name);
    if (!kind.cacheable) return false;
    const { params } = parseQuestion(kind, given);
    const { key } = await identify({ kind: name, version: kind.version, params }, runs.hashes);
    return results.withKey(key) !== undefined;
  }

  /** A job that is there already is one of this engine's now: an earlier one may have left it in the queue. */
  join(job: Job): Job {
    if (job.state === 'queued' && !this.slurm.has(job.id)) this.queue.accept(job.id);
    return this.get(job.id);
  }

  /** Starts a job again that ended without a result; it resumes from its checkpoints or parts. */
  async retry(id: string): Promise<Job> {
    this.queue.writeLeft();
    const { job } = this.#parts.store.get(id);
    if (job.state === 'done' || isActive(job)) {
      throw new UserError(
        `Job ${id} is ${job.state}; only a job that ended without a result can be retried.`,
      );
    }
    return this.queue.requeue(id);
  }

  /** As `queue.cancel`, for a job that may have ended just before. */
  async cancelIfActive(id: string): Promise<void> {
    try {
      await this.queue.cancel(id);
    } catch (error) {
      if (isActive(this.get(id))) throw error;
    }
  }

  move(id: string, position: number): Job[] {
    this.#parts.store.move(id, position);
    const jobs = this.list();
    for (const job of jobs) if (job.state === 'queued') this.#parts.emit({ type: 'job-changed', job });
    return jobs;
  }

  remove(id: string): void {
    this.#parts.store.remove(id);
    this.#parts.emit({ type: 'job-removed', jobId: id });
  }

  /** Hashes what was imported and not hashed yet, when nothing else is to do with these folders. */
  hashInBackground(): void {
    const { store, runs, mode } = this.#parts;
    const waiting = store.inState('queued').some(({ job }) => job.kind === 'hash');
    if (waiting || mode === 'own' || runs.hashes.unhashed().length === 0) return;
    // Not awaited: whoever imported does not wait for it.
    void this.submit('hash', { runs: [] }).catch(() => undefined);
  }

  #prepare(detail: JobDetail): unknown {
    const { job, runPath } = detail;
    // Whatever is not hashed at the moment it starts, also what was imported since it was put into the queue.
    if (job.kind === 'hash') return { runs: this.#parts.runs.hashes.unhashed() };
    if (job.kind === 'import') return { ...(job.params as object), known: this.#parts.runs.intake.known() };
    this.#training.start(job.kind, runPath);
    return resumedParams(job, runPath);
  }

  #onEvent(detail: JobDetail, event: JobEvent): void {
    const { runs, emit } = this.#parts;
    if (event.type === 'found') {
      this.#imports.take(detail.job.id, event.runs);
      emit({ type: 'runs-changed' });
    } else if (event.type === 'found-results') {
      const { results, figures, kindNamed, store, version } = this.#parts;
      const jobId = detail.job.id;
      const problems = takeResults(event, { results, figures, kindNamed, runs, version, jobId });
      if (problems.length > 0) store.addLog(detail.job.id, problems);
      emit({ type: 'results-changed' });
      if (event.figures.length > 0) emit({ type: 'figures-changed' });
    } else if (event.type === 'hashed') {
      runs.hashes.take(event.files);
      emit({ type: 'files-changed' });
    } else if (event.type === 'checkpoint') {
      this.#training.checkpoint(event.path);
    }
  }

  async #keep(detail: JobDetail, outcome: Outcome & { type: 'result' }): Promise<() => string | null> {
    const { results, runs, kindNamed, store, emit } = this.#parts;
    const { job, cacheKey, version } = detail;
    const kind = kindNamed(job.kind);
    const joined = outcome.result === null && kind.parts ? this.#partWork.join(detail, kind) : undefined;
    if (outcome.placed) kind.result.parse(withoutMatrices(outcome.result));
    let data = joined ? joined.data : outcome.placed ? outcome.result : kind.result.parse(outcome.result);
    if (job.kind === 'import') {
      // A run whose folder is gone by now may be one of those that were found.
      await runs.refreshPresence();
      data = { ...(data as object), changes: this.#imports.finish(job.id) };
    }
    const { inputs, key } = await identify({ kind: job.kind, version, params: job.params }, runs.hashes);
    const steady = cacheKey !== null && key === cacheKey;
    if (cacheKey !== null && !steady) {
      store.addLog(job.id, ['warning: files changed while the job ran; its result will not be reused.']);
    }
    const provenance = provenanceOf(job, version, inputs, outcome.backend, runs, this.#parts.version);
    if (joined) {
      provenance.parts = joined.provenance;
      if (joined.backend !== null) provenance.backend = joined.backend;
    }
    const written: NewResult = {
      kind: job.kind,
      version,
      title: job.title,
      jobId: job.id,
      origin: 'computed',
      cacheKey: steady ? key : null,
      runIds: provenance.runs.map((run) => run.id),
      params: job.params,
      provenance,
      ...(cacheKey !== null && { inputs }),
      ...(joined && { parts: joined.keys }),
      data,
    };
    const file = results.write(written, joined || outcome.placed ? linkMatrices : undefined);
    return () => {
      results.register(file);
      queueMicrotask(() => emit({ type: 'results-changed' }));
      return file.id;
    };
  }

  #onEnd(job: Job): void {
    this.#partWork.end(job.id);
    const { runPath } = this.#parts.store.get(job.id);
    try {
      this.#training.end(job, runPath);
    } catch (error) {
      this.#parts.store.addLog(job.id, [
        `warning: the run could not be added to the catalog: ${messageOf(error)}`,
      ]);
    }
    if (job.kind === 'import') {
      this.#imports.finish(job.id);
      this.#parts.emit({ type: 'runs-changed' });
      if (job.state === 'done') this.hashInBackground();
    }
  }
}
