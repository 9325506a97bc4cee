/** config.yaml as neuron-identifiability lays it out: every key Basin knows, what it holds, what it is when absent. */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { expectationText } from '../expectation.ts';
import { didYouMean } from '../near-miss.ts';
import { taskSchema } from '../objective.ts';
import { seedSchema } from '../jobs/common.ts';
import { augmentationSchema } from './augmentation.ts';
import { chainKeys } from './chain.ts';
import { familySectionSchema } from './family.ts';
import { geometrySections } from './geometry.ts';

const count = z.int().nonnegative();
const seeds = z.union([seedSchema, z.array(seedSchema).min(1)]);
const switched = z.looseObject({ enabled: z.boolean().nullish() });

/** Parameters of the fixed part of one linear layer. */
export const maskParamsSchema = z.looseObject({
  /** sigma_F, the reference's kappa. */
  mask_constant: z.number().nullish(),
  mask_type: z.string().nullish(),
  do_normal_mask: z.boolean().nullish(),
  num_fixed: z.number().nonnegative().nullish(),
});

const modelSchema = z.looseObject({
  _target_: z.string().nullish(),
  name: z.string().nullish(),
  symmetry: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]).nullish(),
  input_dim: z.int().positive().nullish(),
  hidden_dim: z.int().positive().nullish(),
  output_dim: z.int().positive().nullish(),
  num_layers: z.int().positive().nullish(),
  n_mul: z.number().nonnegative().nullish(),
  norm: z.union([z.string(), z.literal(false)]).nullish(),
  elementwise_affine: z.boolean().nullish(),
  activation: z.union([z.string(), z.literal(false)]).nullish(),
  /** Share of each hidden layer's activations that is dropped while training. */
  dropout: z.number().min(0).lt(1).nullish(),
  asym_init_only: z.boolean().nullish(),
  mask_params: z.record(z.string(), z.unknown()).nullish(),
  /** Basin's own: F and D that no symmetry stands for. */
  family: familySectionSchema.nullish(),
  ...chainKeys,
  // Of a network exported from PyTorch, or declared.
  network: z.string().nullish(),
  description: z.unknown().optional(),
  // Of residual networks.
  depth: z.int().nullish(),
  /** Multiplies the numbers of channels. */
  w: z.int().positive().nullish(),
  num_classes: z.int().positive().nullish(),
  // Of graph networks.
  in_channels: z.int().positive().nullish(),
  hidden_channels: z.int().positive().nullish(),
  out_channels: z.int().positive().nullish(),
  model_type: z.string().nullish(),
  C_lst: z.unknown().optional(),
  /** Of residual networks: [channels, height, width]; absent: [3, 32, 32]. */
  input_shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]).nullish(),
});

const datasetSchema = z.looseObject({
  name: z.string().nullish(),
  data_dir: z.string().nullish(),
  batch_size: z.int().positive().nullish(),
  val_split: z.number().min(0).lt(1).nullish(),
  /** Seed of the train/validation split, recorded by Basin; the reference always uses 42. */
  split_seed: seedSchema.nullish(),
  /** JSON with train_indices and val_indices, instead of a seeded split. */
  split_file: z.string().nullish(),
  /** Recorded by Basin of data that a person has added: the first digits of the hash of their contents. */
  contents: z
    .string()
    .regex(/^[0-9a-f]{8,64}$/, 'hexadecimal digits of a SHA-256 were expected')
    .nullish(),
  /** What is learnt from data that a person has added, recorded by Basin; absent: one class per example. */
  task: taskSchema.nullish(),
  augmentation: augmentationSchema.nullish(),
  num_workers: count.nullish(),
  pin_memory: z.boolean().nullish(),
  enable_ffcv: z.boolean().nullish(),
  gaussian_subspace_dataset: geometrySections.gaussian_subspace_dataset.nullish(),
  multilabel_subspace_dataset: geometrySections.multilabel_subspace_dataset.nullish(),
  parity_subspace_dataset: geometrySections.parity_subspace_dataset.nullish(),
  block_model_dataset: geometrySections.block_model_dataset.nullish(),
  coherence_rotation: geometrySections.coherence_rotation.nullish(),
});

const optimizerSchema = z.looseObject({
  name: z.string().nullish(),
  lr: z.number().nonnegative().nullish(),
  weight_decay: z.number().nonnegative().nullish(),
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).nullish(),
  eps: z.number().nonnegative().nullish(),
  momentum: z.number().nonnegative().nullish(),
  nesterov: z.boolean().nullish(),
  alpha: z.number().min(0).lt(1).nullish(),
  centered: z.boolean().nullish(),
});

const schedulerSchema = z.looseObject({
  name: z.string().nullish(),
  T_max: z.int().positive().nullish(),
  eta_min: z.number().nonnegative().nullish(),
  step_size: z.int().positive().nullish(),
  milestones: z.array(count).nullish(),
  gamma: z.number().positive().nullish(),
  warmup_steps: z.int().positive().nullish(),
  /** Steps of the schedule per epoch: the published trainer of graph networks makes two, by accident. */
  steps_per_epoch: z.int().positive().nullish(),
});

const interpolationSchema = switched.extend({
  type: z.string().nullish(),
  steps: count.nullish(),
  save_every: z.int().positive().nullish(),
  rebasin: z.boolean().nullish(),
});

const trainingSchema = z.looseObject({
  num_epochs: count.nullish(),
  val_every: count.nullish(),
  save_every: z.int().positive().nullish(),
  save_path: z.string().nullish(),
  /** Share of every label that is spread over all classes. */
  label_smoothing: z.number().min(0).lt(1).nullish(),
  /** The longest gradient of a model, all its parameters together. */
  clip_grad_norm: z.number().positive().nullish(),
  /** Off unless enabled: the published configs carry its numbers, and the published code does not use them. */
  early_stopping: switched
    .extend({ patience: count.nullish(), min_delta: z.number().nonnegative().nullish() })
    .nullish(),
  save_grad_every: z.int().positive().nullish(),
  save_params_every: z.int().positive().nullish(),
  /** Of published configs; their code reads the section `interpolation` beside this one. */
  interpolation: interpolationSchema.nullish(),
  cosine_similarity: switched.extend({ save_every: z.int().positive().nullish() }).nullish(),
  functional_similarity: switched
    .extend({ save_every: z.int().positive().nullish(), splits: z.array(z.string()).nullish() })
    .nullish(),
  ntk_tracking: switched
    .extend({
      save_every: z.int().positive().nullish(),
      num_samples: count.nullish(),
      class_balanced: z.boolean().nullish(),
      split: z.string().nullish(),
      save_matrix: z.boolean().nullish(),
      compute_ntk_stats: z.boolean().nullish(),
      compute_linearization: z.boolean().nullish(),
    })
    .nullish(),
});

/** Sections whose own keys are not Basin's business (they are kept as they are). */
const openSections = ['logging', 'hydra', 'model.permutations'];

export const runConfigSchema = z.looseObject({
  model: modelSchema.nullish(),
  dataset: datasetSchema.nullish(),
  optimizer: optimizerSchema.nullish(),
  scheduler: schedulerSchema.nullish(),
  training: trainingSchema.nullish(),
  interpolation: interpolationSchema.nullish(),
  logging: z.record(z.string(), z.unknown()).nullish(),
  /** Written by training into the config of a fork: where its first weights are from. */
  fork: z
    .looseObject({
      /** A hash over the contents of the parent's checkpoints. */
      run: z.string().nullish(),
      path: z.string().nullish(),
      epoch: count.nullish(),
      child: z.int().positive().nullish(),
    })
    .nullish(),
  /** Written by adopt: where the weights are from. */
  adopted_from: z.unknown().optional(),
  adopted_as: z.unknown().optional(),
  num_models: z.int().positive().nullish(),
  seed: seedSchema.nullish(),
  init_seed: seeds.nullish(),
  optimization_seed: seeds.nullish(),
  mask_seed: seedSchema.nullish(),
  device: z.string().nullish(),
  output_dir: z.string().nullish(),
  experiment_name: z.string().nullish(),
  max_parallel_processes: z.int().positive().nullish(),
});
/** A config.yaml as read: any key may be missing or null, unknown keys are kept. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/**
 * Reads a config tolerantly: unknown keys stay, nulls stay.
 * @param where the file, for messages
 * @throws UserError naming every dotted key that cannot be read, its value and what was expected
 */
export function readConfig(value: unknown, where = 'config'): RunConfig {
  const parsed = runConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => problemOf(issue, value).message);
  throw new UserError(`${where}: ${problems.join('; ')}.`);
}

/** Every value of a config that cannot be read: its dotted key, and a sentence without its full stop. */
export function configProblems(value: unknown): { key: string; message: string }[] {
  const parsed = runConfigSchema.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map((issue) => problemOf(issue, value));
}

function problemOf(issue: z.core.$ZodIssue, value: unknown): { key: string; message: string } {
  const key = issue.path.join('.');
  const found = issue.path.reduce<unknown>((inner, part) => step(inner, part), value);
  const what = `${key === '' ? 'the document' : key} is ${JSON.stringify(found) ?? 'missing'}`;
  return { key, message: `${what}: ${expectationText(issue)}` };
}

function step(value: unknown, part: PropertyKey): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<PropertyKey, unknown>)[part]
    : undefined;
}

/** @throws UserError naming the first key that Basin does not know, dotted, with near misses. */
export function refuseUnknownKeys(config: Record<string, unknown>, where = 'config'): void {
  const known = knownKeys();
  for (const key of leafKeys(config)) {
    if (
      known.has(key) ||
      isMaskParameter(key) ||
      openSections.some((section) => key.startsWith(`${section}.`))
    )
      continue;
    const alike = sameLastWord(key, known);
    const meant =
      alike.length > 0 ? ` Did you mean "${alike.join('" or "')}"?` : didYouMean(key, nearLevel(key, known));
    throw new UserError(`${where}: unknown key "${key}".${meant}`, {
      hint: 'Nothing is trained from a config with a key that has no effect: correct or remove it.',
    });
  }
}

const maskKeys = Object.keys(maskParamsSchema.shape);

function isMaskParameter(key: string): boolean {
  const match =
    /^model\.mask_params\.(?:default|linear_mask_params_\d+|conv_f|linear|conv_[123]\.(?:conv|skip))(?:\.(\w+))?$/.exec(
      key,
    );
  return match !== null && (match[1] === undefined || maskKeys.includes(match[1]));
}

/** Known keys as deep as this one: a section is no correction for a key. */
function nearLevel(key: string, known: Set<string>): string[] {
  const depth = (k: string): number => k.split('.').length;
  return [...known].filter((k) => depth(k) === depth(key));
}

/** Keys elsewhere that end alike: `optimizer.lr` for `lr` or `training.lr`. At most three. */
function sameLastWord(key: string, known: Set<string>): string[] {
  const last = key.slice(key.lastIndexOf('.') + 1);
  return [...known].filter((k) => k.slice(k.lastIndexOf('.') + 1) === last && k !== key).slice(0, 3);
}

/** Where `model.mask_params` speaks of the layers of a residual network. `conv_1.skip` is of none: layer 1 has no weights there. */
export const resnetMaskSections = [
  ...['conv_f', 'conv_1.conv', 'conv_1.skip', 'conv_2.conv', 'conv_2.skip', 'conv_3.conv', 'conv_3.skip'],
  'linear',
];

let knownCache: Set<string> | undefined;

/** Every dotted key of the schema, sections included, and the mask parameters of `default`, of layers 0 to 3 and of residual networks. */
export function knownKeys(): Set<string> {
  if (knownCache) return knownCache;
  const known = new Set<string>(['hydra']);
  collect(runConfigSchema, '', known);
  const ofMlp = [0, 1, 2, 3].map((i) => `linear_mask_params_${i}`);
  for (const entry of ['default', ...ofMlp, ...resnetMaskSections]) {
    for (const key of maskKeys) known.add(`model.mask_params.${entry}.${key}`);
  }
  knownCache = known;
  return known;
}

function collect(schema: z.ZodType, prefix: string, into: Set<string>): void {
  let inner: unknown = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap();
  if (!(inner instanceof z.ZodObject)) return;
  for (const [key, child] of Object.entries(inner.shape as Record<string, z.ZodType>)) {
    into.add(prefix + key);
    collect(child, `${prefix}${key}.`, into);
  }
}

/** All keys of nested plain objects, dotted; a section counts as its contents unless it is empty. */
export function leafKeys(value: Record<string, unknown>, prefix = ''): string[] {
  return Object.entries(value).flatMap(([key, item]) =>
    isPlainObject(item) && Object.keys(item).length > 0 ? leafKeys(item, `${prefix}${key}.`) : [prefix + key],
  );
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
