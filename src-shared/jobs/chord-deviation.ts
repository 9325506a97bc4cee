import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const chordDeviationJob = defineJob({
  kind: 'chord-deviation',
  version: 1,
  title: 'Deviation from the chord',
  summary:
    'How far the output of an interpolated ReLU layer deviates from the straight line between the two layers’ outputs, as the trained part of the weights grows relative to the shared fixed part. Theory: exponent 3/2.',
  params: z
    .object({
      width: z
        .int()
        .min(1)
        .max(4096)
        .default(64)
        .describe('neurons of the layer')
        .meta({ label: 'Hidden units' }),
      ambient: z
        .int()
        .min(2)
        .max(4096)
        .default(128)
        .describe('inputs of the layer')
        .meta({ label: 'Dimension of the data space' }),
      intrinsic: z
        .int()
        .min(1)
        .max(512)
        .default(16)
        .describe('dimension of the subspace that holds the data')
        .meta({ label: 'Intrinsic dimension of the data' }),
      numFixed: z
        .int()
        .min(1)
        .default(64)
        .describe('fixed weights of every neuron')
        .meta({ label: 'Fixed weights per neuron' }),
      sigmaF: z
        .number()
        .positive()
        .default(1)
        .describe('deviation of the fixed weights')
        .meta({ label: 'σ_F' }),
      betas: z
        .array(z.number().positive())
        .min(2)
        .default([0.003, 0.005, 0.008, 0.014, 0.023, 0.037, 0.061, 0.1])
        .describe('sizes of the trained part relative to the fixed part')
        .meta({ label: 'Values of β' }),
      samples: z
        .int()
        .min(100)
        .max(100_000_000)
        .default(100_000)
        .describe('examples')
        .meta({ label: 'Examples' }),
      pairs: z
        .int()
        .min(1)
        .max(1000)
        .default(3)
        .describe('pairs of layers, each with its own fixed weights')
        .meta({ label: 'Pairs of layers', advanced: true }),
      lambdaSteps: z
        .int()
        .min(3)
        .max(1001)
        .default(41)
        .describe('points on the segment at which the deviation is measured')
        .meta({ label: 'Points on the line', advanced: true }),
      seed: seedSchema
        .default(1)
        .describe('determines the subspace, the weights and the examples')
        .meta({ label: 'Seed' }),
    })
    .superRefine(({ numFixed, intrinsic, ambient }, context) => {
      for (const [path, value] of [['numFixed', numFixed] as const, ['intrinsic', intrinsic] as const]) {
        if (path === 'numFixed' ? value < ambient : value <= ambient) continue;
        const message = `is ${value}, too many for ${ambient} inputs (ambient)`;
        context.addIssue({ code: 'custom', path: [path], message });
      }
    }),
  result: z.object({
    betas: z.array(z.number()),
    curves: z.array(
      z.object({
        /** Per beta: largest root mean square deviation over the segment, measured on the examples. */
        deviations: z.array(z.number()),
        /** The same in closed form, for Gaussian examples of this covariance. */
        exact_deviations: z.array(z.number()),
        /** Relative to the root mean square output of the fixed part alone. */
        relative_deviations: z.array(z.number()),
        /** Where on the segment it is largest. */
        lambdas: z.array(z.number()),
        /** Share of neurons and examples whose sign changes on the way. */
        crossings: z.array(z.number()),
        slope: z.number(),
        exact_slope: z.number(),
      }),
    ),
    /** Of the log of the mean deviation over the log of beta, by least squares. */
    slope: z.number(),
    exact_slope: z.number(),
    expected_slope: z.number(),
    samples: z.int(),
    seed: z.int(),
    seconds: z.number(),
  }),
  lane: 'main',
  place: { view: 'identifiability', heading: 'Synthetic data' },
  cacheable: true,
});
