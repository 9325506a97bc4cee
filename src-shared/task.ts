/**
 * One job for `basin worker`, which runs without an engine: a spec in a folder of its own, and the files that it leaves
 * beside the spec.
 */
import { z } from 'zod';
import { backendInfoSchema } from './domain.ts';

export const taskSpecSchema = z.strictObject({
  kind: z.string().min(1),
  /** Complete, or as the kind's schema takes them. */
  params: z.unknown(),
  /** Of the kind's computation; another one in this installation is refused. Absent: any. */
  version: z.int().nonnegative().optional(),
  /** File that says which process works on the job; absent: beside the spec. */
  claim: z.string().optional(),
  /** Entry file of the worker; absent: Basin's own. */
  worker: z.string().optional(),
  /** Variables of the worker's environment. */
  env: z.record(z.string(), z.string()).default({}),
  /** Folder of this machine to which the TensorFlow library is copied; absent: it is used where it is. */
  localCache: z.string().optional(),
});
export type TaskSpec = z.infer<typeof taskSpecSchema>;
export type TaskSpecInput = z.input<typeof taskSpecSchema>;

/** Names of the files beside a spec. */
export const taskFiles = {
  spec: 'spec.json',
  /** The result, with `{ $matrix }` in place of each matrix, and the folder of these. */
  result: 'result.json',
  matrices: 'matrices',
  /** Why there is no result. */
  failure: 'failure.json',
  progress: 'progress.json',
  /** What the job told besides: log lines, epochs, checkpoints; one JSON document per line. */
  events: 'events.jsonl',
} as const;

export const taskResultSchema = z.object({
  result: z.unknown(),
  backend: backendInfoSchema.nullable(),
});

/** `stopped`: told to stop before its end. `died`: its process ended; `cause` as the engine names it. */
export const taskFailureSchema = z.object({
  kind: z.enum(['user', 'defect', 'stopped', 'died']),
  cause: z.enum(['memory', 'crash', 'killed', 'exit', 'start']).optional(),
  message: z.string(),
  hint: z.string().optional(),
  stack: z.string().optional(),
});
export type TaskFailure = z.infer<typeof taskFailureSchema>;
