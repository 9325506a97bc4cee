/**
 * The ridge problem of one layer (neuron-identifiability, measure_realization_cost_ridge_regression.py:25): slot j shall
 * compute what neuron i computes, sum over pairs of mean_x (out_i - out_j)^2 / beta + |free weights of j|^2.
 *
 * Outputs are activation((w x + b) s) with s = 1 / sqrt(1 + 1e-5): the published script puts a fresh batch norm in
 * evaluation mode in the place of the trained norm, whatever its kind, which does nothing but that.
 */
import type { Activation } from '../../../src-shared/domain.ts';
import { usualEpsilon } from '../../../src-shared/networks/operations/norm.ts';
import type { LayerWeights } from './layer-weights.ts';

export const normScale = 1 / Math.sqrt(1 + usualEpsilon);

export interface RidgeLayerProblem {
  layer: LayerWeights;
  /** Weights as stored: free entries, and at fixed places whatever the optimizer left there. [outputs, inputs] */
  raw: Float32Array;
  bias: Float32Array;
  /** Inputs of the layer, [samples, inputs]. */
  x: Float32Array;
  samples: number;
  activation: Activation;
}

/** Target neuron and slot. */
export type RidgePairIds = readonly [target: number, slot: number];

/** One number per pair, from before the last update where there are updates. */
export interface RidgeTerms {
  mse: Float64Array;
  regularization: Float64Array;
  /** Length of the slot's stored weights. */
  slotScale: Float64Array;
}

/** Free entries of neuron j's stored weights: masked ones zero; without the noise for SYRE. */
export function freeWeights({ layer, raw }: RidgeLayerProblem, j: number): Float64Array {
  const row = Float64Array.from(raw.subarray(j * layer.inputs, (j + 1) * layer.inputs));
  const { mask } = layer;
  return mask ? row.map((value, c) => (mask[j * layer.inputs + c] === 0 ? 0 : value)) : row;
}

/** Length of neuron j's stored weights, fixed places included. */
export function storedScale({ layer, raw }: RidgeLayerProblem, j: number): number {
  let sum = 0;
  for (let c = j * layer.inputs; c < (j + 1) * layer.inputs; c++) sum += raw[c]! ** 2;
  return Math.sqrt(sum);
}
