/** A network's layers in float64, as the measures evaluate them: costs of a subspace are sensitive to its last digits. */
import type { Activation } from '../../../src-shared/domain.ts';
import type { EffectiveLayer } from '../models/index.ts';
import { linearScale, normEpsilon } from '../models/effective.ts';
import { layerWeights } from './layer-weights.ts';
import type { LoadedNetwork } from './layer-weights.ts';

export interface Layer64 {
  inputs: number;
  outputs: number;
  /** [outputs, inputs] */
  weight: Float64Array;
  bias: Float64Array;
  norm?: Norm64;
  /** A Float64Array is the gate C of x sigmoid(C x), [outputs, outputs]. */
  activation?: Activation | Float64Array;
}

/** Normalise over the layer's neurons, or only centre, or neither; then times `scale`, plus `shift`, each [outputs]. */
export interface Norm64 {
  over: 'layer' | 'centre' | 'none';
  scale: Float64Array;
  shift: Float64Array;
}

export function network64(model: LoadedNetwork): Layer64[] {
  return model.network.layers.map((layer, i) => {
    const { weight, inputs, outputs } = layerWeights(model, i);
    const norm = norm64(layer);
    const { activation } = layer;
    return {
      ...{ inputs, outputs, weight, bias: Float64Array.from(layer.bias) },
      ...(norm && { norm }),
      ...(activation && {
        activation: typeof activation === 'object' ? Float64Array.from(activation.gate) : activation,
      }),
    };
  });
}

function norm64({ norm, outputs }: EffectiveLayer): Norm64 | undefined {
  if (!norm) return undefined;
  const weight = Float64Array.from(norm.weight ?? new Float64Array(outputs).fill(1));
  const bias = Float64Array.from(norm.bias ?? new Float64Array(outputs));
  if (norm.kind === 'layer') return { over: 'layer', scale: weight, shift: bias };
  if (norm.kind === 'batch') {
    const scale = weight.map((w, i) => w / Math.sqrt(norm.runningVar![i]! + normEpsilon));
    return { over: 'none', scale, shift: bias.map((b, i) => b - norm.runningMean![i]! * scale[i]!) };
  }
  const known = linearScale(norm.kind, norm.initialVariance!);
  const scale = weight.map((w, i) => w * known[i % known.length]!);
  return { over: norm.kind === 'layer_linear' ? 'centre' : 'none', scale, shift: bias };
}
