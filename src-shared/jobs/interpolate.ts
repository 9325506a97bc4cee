import { z } from 'zod';
import { accuracyDrops, barrierHeight, barriersSchema, isLinear, lossBarriers } from '../barriers.ts';
import type { Barriers, CurveValues } from '../barriers.ts';
import {
  alignmentSchema,
  backendInfoSchema,
  executionSchema,
  matchingModeSchema,
  recordingPointSchema,
  splitSchema,
  splits,
} from '../domain.ts';
import type { Split } from '../domain.ts';
import { multilabelLossSchema } from '../objective.ts';
import { defineJob, jobReuse } from './define.ts';
import {
  checkNormStatistics,
  completeNormStatistics,
  normStatisticsFields,
  normStatisticsParams,
} from './norm-statistics.ts';
import {
  alignmentParams,
  analysisData,
  checkSelection,
  leftOutSchema,
  pairNames,
  pairSelection,
  permutationsSchema,
} from './pairs.ts';

/** Null where a number is not finite: the network overflowed there. */
const measured = z.number().nullable();
const curve = z.array(measured);

/**
 * Of one point: exact mean loss and accuracy in percent, for each split asked for. A loss is null if it is not
 * finite. An accuracy is null if some example has a logit that is NaN, or an infinite one as its largest: which class is
 * the largest then is left to chance. It may be a number where the loss is null: a logit of -infinity is never the largest.
 */
const pointFields = {
  train_loss: measured.optional(),
  train_accuracy: measured.optional(),
  val_loss: measured.optional(),
  val_accuracy: measured.optional(),
  test_loss: measured.optional(),
  test_accuracy: measured.optional(),
};

/** The simplex midpoint: the plain mean of all models' weights, unaligned. */
export const midpointSchema = z.object({
  models: z.array(z.int()),
  num_models: z.int(),
  ...normStatisticsFields,
  ...pointFields,
});

/** What is derived from the curves of one split. */
const derivedFields = {
  /** By their definitions, see src-shared/barriers.ts. Nats, and percentage points of accuracy. */
  train_loss_barriers: barriersSchema.optional(),
  val_loss_barriers: barriersSchema.optional(),
  test_loss_barriers: barriersSchema.optional(),
  train_accuracy_drops: barriersSchema.optional(),
  val_accuracy_drops: barriersSchema.optional(),
  test_accuracy_drops: barriersSchema.optional(),
  /** The reference's. Percent, at most 0: (lowest accuracy - that of the better end) / that of the better end x 100. */
  train_barrier_height: measured.optional(),
  val_barrier_height: measured.optional(),
  test_barrier_height: measured.optional(),
  /** The reference's. The middle accuracy lies within 0.5 percentage points of the mean of the ends. */
  train_linearity: z.boolean().nullable().optional(),
  val_linearity: z.boolean().nullable().optional(),
  test_linearity: z.boolean().nullable().optional(),
};

/** One pair. Accuracies in percent, losses exact means over the split; absent for splits not asked for. */
export const interpolationSchema = z.object({
  ...pairNames,
  lambdas: z.array(z.number()),
  /**
   * What loss and accuracy are if examples have several binary labels (`objectiveText`); absent: cross entropy, and the
   * share of examples whose class is right.
   */
  loss_name: multilabelLossSchema.optional(),
  train_loss: curve.optional(),
  train_accuracy: curve.optional(),
  val_loss: curve.optional(),
  val_accuracy: curve.optional(),
  test_loss: curve.optional(),
  test_accuracy: curve.optional(),
  ...derivedFields,
  /**
   * Euclidean, over all stored numbers, or the converted models' when aligned: running statistics are among them, whether
   * they are interpolated or not.
   */
  distance: measured,
  /** distance / sqrt(num_params) */
  normalized_distance: measured,
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
  ...normStatisticsFields,
  /** Loss and accuracy of both models with the statistics in their files, if the curve's ends have others. */
  stored_ends: z
    .object({
      train_loss: curve.optional(),
      train_accuracy: curve.optional(),
      val_loss: curve.optional(),
      val_accuracy: curve.optional(),
      test_loss: curve.optional(),
      test_accuracy: curve.optional(),
    })
    .optional(),
  /** To be shown with every figure made of this curve. */
  note: z.string().optional(),
});
export type Interpolation = z.infer<typeof interpolationSchema>;

/** What follows from the curves of a split, as fields of the pair. Losses, accuracies or both. */
export function derivedOf(
  split: Split,
  lambdas: readonly number[],
  { loss, accuracy }: { loss?: CurveValues | undefined; accuracy?: CurveValues | undefined },
): Record<string, unknown> {
  return {
    ...(accuracy && { [`${split}_barrier_height`]: barrierHeight(accuracy) }),
    ...(loss && { [`${split}_loss_barriers`]: lossBarriers(lambdas, loss) }),
    ...(accuracy && { [`${split}_accuracy_drops`]: accuracyDrops(lambdas, accuracy) }),
    ...(accuracy && { [`${split}_linearity`]: isLinear(accuracy) }),
  };
}

const common = {
  warnings: z.array(z.string()),
  /** Models that could not be used at all, and pairs that could not be aligned; everything else was measured. */
  left_out: z.array(leftOutSchema).optional(),
  backend: backendInfoSchema,
  /** Absent where the curves were computed elsewhere and imported. */
  execution: executionSchema.optional(),
  /** Images per split. */
  split_sizes: z.partialRecord(splitSchema, z.int()),
  matching_seed: z.int().optional(),
};

const interpolateParams = z
  .object({
    ...pairSelection,
    steps: z
      .int()
      .positive()
      .max(1000)
      .default(8)
      .describe('intervals: steps + 1 points from 0 to 1')
      .meta({ label: 'Intervals' }),
    ...alignmentParams,
    splits: z
      .array(splitSchema)
      .min(1)
      .default([...splits])
      .describe('splits to evaluate on')
      .meta({ label: 'Splits' }),
    midpoint: z
      .boolean()
      .default(false)
      .describe('also evaluate the mean of all models')
      .meta({ label: 'Midpoint of all models' }),
    ...normStatisticsParams,
    data: analysisData.meta({ label: 'Data' }),
  })
  .superRefine(checkSelection)
  .superRefine(checkNormStatistics);

export const interpolateJob = defineJob({
  kind: 'interpolate',
  version: 2,
  title: 'Interpolate',
  summary:
    'Loss and accuracy along the straight line between two models (or every pair of several), with its barriers; the second model permuted first if asked.',
  params: interpolateParams,
  /** One pair: its curve at top level. Several: a list. */
  result: z.union([
    z.object({ ...interpolationSchema.shape, midpoint: midpointSchema.optional(), ...common }),
    z.object({ pairs: z.array(interpolationSchema), midpoint: midpointSchema.optional(), ...common }),
  ]),
  lane: 'main',
  place: { view: 'interpolation' },
  cacheable: true,
  reuse: jobReuse(
    interpolateParams,
    ({ splits: _splits, midpoint: _midpoint, mode, recordingPoint, alignSplit, ...rest }) => ({
      ...rest,
      ...completeNormStatistics(rest),
      // The result says whether anybody chose.
      chosen: rest.normStatistics !== undefined,
      ...(rest.align === 'activation' && { mode, recordingPoint, alignSplit }),
    }),
    (given, asked) => {
      if (!asked.splits.every((split) => given.splits.includes(split))) return 0;
      return given.midpoint || !asked.midpoint ? 2 : 1;
    },
  ),
});

type Result = z.output<typeof interpolateJob.result>;

/** The pairs of a result: one, or all of them. */
export const pairsOf = (result: Result): Interpolation[] => ('pairs' in result ? result.pairs : [result]);

/** A result of an older Basin with the fields it lacks. */
export function withBarriers(result: Result): Result {
  const complete = <T extends Interpolation>(pair: T): T =>
    splits.reduce<T>((all, split) => {
      const [loss, accuracy] = [all[`${split}_loss`], all[`${split}_accuracy`]];
      return { ...derivedOf(split, all.lambdas, { loss, accuracy }), ...all };
    }, pair);
  return 'pairs' in result ? { ...result, pairs: result.pairs.map(complete) } : complete(result);
}

/** Loss barriers and accuracy drops of one split, from its curves; undefined if it was not evaluated. */
export function barriersOf(pair: Interpolation, split: Split): { loss?: Barriers; accuracy?: Barriers } {
  const [loss, accuracy] = [pair[`${split}_loss`], pair[`${split}_accuracy`]];
  return {
    ...(loss && { loss: lossBarriers(pair.lambdas, loss) }),
    ...(accuracy && { accuracy: accuracyDrops(pair.lambdas, accuracy) }),
  };
}
