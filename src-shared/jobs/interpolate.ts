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
import { UserError } from '../errors.ts';
import { executionText } from '../execution.ts';
import { lossNameSchema } from '../objective.ts';
import { defineJob, jobParts, jobReuse } from './define.ts';
import {
  checkNormStatistics,
  completeNormStatistics,
  normStatisticsFields,
  normStatisticsParams,
} from './norm-statistics.ts';
import { orthogonalSchema } from './orthogonal.ts';
import {
  alignmentParams,
  analysisData,
  checkSelection,
  epochsOfRun,
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
  loss_name: lossNameSchema.optional(),
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
  /** Of the second model, where it was aligned by permutations. */
  permutations: permutationsSchema.optional(),
  /** How both models were changed, where they were aligned by more than permutations. */
  orthogonal: orthogonalSchema.optional(),
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

const { checkpoints, pairs, ...selection } = pairSelection;

const interpolateParams = z
  .object({
    ...selection,
    ...epochsOfRun,
    checkpoints,
    pairs,
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

const oneSchema = z.object({
  ...interpolationSchema.shape,
  midpoint: midpointSchema.optional(),
  ...common,
});
const listSchema = z.object({
  pairs: z.array(interpolationSchema),
  midpoint: midpointSchema.optional(),
  /** Of several epochs: one each. */
  midpoints: z.array(midpointSchema.extend({ epoch: z.int() })).optional(),
  ...common,
});

/** No pair of an epoch could be evaluated: other epochs of the same question can be. */
const failedSchema = z.object({ failed: z.string(), hint: z.string().optional() });
export type FailedEpoch = z.infer<typeof failedSchema>;

/** One pair: its curve at top level. Several pairs, or several epochs: a list. */
const resultSchema = z.union([oneSchema, listSchema]);
/** All pairs at one epoch. */
const partialSchema = z.union([oneSchema, listSchema, failedSchema]);

type Params = z.output<typeof interpolateParams>;
type Result = z.output<typeof resultSchema>;
type EpochResult = z.output<typeof partialSchema>;

const isFailed = (partial: EpochResult): partial is FailedEpoch => 'failed' in partial;

/** @throws UserError if nothing could be evaluated */
function joinEpochs({ epochs }: Params, partials: readonly EpochResult[]): Result {
  const found = partials.flatMap((partial) => (isFailed(partial) ? [] : [partial]));
  const failed = partials.filter(isFailed);
  const first = found[0];
  if (!first) {
    const { failed: message, hint } = failed[0]!;
    throw new UserError(message, hint === undefined ? {} : { hint });
  }
  if (epochs === undefined) return first;
  // The result of a single pair is that pair and what holds for the whole, which is told once here.
  const pairs = found.flatMap(pairsOf).map((pair) => interpolationSchema.parse(pair));
  const midpoints = found.flatMap((partial) => {
    const epoch = pairsOf(partial)[0]?.epoch;
    return partial.midpoint && typeof epoch === 'number' ? [{ ...partial.midpoint, epoch }] : [];
  });
  const leftOut = found.flatMap(({ left_out }) => left_out ?? []);
  const { backend, execution, split_sizes, matching_seed } = first;
  return {
    pairs,
    ...(midpoints.length > 0 && { midpoints }),
    warnings: [
      ...new Set(found.flatMap(({ warnings }) => warnings)),
      ...failed.map((partial) => `An epoch was left out: ${partial.failed}`),
      ...executionWarning(found),
    ],
    ...(leftOut.length > 0 && { left_out: leftOut }),
    ...{ backend, execution, split_sizes, matching_seed },
  };
}

/** Epochs differ in it only if pairs were left out of some. */
function executionWarning(found: readonly Result[]): string[] {
  const ways = new Set(found.flatMap(({ execution }) => (execution ? [executionText(execution)] : [])));
  return ways.size > 1 ? [`Epochs were computed in different ways: ${[...ways].join('; ')}.`] : [];
}

export const interpolateJob = defineJob({
  kind: 'interpolate',
  version: 2,
  title: 'Interpolate',
  summary:
    'Loss and accuracy along the straight line between two models (or every pair of several, at one epoch or several), with its barriers; the second model aligned first if asked.',
  params: interpolateParams,
  result: resultSchema,
  parts: jobParts(
    { params: interpolateParams, partial: partialSchema, result: resultSchema },
    ['epoch', 'epochs'],
    joinEpochs,
  ),
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

/** The pairs of a result: one, or all of them. */
export function pairsOf(result: Result): Interpolation[] {
  return 'pairs' in result ? result.pairs : [result];
}

/** Of several epochs: the simplex midpoint of each. */
export const midpointsOf = (result: Result) => ('pairs' in result ? (result.midpoints ?? []) : []);

/** The epochs that pairs are of, ascending; a pair of models at different epochs is of none. */
export const epochsOfPairs = (pairs: readonly Interpolation[]): number[] =>
  [...new Set(pairs.flatMap(({ epoch }) => epoch ?? []))].sort((a, b) => a - b);

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
