/** The words of the field, as types. Everything here is plain data. */
import { z } from 'zod';

/** Families of `model.family`: settings of W_eff = F + D * W that no `model.symmetry` stands for. */
export const generalFamilies = ['linear-residual', 'sparse', 'bias-only', 'given'] as const;

/** Families of neuron-identifiability: `model.symmetry` of a config.yaml is the position here. */
export const symmetryFamilies = ['standard', 'w-asymmetric', 'sigma-asymmetric', 'syre'] as const;

export const families = [...symmetryFamilies, ...generalFamilies] as const;
export const familySchema = z.enum(families);
export type Family = z.infer<typeof familySchema>;

export function familyOfSymmetry(symmetry: 0 | 1 | 2 | 3): (typeof symmetryFamilies)[number] {
  return symmetryFamilies[symmetry];
}

/** Families whose F is a standard normal draw times sigma_F. */
export const hasSigma = (family: Family): boolean =>
  family === 'w-asymmetric' || family === 'syre' || family === 'bias-only';

/** Families that fix so many weights of every neuron. */
export const hasNumFixed = (family: Family): boolean => family === 'w-asymmetric' || family === 'sparse';

/** As shown to people. */
export const familyNames: Record<Family, string> = {
  standard: 'standard',
  'w-asymmetric': 'W-asymmetric',
  'sigma-asymmetric': 'σ-asymmetric',
  syre: 'SYRE',
  'linear-residual': 'linear residual',
  sparse: 'sparse',
  'bias-only': 'bias-only',
  given: 'given F and D',
};

export const norms = ['layer', 'batch', 'layer_linear', 'batch_linear', 'rms', 'none'] as const;
export type Norm = (typeof norms)[number];

export const activations = ['gelu', 'relu', 'tanh', 'silu', 'identity'] as const;
export type Activation = (typeof activations)[number];

export const splits = ['train', 'val', 'test'] as const;
export const splitSchema = z.enum(splits);
export type Split = z.infer<typeof splitSchema>;

/**
 * Where activations are recorded; of a hidden layer of an MLP: the output of its linear layer, the output of its norm, the
 * input of the next linear layer. Of any network: compute/networks/recording-places.ts.
 */
export const recordingPoints = ['post_linear', 'post_norm', 'post_activation_function'] as const;
export const recordingPointSchema = z.enum(recordingPoints);
export type RecordingPoint = z.infer<typeof recordingPointSchema>;

export const correlationModes = [
  'dot_product',
  'pearson_correlation',
  'pearson_correlation_with_zero_for_constant',
  'pearson_uncorrelatedness',
  'pearson_uncorrelatedness_with_one_for_constant',
] as const;
export const correlationModeSchema = z.enum(correlationModes);
export type CorrelationMode = z.infer<typeof correlationModeSchema>;

/**
 * How a person asks for a matching: a correlation mode, or `reference-lmc-script`, which maximises 1 - |rho| exactly
 * as the published script does and so pairs the LEAST correlated neurons; offered for comparison only.
 */
export const matchingModes = [...correlationModes, 'reference-lmc-script'] as const;
export const matchingModeSchema = z.enum(matchingModes);
export type MatchingMode = z.infer<typeof matchingModeSchema>;

export const alignments = ['none', 'activation', 'weight', 'orthogonal'] as const;
export const alignmentSchema = z.enum(alignments);
export type Alignment = z.infer<typeof alignmentSchema>;

export const backendNames = ['tensorflow', 'wasm', 'cpu'] as const;
/** What computed a result; recorded in it and always shown. */
export const backendInfoSchema = z.object({
  /** `pytorch`: the result was computed elsewhere and imported. */
  name: z.enum([...backendNames, 'pytorch']),
  version: z.string(),
  device: z.enum(['cpu', 'gpu']),
  threads: z.int().positive(),
  /** Why a slower back end than `tensorflow` is in use; absent when it is in use. */
  reason: z.string().optional(),
  /** The GPU rounds the factors of float32 matrix products to TF32 (11 of 24 bits), as measured; absent: it does not. */
  precision: z.literal('tf32').optional(),
});
export type BackendInfo = z.infer<typeof backendInfoSchema>;

/**
 * How a computation ran: compiled by TensorFlow's XLA, as a graph of its kernels, or operation by operation. Which of them
 * follows from the config alone; the last bits differ between them. What was compiled ran on the back end's device.
 */
export const executionSchema = z.object({
  way: z.enum(['xla', 'graph', 'eager']),
  /** Why it was not compiled; absent if it was. */
  reason: z.string().optional(),
});
export type Execution = z.infer<typeof executionSchema>;

export const trainingExecutionSchema = executionSchema.extend({
  /** Optimizer steps in one call. */
  steps_per_call: z.int().positive(),
});
export type TrainingExecution = z.infer<typeof trainingExecutionSchema>;

/** The data a run was trained on or a checkpoint is evaluated on, as asked for. Paths are absolute. */
export const dataSourceSchema = z.object({
  name: z
    .string()
    .min(1)
    .describe("data set, such as mnist-10k or fashion-mnist; absent: the run's own, or what the folder holds")
    .meta({ label: 'Data set' }),
  dataDir: z
    .string()
    .optional()
    .describe('folder of the IDX files; absent for the embedded set')
    .meta({ label: 'Data folder', path: true }),
  splitFile: z
    .string()
    .optional()
    .describe('JSON with train_indices and val_indices; absent: the split recorded with the run')
    .meta({ label: 'Split file', path: true }),
});
export type DataSource = z.infer<typeof dataSourceSchema>;
