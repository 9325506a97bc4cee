/** What the measures need of one linear layer, in float64: effective weights, fixed part, mask. */
import { requireChain } from '../../../src-shared/model.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { storedFamily, tensorOf } from '../models/index.ts';

/** A model's architecture, tensors and function. */
export type LoadedNetwork = Pick<LoadedModel, 'spec' | 'state' | 'network'>;

export interface LayerWeights {
  /** Neurons. */
  outputs: number;
  inputs: number;
  /** Effective weights, [outputs, inputs]. */
  weight: Float64Array;
  /** What training cannot change: (1 - mask) sigma_F F, or sigma_F noise; absent where that is zero. */
  fixed?: Float64Array;
  /** 1 where an entry is free, [outputs, inputs]; absent where all are. */
  mask?: Float32Array;
  /** sigma_F; 0 for families that fix nothing. */
  sigmaF: number;
}

/**
 * Layer `index` of a model, put together in float64 (the checkpoint's float32 tensors and sigma_F as the config writes
 * it). Sigma-asymmetric models have standard linear layers.
 */
export function layerWeights({ spec, state, network }: LoadedNetwork, index: number): LayerWeights {
  const chain = requireChain(spec, 'the model', 'identifiability is measured');
  const { outputs, inputs } = network.layers[index]!;
  const family = storedFamily(chain);
  const { sigmaF } = chain.layers[index]!;
  const tensor = (name: string) => tensorOf(state, `lins.${index}.${name}`).data;
  const weight = new Float64Array(tensor('weight'));
  if (family === 'syre') {
    const fixed = new Float64Array(tensor('noise')).map((noise) => sigmaF * noise);
    return { outputs, inputs, weight: weight.map((w, k) => w + fixed[k]!), fixed, sigmaF };
  }
  if (family !== 'w-asymmetric') return { outputs, inputs, weight, sigmaF: 0 };
  const mask = tensor('mask');
  const normal = tensor('normal_mask');
  const fixed = new Float64Array(weight.length);
  for (let k = 0; k < weight.length; k++) {
    if (mask[k] === 0) weight[k] = fixed[k] = sigmaF * normal[k]!;
  }
  return { outputs, inputs, weight, fixed, sigmaF, ...(mask.includes(0) && { mask }) };
}
