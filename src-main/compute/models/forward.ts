/** Evaluating many networks of one architecture on the same (or each on its own) inputs. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { activate } from './activation.ts';
import { kernelsOf } from './kernels.ts';
import type { Kernels } from './kernels.ts';
import type { EffectiveNetwork } from './network.ts';
import { normEpsilon, stackNetworks } from './stack.ts';
import type { StackedLayer, StackedNetwork, StackedNorm } from './stack.ts';

export interface Forward {
  /** [M, B, classes] */
  logits: Tensor;
  /**
   * For each point asked for, one tensor [M, B, n] per hidden layer. `post_activation_function` of layer i is the input
   * of lins.{i+1}. Networks without norm record the linear output as post_norm.
   */
  recorded: Partial<Record<RecordingPoint, Tensor[]>>;
}

/**
 * Runs M networks in evaluation mode (batch norm uses its running statistics).
 * @param networks stacked already, or to be stacked for this call only
 * @param x [B, inputs], shared by all networks (the first layer is then one product), or [M, B, inputs]; with
 * `startsAfterFirstProduct` [M, B, outputs of layer 0]: the product of the first weights and the inputs, without bias
 * @returns tensors of the caller's. Memory grows with M * B * width: batching is the caller's choice.
 */
export function forwardStacked(
  backend: Backend,
  networks: StackedNetwork | readonly EffectiveNetwork[],
  x: Tensor,
  options: { record?: readonly RecordingPoint[]; startsAfterFirstProduct?: boolean } = {},
): Forward {
  if (!('layers' in networks)) {
    const stacked = stackNetworks(backend, networks);
    try {
      return forwardStacked(backend, stacked, x, options);
    } finally {
      stacked.dispose();
    }
  }
  const kernels = kernelsOf(backend);
  const recorded: Forward['recorded'] = {};
  for (const point of options.record ?? []) recorded[point] = [];
  let current = x.shape.length === 2 ? kernels.reshape(x, [1, ...x.shape]) : x.clone();
  for (const [i, layer] of networks.layers.entries()) {
    const z =
      i === 0 && options.startsAfterFirstProduct === true
        ? kernels.add(current, layer.bias)
        : linear(kernels, current, layer);
    current.dispose();
    current = i === networks.layers.length - 1 ? z : hidden(kernels, z, layer, recorded);
  }
  return { logits: current, recorded };
}

/** Consumes z. */
function hidden(kernels: Kernels, z: Tensor, layer: StackedLayer, recorded: Forward['recorded']): Tensor {
  recorded.post_linear?.push(z.clone());
  const normal = layer.norm ? normalise(kernels, z, layer.norm) : z.clone();
  z.dispose();
  recorded.post_norm?.push(normal.clone());
  const active = activate(kernels, normal, layer.activation ?? 'identity');
  normal.dispose();
  recorded.post_activation_function?.push(active.clone());
  return active;
}

/** x [M or 1, B, inputs] -> [M, B, outputs] */
function linear(kernels: Kernels, x: Tensor, { weight, bias }: StackedLayer): Tensor {
  const product = kernels.matMul(x, weight, false, true);
  const z = kernels.add(product, bias);
  product.dispose();
  return z;
}

function normalise(kernels: Kernels, z: Tensor, norm: StackedNorm): Tensor {
  let current = normalised(kernels, z, norm.normalise);
  for (const [operation, operand] of [
    [kernels.mul, norm.scale],
    [kernels.add, norm.shift],
  ] as const) {
    if (!operand) continue;
    const next = operation(current, operand);
    current.dispose();
    current = next;
  }
  return current;
}

function normalised(kernels: Kernels, z: Tensor, kind: StackedNorm['normalise']): Tensor {
  if (kind === 'none') return z.clone();
  if (kind === 'centre') {
    const mean = kernels.mean(z, 2);
    const centred = kernels.sub(z, mean);
    mean.dispose();
    return centred;
  }
  return kernels.layerNorm(z, normEpsilon);
}
