/** What the kinds of job that compare models pair by pair have in common: which checkpoints, aligned how, on what data. */
import { z } from 'zod';
import {
  alignmentSchema,
  correlationModeSchema,
  matchingModeSchema,
  recordingPointSchema,
  splitSchema,
} from '../domain.ts';
import { matrixSchema } from '../matrix.ts';
import { analysisDataSchema, seedSchema } from './common.ts';

/** Models of one run at one epoch, or any checkpoint files; all pairs of them unless `pairs` says which. */
export const pairSelection = {
  run: z.string().min(1).optional().describe('run folder').meta({ label: 'Run', path: true }),
  models: z
    .array(z.int().positive())
    .optional()
    .describe('models of the run, from 1; absent: all of them')
    .meta({ label: 'Models' }),
  epoch: z
    .int()
    .nonnegative()
    .optional()
    .describe('epoch of the run, 0 is the initialisation')
    .meta({ label: 'Epoch' }),
  checkpoints: z
    .array(z.string().min(1))
    .optional()
    .describe('checkpoint files instead of run, models and epoch; they may belong to different runs')
    .meta({ label: 'Checkpoint files', advanced: true, path: true }),
  pairs: z
    .array(z.tuple([z.int().positive(), z.int().positive()]))
    .optional()
    .describe(
      'pairs of models (of a run: its model numbers; of checkpoint files: positions in the list, from 1); absent: all',
    )
    .meta({ label: 'Pairs of models', advanced: true }),
};

/** Several epochs instead of one, of kinds that take both. */
export const epochsOfRun = {
  epochs: z
    .union([z.literal('all'), z.array(z.int().nonnegative()).min(1)])
    .optional()
    .describe('several epochs instead of one, e.g. 0,5,100; all: every saved epoch')
    .meta({ label: 'Epochs' }),
};

/** The rules that a schema of optional fields cannot say. */
export function checkSelection(
  value: {
    run?: string | undefined;
    epoch?: number | undefined;
    /** Of kinds that take several. */
    epochs?: unknown;
    models?: unknown;
    checkpoints?: string[] | undefined;
  },
  context: z.RefinementCtx,
): void {
  const issue = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  if (value.checkpoints !== undefined) {
    const others = [value.run, value.models, value.epoch, value.epochs];
    if (others.some((other) => other !== undefined)) {
      issue('checkpoints', 'replaces run, models and epoch; give one or the other');
    } else if (value.checkpoints.length < 2) issue('checkpoints', 'at least two are needed');
    return;
  }
  if (value.run === undefined) issue('run', 'a run folder is needed (or checkpoints)');
  else if (value.epoch !== undefined && value.epochs !== undefined)
    issue('epochs', 'replaces epoch; give one or the other');
  else if (value.epoch === undefined && value.epochs === undefined)
    issue('epoch', 'the epoch is needed, e.g. 100; 0 is the initialisation');
}

/** How model b of a pair is brought next to model a. */
export const alignmentParams = {
  align: alignmentSchema
    .default('none')
    .describe(
      'how the second model is aligned with the first: by permuting neurons, matched by activations or by weights; orthogonal: also by rotating the residual streams of exported transformers (docs/orthogonal.md)',
    )
    .meta({ label: 'Alignment' }),
  mode: matchingModeSchema
    .default('pearson_correlation_with_zero_for_constant')
    .describe(
      'similarity of activations, maximised; reference-lmc-script reproduces the published script, which anti-aligns',
    )
    .meta({ label: 'Similarity measure' }),
  recordingPoint: recordingPointSchema
    .default('post_activation_function')
    .describe('where activations are compared')
    .meta({ label: 'Recording point' }),
  alignSplit: splitSchema
    .default('train')
    .describe('split whose activations are compared')
    .meta({ label: 'Split of the activations', advanced: true }),
  matchingSeed: seedSchema
    .default(0)
    .describe('determines visiting orders and random permutations')
    .meta({ label: 'Matching seed', advanced: true }),
  restarts: z
    .int()
    .positive()
    .max(1000)
    .default(10)
    .describe('weight matching and orthogonal alignment: independent ascents')
    .meta({ label: 'Restarts', advanced: true }),
  order: z
    .array(z.int().nonnegative())
    .optional()
    .describe(
      'weight matching: groups of units (of an MLP: hidden layers), numbered from 0, in the order every sweep visits them; absent: random orders',
    )
    .meta({ label: 'Visiting order', advanced: true }),
};

export const analysisData = analysisDataSchema.default({});

/** Permutation group (`P_0` is the first hidden layer of an MLP) -> at place i the unit of the second model that is matched with unit i of the first. */
export const permutationsSchema = z.record(z.string(), z.array(z.int().nonnegative()));

/** Fields that name the two models of a pair. */
export const pairNames = {
  model1_index: z.int(),
  model2_index: z.int(),
  epoch: z.int().nullable(),
  checkpoint_path_1: z.string(),
  checkpoint_path_2: z.string(),
};

/** What a job over several pairs had to leave out: one model with all its pairs, or one pair. */
export const leftOutSchema = z.object({
  /** Model numbers, as in `model1_index`. */
  models: z.array(z.int()).min(1).max(2),
  checkpoint_paths: z.array(z.string()).min(1).max(2),
  reason: z.string(),
});
export type LeftOut = z.infer<typeof leftOutSchema>;

/** One group's activation matching, in the reference's field names (`matching_mode` is the recording point). */
export const layerMatchingSchema = z.object({
  matching_mode: recordingPointSchema,
  correlation_mode: correlationModeSchema,
  /** The group's name. */
  layer: z.string(),
  objectives: z.object({
    optimal: z.number(),
    identity: z.number(),
    random: z.array(z.number()),
    random_mean: z.number(),
    /** Divided by count - 1; null below two random permutations. */
    random_std: z.number().nullable(),
  }),
  permutations: z.object({ optimal: z.array(z.int().nonnegative()) }),
  /** Similarity of neuron i of the first model (row) and j of the second (column), if asked for. */
  similarity: matrixSchema.optional(),
});
export type LayerMatching = z.infer<typeof layerMatchingSchema>;
