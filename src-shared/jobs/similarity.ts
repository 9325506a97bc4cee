import { z } from 'zod';
import { backendInfoSchema, splits, splitSchema } from '../domain.ts';
import { defineJob, jobParts } from './define.ts';
import { analysisData, pairSelection } from './pairs.ts';

export const updateSchema = z.object({
  epoch: z.int(),
  /** The update is from this epoch's checkpoint to that of `epoch`. */
  previous_epoch: z.int(),
  per_layer_similarities: z.record(z.string(), z.number()),
  /** Of all trained tensors laid end to end, entries at fixed positions included, as the reference has it. */
  aggregate_similarity: z.number(),
  /** Without those entries: weight decay shrinks them alike in both models, though no function depends on them. */
  aggregate_without_fixed: z.number(),
});

export const agreementSchema = z.object({
  epoch: z.int(),
  /** `{split}_funcsim` (share of equal predictions), `{split}_agreement_count`, `{split}_total_samples`. */
  split_results: z.record(z.string(), z.number()),
  /** Plain mean of the splits' shares. */
  aggregate_similarity: z.number(),
});

const over = <T extends z.ZodType>(entry: T) =>
  z.object({ all_epoch_results: z.array(entry), num_epochs: z.int() });

const rowSchema = z.object({
  model1_index: z.int(),
  model2_index: z.int(),
  cosine_similarity: over(updateSchema),
  functional_similarity: over(agreementSchema),
});
export type SimilarityRow = z.infer<typeof rowSchema>;

const common = { run_key: z.string(), notes: z.array(z.string()), backend: backendInfoSchema };

/** One epoch: agreement of predictions there, and the updates that led to it. One entry per pair. */
const epochSchema = z.object({
  epoch: z.int(),
  pairs: z.array(
    z.object({
      model1_index: z.int(),
      model2_index: z.int(),
      agreement: agreementSchema,
      /** Null at the first epoch. */
      update: updateSchema.nullable(),
    }),
  ),
  ...common,
});
export type EpochSimilarity = z.infer<typeof epochSchema>;

function joinEpochs(partials: readonly EpochSimilarity[]): z.infer<typeof resultSchema> {
  const first = partials[0]!;
  const rows = first.pairs.map(({ model1_index, model2_index }, p): SimilarityRow => {
    const agreements = partials.map(({ pairs }) => pairs[p]!.agreement);
    const updates = partials.flatMap(({ pairs }) => pairs[p]!.update ?? []);
    return {
      model1_index,
      model2_index,
      cosine_similarity: { all_epoch_results: updates, num_epochs: updates.length },
      functional_similarity: { all_epoch_results: agreements, num_epochs: agreements.length },
    };
  });
  const notes = new Set(partials.flatMap((partial) => partial.notes));
  if (partials.length === 1) {
    notes.add(`Only epoch ${first.epoch} was requested, so there are no updates to compare.`);
  }
  const shared = { run_key: first.run_key, notes: [...notes], backend: first.backend };
  return rows.length === 1 ? { ...rows[0]!, ...shared } : { pairs: rows, ...shared };
}

const paramsSchema = z.object({
  run: z.string().min(1).describe('run folder').meta({ label: 'Run', path: true }),
  models: pairSelection.models,
  pairs: z
    .array(z.tuple([z.int().positive(), z.int().positive()]))
    .optional()
    .describe('pairs of models; absent: all')
    .meta({ label: 'Pairs of models', advanced: true }),
  epochs: z
    .array(z.int().nonnegative())
    .min(1)
    .optional()
    .describe('epochs of the run, e.g. 0,1,5; absent: all that are saved for every model')
    .meta({ label: 'Epochs' }),
  splits: z
    .array(splitSchema)
    .min(1)
    .default([...splits])
    .describe('splits whose predictions are compared')
    .meta({ label: 'Splits' }),
  data: analysisData.meta({ label: 'Data' }),
});

/** One pair: the row at top level. Several: a list of rows. */
const resultSchema = z.union([
  z.object({ ...rowSchema.shape, ...common }),
  z.object({ pairs: z.array(rowSchema), ...common }),
]);

export const similarityJob = defineJob({
  kind: 'similarity',
  version: 1,
  title: 'Similarity over training',
  summary:
    'How similarly two networks train: the cosine between their weight updates from one saved epoch to the next, and the share of examples on which their predictions agree.',
  params: paramsSchema,
  result: resultSchema,
  parts: jobParts(
    { params: paramsSchema, partial: epochSchema, result: resultSchema },
    ['epoch', 'epochs'],
    (_params, partials) => joinEpochs(partials),
  ),
  lane: 'main',
  place: { view: 'identifiability', heading: 'Two models' },
  cacheable: true,
});
