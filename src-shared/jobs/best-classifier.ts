import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const bestClassifierJob = defineJob({
  kind: 'best-classifier',
  version: 1,
  title: 'Best classifier',
  summary:
    'The accuracy that no classifier exceeds on a mixture of Gaussians as the data set gaussian-subspace draws it: that of the most probable class, from the known densities.',
  params: z.object({
    classes: z.int().min(2).max(1000).default(20).meta({ label: 'Classes' }),
    dimension: z
      .int()
      .min(1)
      .max(256)
      .default(2)
      .describe('intrinsic dimension of the data')
      .meta({ label: 'Intrinsic dimension' }),
    separation: z
      .number()
      .positive()
      .default(0.3)
      .describe('scale of the means of the classes')
      .meta({ label: 'Class separation' }),
    examples: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('test examples that are classified')
      .meta({ label: 'Examples' }),
    structureSeed: seedSchema
      .default(0)
      .describe('determines means and shapes of the classes: structure_seed of the data set')
      .meta({ label: 'Structure seed' }),
    samplingSeed: seedSchema
      .default(1)
      .describe('determines the examples: sampling_seed_test of the data set')
      .meta({ label: 'Sampling seed' }),
  }),
  result: z.object({
    /** Percent of the examples whose most probable class is their own. */
    accuracy: z.number(),
    /** Percent: mean probability of the most probable class. The same in the mean over examples, with less scatter. */
    expected_accuracy: z.number(),
    examples: z.int(),
  }),
  lane: 'main',
  place: null,
  cacheable: true,
});
