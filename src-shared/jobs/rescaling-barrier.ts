import { z } from 'zod';
import { lossSplit, modelOfRun, seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import { analysisData } from './pairs.ts';

const factorSchema = z
  .number()
  .refine(
    (c) => c > 0 && Number.isFinite(c),
    'a positive number is needed: sigma(c z) = c sigma(z) holds for c > 0 only',
  );

export const rescalingBarrierJob = defineJob({
  kind: 'rescaling-barrier',
  version: 2,
  title: 'Rescaling barrier',
  summary:
    'The barrier on the straight line from (W1, W2) to (c W1, W2 / c), the same function: measured against its closed form for a bias-free two-layer ReLU network, or measured for a checkpoint.',
  params: z
    .object({
      factors: z
        .array(factorSchema)
        .min(1)
        .default([1, 10, 100, 1000, 10_000])
        .describe('the factors c')
        .meta({ label: 'Factors' }),
      inputs: z
        .int()
        .min(1)
        .max(256)
        .default(8)
        .describe('of the network trained for the job')
        .meta({ label: 'Inputs' }),
      width: z.int().min(1).max(512).default(16).describe('hidden units').meta({ label: 'Hidden units' }),
      outputs: z.int().min(1).max(64).default(3).meta({ label: 'Outputs' }),
      power: z
        .number()
        .min(1)
        .max(4)
        .default(1)
        .describe('k of sigma(z) = max(0, z)^k; the upper layer takes c^-k')
        .meta({ label: 'Power of the activation' }),
      trainSteps: z
        .int()
        .min(0)
        .max(100_000)
        .default(1500)
        .describe('steps of Adam, full batch')
        .meta({ label: 'Training steps' }),
      steps: z
        .int()
        .positive()
        .max(10_000)
        .refine((steps) => steps % 2 === 0, 'an even number is needed, so that the middle is on the grid')
        .default(100)
        .describe('intervals of the segment, even')
        .meta({ label: 'Intervals' }),
      spread: z
        .number()
        .positive()
        .max(10)
        .default(1)
        .describe('standard deviation of the logarithms of the random factors')
        .meta({ label: 'Spread of the random factors' }),
      run: z
        .string()
        .min(1)
        .optional()
        .describe('run folder: rescale a checkpoint instead')
        .meta({ label: 'Run', path: true }),
      ...modelOfRun,
      split: lossSplit,
      data: analysisData.meta({ label: 'Data' }),
      seed: seedSchema
        .default(1)
        .describe('determines data, start and random factors')
        .meta({ label: 'Seed' }),
    })
    .superRefine((value, context) => {
      if (value.run !== undefined && value.epoch === undefined) {
        context.addIssue({ code: 'custom', path: ['epoch'], message: 'the epoch is needed with a run' });
      }
    }),
  result: z.object({
    rows: z.array(
      z.object({
        factor: z.number(),
        /** Euclidean norm of the rescaled weights, biases included; absent in results before version 2. */
        norm: z.number().optional(),
        /** Highest loss on the segment: mean squared error, or mean cross entropy for a checkpoint. */
        measured_loss: z.number(),
        /** s^2 E|f|^2 - 2 s E<f, y> + E|y|^2 at its highest on the same grid; null for a checkpoint. */
        closed_form_loss: z.number().nullable(),
        /** Where on the segment the highest loss was measured. */
        lambda: z.number(),
        /** measured_loss minus the loss of the ends. */
        barrier: z.number(),
        /** Largest |measured - closed form| / closed form over the segment; null for a checkpoint. */
        relative_error: z.number().nullable(),
      }),
    ),
    /** A factor of its own for every neuron. */
    random: z.object({
      factors: z.array(z.number()),
      measured_loss: z.number(),
      closed_form_loss: z.number().nullable(),
    }),
    base_loss: z.number(),
    /** Slope of log(measured_loss - base_loss) over log(c) for the factors of 100 and more; null with fewer than two. */
    growth_exponent: z.number().nullable(),
    /** 2 k for mean squared error; null for a checkpoint. */
    expected_exponent: z.number().nullable(),
    notes: z.array(z.string()),
    seed: z.int(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
