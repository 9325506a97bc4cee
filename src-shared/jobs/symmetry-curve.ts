import { z } from 'zod';
import { lossSplit, modelOfRun, seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import { analysisData } from './pairs.ts';

export const symmetryCurveJob = defineJob({
  kind: 'symmetry-curve',
  version: 1,
  title: 'Symmetry curve',
  summary:
    'Loss along exp(t log g) . w compared with the straight line from w to g . w: for a linear or ReLU network trained for the job, or for a checkpoint, as far as its architecture can be rescaled.',
  params: z
    .object({
      layers: z
        .int()
        .min(2)
        .max(8)
        .default(3)
        .describe('number of weight matrices')
        .meta({ label: 'Layers' }),
      width: z.int().min(1).max(64).default(4).describe('width of every layer').meta({ label: 'Width' }),
      activation: z
        .enum(['linear', 'relu'])
        .default('linear')
        .describe('of the network trained for the job')
        .meta({ label: 'Activation' }),
      group: z
        .enum(['exponential', 'gaussian'])
        .default('exponential')
        .describe(
          'linear: g = exp(A) with a Gaussian A, or a Gaussian g of positive determinant (may need the product path)',
        )
        .meta({ label: 'Group element' }),
      g: z
        .array(z.array(z.number()))
        .optional()
        .describe('the group element itself, instead of a random one: rows of a width x width matrix')
        .meta({ label: 'Matrix g' }),
      position: z
        .int()
        .positive()
        .default(1)
        .describe('with g: the hidden layer it acts on, from 1')
        .meta({ label: 'Hidden layer of g', advanced: true }),
      path: z
        .enum(['auto', 'exponential'])
        .default('auto')
        .describe(
          'exponential: refuse a g without a real logarithm; auto: reach it through its polar factors',
        )
        .meta({ label: 'Path' }),
      scale: z
        .number()
        .positive()
        .max(20)
        .default(1)
        .describe('standard deviation of the entries of A, or of the log factors')
        .meta({ label: 'Scale of the group element', advanced: true }),
      steps: z
        .int()
        .positive()
        .max(1000)
        .default(40)
        .describe('intervals: steps + 1 points from 0 to 1')
        .meta({ label: 'Intervals' }),
      run: z
        .string()
        .min(1)
        .optional()
        .describe('run folder: rescale a checkpoint instead of training a network')
        .meta({ label: 'Run', path: true }),
      ...modelOfRun,
      scope: z
        .enum(['neuron', 'layer'])
        .default('neuron')
        .describe('with run: a factor per neuron, or one per layer that a norm follows')
        .meta({ label: 'Scope of the factors', advanced: true }),
      split: lossSplit,
      data: analysisData.meta({ label: 'Data' }),
      seed: seedSchema
        .default(1)
        .describe('determines task, start and group element')
        .meta({ label: 'Seed' }),
    })
    .superRefine((value, context) => {
      if (value.run !== undefined && value.epoch === undefined) {
        context.addIssue({ code: 'custom', path: ['epoch'], message: 'the epoch is needed with a run' });
      }
    }),
  result: z.object({
    t: z.array(z.number()),
    /** Sum of squared errors for linear networks, mean over samples for ReLU, mean cross entropy for a checkpoint. */
    curve_loss: z.array(z.number()),
    line_loss: z.array(z.number()),
    /** max - min of curve_loss. */
    curve_spread: z.number(),
    /** curve_spread / max of line_loss. */
    relative_spread: z.number(),
    /** Highest loss on the line minus that of the higher end. */
    line_barrier: z.number(),
    /** Distance of the two ends, and length of the curve between them (sum over its chords). */
    distance: z.number(),
    curve_length: z.number(),
    path: z.enum(['exponential', 'polar', 'rescaling']),
    /** One matrix per hidden layer, by rows; for rescalings one row of factors. */
    group_elements: z.array(z.array(z.array(z.number()))),
    /** What was moved, in words; with the reasons for what was not. */
    notes: z.array(z.string()),
    seed: z.int(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
