import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const weightDecayStudyJob = defineJob({
  kind: 'weight-decay-study',
  version: 1,
  title: 'Weight decay study',
  summary:
    'Trains pairs of two-layer ReLU networks with SGD and L2, and with decoupled AdamW, over a range of decays: balance of the layers, distance along the orbit, and barrier before and after the symmetry is removed.',
  params: z.object({
    decays: z
      .array(z.number().min(0).max(1))
      .min(1)
      .default([0, 1e-5, 1e-4, 1e-3, 1e-2])
      .describe('weight decays; for SGD the L2 coefficient')
      .meta({ label: 'Weight decays' }),
    optimizers: z
      .array(z.enum(['sgd', 'adamw']))
      .min(1)
      .default(['sgd', 'adamw'])
      .meta({ label: 'Optimizers' }),
    inputs: z.int().min(1).max(128).default(6).meta({ label: 'Inputs' }),
    width: z.int().min(1).max(128).default(12).describe('hidden units').meta({ label: 'Hidden units' }),
    outputs: z.int().min(1).max(64).default(3).meta({ label: 'Outputs' }),
    pairs: z
      .int()
      .min(1)
      .max(50)
      .default(2)
      .describe('pairs of networks per setting, each from its own starts')
      .meta({ label: 'Pairs of networks', advanced: true }),
    steps: z
      .int()
      .min(10)
      .max(200_000)
      .default(8000)
      .describe('training steps')
      .meta({ label: 'Training steps' }),
    batch: z.int().min(1).max(4096).default(32).describe('samples per step').meta({ label: 'Batch size' }),
    learningRateSgd: z.number().positive().max(10).default(0.05).meta({ label: 'Learning rate of SGD' }),
    learningRateAdamw: z.number().positive().max(1).default(0.01).meta({ label: 'Learning rate of AdamW' }),
    imbalance: z
      .number()
      .positive()
      .max(100)
      .default(1.5)
      .describe('factor by which the lower layer is scaled up, and the upper one down, at the start')
      .meta({ label: 'Initial imbalance' }),
    seed: seedSchema
      .default(1)
      .describe('determines data, starts and batches; the same for every setting')
      .meta({ label: 'Seed' }),
  }),
  result: z.object({
    rows: z.array(
      z.object({
        optimizer: z.enum(['sgd', 'adamw']),
        decay: z.number(),
        /** Means over the networks (first group) or pairs (second group) of the setting. */
        loss: z.number(),
        /** Mean over neurons of | |in|^2 - |out|^2 | / (|in|^2 + |out|^2): 0 balanced, 1 one-sided. */
        imbalance: z.number(),
        lower_norm: z.number(),
        upper_norm: z.number(),
        distance: z.number(),
        /** After permutation and rescaling are taken out. */
        residual: z.number(),
        /** Root mean square of the logarithms of the factors found. */
        rescaling_distance: z.number(),
        barrier_before: z.number(),
        barrier_after: z.number(),
      }),
    ),
    initial_imbalance: z.number(),
    seed: z.int(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
