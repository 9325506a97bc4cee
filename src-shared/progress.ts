import { z } from 'zod';
import type { BackendInfo } from './domain.ts';
import type { FoundFigure, FoundResult, FoundRun, HashedFile } from './interop.ts';
import { lossNameSchema } from './objective.ts';
import { trackedSchema } from './tracking.ts';

/** How far a job is. `fraction` runs from 0 to 1; `secondsLeft` is an estimate, absent while none can be made. */
export const progressSchema = z.object({
  fraction: z.number().min(0).max(1),
  message: z.string(),
  secondsLeft: z.number().nonnegative().optional(),
});
export type Progress = z.infer<typeof progressSchema>;

/** One point of the live curves of a training job: per model, in the order of the run. */
export const epochMetricsSchema = z.object({
  epoch: z.int().nonnegative(),
  /** Mean over batches of the batch mean, as the reference logs it; null at epoch 0. */
  trainLoss: z.array(z.number()).nullable(),
  /** Exact mean loss over the validation split. */
  valLoss: z.array(z.number()).nullable(),
  /** Percent, 0 to 100; null if there is none, because numbers are predicted. */
  valAccuracy: z.array(z.number()).nullable(),
  learningRate: z.number().optional(),
  /** What loss and accuracy are if examples have other labels than one class each; absent: cross entropy. */
  lossName: lossNameSchema.optional(),
  /** What was measured of the models at this epoch, if the config asks for it. */
  tracked: trackedSchema.optional(),
  /** Of the last epoch: why training ended there, before the config's last epoch. */
  stopped: z.string().optional(),
});
export type EpochMetrics = z.infer<typeof epochMetricsSchema>;

/** Everything a running job may tell besides its result. */
export type JobEvent =
  | { type: 'progress'; progress: Progress }
  | { type: 'log'; level: 'info' | 'warning'; line: string }
  | { type: 'epoch'; metrics: EpochMetrics }
  /** A checkpoint is complete on disk under its final name. */
  | { type: 'checkpoint'; path: string; epoch: number; model: number }
  /** Run folders that a scan came upon. */
  | { type: 'found'; runs: FoundRun[] }
  /** Results of one file that an import came upon, and the figures made of them. */
  | { type: 'found-results'; results: FoundResult[]; figures: FoundFigure[] }
  /** The partial result of one part of the question, by its place in the plan that the worker sent; see `JobParts`. */
  | { type: 'part'; index: number; partial: unknown; backend: BackendInfo | null }
  /** Content hashes of checkpoints. */
  | { type: 'hashed'; files: HashedFile[] };
