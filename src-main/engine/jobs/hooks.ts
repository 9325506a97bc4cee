/** What the queue needs of the engine around it, and of whoever works on a job. */
import type { EngineEvent } from '../../../src-shared/api.ts';
import type { BackendInfo } from '../../../src-shared/domain.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import type { Job } from './states.ts';
import type { JobDetail } from './store.ts';
import type { Outcome, WorkerJob } from './worker-process.ts';

/** The partial result of one part of a job's question. */
export type JobPart = Extract<JobEvent, { type: 'part' }>;

/** What the engine does around jobs; the queue itself knows no catalog. */
export interface JobHooks {
  /** Params as the worker gets them: a resumed job is told where to go on. */
  prepare(detail: JobDetail): unknown;
  /** Events that concern the catalog. */
  onEvent(detail: JobDetail, event: JobEvent): void;
  /** The worker has split its question: which of these parts are known? */
  onPlan(detail: JobDetail, parts: readonly unknown[]): Promise<boolean[]>;
  /** Keeps the partial result of a part of the plan. */
  onPart(detail: JobDetail, part: JobPart): Promise<void>;
  /** Writes the result; called outside any transaction. Returns what `acknowledge` needs. */
  keep(detail: JobDetail, outcome: Outcome & { type: 'result' }): Promise<() => string | null>;
  /** The result that a job has written, although its end could not be written down. */
  resultOf(jobId: string): string | undefined;
  /** A job has ended, whichever way. */
  onEnd(job: Job): void;
  emit(event: EngineEvent): void;
  /** A worker has loaded the tensor back end. */
  onBackend(backend: BackendInfo): void;
  /** What an error of the catalog or the disk means to a person. */
  explain(error: unknown): unknown;
  elsewhere: Elsewhere;
}

/** Jobs that run on other machines: this queue writes down how they go, and starts none of them. */
export interface Elsewhere {
  has(jobId: string): boolean;
  /** It waits or runs there now, whatever became of the engine before this one. */
  follows(jobId: string): boolean;
  /** Tells the other machine to stop it. @throws UserError if that cannot be done */
  stop(jobId: string): Promise<void>;
  /** It was put back into the queue: gives it to the other machine once more. */
  again(jobId: string): void;
}

/** Whoever works on a job: a worker process of this machine, or the follower of a task on another one. */
export interface Runner {
  run(job: WorkerJob): Promise<Outcome>;
  cancel(): void;
}
