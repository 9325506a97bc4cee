import { z } from 'zod';
import {
  alignmentSchema,
  backendInfoSchema,
  matchingModeSchema,
  recordingPointSchema,
  splitSchema,
  splits,
} from '../domain.ts';
import { defineJob } from './define.ts';
import {
  alignmentParams,
  analysisData,
  checkSelection,
  pairNames,
  pairSelection,
  permutationsSchema,
} from './pairs.ts';

const curve = z.array(z.number());

/** Of one point: exact mean cross entropy and accuracy in percent, for each split asked for. */
const pointFields = {
  train_loss: z.number().optional(),
  train_accuracy: z.number().optional(),
  val_loss: z.number().optional(),
  val_accuracy: z.number().optional(),
  test_loss: z.number().optional(),
  test_accuracy: z.number().optional(),
};

/** The simplex midpoint: the plain mean of all models' weights, unaligned. */
export const midpointSchema = z.object({ models: z.array(z.int()), num_models: z.int(), ...pointFields });

/** One pair. Accuracies in percent, losses exact means over the split; absent for splits not asked for. */
export const interpolationSchema = z.object({
  ...pairNames,
  lambdas: curve,
  train_loss: curve.optional(),
  train_accuracy: curve.optional(),
  val_loss: curve.optional(),
  val_accuracy: curve.optional(),
  test_loss: curve.optional(),
  test_accuracy: curve.optional(),
  /** Percent, at most 0: (lowest accuracy - that of the better end) / that of the better end x 100. */
  train_barrier_height: z.number().optional(),
  val_barrier_height: z.number().optional(),
  test_barrier_height: z.number().optional(),
  /** Highest loss minus that of the higher end, at least 0, in the units of the loss. */
  train_loss_barrier: z.number().optional(),
  val_loss_barrier: z.number().optional(),
  test_loss_barrier: z.number().optional(),
  /** The middle accuracy lies within 0.5 percentage points of the mean of the ends. */
  train_linearity: z.boolean().optional(),
  val_linearity: z.boolean().optional(),
  test_linearity: z.boolean().optional(),
  /** Euclidean, over what the curve interpolates: all stored numbers, or the converted models' when aligned. */
  distance: z.number(),
  /** distance / sqrt(num_params) */
  normalized_distance: z.number(),
  /** Trainable numbers, fixed entries left out. */
  num_params: z.int(),
  align: alignmentSchema,
  mode: matchingModeSchema.optional(),
  recording_point: recordingPointSchema.optional(),
  /** Of the second model, where it was aligned. */
  permutations: permutationsSchema.optional(),
  /**
   * How far the two models' hidden units differ in scale (1: not at all); a large one makes a barrier meaningless.
   * Absent where the models themselves were not at hand (imported curves).
   */
  rescaling_ratio: z.number().optional(),
  /** To be shown with every figure made of this curve. */
  note: z.string().optional(),
});
export type Interpolation = z.infer<typeof interpolationSchema>;

const common = {
  warnings: z.array(z.string()),
  backend: backendInfoSchema,
  /** Images per split. */
  split_sizes: z.partialRecord(splitSchema, z.int()),
  matching_seed: z.int().optional(),
};

export const interpolateJob = defineJob({
  kind: 'interpolate',
  version: 1,
  title: 'Interpolate',
  summary:
    'Loss and accuracy along the straight line between two models (or every pair of several), with its barrier; the second model permuted first where asked.',
  params: z
    .object({
      ...pairSelection,
      steps: z.int().positive().max(1000).default(8).describe('intervals: steps + 1 points from 0 to 1'),
      ...alignmentParams,
      splits: z
        .array(splitSchema)
        .min(1)
        .default([...splits])
        .describe('splits to evaluate on'),
      midpoint: z.boolean().default(false).describe('also evaluate the mean of all models'),
      data: analysisData,
    })
    .superRefine(checkSelection),
  /** One pair: its curve at top level. Several: a list. */
  result: z.union([
    z.object({ ...interpolationSchema.shape, midpoint: midpointSchema.optional(), ...common }),
    z.object({ pairs: z.array(interpolationSchema), midpoint: midpointSchema.optional(), ...common }),
  ]),
  cacheable: true,
});
