import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import { analysisData, checkSelection, pairSelection } from './pairs.ts';

export const detectSymmetryJob = defineJob({
  kind: 'detect-symmetry',
  version: 1,
  title: 'Detect symmetry',
  summary:
    'Finds the group element that best takes one minimum to another: an invertible matrix per layer for linear networks, a permutation with positive factors for ReLU networks; distance and barrier before and after.',
  params: z
    .object({
      activation: z
        .enum(['linear', 'relu'])
        .default('linear')
        .describe('of the bias-free networks trained for the job')
        .meta({ label: 'Activation' }),
      layers: z
        .int()
        .min(2)
        .max(6)
        .default(2)
        .describe('number of weight matrices')
        .meta({ label: 'Layers' }),
      width: z.int().min(1).max(64).default(4).describe('width of every layer').meta({ label: 'Width' }),
      second: z
        .enum(['independent', 'orbit'])
        .default('independent')
        .describe('second network: trained independently, or moved along the orbit of the first')
        .meta({ label: 'Second network' }),
      restarts: z
        .int()
        .min(1)
        .max(100)
        .default(5)
        .describe('ReLU: visiting orders of the layers to try')
        .meta({ label: 'Restarts', advanced: true }),
      run: pairSelection.run,
      models: z
        .array(z.int().positive())
        .optional()
        .describe('with run: two models of it, from 1')
        .meta({ label: 'Models' }),
      epoch: pairSelection.epoch,
      checkpoints: z
        .array(z.string().min(1))
        .optional()
        .describe('two checkpoint files, instead of run, models and epoch')
        .meta({ label: 'Checkpoint files', advanced: true, path: true }),
      split: z
        .enum(['train', 'val', 'test'])
        .default('test')
        .describe('checkpoints: split that the loss is taken over')
        .meta({ label: 'Split' }),
      data: analysisData.meta({ label: 'Data' }),
      steps: z
        .int()
        .positive()
        .max(1000)
        .default(50)
        .describe('intervals of the straight line')
        .meta({ label: 'Intervals' }),
      seed: seedSchema
        .default(1)
        .describe('determines task, starts, hidden group element and orders')
        .meta({ label: 'Seed' }),
    })
    .superRefine((value, context) => {
      if (value.run === undefined && value.checkpoints === undefined) return;
      checkSelection(value, context);
      const chosen = value.checkpoints ?? value.models;
      if (chosen?.length === 2) return;
      const path = [value.checkpoints === undefined ? 'models' : 'checkpoints'];
      context.addIssue({ code: 'custom', path, message: 'two are needed, e.g. 1,2' });
    }),
  result: z.object({
    /** linear, relu, or what the checkpoints have. */
    activation: z.string(),
    /** Euclidean distance of the two networks, as trained and after the first is moved. */
    residual_before: z.number(),
    residual_after: z.number(),
    /** residual_after / norm of the second network */
    relative_residual: z.number(),
    barrier_before: z.number(),
    barrier_after: z.number(),
    /** Highest loss of the two networks. */
    end_loss: z.number(),
    lambda: z.array(z.number()),
    line_before: z.array(z.number()),
    line_after: z.array(z.number()),
    /** Linear: rows of one matrix per hidden layer. ReLU: one row of factors per hidden layer. */
    group_elements: z.array(z.array(z.array(z.number()))),
    /** Linear only: sign of det g per hidden layer. */
    determinant_signs: z.array(z.int()).optional(),
    /** ReLU only: permutation[j] is the neuron of the first network at place j. */
    permutations: z.array(z.array(z.int())).optional(),
    /** Root mean square of log factors (ReLU), or of log singular values of g (linear): how far along the orbit. */
    rescaling_distance: z.number(),
    /** Linear: all determinants positive. ReLU: the identity permutation leads on (factors are always positive). */
    predicted_same_component: z.boolean(),
    /** A path along the orbit was built. */
    path_found: z.boolean(),
    /** Largest loss along it, minus the loss of the first network; null where none was found. */
    path_excess_loss: z.number().nullable(),
    notes: z.array(z.string()),
    seed: z.int(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
