/** What the measures need of one linear layer, in float64: effective weights, fixed part, mask. */
import type { LoadedModel } from '../checkpoints.ts';
import { fixedWeight, storedFamily, tensorOf } from '../models/index.ts';

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

/** Layer `index` of a model; sigma-asymmetric models have standard linear layers. */
export function layerWeights({ spec, state, network }: LoadedModel, index: number): LayerWeights {
  const { outputs, inputs, weight } = network.layers[index]!;
  const fixed = fixedWeight(spec, state, index);
  const masked = storedFamily(spec) === 'w-asymmetric';
  const mask = masked ? tensorOf(state, `lins.${index}.mask`).data : undefined;
  return {
    outputs,
    inputs,
    weight: Float64Array.from(weight),
    ...(fixed && { fixed: Float64Array.from(fixed) }),
    ...(mask?.some((entry) => entry === 0) && { mask }),
    sigmaF: fixed ? spec.layers[index]!.sigmaF : 0,
  };
}
