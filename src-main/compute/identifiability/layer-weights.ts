/** One layer of a model as the measures see it: its weights, and what training cannot change of them. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { LoadedModel, Run } from '../load-models.ts';
import { fixedDoubles, parameterDoubles, sigmaOf } from '../networks/effective.ts';
import { isExported } from '../networks/parameters.ts';
import { exportedLayers } from './exported-layers.ts';
import type { MeasuredLayer } from './measured-layer.ts';
import { patchesOf, patchSize } from './patches.ts';

/** A model's network, and its tensors as stored. */
export type LoadedNetwork = Pick<LoadedModel, 'state'> & { run: Pick<Run, 'graph'> };

export interface LayerWeights {
  /** Neurons; of a convolution its output channels. */
  outputs: number;
  /** Of a convolution the numbers of a patch: its input channels times the entries of its kernel. */
  inputs: number;
  /** Effective weights, [outputs, inputs]. */
  weight: Float64Array;
  /** What training cannot change: (1 - mask) sigma_F F, or sigma_F noise; absent where that is zero. */
  fixed?: Float64Array;
  /** 1 where an entry is free, [outputs, inputs]; absent where all are. */
  mask?: Float32Array;
  /** sigma_F; 0 if nothing is added to the weights, null if what is added is no draw. */
  sigmaF: number | null;
}

/** Linear layers and convolutions in the order of the forward pass, by the names of their modules. */
export function measuredLayers(network: Network): readonly MeasuredLayer[] {
  if (isExported(network)) return exportedLayers(network).layers;
  return network.nodes.flatMap((node): MeasuredLayer[] => {
    const { id, op, parameters } = node;
    if (op !== 'linear' && op !== 'conv2d') return [];
    const [weight, patches] = [parameters['weight']!, patchesOf(node)];
    const width = patches ? patchSize(patches) : sizeOf(network.shapes.get(node.takes[0]!)!);
    return [{ ...{ id, node, weight, bias: parameters['bias'], isTurned: false, width, patches } }];
  });
}

/** @throws Error if the network has no such layer */
export function measuredLayer(network: Network, layer: string): MeasuredLayer {
  const found = measuredLayers(network).find(({ id }) => id === layer);
  if (!found) throw new Error(`no linear layer or convolution "${layer}"`);
  return found;
}

/** A layer's place among those that can be measured, from 0: random draws are seeded with it. */
export const placeOfLayer = (network: Network, layer: string): number =>
  measuredLayers(network).findIndex(({ id }) => id === layer);

/**
 * A layer of a model, put together in float64 (the checkpoint's float32 tensors and sigma_F as the config writes it).
 * Sigma-asymmetric models have standard linear layers.
 */
export function layerWeights({ run: { graph }, state }: LoadedNetwork, layer: string): LayerWeights {
  const { weight: parameter, isTurned } = measuredLayer(graph, layer);
  const { shape, family } = parameter;
  const [first, rest] = [shape[0]!, sizeOf(shape.slice(1))];
  const [outputs, inputs] = isTurned ? [rest, first] : [first, rest];
  const inRows = <T extends Float32Array | Float64Array>(values: T): T =>
    isTurned ? turned(values, first, rest) : values;
  const fixed = fixedDoubles(parameter, state);
  const mask = family?.mask === undefined ? undefined : state.get(family.mask)!.data;
  const weight = inRows(parameterDoubles(parameter, state));
  return {
    ...{ outputs, inputs, weight, sigmaF: sigmaOf(graph, parameter) },
    ...(fixed && { fixed: inRows(fixed) }),
    ...(mask?.includes(0) && { mask: inRows(mask) }),
  };
}

/** [rows, columns] as [columns, rows]. */
function turned<T extends Float32Array | Float64Array>(values: T, rows: number, columns: number): T {
  const out = values.slice() as T;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = values[row * columns + column]!;
  return out;
}
