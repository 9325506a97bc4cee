import { z } from 'zod';
import { backendInfoSchema, splitSchema } from '../domain.ts';
import { matrixSchema } from '../matrix.ts';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import { analysisData } from './pairs.ts';

const statsSchema = z.object({
  trace: z.number(),
  frobenius_norm: z.number(),
  max_eigenvalue: z.number(),
  min_eigenvalue: z.number(),
  mean_eigenvalue: z.number(),
  /** Of an even number the lower of the two in the middle, as torch.median takes it. */
  median_eigenvalue: z.number(),
  /** Largest / (smallest + 1e-10). */
  condition_number: z.number(),
  /** Sum / (largest + 1e-10). */
  effective_rank: z.number(),
});
export type NtkStats = z.infer<typeof statsSchema>;

/** This kernel compared with an earlier one. */
const comparisonSchema = z.object({
  /** Epoch of the earlier kernel. */
  since_epoch: z.int(),
  diff_frobenius: z.number(),
  /** Of the two kernels as vectors; null if either is 0. */
  cosine_sim: z.number().nullable(),
  /** diff_frobenius / Frobenius norm of the earlier kernel; null if that is 0. */
  relative_change: z.number().nullable(),
  /** Of the centered kernels A, B: tr(AB)^2 / (tr(A^2) tr(B^2)), as neuron-identifiability stores it; null if either is 0. */
  cka_squared: z.number().nullable(),
  /** tr(AB) / sqrt(tr(A^2) tr(B^2)), the usual CKA. */
  cka: z.number().nullable(),
});
export type NtkComparison = z.infer<typeof comparisonSchema>;

/** Outputs of the network compared with those of its linearisation at the first epoch, over all examples and outputs. */
const linearisationSchema = z.object({
  mse: z.number(),
  mean_abs_error: z.number(),
  max_error: z.number(),
  /** |f - f_lin| / |f|; null if f is 0. */
  relative_error: z.number().nullable(),
  cosine_sim: z.number().nullable(),
  /** Share of examples with the same largest output. */
  accuracy_agreement: z.number(),
});
export type NtkLinearisation = z.infer<typeof linearisationSchema>;

export const ntkEpochSchema = z.object({
  epoch: z.int(),
  ntk_stats: statsSchema,
  /** Falling, at most ten. */
  top_eigenvalues: z.array(z.number()),
  /** With the first epoch of the list; null there. */
  init: comparisonSchema.nullable(),
  /** With the epoch before in the list. */
  prev: comparisonSchema.nullable(),
  linearization_agreement: linearisationSchema.nullable(),
  /** [examples, examples] */
  ntk_matrix: matrixSchema.optional(),
});
export type NtkEpoch = z.infer<typeof ntkEpochSchema>;

export const ntkJob = defineJob({
  kind: 'ntk',
  version: 1,
  title: 'Neural tangent kernel',
  summary:
    'The kernel of the gradients of all outputs with respect to all trained weights, K(x, y) = sum over outputs k of grad f_k(x) · grad f_k(y), on some examples at several epochs: its eigenvalues, how far it has moved since the first epoch, and how well the network is described by its linearisation there.',
  params: z.object({
    run: z.string().min(1).describe('run folder').meta({ label: 'Run', path: true }),
    model: z.int().positive().default(1).describe('model of the run, from 1').meta({ label: 'Model' }),
    epochs: z
      .array(z.int().nonnegative())
      .min(1)
      .optional()
      .describe('epochs of the run, e.g. 0,1,5; absent: all that are saved')
      .meta({ label: 'Epochs' }),
    split: splitSchema.default('train').describe('split that the examples are from').meta({ label: 'Split' }),
    samples: z
      .int()
      .min(2)
      .max(2000)
      .default(100)
      .describe('examples, the same at every epoch')
      .meta({ label: 'Examples' }),
    classBalanced: z
      .boolean()
      .default(true)
      .describe('draw equally many of each class at random, instead of the first of the split')
      .meta({ label: 'Same number per class' }),
    sampleSeed: seedSchema
      .default(42)
      .describe('decides which examples of each class are drawn')
      .meta({ label: 'Sample seed', advanced: true }),
    withMatrices: z
      .boolean()
      .default(false)
      .describe('keep the kernels too')
      .meta({ label: 'Kernels', advanced: true }),
    data: analysisData.meta({ label: 'Data' }),
  }),
  result: z.object({
    run_key: z.string(),
    model_index: z.int(),
    all_epoch_results: z.array(ntkEpochSchema),
    num_epochs: z.int(),
    /** Data set and split, in words. */
    data: z.string(),
    split: splitSchema,
    num_samples: z.int(),
    class_balanced: z.boolean(),
    /** Null if the first examples of the split were taken. */
    sample_seed: seedSchema.nullable(),
    /** Where the examples are in the split, from 0. */
    examples: z.array(z.int()),
    /** Trained weights, raw entries under a mask included: the outputs do not depend on those. */
    num_weights: z.int(),
    num_outputs: z.int(),
    /** In which gradients were computed; all sums are in float64. */
    precision: z.enum(['float64', 'float32']),
    notes: z.array(z.string()),
    backend: backendInfoSchema,
  }),
  lane: 'main',
  place: { view: 'identifiability', heading: 'One model' },
  cacheable: true,
  matrices: true,
});
