import { z } from 'zod';
import { executionSchema, splitSchema } from '../domain.ts';
import { matrixSchema } from '../matrix.ts';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import {
  checkpointNames,
  checkpointParts,
  layerCommon,
  layerSelection,
  oneOrMany,
  runKeyParam,
} from './layer-measures.ts';

export const ridgePairSchema = z.object({
  /** The neuron whose function is wanted. */
  id1: z.int(),
  /** The slot that learns it. */
  id2: z.int(),
  objective_full: z.number(),
  objective_mse: z.number(),
  objective_weight_regularization: z.number(),
  weight_scale_1: z.number(),
  weight_scale_2: z.number(),
});
export type RidgePair = z.infer<typeof ridgePairSchema>;

const layerSchema = z.object({
  layer: z.string(),
  beta: z.number(),
  neuron_realization_costs: z.array(ridgePairSchema),
});
export type RidgeLayer = z.infer<typeof layerSchema>;

/** Where every ordered pair was computed. */
const matricesSchema = z.object({
  layer: z.string(),
  beta: z.number(),
  neurons: z.array(z.int()),
  /** [i][j]: objective at which slot i realises neuron j. */
  ridge_cost: matrixSchema,
  transposition_cost_squared: matrixSchema,
});
export type RidgeMatrices = z.infer<typeof matricesSchema>;

const rowSchema = z.object({
  ...checkpointNames,
  num_inner_descent_iterations: z.int(),
  /** By run key, as in the reference's file. */
  results: z.record(z.string(), z.array(layerSchema)),
  matrices: z.array(matricesSchema),
  method: z.enum(['adam', 'closed-form']),
  /** How the descent was computed; absent without one, and in older results. */
  execution: executionSchema.optional(),
  compare: z.enum(['activation', 'linear']),
  warm_start: z.boolean(),
  /** Null where an imported file does not say. */
  samples: z.int().nullable(),
  ...layerCommon,
});
export type RidgeRow = z.infer<typeof rowSchema>;

export const realizationCostRidgeJob = defineJob({
  kind: 'realization-cost-ridge',
  version: 1,
  title: 'Realization cost, ridge',
  summary:
    'What it costs each neuron slot to fit another neuron’s function on the data: mean squared error / β + squared norm of its free weights, minimised for all pairs at once.',
  params: z.object({
    ...layerSelection,
    split: splitSchema
      .default('val')
      .describe('split on which functions are compared')
      .meta({ label: 'Split' }),
    betas: z
      .array(z.number().positive())
      .min(1)
      .default([0.01])
      .describe('inverse weights of the error, in the order in which they are used')
      .meta({ label: 'Values of β' }),
    warmStart: z
      .boolean()
      .default(true)
      .describe('each β starts from the previous result, as the reference does')
      .meta({ label: 'Warm start', advanced: true }),
    iterations: z
      .int()
      .positive()
      .max(1_000_000)
      .default(500)
      .describe('AdamW steps per β')
      .meta({ label: 'AdamW steps per β', advanced: true }),
    learningRate: z
      .number()
      .positive()
      .default(5e-3)
      .describe('of AdamW, without weight decay')
      .meta({ label: 'Learning rate' }),
    numNeurons: z
      .int()
      .positive()
      .default(16)
      .describe('all ordered pairs of the first N neurons')
      .meta({ label: 'Neurons' }),
    numPairs: z
      .int()
      .positive()
      .optional()
      .describe('random subset of these; absent: all')
      .meta({ label: 'Pairs of neurons' }),
    pairSeed: seedSchema
      .default(0)
      .describe('determines which pairs')
      .meta({ label: 'Pair seed', advanced: true }),
    samples: z
      .int()
      .min(2)
      .optional()
      .describe('number of random examples of the split; absent: all')
      .meta({ label: 'Examples' }),
    sampleSeed: seedSchema
      .default(4215)
      .describe('determines which examples')
      .meta({ label: 'Example seed', advanced: true }),
    compare: z
      .enum(['activation', 'linear'])
      .default('activation')
      .describe('compare outputs after the activation, or the linear outputs before it')
      .meta({ label: 'Compared outputs', advanced: true }),
    method: z
      .enum(['adam', 'closed-form'])
      .default('adam')
      .describe('closed-form: the exact minimum, available if outputs are linear in the weights')
      .meta({ label: 'Method', advanced: true }),
    ...runKeyParam,
  }),
  result: oneOrMany(rowSchema),
  parts: checkpointParts(rowSchema),
  lane: 'main',
  place: { view: 'identifiability', heading: 'One model' },
  cacheable: true,
  matrices: true,
  /** The reference's two columns, and those that say which checkpoint a row is. */
  tableColumns: [
    'num_inner_descent_iterations',
    'results',
    'checkpoint_path',
    'run_directory',
    'model_index',
    'epoch',
    'run_key',
  ],
});
