/** From a config as written to values with nothing left to decide. */
import { activations, familyOfSymmetry, norms } from '../domain.ts';
import type { Activation, Norm } from '../domain.ts';
import { UserError } from '../errors.ts';
import { exportedName, requireTrainable, resolveExported } from './exported.ts';
import { refuseDeclared, requireChain } from '../model.ts';
import { isExportedSpec } from '../model.ts';
import type { DeclaredSpec, LayerSpec, MlpSpec, ModelSpec, ModuleLayer, TrainableSpec } from '../model.ts';
import { didYouMean } from '../near-miss.ts';
import { readDeclared } from '../networks/declared.ts';
import { zerosOf } from '../networks/general-family.ts';
import { readChainLayers } from './chain.ts';
import type { ChainLayer } from './chain.ts';
import { resolveAugmentation } from './augmentation.ts';
import type { Augmentation } from './augmentation.ts';
import { checkFamily, readFamilySection, refuseBesideFamily } from './family.ts';
import type { ReadFamily } from './family.ts';
import { resolveGeometry } from './geometry.ts';
import type { Task } from '../objective.ts';
import type { GeometryPlan } from './geometry.ts';
import { isGnn, refuseUnknownType, resolveGnn } from './gnn.ts';
import { isResnet, resolveResnet } from './resnet.ts';
import { maskParamsSchema, isPlainObject } from './schema.ts';
import type { RunConfig } from './schema.ts';
import { sizeOf } from '../shapes.ts';

type ModelConfig = NonNullable<RunConfig['model']>;

/**
 * The architecture a config describes, as neuron-identifiability's create_mlp reads it (src/models/mlp.py): keys of
 * `linear_mask_params_{i}` win over `default`; `n_mul` other than 1 multiplies every num_fixed, truncated.
 * With the name `declared` the section has the words of a declaration (docs/architectures.md).
 * @param where the file, for messages
 * @throws UserError for another kind of model, a missing key or num_fixed >= inputs
 */
export function resolveModel(config: RunConfig, where = 'config'): ModelSpec {
  const model = config.model;
  if (!model) throw new UserError(`${where}: there is no section "model".`);
  if (model.name === declaredName) return resolveDeclared(model, where);
  if (model.name === exportedName) return resolveExported(config, where);
  if (isResnet(model)) return resolveResnet(model, where);
  if (isGnn(model)) return resolveGnn(model, where);
  if (model.name != null && !/mlp/i.test(model.name)) {
    throw new UserError(
      `${where}: model.name is "${model.name}"; only multilayer perceptrons (mlp_mnist), residual networks (resnet_cifar), graph networks (gnn_arxiv), declared networks (${declaredName}) and networks exported from PyTorch (${exportedName}) are supported.`,
    );
  }
  return resolveMlp(model, where);
}

/** `model.name` of a network that is declared layer by layer. */
export const declaredName = 'declared';

/**
 * As resolveModel, for what needs a plain chain so far.
 * @param work the beginning of a sentence: "training works"
 */
export function resolveChain(config: RunConfig, where = 'config', work = 'this works'): MlpSpec {
  if (config.model?.name === declaredName) throw refuseDeclared(where, work);
  return requireChain(resolveModel(config, where), where, work);
}

/** The network of a config that is to be trained. @throws UserError for a declared network */
export function resolveTrainable(config: RunConfig, where = 'config'): TrainableSpec {
  if (config.model?.name === declaredName) throw refuseDeclared(where, 'training works');
  const spec = resolveModel(config, where);
  if (spec.architecture === 'declared') {
    if (!isExportedSpec(spec)) throw refuseDeclared(where, 'training works');
    requireTrainable(spec, where);
    return spec;
  }
  if (spec.architecture === 'resnet' && (config.model?.dropout ?? 0) !== 0)
    throw new UserError(
      `${where}: model.dropout is ${config.model?.dropout}; residual networks have no dropout.`,
      { hint: 'Take it out, or set it to 0.' },
    );
  if (spec.architecture === 'gnn') refuseUnknownType(config.model!, where);
  const full = spec.architecture === 'resnet' && spec.layers.find(isWhollyFixed);
  if (full)
    throw new UserError(
      `${where}: model.mask_params of ${full.module}: all ${full.numFixed} entries of each channel would be fixed; at least one must stay trainable.`,
      { hint: 'Lower model.n_mul or num_fixed: narrow networks have few entries per channel.' },
    );
  return spec;
}

const isWhollyFixed = ({ numFixed, shape }: ModuleLayer): boolean => numFixed >= sizeOf(shape.slice(1));

const declaredKeys = ['layers', 'permutations', 'ignore'] as const;

function resolveDeclared(model: ModelConfig, where: string): DeclaredSpec {
  const idle = otherKeys.find((key) => model[key] != null);
  if (idle !== undefined)
    throw new UserError(
      `${where}: model.${idle} has no effect on a declared network, whose layers are listed in model.layers.`,
      { hint: 'Remove it.' },
    );
  const words = declaredKeys.flatMap((key) => (model[key] == null ? [] : [[key, model[key]] as const]));
  const name = model.description ?? undefined;
  if (name !== undefined && typeof name !== 'string')
    throw new UserError(`${where}: model.description is ${JSON.stringify(name)}: text was expected.`);
  return readDeclared({ ...(name !== undefined && { name }), ...Object.fromEntries(words) }, where, 'model.');
}

/** Keys of other networks. `_target_` is what other programs leave beside a name. */
const otherKeys = [
  ...(['symmetry', 'input_dim', 'hidden_dim', 'output_dim', 'num_layers', 'n_mul', 'norm'] as const),
  ...(['elementwise_affine', 'activation', 'asym_init_only', 'mask_params', 'family', 'dropout'] as const),
  ...(['parameter_names', 'constants', 'ignored_tensors'] as const),
  ...(['depth', 'w', 'num_classes', 'input_shape'] as const),
];

function resolveMlp(model: ModelConfig, where: string): MlpSpec {
  const files = filesOf(model);
  const read = readFamilySection(model.family, where);
  if (read) refuseBesideFamily(model, read.general.name, where);
  if (model.layers) return { ...chainSpec(model, readChainLayers(model.layers, where), where), ...files };
  const family = read?.general.name ?? familyOfSymmetry(required(model.symmetry, 'model.symmetry', where));
  const inputs = required(model.input_dim, 'model.input_dim', where);
  const outputs = required(model.output_dim, 'model.output_dim', where);
  const count = required(model.num_layers, 'model.num_layers', where);
  const hidden = count === 1 ? outputs : required(model.hidden_dim, 'model.hidden_dim', where);
  const layers = Array.from({ length: count }, (_, index) => {
    const sizes = {
      index,
      inputs: index === 0 ? inputs : hidden,
      outputs: index === count - 1 ? outputs : hidden,
    };
    return { ...sizes, ...(read ? familyPart(read, sizes) : fixedPart(model, sizes, where)) };
  });
  const norm = resolveNorm(model, where);
  if (read) checkFamily(read, { layers, norm }, where);
  const sigma = family === 'sigma-asymmetric';
  if (sigma && (norm === 'layer_linear' || norm === 'batch_linear')) {
    throw new UserError(
      `${where}: model.norm is "${norm}"; sigma-asymmetric models take layer, batch, rms or null.`,
    );
  }
  const asymInitOnly = model.asym_init_only === true && (family === 'w-asymmetric' || family === 'syre');
  return {
    architecture: 'mlp',
    family,
    layers,
    norm,
    elementwiseAffine: sigma || model.elementwise_affine !== false,
    activation: resolveActivation(model, where),
    asymInitOnly,
    ...(read && { general: read.general }),
    ...(model.dropout != null && model.dropout > 0 && { dropout: model.dropout }),
    ...files,
  };
}

function familyPart({ general, sigmaF }: ReadFamily, { inputs }: { inputs: number }): FixedPart {
  const numFixed = general.name === 'sparse' ? zerosOf(general.share, inputs) : 0;
  return { sigmaF, numFixed, normalMask: true };
}

function filesOf(model: ModelConfig): Pick<MlpSpec, 'fileNames' | 'constants' | 'ignored'> {
  const { parameter_names: fileNames, constants, ignored_tensors: ignored } = model;
  return { ...(fileNames && { fileNames }), ...(constants && { constants }), ...(ignored && { ignored }) };
}

/** Layers that are written down one by one, as an adopted architecture has them. */
function chainSpec(model: ModelConfig, layers: readonly ChainLayer[], where: string): MlpSpec {
  if ((model.symmetry ?? 0) !== 0)
    throw new UserError(
      `${where}: model.symmetry is ${model.symmetry}; with model.layers only 0 is supported.`,
    );
  const widths = [
    required(model.input_dim, 'model.input_dim', where),
    ...layers.map(({ outputs }) => outputs),
  ];
  const behind = layers.slice(0, -1).map(({ norm, activation }) => ({
    norm: norm ?? ('none' as const),
    activation: activation ?? ('identity' as const),
  }));
  const first = behind[0]!;
  const alike = behind.every(
    ({ norm, activation }) => norm === first.norm && activation === first.activation,
  );
  const none = { norm: 'none', activation: 'identity' } as const;
  return {
    ...{ architecture: 'mlp', family: 'standard', elementwiseAffine: true, asymInitOnly: false },
    ...(alike ? first : none),
    layers: layers.map(({ outputs }, index) => ({
      ...{ index, inputs: widths[index]!, outputs, sigmaF: 0, numFixed: 0, normalMask: true },
      ...(alike ? {} : behind[index]),
    })),
  };
}

function required<T>(value: T | null | undefined, key: string, where: string): T {
  if (value == null) throw new UserError(`${where}: ${key} is missing; it is needed to build the model.`);
  return value;
}

function resolveNorm(model: ModelConfig, where: string): Norm {
  if (model.norm === undefined) return 'layer';
  if (model.norm === null || model.norm === false || model.norm === '') return 'none';
  const found = norms.find((norm) => norm === model.norm);
  if (found) return found;
  throw new UserError(
    `${where}: model.norm is "${model.norm}"; expected one of ${norms.join(', ')}.${didYouMean(model.norm, norms)}`,
  );
}

/** create_mlp's defaults where the config says nothing: relu for standard models, gelu otherwise. */
function resolveActivation(model: ModelConfig, where: string): Activation {
  if (!model.activation)
    return (model.symmetry ?? 0) === 0 || model.asym_init_only === true ? 'relu' : 'gelu';
  const found = activations.find((activation) => activation === model.activation);
  if (found) return found;
  throw new UserError(
    `${where}: model.activation is "${model.activation}"; expected one of ${activations.join(', ')}.${didYouMean(model.activation, activations)}`,
  );
}

type FixedPart = Pick<LayerSpec, 'sigmaF' | 'numFixed' | 'normalMask'>;

function fixedPart(model: ModelConfig, layer: { index: number; inputs: number }, where: string): FixedPart {
  if (model.symmetry !== 1 && model.symmetry !== 3) return { sigmaF: 0, numFixed: 0, normalMask: true };
  const params = maskParamsOf(model, layer.index, where);
  if (model.symmetry === 3) return { sigmaF: params.mask_constant ?? 1, numFixed: 0, normalMask: true };
  const at = `model.mask_params of layer ${layer.index}`;
  if (params.mask_type != null && params.mask_type !== 'random_subsets') {
    throw new UserError(`${where}: ${at}: mask_type is "${params.mask_type}"; expected random_subsets.`);
  }
  const scale = model.n_mul ?? 1;
  const written = params.num_fixed ?? 6;
  if (scale === 1 && !Number.isInteger(written)) {
    throw new UserError(`${where}: ${at}: num_fixed is ${written}; a whole number was expected.`);
  }
  const numFixed = scale === 1 ? written : Math.trunc(written * scale);
  if (numFixed >= layer.inputs) {
    const times = scale === 1 ? '' : ` (${written} times n_mul ${scale})`;
    throw new UserError(
      `${where}: ${at}: num_fixed is ${numFixed}${times}, but the layer has only ${layer.inputs} inputs; at least one must stay trainable.`,
      {
        hint: `Set num_fixed, or model.mask_params.linear_mask_params_${layer.index}.num_fixed, to at most ${largest(layer.inputs - 1, scale)}.`,
      },
    );
  }
  return { sigmaF: params.mask_constant ?? 0, numFixed, normalMask: params.do_normal_mask ?? true };
}

/** The largest num_fixed that `scale` (n_mul) does not take above `limit`. */
function largest(limit: number, scale: number): number {
  return scale === 1 ? limit : Math.floor(limit / scale);
}

function maskParamsOf(
  model: ModelConfig,
  index: number,
  where: string,
): ReturnType<typeof maskParamsSchema.parse> {
  if (!model.mask_params) {
    throw new UserError(`${where}: model.mask_params is missing; symmetry ${model.symmetry} needs it.`);
  }
  const globalDefault = {
    mask_constant: 1,
    mask_type: 'random_subsets',
    do_normal_mask: true,
    num_fixed: 64,
  };
  const layer = model.mask_params[`linear_mask_params_${index}`];
  const merged = { ...pick(model.mask_params.default ?? globalDefault), ...pick(layer ?? {}) };
  const parsed = maskParamsSchema.safeParse(merged);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UserError(
    `${where}: model.mask_params of layer ${index}: ${issue.path.join('.')}: ${issue.message}.`,
  );
}

function pick(value: unknown): Record<string, unknown> {
  return isPlainObject(value) ? value : {};
}

/** What a config says about its data. Paths are as written: the caller makes them absolute. */
export interface DataPlan {
  name: string;
  dataDir: string | null;
  splitFile: string | null;
  /** The reference's own seed where none is recorded. */
  splitSeed: number;
  valFraction: number;
  batchSize: number;
  /** Of data that a person has added: how the hash of their contents begins; undefined: not recorded. */
  contents?: string;
  /** What is learnt; undefined: not recorded. */
  task?: Task;
  /** How images are varied; undefined: not at all. */
  augmentation?: Augmentation | undefined;
  /** How the data are made; absent where they are read from files. */
  geometry?: GeometryPlan;
}

/** The split seed of every run of neuron-identifiability (train.py:165). */
export const referenceSplitSeed = 42;

/** @throws UserError where the config names no data set, or does not say all that making it takes */
export function resolveData(config: RunConfig, where = 'config'): DataPlan {
  const data = config.dataset;
  if (data?.name == null) throw new UserError(`${where}: dataset.name is missing.`);
  const geometry = resolveGeometry(config, where);
  return {
    ...(geometry && { geometry }),
    ...(data.contents != null && { contents: data.contents }),
    ...(data.task != null && { task: data.task }),
    augmentation: resolveAugmentation(data.augmentation, where),
    name: data.name,
    dataDir: data.data_dir ?? null,
    splitFile: data.split_file ?? null,
    splitSeed: data.split_seed ?? referenceSplitSeed,
    valFraction: data.val_split ?? 0.1,
    // Only training asks: a batch size that cannot be read does not stop an analysis.
    get batchSize() {
      return data.batch_size ?? 64;
    },
  };
}

/** One seed per model for initialisation and batch order; one mask seed for the fixed part that the models share. */
export interface Seeds {
  seed: number;
  init: number[];
  optimization: number[];
  mask: number;
}

/**
 * The seeds of a run; the missing ones are drawn with `draw`, once. A given `seed` decides every seed that is not
 * given itself. Write them into the config with `recordSeeds` before anything is trained.
 * @param draw a uniformly random integer below 2^32
 * @throws UserError where a list has not one seed per model
 */
export function resolveSeeds(config: RunConfig, draw: () => number, where = 'config'): Seeds {
  const models = config.num_models ?? 2;
  const seed = config.seed ?? draw();
  const next = seedSequence(seed);
  // Always drawn in the same order, so that giving one seed does not change the others.
  const init = Array.from({ length: models }, next);
  const optimization = Array.from({ length: models }, next);
  const mask = next();
  return {
    seed,
    init: perModel(config.init_seed, init, 'init_seed', models, where),
    optimization: perModel(config.optimization_seed, optimization, 'optimization_seed', models, where),
    mask: config.mask_seed ?? mask,
  };
}

function perModel(
  given: number | number[] | null | undefined,
  drawn: number[],
  key: string,
  models: number,
  where: string,
): number[] {
  if (given == null) return drawn;
  if (typeof given === 'number') return drawn.map(() => given);
  if (given.length === models) return [...given];
  throw new UserError(
    `${where}: ${key} lists ${given.length} seeds for num_models=${models}; give one, or one per model.`,
  );
}

/** splitmix32: well-spread 32-bit numbers from any seed. */
function seedSequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

/** The config with the seeds actually used. */
export function recordSeeds(config: RunConfig, seeds: Seeds): RunConfig {
  return {
    ...config,
    num_models: seeds.init.length,
    seed: seeds.seed,
    init_seed: [...seeds.init],
    optimization_seed: [...seeds.optimization],
    mask_seed: seeds.mask,
  };
}
