/** Which keys of a config do something in Basin, and when. Every key of the schema is in one of the tables here. */
import { familyNames, generalFamilies } from '../domain.ts';
import type { Family } from '../domain.ts';
import { familiesWith } from './family.ts';
import { fixedWeightSettings } from './fixed-weights.ts';
import type { FixedWeightSetting } from './fixed-weights.ts';
import { geometrySections, sectionOfKind } from './geometry.ts';
import { geluGateType } from './gnn.ts';
import { factsOf, part } from './effect-facts.ts';
import type { Facts, Plain, Reason, Rule } from './effect-facts.ts';
import { neverRule, reasonNever } from './never-read.ts';
import { trackerEffects } from './tracker-effects.ts';
import { resnetMaskSections } from './schema.ts';

/** Keys that are checked or kept as a label and decide no number. */
const labels = ['model.name', 'experiment_name', 'mask_type'];

/** The published code wants it in every config; the shortcuts of layer 1 have no weights. */
const unusedSection = 'conv_1.skip';

const ofMlp: Rule = ({ resnet, gnn }) => {
  if (resnet) return 'a residual network has its sizes from model.depth, w, num_classes and input_shape.';
  return gnn
    ? 'a graph network has its sizes from model.in_channels, hidden_channels, out_channels and num_layers.'
    : undefined;
};

const ofGnn: Rule = ({ gnn }) => (gnn ? undefined : 'only graph networks read it.');

/** @param reason why a graph network does not read it; the rule of all others */
const notOfGnn =
  (reason: string, others: Rule = () => undefined): Rule =>
  (facts) =>
    facts.gnn ? reason : others(facts);

const graphSplit = 'the files of a graph say which nodes train, validate and test.';

const ofResnet: Rule = ({ resnet }) => (resnet ? undefined : 'only residual networks read it.');

const fromList: Rule = (facts) =>
  facts.oneByOne ? 'model.layers describes the layers one by one.' : ofMlp(facts);

const ofHidden: Rule = (facts) =>
  !facts.resnet && facts.layers === 1 && !facts.oneByOne
    ? 'a network of one layer has no hidden units.'
    : fromList(facts);

/** `adamw`, `adamw and adam`, `adamw, adam and rmsprop`. */
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

const ofOptimizer =
  (...names: string[]): Rule =>
  ({ optimizer }) =>
    names.includes(optimizer)
      ? undefined
      : `optimizer.name is ${optimizer}; only ${listed(names)} ${names.length === 1 ? 'has' : 'have'} it.`;

const ofScheduler =
  (...names: string[]): Rule =>
  ({ scheduler }) =>
    names.includes(scheduler)
      ? undefined
      : `scheduler.name is ${scheduler}; only ${listed(names)} ${names.length === 1 ? 'reads' : 'read'} it.`;

const ofEarlyStopping: Rule = ({ config }) =>
  part(part(config, 'training'), 'early_stopping')['enabled'] === true
    ? undefined
    : 'training.early_stopping.enabled is not true.';

const ofFamily =
  (key: string): Rule =>
  ({ family, exported }) => {
    // What does not belong there is refused where it is read.
    if (exported) return undefined;
    if (key === 'parameters' || key === 'num_fixed') return 'only networks exported from PyTorch read it.';
    const names = familiesWith(key);
    return family !== undefined && names.some((name) => name === family)
      ? undefined
      : `model.family.name is ${isGeneral(family) ? family : 'not set'}; only ${names.join(', ')} has it.`;
  };

const isGeneral = (family: Family | undefined): boolean => generalFamilies.some((name) => name === family);

const seedsGiven: Rule = ({ config }) =>
  ['init_seed', 'optimization_seed', 'mask_seed'].every((key) => config[key] != null)
    ? 'init_seed, optimization_seed and mask_seed are all given and take precedence.'
    : undefined;

const noSplitFile: Rule = ({ splitFile }) =>
  splitFile ? 'dataset.split_file is given and determines the split.' : undefined;

/** Keys that have an effect unless the rule says why not. */
const depends: Record<string, Rule> = {
  'model.output_dim': fromList,
  'model.num_layers': (facts) => (facts.gnn ? undefined : fromList(facts)),
  'model.hidden_dim': ofHidden,
  'model.input_dim': ofMlp,
  'model.layers': ofMlp,
  'model.family.name': ({ resnet, gnn }) =>
    resnet || gnn
      ? `the family of a ${resnet ? 'residual' : 'graph'} network is set by model.symmetry alone.`
      : undefined,
  'model.depth': ofResnet,
  'model.w': ofResnet,
  'model.num_classes': ofResnet,
  'model.input_shape': ofResnet,
  ...Object.fromEntries(
    ['in_channels', 'hidden_channels', 'out_channels'].map((key) => [`model.${key}`, ofGnn]),
  ),
  'model.model_type': (facts) =>
    facts.gnn && facts.family !== 'sigma-asymmetric'
      ? `only sigma-asymmetric networks (model.symmetry=2) can have the gates of ${geluGateType}.`
      : ofGnn(facts),
  'model.norm': notOfGnn('graph networks have BatchNorm.', (facts) =>
    facts.resnet ? undefined : ofHidden(facts),
  ),
  'model.activation': notOfGnn('the nonlinearity of a graph network follows from model.symmetry.', (facts) =>
    facts.family === 'sigma-asymmetric' && !facts.resnet
      ? 'sigma-asymmetric networks use x * sigmoid(C x) instead.'
      : ofHidden(facts),
  ),
  'model.dropout': (facts) => {
    if (facts.gnn) return facts.layers === 1 ? 'values are dropped between layers only.' : undefined;
    return facts.resnet ? 'residual networks have no dropout.' : ofHidden(facts);
  },
  'model.elementwise_affine': (facts) => {
    if (facts.gnn) return 'norm layers of graph networks are always affine.';
    if (facts.resnet) return 'norm layers of residual networks are always affine.';
    if (facts.family === 'sigma-asymmetric')
      return 'norm layers of sigma-asymmetric networks are always affine.';
    return facts.hasNorm ? ofHidden(facts) : 'model.norm is off: there are no norm layers.';
  },
  'model.n_mul': notOfGnn('graph networks take num_fixed as it is.', ({ family }) =>
    family === 'w-asymmetric'
      ? undefined
      : 'it multiplies num_fixed, which only W-asymmetric networks (model.symmetry=1) have.',
  ),
  'model.asym_init_only': notOfGnn('graph networks cannot be initialised this way.', ({ family }) =>
    family === 'w-asymmetric' || family === 'syre'
      ? undefined
      : 'only W-asymmetric networks and SYRE (model.symmetry=1 and 3) can be initialised this way.',
  ),
  ...Object.fromEntries(
    ['alpha', 'share', 'sigma_f', 'parameters', 'num_fixed', 'file', 'sha256', 'parts'].map((key) => [
      `model.family.${key}`,
      ofFamily(key),
    ]),
  ),
  'dataset.data_dir': ({ geometry }) =>
    geometry === undefined || geometry === 'mnist-coherence'
      ? undefined
      : `${geometry} is made from seeds; no folder is read.`,
  'dataset.batch_size': notOfGnn('a graph network is trained on the whole graph at once.'),
  'dataset.val_split': notOfGnn(graphSplit, noSplitFile),
  'dataset.split_seed': notOfGnn(graphSplit, noSplitFile),
  'optimizer.momentum': ofOptimizer('sgd', 'rmsprop'),
  'optimizer.nesterov': ofOptimizer('sgd'),
  'optimizer.betas': ofOptimizer('adamw', 'adam'),
  'optimizer.eps': ofOptimizer('adamw', 'adam', 'rmsprop'),
  'optimizer.alpha': ofOptimizer('rmsprop'),
  'optimizer.centered': ofOptimizer('rmsprop'),
  'scheduler.T_max': ofScheduler('cosine'),
  'scheduler.eta_min': ofScheduler('cosine'),
  'scheduler.step_size': ofScheduler('step'),
  'scheduler.milestones': ofScheduler('multistep', 'resnet_scheduler'),
  'scheduler.gamma': ofScheduler('step', 'multistep', 'resnet_scheduler'),
  'scheduler.warmup_steps': ofScheduler('linear_warmup'),
  'scheduler.steps_per_epoch': ofScheduler(
    ...['cosine', 'step', 'multistep', 'resnet_scheduler', 'linear_warmup'],
  ),
  ...trackerEffects,
  'training.early_stopping.patience': ofEarlyStopping,
  'training.early_stopping.min_delta': ofEarlyStopping,
  seed: seedsGiven,
  mask_seed: ({ family }) => {
    if (family === 'standard') return 'standard networks (model.symmetry=0) have no fixed weights to draw.';
    return family === 'linear-residual' || family === 'given'
      ? `what is fixed in ${family} networks is not drawn.`
      : undefined;
  },
};

/** Keys that always have an effect. */
const always = new Set([
  'model.symmetry',
  ...['name', 'split_file', 'contents'].map((key) => `dataset.${key}`),
  ...['flip', 'pad', 'evaluation'].map((key) => `dataset.augmentation.${key}`),
  ...['name', 'lr', 'weight_decay'].map((key) => `optimizer.${key}`),
  'scheduler.name',
  'training.early_stopping.enabled',
  ...['num_epochs', 'val_every', 'save_every', 'label_smoothing', 'clip_grad_norm'].map(
    (key) => `training.${key}`,
  ),
  ...['num_models', 'init_seed', 'optimization_seed'],
]);

export type EffectClass = 'always' | 'depends' | 'label' | 'never';

/** In which table a dotted leaf key is; undefined for a key that nobody has classified. */
export function effectClass(key: string): EffectClass | undefined {
  const mask = maskKey(key);
  if (labels.includes(key) || (mask && (labels.includes(mask.name) || mask.section === unusedSection)))
    return 'label';
  if (neverRule(key) !== undefined) return 'never';
  if (always.has(key)) return 'always';
  if (Object.hasOwn(depends, key) || mask || geometrySection(key) !== undefined) return 'depends';
  return Object.hasOwn(fixedWeightSettings, key) ? 'depends' : undefined;
}

/**
 * Why a key of this config has no effect on what is trained; undefined if it has one (or is kept as a label).
 * @param key a dotted leaf key; `sigma_f` and `num_fixed` count as keys
 */
export function reasonWithoutEffect(key: string, config: Plain): string | undefined {
  const useless = reasonNever(key);
  if (useless !== undefined) return useless;
  const facts = factsOf(config);
  if (Object.hasOwn(fixedWeightSettings, key))
    return withoutFixedWeights(facts, fixedWeightSettings[key as FixedWeightSetting]);
  const mask = maskKey(key);
  if (mask) return reasonOfMaskKey(mask, facts);
  const section = geometrySection(key);
  if (section !== undefined) {
    const wanted = facts.geometry === undefined ? undefined : sectionOfKind(facts.geometry);
    return wanted === section
      ? undefined
      : `dataset.name is ${String(part(config, 'dataset')['name'])}, which does not read it.`;
  }
  return depends[key]?.(facts);
}

interface MaskKey {
  /** `default`, `linear_mask_params_2`, `conv_1.skip` ... */
  section: string;
  name: string;
}

const maskKeyOf =
  /^model\.mask_params\.(default|linear_mask_params_\d+|conv_f|linear|conv_[123]\.(?:conv|skip))\.(\w+)$/;

function maskKey(key: string): MaskKey | undefined {
  const match = maskKeyOf.exec(key);
  return match ? { section: match[1]!, name: match[2]! } : undefined;
}

/** The sections of `mask_params` that layers have of their own. */
function ownSections({ resnet, gnn, layers }: Facts): string[] {
  if (gnn) return [];
  return resnet
    ? resnetMaskSections.filter((section) => section !== unusedSection)
    : Array.from({ length: layers }, (_, i) => `linear_mask_params_${i}`);
}

const ownEntries = (facts: Facts): [section: string, entry: Plain][] =>
  ownSections(facts).map((section) => [
    section,
    section.split('.').reduce(part, part(part(facts.config, 'model'), 'mask_params')),
  ]);

/** The reason that concerns the family: it has no such fixed part. */
function withoutFixedWeights({ family, gnn, exported }: Facts, name: string): Reason {
  if (exported) return 'the fixed part of a network exported from PyTorch is set in model.family.';
  if (family === 'standard') return 'standard networks (model.symmetry=0) have no fixed weights.';
  if (family === 'sigma-asymmetric') {
    const matrix = gnn ? 'matrices C' : 'matrix C of scale 1';
    return `sigma-asymmetric networks (model.symmetry=2) have no fixed weights, only the fixed ${matrix}.`;
  }
  if (family !== undefined && isGeneral(family)) {
    return `the fixed part of ${familyNames[family]} networks is set in model.family.`;
  }
  if (family === 'syre' && name !== 'mask_constant') {
    return 'SYRE (model.symmetry=3) adds fixed noise to every weight; none is fixed, so only sigma_F can be set.';
  }
  return undefined;
}

function reasonOfMaskKey({ section, name }: MaskKey, facts: Facts): Reason {
  const family = withoutFixedWeights(facts, name);
  if (family !== undefined) return family;
  if (section === 'default') {
    const overruled = overruledDefault(facts.config, name);
    return overruled && `${everyLayer}, which takes precedence: ${overruled}.${shorthandFor(name)}`;
  }
  if (ownSections(facts).includes(section)) return undefined;
  if (facts.resnet && section === unusedSection) return undefined;
  if (facts.gnn) return 'graph networks have the section default alone.';
  if (facts.resnet) return `a residual network has the sections ${resnetMaskSections.join(', ')}.`;
  return section.startsWith('linear_mask_params')
    ? `the network has ${facts.layers} layers, 0 to ${facts.layers - 1}.`
    : 'only residual networks read it.';
}

const everyLayer = 'every layer has its own value';

/** Is this the reason that values of single layers win over a default? */
export function isOverruled(key: string, reason: string): boolean {
  return maskKey(key)?.section === 'default' && reason.startsWith(everyLayer);
}

function shorthandFor(name: string): string {
  const setting = Object.entries(fixedWeightSettings).find(([, key]) => key === name)?.[0];
  return setting === undefined ? '' : ` ${setting}=VALUE sets all layers.`;
}

/**
 * The per-layer entries that win over `model.mask_params.default.{name}` in every layer, as text; undefined if the
 * default is in use somewhere, or they all say the same as it.
 */
function overruledDefault(config: Plain, name: string): string | undefined {
  const written = part(part(part(config, 'model'), 'mask_params'), 'default')[name];
  const own = ownEntries(factsOf(config));
  if (own.some(([, entry]) => !Object.hasOwn(entry, name)) || own.length === 0) return undefined;
  if (own.every(([, entry]) => entry[name] === written)) return undefined;
  return own
    .map(([section, entry]) => `model.mask_params.${section}.${name}=${JSON.stringify(entry[name])}`)
    .join(', ');
}

/** Values of `model.mask_params.default` that no layer has, because per-layer values win: each with what is in use. */
export function overruledNotes(config: Plain): string[] {
  const facts = factsOf(config);
  const params = part(part(config, 'model'), 'mask_params');
  return Object.values(fixedWeightSettings).flatMap((name) => {
    const written = part(params, 'default')[name];
    if (written == null || withoutFixedWeights(facts, name) !== undefined) return [];
    const own = ownEntries(facts).map(([, entry]) => entry);
    if (own.length === 0) return [];
    if (own.some((entry) => !Object.hasOwn(entry, name) || entry[name] === written)) return [];
    const used = own.map((entry) => JSON.stringify(entry[name])).join(', ');
    return [
      `model.mask_params.default.${name} (${JSON.stringify(written)}) is not in use: ${everyLayer}, which takes precedence. By layer: ${used}.`,
    ];
  });
}

function geometrySection(key: string): string | undefined {
  const match = /^dataset\.(\w+)\./.exec(key);
  return match && Object.hasOwn(geometrySections, match[1]!) ? match[1] : undefined;
}
