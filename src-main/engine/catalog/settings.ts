/** What of a config decides how a network comes out: everything but seeds, names, places and what is recorded. */
import { resolveData, resolveModel } from '../../../src-shared/config/resolve.ts';
import { knownKeys, readConfig } from '../../../src-shared/config/schema.ts';
import { hasNumFixed, hasSigma } from '../../../src-shared/domain.ts';
import {
  gnnWidths,
  isExportedSpec,
  widths,
  type ExportedSpec,
  type MlpSpec,
  type ModelSpec,
  type TrainableSpec,
} from '../../../src-shared/model.ts';
import { graphText } from '../../../src-shared/networks/compare.ts';
import { countedOperations } from '../../../src-shared/networks/summary.ts';
import { flatten, type Property } from './summary.ts';

export type Settings = Readonly<Record<string, Property>>;

/** Sections, and single keys, that leave the weights as they are. */
const withoutEffect = [
  ...['logging', 'hydra', 'wandb', 'interpolation'],
  ...['training.cosine_similarity', 'training.functional_similarity', 'training.ntk_tracking'],
  'training.interpolation',
  ...['training.save_every', 'training.val_every', 'training.save_grad_every', 'training.save_params_every'],
  ...['dataset.num_workers', 'dataset.pin_memory', 'dataset.enable_ffcv'],
  ...['device', 'max_parallel_processes', 'num_models', 'tags', 'notes'],
];
const names = /(^|\.)(experiment|experiment_name|run_name|run_id|job_name|project|entity|description)$/;
const places = /(^|[._])(dir|directory|path|folder|cwd)$/;
const seeds = /(^|[._])seeds?$/;

/** A seed of generated data is part of the data: with another seed it is another task. */
function isSeed(key: string): boolean {
  return seeds.test(key) && (!key.startsWith('dataset.') || key === 'dataset.split_seed');
}

function hasEffect(key: string): boolean {
  const isSilent = withoutEffect.some((name) => key === name || key.startsWith(`${name}.`));
  return !isSilent && !isSeed(key) && !names.test(key) && !places.test(key);
}

/**
 * The settings of a config as dotted keys: its model and data resolved, so that a default that is written down equals
 * one that is not; the rest as written. Two runs with equal settings differ in their seeds alone.
 */
export function settingsOf(config: Record<string, unknown>): Settings {
  const written = Object.entries(flatten(config)).filter(([key, value]) => hasEffect(key) && value !== null);
  const model = attempt(() => modelSettings(resolveModel(readConfig(config))));
  const data = attempt(() => dataSettings(config));
  const known = knownKeys();
  const isResolved = (key: string): boolean =>
    (model !== null &&
      (known.has(key) || /^model\.(mask_params|layers|permutations)\b/.test(key)) &&
      key.startsWith('model.')) ||
    (data !== null && key in data);
  const rest = written.filter(([key]) => !isResolved(key));
  const all = { ...Object.fromEntries(rest), ...model, ...data };
  return Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

/** `0.5`, or one number per layer if they differ. */
function perLayer(values: readonly number[]): string {
  return new Set(values).size === 1 ? String(values[0]) : values.join('/');
}

function modelSettings(spec: ModelSpec): Record<string, Property> {
  if (spec.architecture === 'declared') {
    return {
      'model.architecture': spec.exported ? 'exported' : 'declared',
      'model.network': countedOperations(spec.graph),
      'model.graph': graphText(spec.graph),
      ...(isExportedSpec(spec) && spec.family !== 'standard' && exportedFamily(spec)),
    };
  }
  if (spec.architecture === 'resnet') {
    const { architecture, family, norm, asymInitOnly, depth, width, input, classes } = spec;
    return {
      'model.architecture': architecture,
      'model.family': family,
      'model.depth': depth,
      'model.w': width,
      'model.input_shape': input.join(' x '),
      'model.num_classes': classes,
      'model.norm': norm,
      'model.asym_init_only': asymInitOnly,
      ...fixedSettings(spec),
    };
  }
  if (spec.architecture === 'gnn') {
    const { architecture, family, nonlinearity, dropout } = spec;
    return {
      'model.architecture': architecture,
      'model.family': family,
      'model.widths': gnnWidths(spec).join('-'),
      'model.nonlinearity': nonlinearity,
      ...(dropout !== undefined && { 'model.dropout': dropout }),
      ...fixedSettings(spec),
    };
  }
  const {
    architecture,
    family,
    layers,
    norm,
    activation,
    elementwiseAffine,
    asymInitOnly,
    general,
    ...rest
  } = spec;
  return {
    'model.architecture': architecture,
    'model.family': family,
    'model.widths': widths(spec).join('-'),
    'model.norm': norm,
    'model.activation': activation,
    'model.elementwise_affine': elementwiseAffine,
    'model.asym_init_only': asymInitOnly,
    ...fixedSettings(spec),
    ...generalSettings(general),
    'model.layers': JSON.stringify(
      layers.map((layer) => ('norm' in layer ? [layer.norm, layer.activation] : [])),
    ),
    ...(Object.keys(rest).length > 0 && { 'model.others': JSON.stringify(rest) }),
  };
}

const exportedFamily = (spec: ExportedSpec): Record<string, Property> => ({
  'model.family': spec.family,
  'model.fixed_in': spec.layers.map(({ module }) => module).join(', '),
  ...fixedSettings(spec),
});

function fixedSettings({ family, layers }: TrainableSpec): Record<string, Property> {
  return {
    ...(hasSigma(family) && { 'model.sigma_F': perLayer(layers.map(({ sigmaF }) => sigmaF)) }),
    ...(hasNumFixed(family) && { 'model.num_fixed': perLayer(layers.map(({ numFixed }) => numFixed)) }),
    ...(family === 'w-asymmetric' && {
      'model.normal_mask': JSON.stringify(layers.map(({ normalMask }) => normalMask)),
    }),
  };
}

function generalSettings(general: MlpSpec['general']): Record<string, Property> {
  switch (general?.name) {
    case 'linear-residual':
      return { 'model.alpha': general.alpha };
    case 'sparse':
      return { 'model.share': general.share };
    case 'given':
      return { 'model.fixed_contents': general.sha256.slice(0, 12) };
    default:
      return {};
  }
}

function dataSettings(config: Record<string, unknown>): Record<string, Property> {
  const { name, batchSize, valFraction } = resolveData(readConfig(config));
  return { 'dataset.name': name, 'dataset.batch_size': batchSize, 'dataset.val_split': valFraction };
}
