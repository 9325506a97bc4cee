/** What the measures of single models, layer by layer, have in common. */
import { z } from 'zod';
import { backendInfoSchema, splitSchema } from '../domain.ts';
import { analysisDataSchema } from './common.ts';
import type { JobParts } from './define.ts';

/** Models of one run, at one epoch or several. */
export const layerSelection = {
  run: z.string().min(1).describe('run folder').meta({ label: 'Run', path: true }),
  models: z
    .array(z.int().positive())
    .min(1)
    .optional()
    .describe('models of the run, from 1; absent: all of them')
    .meta({ label: 'Models' }),
  epoch: z
    .union([z.int().nonnegative(), z.array(z.int().nonnegative()).min(1)])
    .describe('epoch of the run (or a list of them), 0 is the initialisation')
    .meta({ label: 'Epoch' }),
  layers: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'layers, by the names of their modules; absent: all of them. The inputs of a convolution are the patches under its kernel at every position, zeros of the padding included',
    )
    .meta({ label: 'Layers', advanced: true }),
  data: analysisDataSchema.default({}).meta({ label: 'Data' }),
};

/** The subspace in which the inputs of a layer lie. */
export const subspaceParams = {
  split: splitSchema
    .default('train')
    .describe('split whose inputs span the subspace')
    .meta({ label: 'Split' }),
  explainedVariance: z
    .number()
    .positive()
    .max(1)
    .default(0.9)
    .describe('share of the variance of the inputs that the subspace must hold')
    .meta({ label: 'Explained variance of the subspace' }),
};

export const runKeyParam = {
  runKey: z
    .string()
    .min(1)
    .optional()
    .describe('name of the run in the result; absent: the name of its folder')
    .meta({ label: 'Run name in the result', advanced: true }),
};

/** Fields that name one checkpoint, in the reference's names. */
export const checkpointNames = {
  run_key: z.string(),
  model_index: z.int(),
  epoch: z.int().nullable(),
  checkpoint_path: z.string(),
  run_directory: z.string(),
};

/** What every result says about how it came about. */
export const layerCommon = {
  split: splitSchema,
  data: z.string(),
  warnings: z.array(z.string()),
  backend: backendInfoSchema,
};

export const hookModeSchema = z.enum(['RecordInput', 'RecordOutput']);

const pairSchema = z.tuple([z.int(), z.int()]);

/** Of a convolution: what was taken as its inputs. Each row of the kernel's entries at one position is one vector. */
export const patchesSchema = z.object({
  /** images * positions */
  count: z.int(),
  images: z.int(),
  /** Of the kernel on one image. */
  positions: z.int(),
  kernel: pairSchema,
  stride: pairSchema,
  /** Zeros on every side, rows and columns; they are part of the patches. */
  padding: pairSchema,
});
export type PatchFields = z.infer<typeof patchesSchema>;

/** Fields that describe the subspace of one layer. */
export const subspaceFields = {
  layer: z.string(),
  hook_mode: hookModeSchema,
  /** Absent: the inputs are vectors, one per example. */
  patches: patchesSchema.optional(),
  subspace_dimension: z.int(),
  full_dimension: z.int(),
  explained_variance_ratio: z.number(),
  subspace_coherence: z.number(),
};

/** One checkpoint: its row. Several: a list of rows. */
export const oneOrMany = <S extends z.ZodType>(row: S) => z.union([row, z.array(row).min(2)]);

/** Each checkpoint is a part of its own: its row. */
export function checkpointParts<S extends z.ZodType>(row: S): JobParts {
  return {
    unit: ['checkpoint', 'checkpoints'],
    partial: row,
    join: (_params, rows) => (rows.length === 1 ? rows[0] : rows),
  };
}

/** The rows of a result that is one row or a list of them. */
export const rowsOf = <T>(result: T | T[]): T[] => (Array.isArray(result) ? result : [result]);
