/** A network's architecture, fully resolved from a config: no look-ups or defaults left to decide. */
import type { Activation, Family, Norm } from './domain.ts';

/** One linear layer `lins.{index}`: z = W_eff x + b. */
export interface LayerSpec {
  index: number;
  inputs: number;
  outputs: number;
  /** Fixed weight scale sigma_F (the reference's kappa, `mask_constant`); 0 where the family has none. */
  sigmaF: number;
  /** Fixed entries per output row (W-asymmetric only; 0 otherwise). Always less than `inputs`. */
  numFixed: number;
  /** False: fixed entries are sigma_F itself instead of sigma_F times a standard normal draw. */
  normalMask: boolean;
}

/** The multilayer perceptrons of neuron-identifiability, src/models/mlp.py: lins.0, norms.0, activation, ..., lins.{L-1}. */
export interface MlpSpec {
  architecture: 'mlp';
  family: Family;
  layers: LayerSpec[];
  norm: Norm;
  /** Norm layers have weight and bias. */
  elementwiseAffine: boolean;
  /** Ignored by the sigma-asymmetric family: there activation i is x * sigmoid(C_i x). */
  activation: Activation;
  /** Initialised at an asymmetric model's effective weights, then trained as a standard one. */
  asymInitOnly: boolean;
}

/** Room for residual and graph networks. */
export type ModelSpec = MlpSpec;

/** Names of the widths, input first: `[784, 64, 64, 64, 10]`. */
export function widths(spec: MlpSpec): number[] {
  return [spec.layers[0]!.inputs, ...spec.layers.map((layer) => layer.outputs)];
}
