import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const embeddingFamilies = ['exact_copy', 'random_tight_frame'] as const;
export type EmbeddingFamily = (typeof embeddingFamilies)[number];

const curveSchema = z.object({
  lambdas: z.array(z.number()),
  test_losses: z.array(z.number()),
  peak_barrier: z.number(),
  midpoint_barrier: z.number(),
});
export type SyntheticCurve = z.infer<typeof curveSchema>;

const familySchema = z.object({
  /** As in the reference's config, so that a notebook that read its files reads these. */
  config: z.object({
    copies: z.int(),
    width: z.int(),
    active_prob: z.number(),
    n_train: z.int(),
    n_test: z.int(),
    batch_size: z.int(),
    epochs: z.int(),
    lr: z.number(),
    weight_decay: z.number(),
    bias_weight_decay: z.number(),
    outer_seeds: z.array(z.int()),
    interpolation_steps: z.int(),
    optimizer_name: z.literal('adamw'),
    train_hidden_bias: z.boolean(),
    num_pairs_per_outer_seed: z.int(),
    num_runs: z.int(),
  }),
  embedding_family: z.enum(embeddingFamilies),
  anchor_aligned_endpoint: z.boolean(),
  num_pairs_per_outer_seed: z.int(),
  outer_records: z.array(
    z.object({
      outer_seed: z.int(),
      mask_seed: z.int(),
      dataset_seed: z.int(),
      frame_seed: z.int().optional(),
      num_pairs: z.int(),
      spread_records: z.array(
        z.object({
          active_copies: z.int(),
          support_dims: z.int(),
          /** Subspace coherence of the embedding, 1 / active copies. */
          coherence: z.number(),
          num_pairs: z.int(),
          pair_records: z.array(
            z.object({ pair_index: z.int(), seeds: z.tuple([z.int(), z.int()]), interpolation: curveSchema }),
          ),
          /** Means over the pairs: of the curves, and of the barriers. */
          interpolation: curveSchema,
        }),
      ),
    }),
  ),
  aggregate: z.array(
    z.object({
      active_copies: z.int(),
      support_dims: z.int(),
      coherence: z.number(),
      mean_midpoint_barrier: z.number(),
      /** Over all pairs and seeds, divided by count - 1; null for one pair. */
      std_midpoint_barrier: z.number().nullable(),
      midpoint_barriers: z.array(z.number()),
    }),
  ),
});
export type SyntheticFamily = z.infer<typeof familySchema>;

export const syntheticCoherenceJob = defineJob({
  kind: 'synthetic-coherence',
  version: 1,
  title: 'Coherence and barriers, synthetic data',
  summary:
    'Trains pairs of masked ReLU networks on the same two numbers, spread over ever more coordinates, and measures the loss barrier between each pair: how barriers grow as subspace coherence falls.',
  params: z
    .object({
      copies: z
        .int()
        .min(1)
        .max(64)
        .default(10)
        .describe('most copies of each of the two numbers; half the inputs')
        .meta({ label: 'Maximum copies of each number' }),
      width: z.int().min(1).max(4096).default(128).describe('hidden units').meta({ label: 'Hidden units' }),
      activeProb: z
        .number()
        .gt(0)
        .lte(1)
        .default(0.15)
        .describe('probability that a weight is not masked')
        .meta({ label: 'Probability that a weight is trainable' }),
      nTrain: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(1024)
        .describe('training examples')
        .meta({ label: 'Training examples' }),
      nTest: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(2048)
        .describe('test examples')
        .meta({ label: 'Test examples' }),
      batchSize: z
        .int()
        .positive()
        .default(512)
        .describe('examples per step')
        .meta({ label: 'Batch size', advanced: true }),
      epochs: z
        .int()
        .min(1)
        .max(100_000)
        .default(100)
        .describe('passes over the training examples')
        .meta({ label: 'Epochs' }),
      learningRate: z
        .number()
        .positive()
        .max(1)
        .default(0.01)
        .describe('of AdamW')
        .meta({ label: 'Learning rate' }),
      weightDecay: z
        .number()
        .nonnegative()
        .default(0.01)
        .describe('of the weights, decoupled')
        .meta({ label: 'Weight decay' }),
      biasWeightDecay: z
        .number()
        .nonnegative()
        .default(0)
        .describe('of the biases, decoupled')
        .meta({ label: 'Weight decay of biases', advanced: true }),
      trainHiddenBias: z
        .boolean()
        .default(true)
        .describe('false keeps all biases at 0')
        .meta({ label: 'Trainable biases', advanced: true }),
      outerSeeds: z
        .array(seedSchema)
        .min(1)
        .default([0, 1, 2, 3, 4])
        .describe('each determines a mask, examples, a frame and its pairs of networks')
        .meta({ label: 'Seeds' }),
      numPairs: z
        .int()
        .min(1)
        .max(1000)
        .default(10)
        .describe('pairs of networks per seed')
        .meta({ label: 'Pairs per seed' }),
      interpolationSteps: z
        .int()
        .min(2)
        .max(1001)
        .default(21)
        .describe('points on the segment, ends included')
        .meta({ label: 'Points on the line' }),
      anchorAlignedEndpoint: z
        .boolean()
        .default(false)
        .describe('random frame: no rotation at one active copy, as in the exact copy')
        .meta({ label: 'Unrotated frame at one copy', advanced: true }),
      embeddings: z
        .array(z.enum(embeddingFamilies))
        .min(1)
        .default([...embeddingFamilies])
        .describe('how the two numbers are spread over the inputs')
        .meta({ label: 'Embeddings' }),
    })
    .refine((params) => Math.max(...params.outerSeeds) <= 1_000_000, {
      path: ['outerSeeds'],
      message: 'at most 1000000 each, since seeds of networks are counted up from them',
    }),
  result: z.object({
    exact_copy: familySchema.optional(),
    random_tight_frame: familySchema.optional(),
    seconds: z.number(),
  }),
  lane: 'main',
  place: { view: 'identifiability', heading: 'Synthetic data' },
  cacheable: true,
});
