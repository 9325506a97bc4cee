import { z } from 'zod';
import { randomTrainings, seedSchema } from './common.ts';
import { defineJob } from './define.ts';

const countSchema = z.object({
  expected: z.int(),
  /** Classes left after joining with explicit zero-loss paths. */
  found: z.int(),
  starts: z.int(),
  /** Starts that reached a loss below 1e-12 |Y|^2. Only these are joined and counted. */
  converged: z.int(),
  left_out: z.array(z.object({ start: z.int(), relative_loss: z.number() })),
  classes: z.array(
    z.object({
      count: z.int(),
      /** Signs of det(W_2 W_1 + skip I) that occur in the class. */
      inner_signs: z.array(z.int()),
      /** Signs of det W_1 that occur in the class. */
      first_layer_signs: z.array(z.int()),
    }),
  ),
  /** As a fraction of |Y|^2. */
  max_loss_on_paths_within: z.number(),
});

export const skipConnectionsJob = defineJob({
  kind: 'skip-connections',
  version: 2,
  title: 'Skip connections',
  summary:
    'Counts the connected components of the solutions of a three-layer linear network with and without a skip connection around its first two layers; at width 1 the set is drawn in the (w1, w2) plane.',
  params: z.object({
    width: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('width h; 1 is the scalar case that can be drawn')
      .meta({ label: 'Width' }),
    skip: z
      .number()
      .refine(
        (value) => value !== 0 && Number.isFinite(value),
        'a number other than 0 is needed: 0 means no skip connection',
      )
      .default(0.5)
      .describe('epsilon of W3 (W2 W1 + epsilon I)')
      .meta({ label: 'Skip strength ε' }),
    ...randomTrainings,
    samples: z
      .int()
      .min(10)
      .max(5000)
      .default(600)
      .describe('width 1: points sampled in the plane and joined')
      .meta({ label: 'Points in the plane' }),
    seed: seedSchema
      .default(1)
      .describe('determines the task, the starts and the samples')
      .meta({ label: 'Seed' }),
  }),
  result: z.object({
    width: z.int(),
    skip: z.number(),
    seed: z.int(),
    with_skip: countSchema,
    without_skip: countSchema,
    /** Width 1 only: w3 (w2 w1 + skip) = target in the (w1, w2) plane. */
    plane: z
      .object({
        /** The square drawn is [-bound, bound]^2. */
        bound: z.number(),
        target: z.number(),
        /** Components among the sampled points, found by joining. */
        components: z.int(),
        points: z.array(z.object({ w1: z.number(), w2: z.number(), component: z.int() })),
        /** The hyperbola w1 w2 = -skip, one polyline per branch: the points that no w3 can mend. */
        boundary: z.array(z.array(z.tuple([z.number(), z.number()]))),
      })
      .optional(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
