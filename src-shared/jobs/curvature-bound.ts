import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const curvatureBoundJob = defineJob({
  kind: 'curvature-bound',
  version: 1,
  title: 'Curvature bound',
  summary:
    'Curvature and length of symmetry curves, the deviation of the chord from them, and the resulting bound on the barrier, compared with the measured barrier.',
  params: z.object({
    layers: z.int().min(2).max(6).default(2).describe('number of weight matrices').meta({ label: 'Layers' }),
    width: z.int().min(1).max(32).default(4).describe('width of every layer').meta({ label: 'Width' }),
    activation: z
      .enum(['linear', 'relu'])
      .default('linear')
      .describe('of the bias-free network trained for the job')
      .meta({ label: 'Activation' }),
    scales: z
      .array(z.number().positive().max(10))
      .min(1)
      .default([0.01, 0.03, 0.1, 0.3, 1])
      .describe('sizes of log g, one curve each')
      .meta({ label: 'Sizes of log g' }),
    steps: z
      .int()
      .min(50)
      .max(20_000)
      .default(800)
      .describe('intervals along the curve')
      .meta({ label: 'Intervals' }),
    seed: seedSchema
      .default(1)
      .describe('determines task, start and direction of log g')
      .meta({ label: 'Seed' }),
  }),
  result: z.object({
    rows: z.array(
      z.object({
        scale: z.number(),
        length: z.number(),
        max_curvature: z.number(),
        /** Largest distance of chord and curve at the same fraction of arc length. */
        chord_deviation: z.number(),
        /** max_curvature x length^2 / 8, both raised by what may happen between the samples. */
        deviation_bound: z.number(),
        /** Lipschitz constant of the loss on the tube of that radius around the curve. */
        lipschitz: z.number(),
        /** lipschitz x deviation_bound. */
        barrier_bound: z.number(),
        /** Highest loss on the chord minus the loss on the curve. */
        measured_barrier: z.number(),
      }),
    ),
    /** No row's bound is below its measurement. */
    holds: z.boolean(),
    constants: z.object({
      /** Largest singular value of the inputs. */
      input_norm: z.number(),
      /** |f(X) - Y| on the curve. */
      residual: z.number(),
      /** The loss is |f(X) - Y|^2 divided by this. */
      divisor: z.number(),
      statement: z.string(),
    }),
    seed: z.int(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
