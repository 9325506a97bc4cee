import { z } from 'zod';
import { splitSchema } from '../domain.ts';
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

/** Of some distances. */
const spreadSchema = z.object({
  count: z.int(),
  min: z.number(),
  /** Between two values in proportion, as numpy's. */
  lower_quartile: z.number(),
  median: z.number(),
  upper_quartile: z.number(),
  max: z.number(),
});

const layerSchema = z.object({
  layer: z.string(),
  neurons: z.array(z.int()),
  /** [i][j]: how far the functions of neuron i lie from those that neuron j can compute. */
  distance: matrixSchema,
  /** Over all ordered pairs of different neurons. */
  others: spreadSchema,
  /** Of each neuron from itself: it can compute all of these functions, so this is what the descents leave over. */
  own: spreadSchema,
});
export type FunctionClassLayer = z.infer<typeof layerSchema>;

const rowSchema = z.object({
  ...checkpointNames,
  function_class_results: z.array(layerSchema),
  num_outer_loop_samples: z.int(),
  num_inner_descent_iterations: z.int(),
  learning_rate: z.number(),
  weight_decay: z.number(),
  draw_seed: seedSchema,
  samples: z.int(),
  /** Of the descents; the inputs of a layer are recorded in float32. */
  precision: z.enum(['float64', 'float32']),
  ...layerCommon,
});
export type FunctionClassRow = z.infer<typeof rowSchema>;

export const functionClassesJob = defineJob({
  kind: 'function-classes',
  version: 1,
  title: 'Function classes',
  summary:
    'How far the functions that one neuron can compute lie from those of another: the free weights of neuron i are drawn again and again, Adam brings neuron j as close as it can, and the largest remaining mean squared difference over several draws is the distance (a sampled Hausdorff distance).',
  params: z.object({
    ...layerSelection,
    split: splitSchema
      .default('val')
      .describe('split on which functions are compared')
      .meta({ label: 'Split' }),
    numNeurons: z
      .int()
      .min(2)
      .default(8)
      .describe('all ordered pairs of the first N neurons of a layer, each with itself too')
      .meta({ label: 'Neurons' }),
    outerSamples: z
      .int()
      .positive()
      .max(10_000)
      .default(10)
      .describe('draws per pair; more can only raise a distance (the published function has 100)')
      .meta({ label: 'Draws per pair' }),
    iterations: z
      .int()
      .positive()
      .max(1_000_000)
      .default(500)
      .describe('steps of Adam per draw; more lower the distances (the published function has 3000)')
      .meta({ label: 'Adam steps per draw' }),
    learningRate: z
      .number()
      .positive()
      .default(1e-3)
      .describe('of Adam')
      .meta({ label: 'Learning rate', advanced: true }),
    weightDecay: z
      .number()
      .nonnegative()
      .default(1e-3)
      .describe('of Adam, added to the gradient')
      .meta({ label: 'Weight decay', advanced: true }),
    drawSeed: seedSchema
      .default(0)
      .describe('determines the drawn weights')
      .meta({ label: 'Draw seed', advanced: true }),
    samples: z
      .int()
      .min(2)
      .optional()
      .describe('number of random examples of the split; absent: all')
      .meta({ label: 'Examples' }),
    sampleSeed: seedSchema
      .default(0)
      .describe('determines which examples')
      .meta({ label: 'Example seed', advanced: true }),
    ...runKeyParam,
  }),
  result: oneOrMany(rowSchema),
  parts: checkpointParts(rowSchema),
  lane: 'main',
  place: { view: 'identifiability', heading: 'One model' },
  cacheable: true,
  matrices: true,
});
