/** A network's architecture, fully resolved from a config: no look-ups or defaults left to decide. */
import type { Activation, Family, Norm } from './domain.ts';
import { UserError } from './errors.ts';
import type { GeneralFamily } from './networks/families.ts';
import type { Graph } from './networks/graph.ts';

/** One linear layer, the `index`th: z = W_eff x + b. */
export interface LayerSpec {
  index: number;
  inputs: number;
  outputs: number;
  /** Fixed weight scale sigma_F (the reference's kappa, `mask_constant`); 0 where the family has none. */
  sigmaF: number;
  /** Fixed entries per output row (W-asymmetric and sparse only; 0 otherwise). Always less than `inputs`. */
  numFixed: number;
  /** False: fixed entries are sigma_F itself instead of sigma_F times a standard normal draw. */
  normalMask: boolean;
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
  /** As of an MlpSpec; a declared network needs neither. */
  fileNames?: undefined;
  constants?: undefined;
}

export type ModelSpec = MlpSpec | DeclaredSpec;

/**
 * What cannot work with a graph yet says so.
 * @param who whose network it is: a run folder or a config file
 * @param work what needs a chain, as the beginning of a sentence: "training works"
 */
export const chainNeeded = (who: string, work: string): UserError =>
  new UserError(`${who} is a declared network; so far, ${work} only for chains of linear layers.`, {
    hint: 'docs/architectures.md says what declared networks can be used for.',
  });

/** The layers of a plain chain. @throws UserError for a declared network, see chainNeeded */
export function requireChain(spec: ModelSpec, who: string, work: string): MlpSpec {
  if (spec.architecture === 'mlp') return spec;
  throw chainNeeded(who, work);
}

/** Names of the widths, input first: `[784, 64, 64, 64, 10]`. */
export function widths(spec: MlpSpec): number[] {
  return [spec.layers[0]!.inputs, ...spec.layers.map((layer) => layer.outputs)];
}
