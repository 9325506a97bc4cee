import { z } from 'zod';
import { defineJob } from './define.ts';
import {
  alignmentParams,
  checkSelection,
  leftOutSchema,
  pairNames,
  pairSelection,
  permutationsSchema,
} from './pairs.ts';

const norms = z.record(z.string(), z.number());

const rowSchema = z.object({
  ...pairNames,
  permutations: permutationsSchema,
  /** Sum over arrays of the Euclidean norm of (first - permuted second): what the restarts compete in. */
  sum_of_l2_norms: z.number(),
  sum_of_l2_norms_identity: z.number(),
  /** The same, array by array. */
  l2_per_param: norms,
  l2_per_param_identity: norms,
  restarts: z.array(z.object({ sum_of_l2_norms: z.number(), sweeps: z.int(), converged: z.boolean() })),
});
export type WeightMatchingRow = z.infer<typeof rowSchema>;

const common = {
  warnings: z.array(z.string()),
  /** Models whose weights are not finite numbers, with all their pairs. */
  left_out: z.array(leftOutSchema).optional(),
  matching_seed: z.int(),
};

export const matchWeightsJob = defineJob({
  kind: 'match-weights',
  version: 1,
  title: 'Match weights',
  summary:
    'Permutations that bring the second model closest to the first in weight space, by coordinate ascent from several visiting orders.',
  params: z
    .object({
      ...pairSelection,
      restarts: alignmentParams.restarts,
      matchingSeed: alignmentParams.matchingSeed,
      order: alignmentParams.order,
    })
    .superRefine(checkSelection),
  /** One pair: the row at top level. Several: a list of rows. */
  result: z.union([
    z.object({ ...rowSchema.shape, ...common }),
    z.object({ pairs: z.array(rowSchema), ...common }),
  ]),
  lane: 'main',
  place: { view: 'identifiability', heading: 'Two models' },
  cacheable: true,
});
