import { z } from 'zod';
import { matrixSchema } from '../matrix.ts';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import {
  checkpointNames,
  checkpointParts,
  layerCommon,
  layerSelection,
  oneOrMany,
  runKeyParam,
  subspaceFields,
  subspaceParams,
} from './layer-measures.ts';

/** Two places and how far apart they are. */
const gapSchema = z.object({ value: z.number(), pair: z.tuple([z.int(), z.int()]).nullable() });

export const verdicts = ['yes', 'partly', 'no', 'not clear'] as const;

const layerSchema = z.object({
  ...subspaceFields,
  neurons: z.int(),
  /** 0 if nothing is added to the layer's weights; null if what is added is no draw (alpha I, or given). */
  sigma_f: z.number().nullable(),
  /** sum_i M[i, i]: what the neurons cost where they are. */
  own_cost: z.number(),
  /** Delta of exchanging neurons i and j. */
  transposition_cost_squared: matrixSchema,
  /** Over all pairs i < j. */
  transpositions: z.object({
    count: z.int(),
    min: z.number(),
    min_pair: z.tuple([z.int(), z.int()]),
    mean: z.number(),
    median: z.number(),
    /** How many cost more than rounding errors. */
    positive: z.int(),
    negative: z.int(),
  }),
  /** Delta_pi = sum_i (M[i, pi(i)] - M[i, i]) of random permutations. */
  random: z.object({
    deltas: z.array(z.number()),
    mean: z.number().nullable(),
    /** Divided by count - 1. */
    std: z.number().nullable(),
    min: z.number().nullable(),
  }),
  /** The permutation of least total cost: the identity, with 0, where every neuron is best where it is. */
  cheapest: z.object({ delta: z.number(), moved: z.int(), permutation: z.array(z.int().nonnegative()) }),
  /** Delta of the permutation given for this layer. */
  given: z.object({ permutation: z.array(z.int().nonnegative()), delta: z.number() }).nullable(),
  /** sqrt 2 min_(i != j) |v_j - v_i| over centers; pair: the two nearest neurons. */
  gamma_out: gapSchema,
  /** sigma_F sqrt m min_(a != b) |U_b - U_a| over the m neurons' inputs; pair: the two inputs hardest to tell apart. */
  gamma_in: gapSchema.extend({ value: z.number().nullable() }),
  /** sigma_F sqrt k m^(-2/k), how gamma_out scales for random centers; no constant. Null as gamma_in without a sigma_F. */
  gamma_out_theory: z.number().nullable(),
  center_dominance: z.object({
    /** |a_i - v_i|: how far neuron i has moved from its center. */
    moved: z.array(z.number()),
    /** min_j |v_j - v_i|: how near the next center is. */
    nearest: z.array(z.number()),
    /** Neurons with moved < nearest, and with moved < nearest / 2: the latter are nearer to their own center than to any other. */
    below_nearest: z.int(),
    below_half: z.int(),
  }),
  verdict: z.object({ told_apart: z.enum(verdicts), text: z.string(), rule: z.string() }),
});
export type LayerSensitivity = z.infer<typeof layerSchema>;

const rowSchema = z.object({
  ...checkpointNames,
  sensitivity_results: z.array(layerSchema),
  permutation_seed: z.int(),
  ...layerCommon,
});

export const permutationSensitivityJob = defineJob({
  kind: 'permutation-sensitivity',
  version: 3,
  title: 'Permutation sensitivity',
  summary:
    'Are the neurons of a layer identifiable? What every swap of two neurons, random permutations and a given one add to the realization cost, how far apart the neurons’ centers are, and a verdict in words.',
  params: z.object({
    ...layerSelection,
    ...subspaceParams,
    randomCount: z
      .int()
      .nonnegative()
      .max(100_000)
      .default(100)
      .describe('random permutations to try')
      .meta({ label: 'Random permutations' }),
    permutationSeed: seedSchema
      .default(0)
      .describe('determines the random permutations')
      .meta({ label: 'Permutation seed', advanced: true }),
    permutations: z
      .record(z.string(), z.array(z.int().nonnegative()))
      .optional()
      .describe('permutations to try, by layer: {"fc1": [2, 0, 1, ...]} puts neuron 2 of fc1 into slot 0')
      .meta({ label: 'Permutations to try', advanced: true }),
    ...runKeyParam,
  }),
  result: oneOrMany(rowSchema),
  parts: checkpointParts(rowSchema),
  lane: 'main',
  place: { view: 'identifiability', heading: 'One model' },
  cacheable: true,
  matrices: true,
});
