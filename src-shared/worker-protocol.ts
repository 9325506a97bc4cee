/**
 * What an engine and a worker process say to each other. A worker is a child process with an IPC channel opened with
 * `serialization: 'advanced'`, so that typed arrays travel as they are. It runs one job at a time, may run many in
 * turn, and exits by itself when its parent is gone.
 *
 *   worker: ready                                  once, when it can take a job
 *   engine: run {id, kind, params}
 *   worker: event* (backend, progress, log, epoch, checkpoint, part)
 *   worker: plan {parts}                           at most once, by kinds with parts; engine: known {known}
 *   worker: result | error                         exactly one per run; then it can take the next job
 *   engine: cancel {id}                            at any time; then error {kind: 'cancelled'}, unless the job ends first
 *   engine: shutdown                               ends the running job as cancelled, then exits with code 0
 */
import { z } from 'zod';
import { backendInfoSchema } from './domain.ts';
import { foundFigureSchema, foundResultSchema, foundRunSchema, hashedFileSchema } from './interop.ts';
import { epochMetricsSchema, progressSchema } from './progress.ts';

export const toWorkerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('run'), id: z.string(), kind: z.string(), params: z.unknown() }),
  z.object({ type: z.literal('cancel'), id: z.string() }),
  /** The reply to `plan`: which of its parts are in the store. */
  z.object({ type: z.literal('known'), id: z.string(), known: z.array(z.boolean()) }),
  z.object({ type: z.literal('shutdown') }),
]);
export type ToWorker = z.infer<typeof toWorkerSchema>;

export const jobEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: progressSchema }),
  z.object({ type: z.literal('log'), level: z.enum(['info', 'warning']), line: z.string() }),
  z.object({ type: z.literal('epoch'), metrics: epochMetricsSchema }),
  z.object({ type: z.literal('checkpoint'), path: z.string(), epoch: z.int(), model: z.int() }),
  z.object({ type: z.literal('found'), runs: z.array(foundRunSchema) }),
  z.object({
    type: z.literal('found-results'),
    results: z.array(foundResultSchema),
    figures: z.array(foundFigureSchema),
  }),
  z.object({ type: z.literal('hashed'), files: z.array(hashedFileSchema) }),
  z.object({
    type: z.literal('part'),
    index: z.int().nonnegative(),
    partial: z.unknown(),
    backend: backendInfoSchema.nullable(),
  }),
]);

/**
 * Why a job has no result. `user`: the person can mend it (a UserError). `cancelled`: it was told to stop.
 * `defect`: anything else that was thrown; `stack` is for the log and for `--debug`, never for the message.
 */
export const jobFailureSchema = z.object({
  kind: z.enum(['user', 'cancelled', 'defect']),
  message: z.string(),
  hint: z.string().optional(),
  stack: z.string().optional(),
});
export type JobFailure = z.infer<typeof jobFailureSchema>;

export const fromWorkerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), pid: z.int() }),
  /** Sent once, when the first job of this worker has loaded the tensor back end. */
  z.object({ type: z.literal('backend'), backend: backendInfoSchema }),
  z.object({ type: z.literal('event'), id: z.string(), event: jobEventSchema }),
  /** Complete params of every part of the question, in the order of the result. */
  z.object({ type: z.literal('plan'), id: z.string(), parts: z.array(z.unknown()) }),
  z.object({
    type: z.literal('result'),
    id: z.string(),
    /** As the kind's result schema says, matrices as typed arrays; null where it was told in parts. */
    result: z.unknown(),
    /** Null for a job that never needed tensors. */
    backend: backendInfoSchema.nullable(),
    /** Resident memory after the job, in bytes: the pool recycles a worker whose memory does not come back. */
    residentBytes: z.number(),
  }),
  z.object({ type: z.literal('error'), id: z.string(), error: jobFailureSchema, residentBytes: z.number() }),
]);
export type FromWorker = z.infer<typeof fromWorkerSchema>;

/** Where the worker starts, from the repository root: `node src-main/worker/main.ts`. */
export const workerEntry = 'src-main/worker/main.ts';
