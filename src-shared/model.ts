/** A network's architecture, fully resolved from a config: no look-ups or defaults left to decide. */
import type { Activation, Family, Norm } from './domain.ts';
import { UserError } from './errors.ts';
import type { GeneralFamily } from './networks/families.ts';
import type { Graph } from './networks/graph.ts';
import type { ResnetSizes } from './networks/resnet-sizes.ts';

/** The fixed part of one layer. */
export interface FixedEntries {
  /** Fixed weight scale sigma_F (the reference's kappa, `mask_constant`); 0 where the family has none. */
  sigmaF: number;
  /** Fixed entries per output neuron or channel (W-asymmetric and sparse only; 0 otherwise). */
  numFixed: number;
  /** False: fixed entries are sigma_F itself instead of sigma_F times a standard normal draw. */
  normalMask: boolean;
}

/** One linear layer, the `index`th: z = W_eff x + b. Always more `inputs` than fixed entries. */
export interface LayerSpec extends FixedEntries {
  index: number;
  inputs: number;
  outputs: number;
  /** Where hidden layers differ: this one's; absent: the network's. */
  norm?: Norm;
  activation?: Activation;
}

/** The multilayer perceptrons of neuron-identifiability, src/models/mlp.py: linear, norm, activation, ..., linear. */
export interface MlpSpec {
  architecture: 'mlp';
  family: Family;
  layers: LayerSpec[];
  norm: Norm;
  /** Norm layers have weight and bias. */
  elementwiseAffine: boolean;
  /** Ignored by the sigma-asymmetric family: there activation i is x * sigmoid(C_i x). */
  activation: Activation;
  /** Share of each hidden layer's activations that is dropped while training; absent: none. */
  dropout?: number;
  /** Initialised at an asymmetric model's effective weights, then trained as a standard one. */
  asymInitOnly: boolean;
  /** What sets the family, if `model.family` does. */
  general?: GeneralFamily;
  /** Basin's name -> the name in the checkpoint files, where it is another. */
  fileNames?: Readonly<Record<string, string>>;
  /** Tensors that the files lack because they would hold this number throughout; they count as buffers. */
  constants?: Readonly<Record<string, number>>;
  /** Tensors of the files that the function does not depend on. */
  ignored?: readonly string[];
}

export const normOf = (spec: MlpSpec, layer: LayerSpec): Norm => layer.norm ?? spec.norm;

export const activationOf = (spec: MlpSpec, layer: LayerSpec): Activation =>
  layer.activation ?? spec.activation;

/** Some hidden layer has another norm or activation than the others. */
export function isMixed(spec: MlpSpec): boolean {
  return spec.layers.some(({ norm, activation }) => norm !== undefined || activation !== undefined);
}

/** Anyone's network, declared layer by layer (docs/architectures.md). Its tensors have the names of the files. */
export interface DeclaredSpec {
  architecture: 'declared';
  graph: Graph;
  /** What its author calls it. */
  description?: string;
  /** Tensors of the files that the function does not depend on. */
  ignored?: readonly string[];
  /** Of a network exported from PyTorch, which nobody declared. */
  exported?: Exported;
  /** As of an MlpSpec; a declared network needs neither. */
  fileNames?: undefined;
  constants?: undefined;
}

/** What is known of a network exported from PyTorch besides its graph. */
export interface Exported {
  /** Keys of the state dict that are the same tensor as another: key -> the one that the graph names. */
  readonly tied: Readonly<Record<string, string>>;
}

/** A network exported from PyTorch (docs/pytorch.md): one that can be drawn and trained. */
export interface ExportedSpec extends DeclaredSpec {
  exported: Exported;
  family: 'standard' | 'w-asymmetric' | 'sparse';
  /** Of a family: the weights with fixed entries, by the name of the parameter. */
  layers: ModuleLayer[];
  asymInitOnly: false;
}

export const isExportedSpec = (spec: ModelSpec): spec is ExportedSpec =>
  spec.architecture === 'declared' && spec.exported !== undefined;

/** One convolution or linear layer of a network whose layers have names. */
export interface ModuleLayer extends FixedEntries {
  /** `layer2.0.conv1`, `convs.0.mlp.0` */
  module: string;
  /** [outputs, inputs, ...kernel] */
  shape: number[];
}

/** ResNet20 and its relatives for small images (networks/resnet.ts). */
export interface ResnetSpec extends ResnetSizes {
  architecture: 'resnet';
  family: 'standard' | 'w-asymmetric' | 'syre';
  /** `group`: over all pixels and channels of an image (GroupNorm with one group); `batch`: BatchNorm. */
  norm: 'group' | 'batch';
  /** In the order in which PyTorch makes them. */
  layers: ModuleLayer[];
  /** As of an MlpSpec. */
  asymInitOnly: boolean;
  fileNames?: undefined;
  constants?: undefined;
  ignored?: undefined;
}

/** Networks for the nodes of a graph (networks/gnn.ts). */
export interface GnnSpec {
  architecture: 'gnn';
  family: 'standard' | 'w-asymmetric' | 'sigma-asymmetric' | 'syre';
  norm: 'batch';
  /** `gate`: x * sigmoid(C x); `gelu_gate`: gelu(gelu(x) C). W-asymmetric networks have gates, too, as published. */
  nonlinearity: 'gelu' | 'gate' | 'gelu_gate';
  /** `convs.{i}.mlp.0`, each behind a mean over neighbours, and `lin`: [outputs, inputs]. */
  layers: ModuleLayer[];
  /** Share of the values between layers that is dropped while training; absent: none. */
  dropout?: number;
  asymInitOnly: false;
  fileNames?: undefined;
  constants?: undefined;
  ignored?: undefined;
}

export type ModelSpec = MlpSpec | DeclaredSpec | ResnetSpec | GnnSpec;

/** What Basin can draw and train. */
export type TrainableSpec = MlpSpec | ResnetSpec | GnnSpec | ExportedSpec;

/**
 * What cannot work with a graph yet says so.
 * @param who whose network it is: a run folder or a config file
 * @param work what needs a chain, as the beginning of a sentence: "training works"
 */
const chainNeeded = (who: string, what: string, work: string): UserError =>
  new UserError(`${who} is a ${what}; so far, ${work} only for chains of linear layers.`, {
    hint: 'docs/architectures.md says what other networks can be used for.',
  });

/** @throws UserError saying that the work cannot be done with a declared network */
export const refuseDeclared = (who: string, work: string): UserError =>
  chainNeeded(who, 'declared network', work);

/** The layers of a plain chain. @throws UserError for any other network */
export function requireChain(spec: ModelSpec, who: string, work: string): MlpSpec {
  if (spec.architecture === 'mlp') return spec;
  throw chainNeeded(who, kindsOfNetwork[spec.architecture], work);
}

const kindsOfNetwork = {
  resnet: 'residual network',
  gnn: 'graph network',
  declared: 'declared network',
} as const;

/** Names of the widths, input first: `[784, 64, 64, 64, 10]`. */
export function widths(spec: MlpSpec): number[] {
  return [spec.layers[0]!.inputs, ...spec.layers.map((layer) => layer.outputs)];
}

/** Features of a node, widths, classes: `[128, 256, 256, 256, 40]`. */
export const gnnWidths = ({ layers }: GnnSpec): number[] => [
  layers[0]!.shape[1]!,
  ...layers.map(({ shape }) => shape[0]!),
];

/** `ResNet20 x 2`: of twice the channels. */
export const resnetName = ({ depth, width }: ResnetSpec): string =>
  `ResNet${depth}${width === 1 ? '' : ` x ${width}`}`;
