/** Runs a job through the engine: submits it, shows how far it is, cancels it on Ctrl-C, brings its result. */
import type { EngineEvent, Job, MatrixRef } from '../../src-shared/api.ts';
import { matrixRefSchema } from '../../src-shared/api.ts';
import { CancelledError, UserError } from '../../src-shared/errors.ts';
import type { JobKindName, JobParamsInput, JobResult } from '../../src-shared/jobs/index.ts';
import { jobKinds } from '../../src-shared/jobs/index.ts';
import type { EpochMetrics, Progress } from '../../src-shared/progress.ts';
import type { Client } from '../../src-shared/rpc.ts';

export interface JobListener {
  progress?(progress: Progress): void;
  log?(line: string): void;
  epoch?(metrics: EpochMetrics): void;
}

export interface Finished<Result> {
  job: Job;
  result: Result;
  /** Who computed it, from what; as the engine keeps it. */
  provenance: unknown;
}

/**
 * Runs a job of a known kind to its end. The result is as the kind's schema says, matrices included.
 * Throws UserError where the job failed, CancelledError where `signal` or somebody else cancelled it.
 */
export async function runKind<K extends JobKindName>(
  client: Client,
  kind: K,
  params: JobParamsInput<K>,
  signal: AbortSignal,
  listener: JobListener = {},
): Promise<Finished<JobResult<K>>> {
  const finished = await runAnyKind(client, kind, params, signal, listener);
  return { ...finished, result: jobKinds[kind].result.parse(finished.result) as JobResult<K> };
}

export async function runAnyKind(
  client: Client,
  kind: string,
  params: unknown,
  signal: AbortSignal,
  listener: JobListener = {},
): Promise<Finished<unknown>> {
  if (signal.aborted) throw new CancelledError();
  const job = await follow(client, signal, listener, () => client.call('jobs.submit', { kind, params }));
  return { job, ...(await resultOf(client, job)) };
}

/** Milliseconds. */
const lookAgainAfter = 200;

const ended = new Set<Job['state']>(['done', 'failed', 'cancelled', 'interrupted']);

/**
 * Follows the job that `start` gives until it ends, whatever way. Events that come before `start` has resolved are
 * kept, since a job with a cached result is over by then.
 */
export async function follow(
  client: Client,
  signal: AbortSignal,
  listener: JobListener,
  start: () => Promise<Job>,
): Promise<Job> {
  let jobId: string | undefined;
  const early: EngineEvent[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Job>();
  const settle = (job: Job): void => {
    if (job.state !== 'interrupted') return ended.has(job.state) ? resolve(job) : undefined;
    // Training whose worker died resumes from its last checkpoint by itself: look again before giving up.
    setTimeout(() => {
      client.call('jobs.get', { jobId: job.id }).then((now) => {
        if (ended.has(now.state)) resolve(now);
      }, reject);
    }, lookAgainAfter);
  };
  const take = (event: EngineEvent): void => {
    if (jobId === undefined) early.push(event);
    else if (event.type === 'job-changed' && event.job.id === jobId) settle(event.job);
    else tell(event, jobId, listener);
  };
  const stopListening = client.listen(take);
  // Closing the engine after the job has ended rejects it too, when nobody waits for it any more.
  promise.catch(() => undefined);
  client.onClose((reason) => {
    reject(new UserError(`the connection to the engine was lost: ${reason}`));
  });
  const cancel = (): void => {
    if (jobId !== undefined) client.call('jobs.cancel', { jobId }).catch(reject);
  };
  try {
    const submitted = await start();
    jobId = submitted.id;
    if (ended.has(submitted.state)) return submitted;
    early.forEach(take);
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
    return await promise;
  } finally {
    stopListening();
    signal.removeEventListener('abort', cancel);
  }
}

function tell(event: EngineEvent, jobId: string, listener: JobListener): void {
  if (!('jobId' in event) || event.jobId !== jobId) return;
  if (event.type === 'job-progress') listener.progress?.(event.progress);
  if (event.type === 'job-log') listener.log?.(event.line);
  if (event.type === 'job-epoch') listener.epoch?.(event.metrics);
}

/** The result of a job that ended. Throws what the job ended with if that is no result. */
export async function resultOf(client: Client, job: Job): Promise<{ result: unknown; provenance: unknown }> {
  return readResult(client, await resultIdOf(client, job));
}

/** The result's id, of a job that ended; nothing is read. Throws what the job ended with if that is no result. */
export async function resultIdOf(client: Client, job: Job): Promise<string> {
  if (job.state === 'cancelled') throw new CancelledError();
  if (job.state !== 'done' || job.resultId === null) throw await failureOf(client, job);
  return job.resultId;
}

/** The job's own words; what it logged (a stack, where it was a defect) stands in for the stack of `--debug`. */
async function failureOf(client: Client, job: Job): Promise<Error> {
  const message = job.error ?? `job ${job.kind} ended as "${job.state}" without a result`;
  const error = new UserError(message, job.hint === null ? {} : { hint: job.hint });
  error.stack = (await client.call('jobs.log', { jobId: job.id })).join('\n');
  return error;
}

/** A stored result with its matrices put back in place. */
export async function readResult(
  client: Client,
  resultId: string,
): Promise<{ result: unknown; provenance: unknown }> {
  const { data, provenance } = await client.call('results.get', { resultId });
  const result = await withMatrices(data, (ref) =>
    client.call('results.matrix', { resultId, name: ref.$matrix }),
  );
  return { result, provenance };
}

async function withMatrices(value: unknown, fetch: (ref: MatrixRef) => Promise<unknown>): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => withMatrices(item, fetch)));
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if ('$matrix' in value) return fetch(matrixRefSchema.parse(value));
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, item]) => [key, await withMatrices(item, fetch)] as const),
  );
  return Object.fromEntries(entries);
}
