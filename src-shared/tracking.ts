/** What was measured while a run trained: `tracking.json` of its folder in full, and per epoch in few numbers for curves. */
import { z } from 'zod';
import { backendInfoSchema, splitSchema } from './domain.ts';
import { barrierNames } from './barriers.ts';
import type { BarrierName } from './barriers.ts';
import { interpolateJob, pairsOf } from './jobs/interpolate.ts';
import { ntkEpochSchema } from './jobs/ntk.ts';
import { agreementSchema, updateSchema } from './jobs/similarity.ts';

export const trackingFileName = 'tracking.json';

const pairSchema = z.object({ model1_index: z.int(), model2_index: z.int() });

/** One row per pair of models, by rising epochs, in the form of the job `similarity`. */
const rowsOf = <T extends z.ZodType>(entry: T) =>
  z.array(z.object({ ...pairSchema.shape, all_epoch_results: z.array(entry), num_epochs: z.int() }));

/** Of `ntk`: what was not asked for is absent. */
const trackedKernelSchema = ntkEpochSchema.omit({ ntk_matrix: true }).partial().extend({
  epoch: z.int(),
  /** Beside `tracking.json`: the kernel, [examples, examples], float64. */
  ntk_matrix_file: z.string().optional(),
});
export type TrackedKernel = z.infer<typeof trackedKernelSchema>;

/** The numbers are those of the jobs `interpolate`, `similarity` and `ntk` on the checkpoints of the same epochs. */
export const trackingFileSchema = z.object({
  format: z.literal('basin-tracking'),
  version: z.literal(1),
  /** What a reader should know: where the published code does something else, epochs that are missing. */
  notes: z.array(z.string()),
  /** Data set and split, in words. */
  data: z.string(),
  backend: backendInfoSchema,
  /** Spent on all this, in seconds. */
  seconds: z.number(),
  interpolation: z
    .object({
      /** Lines between all pairs, or the mean of all models. */
      type: z.enum(['grid', 'midpoint']),
      /** Intervals of a line. */
      steps: z.int(),
      all_epoch_results: z.array(z.object({ epoch: z.int(), result: interpolateJob.result })),
      num_epochs: z.int(),
    })
    .optional(),
  cosine_similarity: z.object({ epochs: z.array(z.int()), pairs: rowsOf(updateSchema) }).optional(),
  functional_similarity: z
    .object({ epochs: z.array(z.int()), splits: z.array(splitSchema), pairs: rowsOf(agreementSchema) })
    .optional(),
  ntk_tracking: z
    .object({
      model_index: z.int(),
      all_epoch_results: z.array(trackedKernelSchema),
      num_epochs: z.int(),
      num_samples: z.int(),
      class_balanced: z.boolean(),
      split: splitSchema,
      sample_seed: z.int().nullable(),
      /** Where the examples are in the split, from 0. */
      examples: z.array(z.int()),
      num_weights: z.int(),
      num_outputs: z.int(),
      precision: z.enum(['float64', 'float32']),
    })
    .optional(),
});
export type TrackingFile = z.infer<typeof trackingFileSchema>;

const perPair = z.array(z.number().nullable());

/** One epoch in few numbers. */
export const trackedSchema = z.object({
  /** Whose numbers the lists below are, model numbers from 1. */
  pairs: z.array(z.tuple([z.int(), z.int()])).optional(),
  /** Barriers of the test loss, per pair and definition (src-shared/barriers.ts). Nats. */
  lossBarriers: z.record(z.enum(barrierNames), perPair).optional(),
  /** Drops of the test accuracy in percentage points, likewise. */
  accuracyDrops: z.record(z.enum(barrierNames), perPair).optional(),
  /** Of the mean of all models, against the mean of the models: test loss above it, and test accuracy below it. */
  midpoint: z.object({ loss: z.number().nullable(), accuracy: z.number().nullable() }).optional(),
  /** Cosine of updates since the tracked epoch before, per pair. */
  updateCosine: perPair.optional(),
  /** Share of equal predictions, mean over the splits, per pair. */
  agreement: perPair.optional(),
  /** Falling. */
  topEigenvalues: z.array(z.number()).optional(),
  /** Of the kernel and that of the first epoch. */
  cka: z.number().nullable().optional(),
  ckaSquared: z.number().nullable().optional(),
  relativeChange: z.number().nullable().optional(),
  /** |f - f_lin| / |f| */
  linearisationError: z.number().nullable().optional(),
});
export type Tracked = z.infer<typeof trackedSchema>;

/** Of an epoch; undefined if nothing was tracked there. */
export function summaryOf(file: TrackingFile, epoch: number): Tracked | undefined {
  const at = <T extends { epoch: number }>(entries: readonly T[] | undefined): T | undefined =>
    entries?.find((entry) => entry.epoch === epoch);
  const { cosine_similarity: cosine, functional_similarity: functional, ntk_tracking: ntk } = file;
  const updates = cosine?.pairs.map((row) => at(row.all_epoch_results)?.aggregate_similarity);
  const agreements = functional?.pairs.map((row) => at(row.all_epoch_results)?.aggregate_similarity);
  const curves = at(file.interpolation?.all_epoch_results)?.result;
  const summary: Tracked = {
    ...(curves && (file.interpolation!.type === 'grid' ? barriersIn(curves) : midpointIn(curves))),
    ...(isFull(updates) && { updateCosine: updates }),
    ...(isFull(agreements) && { agreement: agreements }),
    ...kernelIn(at(ntk?.all_epoch_results)),
  };
  if (Object.keys(summary).length === 0) return undefined;
  const pairs = (cosine ?? functional)?.pairs ?? (curves && pairsOf(curves));
  const named = pairs?.map((row): [number, number] => [row.model1_index, row.model2_index]);
  return { ...(named && { pairs: named }), ...summary };
}

const isFull = (values: (number | undefined)[] | undefined): values is number[] =>
  values !== undefined && values.length > 0 && values.every((value) => value !== undefined);

type Curves = z.output<typeof interpolateJob.result>;

function barriersIn(curves: Curves): Partial<Tracked> {
  const rows = pairsOf(curves);
  const by = (field: 'test_loss_barriers' | 'test_accuracy_drops') =>
    Object.fromEntries(barrierNames.map((name) => [name, rows.map((row) => row[field]?.[name] ?? null)]));
  return {
    lossBarriers: by('test_loss_barriers') as Record<BarrierName, (number | null)[]>,
    ...(rows.some((row) => row.test_accuracy !== undefined) && {
      accuracyDrops: by('test_accuracy_drops') as Record<BarrierName, (number | null)[]>,
    }),
  };
}

function midpointIn(curves: Curves): Partial<Tracked> {
  const { midpoint } = curves;
  if (!midpoint) return {};
  const own = new Map<number, { loss: number | null; accuracy: number | null }>();
  for (const row of pairsOf(curves)) {
    const ends = [
      [row.model1_index, 0],
      [row.model2_index, -1],
    ] as const;
    for (const [model, place] of ends) {
      const [loss, accuracy] = [row.test_loss?.at(place) ?? null, row.test_accuracy?.at(place) ?? null];
      own.set(model, { loss, accuracy });
    }
  }
  const ends = [...own.values()];
  const loss = gap(midpoint.test_loss, meanOf(ends.map((end) => end.loss)));
  const accuracy = gap(meanOf(ends.map((end) => end.accuracy)), midpoint.test_accuracy);
  return { midpoint: { loss, accuracy } };
}

const gap = (a: number | null | undefined, b: number | null | undefined): number | null =>
  a == null || b == null ? null : a - b;

function meanOf(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum / values.length;
}

function kernelIn(kernel: TrackedKernel | undefined): Partial<Tracked> {
  if (!kernel) return {};
  const { top_eigenvalues: top, init, linearization_agreement: linear } = kernel;
  return {
    ...(top && { topEigenvalues: top }),
    ...(init && {
      ...{ cka: init.cka, ckaSquared: init.cka_squared, relativeChange: init.relative_change },
    }),
    ...(linear && { linearisationError: linear.relative_error }),
  };
}
