import type { Activation } from '../../../src-shared/domain.ts';

/** A tensor in ordinary memory, C order. */
export interface HostTensor {
  shape: number[];
  data: Float32Array;
}

/** A state dict: parameter and buffer names as in the reference (`lins.0.weight`, `lins.0.mask`, ...). */
export type StateDict = Map<string, HostTensor>;

export interface NormParameters {
  /**
   * `layer`: LayerNorm, biased variance, eps 1e-5. `batch`: BatchNorm, running statistics when evaluated, eps 1e-5.
   * `layer_linear` and `batch_linear`: the linearised forms, which divide by the variance expected at initialisation.
   */
  kind: 'layer' | 'batch' | 'layer_linear' | 'batch_linear';
  /** [n]; absent without elementwise affine. */
  weight?: Float32Array;
  bias?: Float32Array;
  /** [n], `batch` only. */
  runningMean?: Float32Array;
  runningVar?: Float32Array;
  /** [n], linearised forms only: the output variance expected at initialisation. */
  initialVariance?: Float32Array;
}

/**
 * One layer in effective form: z = weight x + bias, then norm, then activation. The last layer has neither.
 * Families differ only in how `weight` came about, so everything that merely evaluates or compares works on this form.
 */
export interface EffectiveLayer {
  inputs: number;
  outputs: number;
  /** [outputs, inputs] */
  weight: Float32Array;
  /** [outputs] */
  bias: Float32Array;
  norm?: NormParameters;
  activation?:
    Activation | { kind: 'swiglu'; /** [outputs, outputs]; x * sigmoid(C x) */ gate: Float32Array };
}

/** A network without asymmetry bookkeeping: the non-asymmetric model that computes the same function. */
export interface EffectiveNetwork {
  layers: EffectiveLayer[];
}
