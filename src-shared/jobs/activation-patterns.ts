import { z } from 'zod';
import { backendInfoSchema, recordingPointSchema, splitSchema } from '../domain.ts';
import { defineJob, jobParts } from './define.ts';
import { analysisData, pairSelection } from './pairs.ts';

/** Deviations divide by count - 1; null if there is one value only. */
const deviation = z.number().nullable();

const patternSchema = z.object({
  hook_location: recordingPointSchema,
  /** Permutation group: P_0 is the first hidden layer of an MLP. */
  layer: z.string(),
  /** Share of all (input, neuron) at which both models' activations are positive, or both are not. */
  agreement_ratio: z.number(),
  /** The same if neuron by neuron, the signs of both models were drawn independently with their own shares. */
  chance_agreement_ratio: z.number(),
  positive_ratio_a: z.number(),
  positive_ratio_b: z.number(),
  /** Deviation of a neuron's sign (1 positive, 0 not) over the inputs, mean over neurons. */
  std_per_neuron_a: deviation,
  std_per_neuron_b: deviation,
  /** Deviation of the signs over the neurons at an input, mean over inputs. */
  std_per_input_a: deviation,
  std_per_input_b: deviation,
  num_activations: z.int(),
  /** Examples; of images each pixel, of graphs each node. */
  num_inputs: z.int(),
});
export type ActivationPattern = z.infer<typeof patternSchema>;

const pairSchema = z.object({
  model1_index: z.int(),
  model2_index: z.int(),
  epoch: z.int(),
  activation_pattern_results: z.array(patternSchema),
});
export type PatternPair = z.infer<typeof pairSchema>;

const common = {
  run_key: z.string(),
  split: splitSchema,
  data: z.string(),
  notes: z.array(z.string()),
  backend: backendInfoSchema,
};

const epochSchema = z.object({ epoch: z.int(), pairs: z.array(pairSchema), ...common });
export type EpochPatterns = z.infer<typeof epochSchema>;

const resultSchema = z.object({ pairs: z.array(pairSchema).min(1), ...common });

const paramsSchema = z.object({
  run: z.string().min(1).describe('run folder').meta({ label: 'Run', path: true }),
  models: pairSelection.models,
  pairs: z
    .array(z.tuple([z.int().positive(), z.int().positive()]))
    .optional()
    .describe('pairs of models; absent: all')
    .meta({ label: 'Pairs of models', advanced: true }),
  epochs: z
    .array(z.int().nonnegative())
    .min(1)
    .optional()
    .describe('epochs of the run, e.g. 0,20,40; absent: all that are saved for every model')
    .meta({ label: 'Epochs' }),
  recordingPoint: z
    .union([recordingPointSchema, z.array(recordingPointSchema).min(1)])
    .default(['post_linear', 'post_activation_function'])
    .describe('place of the signs: before the norm, after it, or after the activation (or a list)')
    .meta({ label: 'Recording point' }),
  split: splitSchema.default('train').describe('split of the inputs').meta({ label: 'Split' }),
  data: analysisData.meta({ label: 'Data' }),
});

export const activationPatternsJob = defineJob({
  kind: 'activation-patterns',
  version: 1,
  title: 'Activation patterns',
  summary:
    'Which neurons are active on which inputs: how often the activations of two models have the same sign, neuron by neuron, how many are positive, and how much the signs vary over inputs and over neurons.',
  params: paramsSchema,
  result: resultSchema,
  parts: jobParts(
    { params: paramsSchema, partial: epochSchema, result: resultSchema },
    ['epoch', 'epochs'],
    (_params, partials) => {
      const { epoch: _epoch, pairs: _pairs, ...shared } = partials[0]!;
      const notes = [...new Set(partials.flatMap((partial) => partial.notes))];
      return { pairs: partials.flatMap(({ pairs }) => pairs), ...shared, notes };
    },
  ),
  lane: 'main',
  place: { view: 'identifiability', heading: 'Two models' },
  cacheable: true,
});
