import { z } from 'zod';
import { backendInfoSchema, recordingPointSchema, splitSchema } from '../domain.ts';
import { matrixSchema } from '../matrix.ts';
import { analysisDataSchema } from './common.ts';
import { defineJob, type ResultOf } from './define.ts';
import { subspaceParams } from './layer-measures.ts';

const paramsSchema = z.object({
  checkpoints: z
    .array(z.string().min(1))
    .min(1)
    .max(2)
    .describe('checkpoint file of both neurons, or one file for each')
    .meta({ label: 'Checkpoint files', path: true }),
  layer: z
    .string()
    .min(1)
    .describe('layer of the neurons: the name of its module or of its permutation')
    .meta({ label: 'Layer' }),
  neurons: z
    .array(z.int().nonnegative())
    .length(2)
    .describe('the two neurons, from 0, e.g. 3,17')
    .meta({ label: 'Neurons' }),
  withCosts: z
    .boolean()
    .default(true)
    .describe('realization and swap costs of the two; only neurons of one model have them')
    .meta({ label: 'Costs' }),
  recordingPoint: recordingPointSchema
    .default('post_activation_function')
    .describe('where activations are recorded; the last layer has its logits')
    .meta({ label: 'Recording point' }),
  ...subspaceParams,
  activationSplit: splitSchema
    .default('test')
    .describe('split on which activations are recorded')
    .meta({ label: 'Split of the activations' }),
  examples: z
    .int()
    .min(2)
    .max(100_000)
    .default(2000)
    .describe('activations are recorded on the first N examples of the split')
    .meta({ label: 'Examples' }),
  strongest: z
    .int()
    .min(0)
    .max(50)
    .default(4)
    .describe('number of top-activating examples shown per neuron')
    .meta({ label: 'Top examples' }),
  bins: z
    .int()
    .min(1)
    .max(500)
    .default(40)
    .describe('bins of the histograms of activations')
    .meta({ label: 'Histogram bins' }),
  data: analysisDataSchema.default({}).meta({ label: 'Data' }),
});

const pair = <S extends z.ZodType>(one: S) => z.tuple([one, one]);
/** Row 0 is the first neuron, row 1 the second. */
const twoRows = matrixSchema.refine((m) => m.rows === 2, 'expected one row per neuron');

const neuronSchema = z.object({
  checkpoint_path: z.string(),
  run_directory: z.string(),
  model_index: z.int(),
  epoch: z.int().nullable(),
  neuron: z.int(),
  bias: z.number(),
  /** Entries of its weight vector that training may change, and those that it may not. */
  free: z.int(),
  fixed: z.int(),
});

const costsSchema = z.object({
  /** M[i, i], M[j, j], M[i, j] (slot i realises neuron j), M[j, i]. */
  own_first: z.number(),
  own_second: z.number(),
  first_realises_second: z.number(),
  second_realises_first: z.number(),
  /** M[i, j] + M[j, i] - M[i, i] - M[j, j]. */
  swap: z.number(),
  /** |a_i|, |a_j|: length of the weights on the subspace. */
  projected_norms: pair(z.number()),
  /** |v_i|, |v_j|. */
  center_norms: pair(z.number()),
  /** |v_i - v_j|. */
  center_distance: z.number(),
  /** U a: the part of the weights that the inputs can see, back in input space. */
  projections: twoRows,
  /** U v: the centers, back in input space; null where nothing is fixed. */
  centers: twoRows.nullable(),
  subspace_dimension: z.int(),
  full_dimension: z.int(),
  explained_variance_ratio: z.number(),
  /** Below `subspace_dimension`: what is out of reach of the free weights is not in the costs. */
  min_gram_rank: z.int(),
  split: splitSchema,
});

const activationsSchema = z.object({
  recording_point: recordingPointSchema,
  split: splitSchema,
  /** Examples recorded, out of so many. */
  examples: z.int(),
  of: z.int(),
  /** Bins of equal width from `low` to `high`, the same for both. */
  low: z.number(),
  high: z.number(),
  counts: pair(z.array(z.int())),
  means: pair(z.number()),
  stds: pair(z.number()),
  /** Pearson correlation over the examples; null where a neuron never changes. */
  correlation: z.number().nullable(),
  /** The examples of largest activation, falling. */
  /** The label is null if an example has several. */
  strongest: pair(z.array(z.object({ index: z.int(), label: z.int().nullable(), value: z.number() }))),
  /** Inputs of those examples as images, row by row, one matrix per neuron; null where the data are no images. */
  images: pair(matrixSchema).nullable(),
});

export const inspectNeuronsJob = defineJob({
  kind: 'inspect-neurons',
  version: 1,
  title: 'Inspect two neurons',
  summary:
    'Two neurons of a layer side by side: weights, mask, fixed part, center, cost terms, and their activations on data.',
  params: paramsSchema,
  result: z.object({
    layer: z.string(),
    /** Width and height of the layer's inputs as an image; null where they are none. */
    picture: z.tuple([z.int(), z.int()]).nullable(),
    /** Null if what is added to the weights is no draw. */
    sigma_f: z.number().nullable(),
    neurons: pair(neuronSchema),
    /** Effective weights, [2, inputs]. */
    weights: twoRows,
    /** What training cannot change, [2, inputs]: 0 where an entry is free (of SYRE: noise that is added everywhere). */
    fixed: twoRows.nullable(),
    /** 1 where an entry is free, [2, inputs]; null where all are. */
    masks: twoRows.nullable(),
    costs: costsSchema.nullable(),
    activations: activationsSchema,
    data: z.string(),
    warnings: z.array(z.string()),
    backend: backendInfoSchema,
  }),
  lane: 'main',
  place: null,
  cacheable: true,
  quiet: true,
});
export type InspectedNeurons = ResultOf<typeof inspectNeuronsJob>;
