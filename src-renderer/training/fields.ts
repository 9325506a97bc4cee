/** The settings that most runs change, under the config's own dotted names; everything else is in "All settings". */

import {
  familiesWith,
  fixedWeightsText,
  isGnn,
  isResnet,
  reasonWithoutEffect,
  resnetNorms,
  sizeOverrides,
  writtenFixedWeights,
} from '../../src-shared/config.ts';
import type { DataSetRow } from '../../src-shared/data-list.ts';
import { activations, generalFamilies, norms } from '../../src-shared/domain.ts';
import { multilabelLosses } from '../../src-shared/objective.ts';

export interface TrainingField {
  path: string;
  label: string;
  note?: string;
  options?: string[];
  /** When it is shown though the config does not have it, by the values as they are now. */
  offered?: (values: ReadonlyMap<string, unknown>) => boolean;
  /** Shown only then. */
  onlyIf?: (values: ReadonlyMap<string, unknown>) => boolean;
  /** Shown, empty, if the config lacks it and it would have an effect. */
  optional?: boolean;
}

const ofResnet = (values: ReadonlyMap<string, unknown>): boolean =>
  isResnet({ name: values.get('model.name'), _target_: values.get('model._target_') });

const ofGnn = (values: ReadonlyMap<string, unknown>): boolean =>
  isGnn({ name: values.get('model.name'), _target_: values.get('model._target_') });

const ofFamily =
  (key: string): NonNullable<TrainingField['offered']> =>
  (values) =>
    familiesWith(key).some((name) => name === values.get('model.family.name'));

const severalModels = (values: ReadonlyMap<string, unknown>): boolean => values.get('num_models') !== 1;

const isOn =
  (section: string): NonNullable<TrainingField['onlyIf']> =>
  (values) =>
    values.get(`${section}.enabled`) === true;

/** Of what is measured while the models train. */
function trackerFields(
  { section, label, note }: { section: string; label: string; note: string },
  every: { label: string; note?: string },
  more: TrainingField[] = [],
): TrainingField[] {
  const needs = section.endsWith('ntk_tracking') ? {} : { onlyIf: severalModels };
  return [
    { path: `${section}.enabled`, label, note, options: ['false', 'true'], ...needs },
    ...[{ path: `${section}.save_every`, ...every }, ...more].map((field) => ({
      ...field,
      onlyIf: isOn(section),
    })),
  ];
}

const switchField = (path: string, label: string): TrainingField => ({
  ...{ path, label, options: ['false', 'true'] },
});

const trackers: TrainingField[] = [
  ...trackerFields(
    {
      ...{ section: 'interpolation', label: 'Tracking of barriers' },
      note: 'interpolates between the models while they train',
    },
    { label: 'Interpolate every … epochs', note: 'empty: at the end only' },
  ),
  ...trackerFields(
    {
      ...{ section: 'training.cosine_similarity', label: 'Tracking of updates' },
      note: 'cosine between those of two models; saves every epoch that is compared',
    },
    { label: 'Compare updates every … epochs' },
  ),
  ...trackerFields(
    {
      ...{ section: 'training.functional_similarity', label: 'Tracking of predictions' },
      note: 'share on which two models agree',
    },
    { label: 'Compare predictions every … epochs' },
  ),
  ...trackerFields(
    {
      ...{ section: 'training.ntk_tracking', label: 'Tracking of tangent kernels' },
      note: 'of model 1',
    },
    { label: 'Tangent kernel every … epochs' },
    [
      switchField('training.ntk_tracking.compute_ntk_stats', 'Eigenvalues and CKA'),
      switchField('training.ntk_tracking.compute_linearization', 'Error of the linearisation'),
    ],
  ),
];

const essentialFields: TrainingField[] = [
  { path: 'num_models', label: 'Models', note: 'trained together; they share the fixed weights' },
  { path: 'training.num_epochs', label: 'Epochs' },
  { path: 'training.save_every', label: 'Save every … epochs', note: 'empty: first and last only' },
  { path: 'model.hidden_dim', label: 'Hidden units' },
  { path: 'model.hidden_channels', label: 'Hidden units' },
  { path: 'model.num_layers', label: 'Linear layers' },
  { path: 'model.norm', label: 'Norm', options: [...norms] },
  { path: 'model.activation', label: 'Activation', options: [...activations] },
  {
    path: 'sigma_f',
    label: 'σ_F, scale of the fixed weights',
    note: 'of all layers; [1, 1, 0.5, 0.25]: one per layer',
  },
  {
    path: 'num_fixed',
    label: 'Fixed weights per neuron',
    note: 'of all layers, or a list; n_mul multiplies it',
  },
  {
    path: 'model.family.name',
    label: 'Other fixed part',
    options: ['', ...generalFamilies],
    offered: (values) => values.get('model.symmetry') === 0 && !ofResnet(values) && !ofGnn(values),
  },
  {
    path: 'model.family.alpha',
    label: 'α, factor of the identity',
    note: 'on every square hidden layer',
    offered: ofFamily('alpha'),
  },
  {
    path: 'model.family.share',
    label: 'Share of weights that are 0',
    note: 'of every neuron, between 0 and 1',
    offered: ofFamily('share'),
  },
  {
    path: 'model.family.sigma_f',
    label: 'σ_F, scale of the fixed biases',
    offered: ofFamily('sigma_f'),
  },
  {
    path: 'model.family.file',
    label: 'File of F and D',
    note: '.safetensors, .npz or a folder of .npy',
    offered: ofFamily('file'),
  },
  {
    ...{ path: 'model.dropout', label: 'Dropout', optional: true },
    note: 'share of hidden activations, while training',
  },
  { path: 'optimizer.name', label: 'Optimizer', options: ['adamw', 'adam', 'sgd', 'rmsprop'] },
  {
    ...{ path: 'optimizer.nesterov', label: 'Nesterov momentum', optional: true },
    options: ['', 'true'],
  },
  { path: 'optimizer.lr', label: 'Learning rate' },
  { path: 'optimizer.weight_decay', label: 'Weight decay' },
  {
    path: 'training.clip_grad_norm',
    label: 'Gradient norm, at most',
    note: 'longer gradients are scaled down; empty: no limit',
  },
  { path: 'training.label_smoothing', label: 'Label smoothing' },
  { path: 'training.early_stopping.enabled', label: 'Early stopping', options: ['false', 'true'] },
  {
    ...{ path: 'training.early_stopping.patience', label: 'Patience' },
    note: 'validations without improvement; with early stopping',
  },
  {
    path: 'dataset.multilabel_subspace_dataset.loss',
    label: 'Loss',
    note: 'binary cross entropy per label, or PyTorch’s cross entropy with the labels 0 and 1',
    options: [...multilabelLosses],
  },
  { path: 'dataset.batch_size', label: 'Batch size' },
  ...trackers,
  { path: 'seed', label: 'Seed', note: 'empty: drawn at random and recorded' },
];

/** Every setting that the form can show, for finding one by its name. */
export const settingNames: readonly { path: string; label: string }[] = [
  ...new Map(essentialFields.map(({ path, label }) => [path, { path, label }])).values(),
];

/**
 * What was typed, as overrides: a data set first, since it sets its whole section, and with it the sizes of the network
 * that follow from the data.
 */
export function overridesOf(
  edits: Readonly<Record<string, string>>,
  base: Record<string, unknown> | null,
  dataSetNamed: (name: string) => DataSetRow | undefined,
): string[] {
  const { dataset, ...others } = edits;
  const typed = Object.entries(others).map(([path, text]) => overrideOf(path, text));
  if (dataset === undefined) return typed;
  const all = [overrideOf('dataset', dataset), ...typed];
  const { features, classes, shape } = dataSetNamed(dataset) ?? {
    features: null,
    classes: null,
    shape: null,
  };
  const facts = features === null || classes === null ? undefined : { features, classes, shape };
  return [...all, ...sizeOverrides(base ?? {}, all, facts)];
}

/**
 * Those that the config has, before or after the edits, and those that are offered on it. What was typed stays to be seen.
 */
export const fieldsOf = (
  known: ReadonlyMap<string, unknown>,
  current: ReadonlyMap<string, unknown>,
  edits: Readonly<Record<string, string>>,
): TrainingField[] =>
  essentialFields
    .filter(
      ({ path, offered }) => known.has(path) || current.has(path) || path in edits || offered?.(current),
    )
    .filter(({ path, onlyIf }) => path in edits || (onlyIf?.(current) ?? true))
    // A graph is taken whole.
    .filter(({ path }) => path !== 'dataset.batch_size' || path in edits || !ofGnn(current))
    .map((field) => {
      if (field.path === 'model.norm' && ofResnet(current)) return { ...field, options: [...resnetNorms] };
      return field.path === 'model.num_layers' && ofGnn(current)
        ? { ...field, label: 'Layers over neighbours' }
        : field;
    });

/** Every setting of a config with its dotted name, in the order of the file. */
export function leaves(config: Record<string, unknown>, prefix = ''): { path: string; value: unknown }[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const section = value !== null && typeof value === 'object' && !Array.isArray(value);
    return section ? leaves(value as Record<string, unknown>, path) : [{ path, value }];
  });
}

/** What the essential fields show of a config: its leaves, and the fixed weights as the layers have them. */
export function valuesOf(config: Record<string, unknown>): Map<string, unknown> {
  const values = new Map(leaves(config).map(({ path, value }) => [path, value]));
  for (const setting of ['sigma_f', 'num_fixed'] as const) {
    const used = writtenFixedWeights(config, setting);
    if (used && reasonWithoutEffect(setting, config) === undefined)
      values.set(setting, fixedWeightsText(used));
  }
  for (const { path, optional } of essentialFields)
    if (optional && !values.has(path) && reasonWithoutEffect(path, config) === undefined)
      values.set(path, null);
  return values;
}

export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What an override changes in a preset with these values: "instead of mnist-10k". */
export function changedText(override: string, known: ReadonlyMap<string, unknown>): string {
  const [path = ''] = override.split('=');
  // Of a section what it is called: `dataset=toy` replaces dataset.name.
  const before = shownValue(known.get(path) ?? known.get(`${path}.name`));
  return before === '' ? 'not set in the preset' : `instead of ${before}`;
}

/** `key.path=value` as it is typed on the command line; an emptied field means null. */
export function overrideOf(path: string, text: string): string {
  return `${path}=${text.trim() === '' ? 'null' : text.trim()}`;
}
