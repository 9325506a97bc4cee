/** Linear layers and convolutions of a network exported from PyTorch: products of a value with a weight as it is stored. */
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import type { MeasuredLayer } from './measured-layer.ts';
import type { Patches } from './patches.ts';

export interface ExportedLayers {
  /** In the order of the forward pass, by the names of their modules. */
  readonly layers: readonly MeasuredLayer[];
  /** Those that are not measured. */
  readonly leftOut: readonly { readonly layer: string; readonly why: string }[];
}

const found = new WeakMap<Network, ExportedLayers>();

/** Found once per network. */
export function exportedLayers(network: Network): ExportedLayers {
  const known = found.get(network) ?? layersOf(network);
  found.set(network, known);
  return known;
}

function layersOf(network: Network): ExportedLayers {
  const layers: MeasuredLayer[] = [];
  const leftOut: { layer: string; why: string }[] = [];
  const taken = new Map<string, number>();
  const nodes = new Map(network.nodes.map((node) => [node.id, node]));
  const live = new Set(network.graph.inputs.map(({ id }) => id));
  for (const node of network.nodes) if (node.takes.some((id) => live.has(id))) live.add(node.id);
  for (const node of network.nodes) {
    const call = callOf(node);
    if (call?.call !== 'matmul' && call?.call !== 'conv' && call?.call !== 'conv_transpose') continue;
    const [value, factor] = node.takes as [string, string];
    // Attention and the like multiply two values of the example.
    if (!live.has(value) || live.has(factor)) continue;
    const weight = storedWeight(nodes, factor, call.call === 'matmul');
    const module = weight ? moduleOf(weight.parameter) : (call.module ?? node.id);
    const count = (taken.get(module) ?? 0) + 1;
    taken.set(module, count);
    const id = count === 1 ? module : `${module}-${count}`;
    const why = weight ? unsupported(node, call, weight) : 'its weight is computed from others';
    if (!weight || why !== undefined) leftOut.push({ layer: id, why: why! });
    else
      layers.push({
        ...{ id, node, weight: weight.parameter, bias: undefined },
        ...rowsOf(node, call, weight),
      });
  }
  return { layers, leftOut };
}

const callOf = ({ op, attributes }: CheckedNode): TorchCall | undefined =>
  op === 'torch' ? (attributes as TorchCall) : undefined;

interface StoredWeight {
  readonly parameter: Parameter;
  /** Stored as [inputs, outputs]. */
  readonly isTurned: boolean;
  /** As the node reads it. */
  readonly shape: readonly number[];
}

/** The parameter that a factor is, as stored, transposed, or in another shape with the same rows. */
function storedWeight(
  nodes: ReadonlyMap<string, CheckedNode>,
  id: string,
  isProduct: boolean,
): StoredWeight | undefined {
  const node = nodes.get(id);
  const call = node && callOf(node);
  if (!node || !call) return undefined;
  const parameterOf = (at: string): Parameter | undefined => nodes.get(at)?.parameters['value'];
  if (call.call === 'parameter')
    return { parameter: node.parameters['value']!, isTurned: isProduct, shape: node.shape };
  const parameter = node.takes[0] === undefined ? undefined : parameterOf(node.takes[0]);
  if (!parameter) return undefined;
  if (isProduct && call.call === 'permute' && call.order.join() === '1,0')
    return { parameter, isTurned: false, shape: node.shape };
  if (!isProduct && call.call === 'reshape' && node.shape[0] === parameter.shape[0])
    return { parameter, isTurned: false, shape: node.shape };
  return undefined;
}

const moduleOf = ({ name }: Parameter): string => name.replace(/\.weight$/, '');

type Product = Extract<TorchCall, { call: 'matmul' | 'conv' | 'conv_transpose' }>;

function unsupported(
  { inputs }: CheckedNode,
  call: Product,
  { parameter, shape }: StoredWeight,
): string | undefined {
  if (parameter.role !== 'trained') return 'its weight is not trained';
  if (call.call === 'matmul')
    return shape.length === 2 ? undefined : 'it has a matrix for every block of its input';
  if (call.call === 'conv_transpose')
    return 'it is a transposed convolution, whose inputs are not cut into patches';
  if (call.groups > 1) return `its ${call.groups} groups read different channels`;
  if (call.dilation.some((step) => step !== 1)) return 'it is dilated';
  if (call.padding.some(([before, after]) => before !== after))
    return 'its padding is not the same on both sides';
  // The shape of a value is that of one example only if it is one value for each.
  return inputs[0]!.length === 3 ? undefined : 'its images are not one per example';
}

function rowsOf(
  { shape, inputs }: CheckedNode,
  call: Product,
  weight: StoredWeight,
): Pick<MeasuredLayer, 'isTurned' | 'width' | 'patches'> {
  if (call.call !== 'conv') return { isTurned: weight.isTurned, width: inputs[0]!.at(-1)! };
  const [image, positions] = [inputs[0]!, shape.slice(0, 2)] as unknown as [
    Patches['image'],
    Patches['positions'],
  ];
  const kernel = weight.shape.slice(2) as unknown as Patches['kernel'];
  const padding = [call.padding[0][0], call.padding[1][0]] as const;
  const width = kernel[0] * kernel[1] * image[2];
  return { isTurned: false, width, patches: { image, positions, kernel, padding, stride: call.stride } };
}
