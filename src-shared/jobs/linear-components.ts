import { z } from 'zod';
import { randomTrainings, seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const linearComponentsJob = defineJob({
  kind: 'linear-components',
  version: 1,
  title: 'Components of linear networks',
  summary:
    'Trains many deep linear networks to zero loss and finds the connected components of the solutions by joining them with explicit zero-loss paths; compared with determinant signs and with 2^(layers - 1).',
  params: z.object({
    layers: z
      .int()
      .min(2)
      .max(6)
      .default(3)
      .describe('number of weight matrices l')
      .meta({ label: 'Layers' }),
    width: z
      .int()
      .min(1)
      .max(16)
      .default(4)
      .describe('width h; every weight matrix is h x h')
      .meta({ label: 'Width' }),
    ...randomTrainings,
    acrossPairs: z
      .int()
      .min(1)
      .max(50)
      .default(3)
      .describe('pairs of solutions to try between every two classes')
      .meta({ label: 'Pairs between classes', advanced: true }),
    seed: seedSchema
      .default(1)
      .describe('determines the task, the starts and the paths tried')
      .meta({ label: 'Seed' }),
  }),
  result: z.object({
    /** 2^(layers - 1), Corollary 4.2 of arXiv 2505.23681. */
    expected: z.int(),
    /** Classes left after joining. */
    found: z.int(),
    starts: z.int(),
    /** Starts that reached a loss below 1e-12 |Y|^2. Only these are joined and counted. */
    converged: z.int(),
    left_out: z.array(z.object({ start: z.int(), relative_loss: z.number() })),
    /** Signs of det W_1 .. det W_(l-1); `mixed` where members of a class differ (they should not). */
    classes: z.array(z.object({ signs: z.array(z.int()), count: z.int(), mixed: z.boolean() })),
    /** Each class has one pattern of signs, and no two classes share one. */
    classes_match_signs: z.boolean(),
    /** Largest loss on any path that joined two solutions, as a fraction of |Y|^2. */
    max_loss_on_paths_within: z.number(),
    paths_within: z.int(),
    /** Of every path tried between two classes the least singular value of a layer along it; the largest of these. */
    min_singular_value_across: z.number(),
    paths_across: z.int(),
    /**
     * The least singular value of any layer but the last along example paths, at the places `t`: paths that joined two
     * members of a class, and straight lines between members of two classes, which touch zero.
     */
    singular_values: z.object({
      t: z.array(z.number()),
      within: z.array(z.object({ signs: z.array(z.int()), values: z.array(z.number()) })),
      across: z.array(
        z.object({ from: z.array(z.int()), to: z.array(z.int()), values: z.array(z.number()) }),
      ),
    }),
    /** Classes left when hidden units may be permuted. */
    found_up_to_permutation: z.int(),
    expected_up_to_permutation: z.int(),
    layers: z.int(),
    width: z.int(),
    seed: z.int(),
  }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
