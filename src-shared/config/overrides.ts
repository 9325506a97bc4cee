/** `key.path=value` as users of hydra type it, and the config groups (`optimizer=sgd`) that they choose from. */
import { parse } from 'yaml';
import { UserError, messageOf } from '../errors.ts';
import { didYouMean } from '../near-miss.ts';

import { isFixedWeightSetting, setFixedWeights } from './fixed-weights.ts';
import { geometryDefaults } from './geometry.ts';
import { reasonNever } from './never-read.ts';
import { isPlainObject, knownKeys } from './schema.ts';

type Plain = Record<string, unknown>;

const trainingOff = {
  save_grad_every: null,
  save_params_every: null,
  cosine_similarity: { enabled: false, save_every: 1 },
  functional_similarity: { enabled: false, save_every: 1, splits: ['train', 'val', 'test'] },
  ntk_tracking: {
    enabled: false,
    save_every: 1,
    num_samples: 100,
    class_balanced: true,
    split: 'train',
    save_matrix: false,
    compute_ntk_stats: false,
    compute_linearization: false,
  },
};

const publishedTraining = { val_every: 1, save_path: null, early_stopping: null, ...trainingOff };

/** As in the published code's configs/training. */
const publishedTrainings = {
  lmc: {
    ...{ ...publishedTraining, num_epochs: 25, save_every: null },
    interpolation: { enabled: true, steps: 10, rebasin: false },
  },
  cosine_similarity: {
    ...{ ...publishedTraining, num_epochs: 100, save_every: 10 },
    cosine_similarity: { enabled: true, save_every: 1 },
  },
  interval_analysis: {
    ...{ ...publishedTraining, num_epochs: 50, save_every: 5 },
    cosine_similarity: { enabled: true, save_every: 5 },
    interpolation: { enabled: true, type: 'auto', steps: 10, save_every: 10 },
  },
};

const images = {
  data_dir: './data',
  batch_size: 64,
  val_split: 0.1,
  num_workers: 0,
  pin_memory: true,
  enable_ffcv: false,
};

/** Varied while training, as the published code does. */
const colours = {
  ...{ ...images, data_dir: null, batch_size: 128 },
  augmentation: { flip: true, pad: 4, evaluation: 'none' },
};

const made = { ...images, data_dir: null, batch_size: 128 };

/** What `section=choice` stands for. The first choice of each is the default. */
export const configGroups: Record<string, Record<string, Plain>> = {
  dataset: {
    'mnist-10k': { name: 'mnist-10k', ...images, data_dir: null },
    mnist: { name: 'mnist', ...images },
    'fashion-mnist': { name: 'fashion-mnist', ...images },
    kmnist: { name: 'kmnist', ...images },
    cifar10: { name: 'cifar10', ...colours },
    cifar100: { name: 'cifar100', ...colours },
    'mnist-10k-32': { name: 'mnist-10k-32', ...images, data_dir: null },
    idx: { name: 'idx', ...images, data_dir: null },
    'mnist-coherence': {
      ...{ name: 'mnist-coherence', ...images, data_dir: null },
      coherence_rotation: geometryDefaults.coherence_rotation,
    },
    'gaussian-subspace': {
      ...{ name: 'gaussian-subspace-dataset', ...made },
      gaussian_subspace_dataset: geometryDefaults.gaussian_subspace_dataset,
    },
    'parity-subspace': {
      ...{ name: 'parity-subspace-dataset', ...made },
      parity_subspace_dataset: geometryDefaults.parity_subspace_dataset,
    },
    'multilabel-subspace': {
      ...{ name: 'multilabel-subspace-dataset', ...made },
      multilabel_subspace_dataset: geometryDefaults.multilabel_subspace_dataset,
    },
    'block-model': {
      ...{ name: 'block-model', data_dir: null },
      block_model_dataset: geometryDefaults.block_model_dataset,
    },
    arxiv: { name: 'arxiv', data_dir: null },
    graph: { name: 'graph', data_dir: null },
  },
  optimizer: {
    adamw: { name: 'adamw', lr: 0.001, weight_decay: 0.01 },
    adam: { name: 'adam', lr: 0.001, weight_decay: 0 },
    sgd: { name: 'sgd', lr: 0.1, momentum: 0.9, weight_decay: 0.0005 },
    rmsprop: { name: 'rmsprop', lr: 0.001, alpha: 0.99, momentum: 0, weight_decay: 0 },
  },
  scheduler: {
    none: { name: 'none' },
    constant: { name: 'constant' },
    cosine: { name: 'cosine', T_max: 100, eta_min: 0 },
    step: { name: 'step', step_size: 30, gamma: 0.1 },
    multistep: { name: 'multistep', milestones: [30, 60, 90], gamma: 0.1 },
    linear_warmup: { name: 'linear_warmup', warmup_steps: 25 },
    resnet: {
      name: 'resnet_scheduler',
      milestones: Array.from({ length: 20 }, (_, i) => i + 1),
      gamma: 1.259,
    },
  },
  training: {
    default: {
      num_epochs: 100,
      val_every: 1,
      save_every: null,
      save_path: null,
      label_smoothing: 0,
      clip_grad_norm: null,
      early_stopping: { enabled: false, patience: 10, min_delta: 0.001 },
      ...trainingOff,
    },
    ...publishedTrainings,
  },
  interpolation: {
    disabled: { enabled: false, type: 'auto', steps: 25, save_every: null },
    auto: { enabled: true, type: 'auto', steps: 10, save_every: null },
    grid: { enabled: true, type: 'grid', steps: 10, save_every: null },
    midpoint: { enabled: true, type: 'midpoint', steps: 1, save_every: null },
  },
  logging: {
    console: { use_wandb: false, log_batch_metrics: false },
    wandb: { use_wandb: true, log_batch_metrics: false },
  },
};

/**
 * The section that `section=choice` stands for; undefined if there is none. Of data sets any name will do: which ones a
 * person has added is known where their files are.
 */
export function sectionChoice(section: string, choice: string): Plain | undefined {
  const group = configGroups[section];
  if (group && Object.hasOwn(group, choice)) return structuredClone(group[choice]!);
  const isName = section === 'dataset' && /^[A-Za-z0-9][\w.-]*$/.test(choice);
  return isName ? { name: choice, ...images, data_dir: null } : undefined;
}

/** A complete config but for the model: what every preset and user's config is laid over. */
export function defaultConfig(): Plain {
  const sections = Object.entries(configGroups).map(([section, choices]) => [
    section,
    Object.values(choices)[0],
  ]);
  return structuredClone({
    ...(Object.fromEntries(sections) as Plain),
    num_models: 2,
    seed: null,
    init_seed: null,
    mask_seed: null,
    optimization_seed: null,
    device: 'cpu',
    output_dir: null,
    experiment_name: null,
    max_parallel_processes: 1,
  });
}

/** `over` laid over `base`: sections are merged, everything else replaced. Neither is changed. */
export function mergeConfig(base: Plain, over: Plain): Plain {
  const merged: Plain = structuredClone(base);
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] =
      isPlainObject(below) && isPlainObject(value) ? mergeConfig(below, value) : structuredClone(value);
  }
  return merged;
}

/**
 * Applies overrides in order: `a.b=value` and `+a.b=value` set a key, `~a.b` removes one, `section=choice` takes a
 * whole section from `configGroups`, `sigma_f=` and `num_fixed=` set the fixed weights of every layer. Values are written
 * as for hydra: numbers, true, false, null, [lists], {a: 1}, text. Whether they have an effect: `configWith`.
 * @throws UserError naming the override
 */
export function applyOverrides(config: Plain, overrides: readonly string[]): Plain {
  const result = structuredClone(config);
  for (const override of overrides) applyOverride(result, parseOverride(override), override);
  return result;
}

export interface Override {
  /** `sigma_f` counts as a path of its own. */
  path: string[];
  /** `~a.b`, which removes the key. */
  removes: boolean;
  value: unknown;
  /** `section=choice` */
  choice?: string;
}

const grammar = /^(\+{1,2}|~)?([A-Za-z_][\w-]*(?:\.[\w-]+)*)(?:(=)([\s\S]*))?$/;

/** Does a command-line word look like an override rather than a file or a preset? */
export function isOverride(word: string): boolean {
  return /^(\+{0,2}[A-Za-z_][\w.-]*=|~[A-Za-z_])/.test(word);
}

/** @throws UserError for a word that is none, or a value that cannot be read */
export function parseOverride(override: string): Override {
  const match = grammar.exec(override.trim());
  const [, sign, path = '', equals, text = ''] = match ?? [];
  if (!match || (equals === undefined && sign !== '~')) {
    throw new UserError(`override "${override}": expected key.path=value, e.g. optimizer.lr=3e-4.`);
  }
  const parts = path.split('.');
  if (sign === '~') return { path: parts, removes: true, value: undefined };
  const value = parseValue(text, override);
  const isChoice = parts.length === 1 && Object.hasOwn(configGroups, path) && !isPlainObject(value);
  const choice = isChoice ? { choice: value === null ? 'none' : String(value) } : {};
  return { path: parts, removes: false, value, ...choice };
}

function applyOverride(config: Plain, { path, removes, value, choice }: Override, override: string): void {
  if (removes) return removeKey(config, path, override);
  const [first = ''] = path;
  if (choice !== undefined) config[first] = chooseGroup(first, choice, override);
  else if (path.length === 1 && isFixedWeightSetting(first)) setFixedWeights(config, first, value, override);
  else setKey(config, path, value, override);
}

function chooseGroup(section: string, choice: string, override: string): Plain {
  const found = sectionChoice(section, choice);
  if (found) return found;
  const group = configGroups[section]!;
  throw new UserError(
    `override "${override}": ${section} is a section; choose one of ${Object.keys(group).join(', ')}, or set one of its keys (${section}.KEY=VALUE).${didYouMean(choice, Object.keys(group))}`,
  );
}

function setKey(config: Plain, parts: string[], value: unknown, override: string): void {
  let section = config;
  for (const [depth, part] of parts.slice(0, -1).entries()) {
    refusePrototype(part, override);
    const inner = Object.hasOwn(section, part) ? section[part] : undefined;
    if (inner !== undefined && inner !== null && !isPlainObject(inner)) {
      const at = parts.slice(0, depth + 1).join('.');
      throw new UserError(
        `override "${override}": ${at} is ${JSON.stringify(inner)}, not a section; it has no keys.`,
      );
    }
    const next: Plain = isPlainObject(inner) ? inner : {};
    section[part] = next;
    section = next;
  }
  const last = parts.at(-1)!;
  refusePrototype(last, override);
  if (isPlainObject(section[last]) && !isPlainObject(value) && value !== null) {
    const useless = reasonNever(parts.join('.'));
    throw new UserError(
      useless === undefined
        ? `override "${override}": ${parts.join('.')} is a section; set one of its keys instead.`
        : `override "${override}": ${parts.join('.')} has no effect: ${useless}`,
    );
  }
  section[last] = value;
}

function removeKey(config: Plain, parts: string[], override: string): void {
  let section: unknown = config;
  for (const part of parts.slice(0, -1)) {
    section = isPlainObject(section) && Object.hasOwn(section, part) ? section[part] : undefined;
  }
  const last = parts.at(-1)!;
  if (!isPlainObject(section) || !Object.hasOwn(section, last)) {
    throw new UserError(
      `override "${override}": there is no ${parts.join('.')} to remove.${didYouMean(parts.join('.'), knownKeys())}`,
    );
  }
  Reflect.deleteProperty(section, last);
}

function refusePrototype(part: string, override: string): void {
  if (part === '__proto__' || part === 'constructor' || part === 'prototype') {
    throw new UserError(`override "${override}": "${part}" cannot be a key.`);
  }
}

function parseValue(text: string, override: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const quoted = /^(?:"[^]*"|'[^]*'|\[[^]*\]|\{[^]*\})$/.test(trimmed);
  if (!quoted) {
    if (/^["'[{]/.test(trimmed)) throw new UserError(`override "${override}": the value is not closed.`);
    if (/^[^\s,]+(,[^\s,]+)+$/.test(trimmed)) {
      throw new UserError(`override "${override}": several values were given; write a list as [${trimmed}].`);
    }
    if (/^(null|~)$/i.test(trimmed)) return null;
    if (/^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === 'true';
    if (/^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed))
      return Number(trimmed.replaceAll('_', ''));
    return trimmed;
  }
  try {
    // hydra takes {a:1}; YAML wants a space after the colon.
    return parse(trimmed.startsWith('{') ? trimmed.replace(/:(?=\S)/g, ': ') : trimmed) as unknown;
  } catch (thrown) {
    throw new UserError(
      `override "${override}": the value cannot be read: ${messageOf(thrown).split('\n')[0]}`,
    );
  }
}
