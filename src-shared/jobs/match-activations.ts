import { z } from 'zod';
import {
  alignmentSchema,
  backendInfoSchema,
  matchingModes,
  recordingPointSchema,
  splitSchema,
} from '../domain.ts';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';
import { analysisData, checkSelection, layerMatchingSchema, pairNames, pairSelection } from './pairs.ts';

const rowSchema = z.object({
  ...pairNames,
  matching_results: z.array(layerMatchingSchema),
  note: z.string().optional(),
});
export type ActivationMatchingRow = z.infer<typeof rowSchema>;

/** Taken, so that one command line serves both kinds, and dropped: they have no meaning here. */
const flagsOfInterpolate = {
  steps: z.int().positive().optional().describe('as interpolate takes it; no effect here'),
  align: alignmentSchema
    .optional()
    .describe('as interpolate takes it; no effect here: the models are matched as they are'),
};

const common = { warnings: z.array(z.string()), backend: backendInfoSchema, matching_seed: z.int() };

export const matchActivationsJob = defineJob({
  kind: 'match-activations',
  version: 1,
  title: 'Match activations',
  summary:
    'How well the neurons of two models correspond: mean similarity of their activations under the best, the identity and random permutations, per layer.',
  params: z
    .object({
      ...pairSelection,
      mode: z
        .union([z.enum(matchingModes), z.array(z.enum(matchingModes)).min(1)])
        .default('pearson_correlation_with_zero_for_constant')
        .describe('similarity of activations, maximised (or a list of them)'),
      recordingPoint: z
        .union([recordingPointSchema, z.array(recordingPointSchema).min(1)])
        .default('post_activation_function')
        .describe('where activations are compared (or a list of places)'),
      alignSplit: splitSchema.default('train').describe('split whose activations are compared'),
      randomCount: z
        .int()
        .nonnegative()
        .max(100_000)
        .default(100)
        .describe('random permutations to compare with'),
      matchingSeed: seedSchema.default(0).describe('decides the random permutations'),
      withMatrices: z.boolean().default(false).describe('return the similarity matrices too'),
      data: analysisData,
      ...flagsOfInterpolate,
    })
    .superRefine(checkSelection)
    .transform(({ steps: _steps, align: _align, ...params }) => params),
  /** One pair: the row at top level. Several: a list of rows. */
  result: z.union([
    z.object({ ...rowSchema.shape, ...common }),
    z.object({ pairs: z.array(rowSchema), ...common }),
  ]),
  cacheable: true,
});
