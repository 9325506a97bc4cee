/** The arrays of an effective network by name and shape: what permuting, interpolating and measuring walk over. */
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import type { EffectiveLayer, EffectiveNetwork, NormParameters } from '../models/network.ts';

export interface NamedArray {
  /** As in a checkpoint, `lins.0.weight`; what a checkpoint does not hold is `norms.0.initial_variance`. */
  name: string;
  shape: number[];
  data: Float32Array;
  /**
   * `parameter`: moved by gradients. `fixed`: drawn once, part of the function like a weight (the gate C).
   * `statistic`: belongs to a neuron but is no weight (running mean and variance, initial variance).
   */
  role: 'parameter' | 'fixed' | 'statistic';
}

const normArrays = [
  { key: 'weight', name: 'weight', role: 'parameter' },
  { key: 'bias', name: 'bias', role: 'parameter' },
  { key: 'runningMean', name: 'running_mean', role: 'statistic' },
  { key: 'runningVar', name: 'running_var', role: 'statistic' },
  { key: 'initialVariance', name: 'initial_variance', role: 'statistic' },
] as const satisfies readonly { key: keyof NormParameters; name: string; role: NamedArray['role'] }[];

/** Every array of the network, in a fixed order. The data is shared with the network, not copied. */
export function namedArrays(network: EffectiveNetwork): NamedArray[] {
  const arrays: NamedArray[] = [];
  network.layers.forEach((layer, i) => {
    const { inputs, outputs, weight, bias, norm, activation } = layer;
    arrays.push({ name: `lins.${i}.weight`, shape: [outputs, inputs], data: weight, role: 'parameter' });
    arrays.push({ name: `lins.${i}.bias`, shape: [outputs], data: bias, role: 'parameter' });
    for (const { key, name, role } of normArrays) {
      const data = norm?.[key];
      if (data) arrays.push({ name: `norms.${i}.${name}`, shape: [outputs], data, role });
    }
    if (typeof activation === 'object') {
      const shape = [outputs, outputs];
      arrays.push({ name: `activations.${i}.C`, shape, data: activation.gate, role: 'fixed' });
    }
  });
  return arrays;
}

/** BatchNorm's: they follow from data, so those of a mixed network are not the mix of those of its parts. */
export const hasRunningStatistics = (network: Network): boolean =>
  readParameters(network).some(({ role }) => role === 'statistics');

/** x * sigmoid(C x) somewhere. */
export const isGated = ({ nodes }: Network): boolean => nodes.some(({ op }) => op === 'gate');

/** The same network with every array replaced by what `replace` gives for it (same length). */
export function mapArrays(
  network: EffectiveNetwork,
  replace: (array: NamedArray, index: number) => Float32Array,
): EffectiveNetwork {
  const arrays = namedArrays(network);
  const replaced = new Map(arrays.map((array, index) => [array.name, replace(array, index)]));
  const get = (name: string): Float32Array => replaced.get(name)!;
  return {
    layers: network.layers.map((layer, i): EffectiveLayer => {
      const { norm, activation, ...rest } = layer;
      const result: EffectiveLayer = {
        ...rest,
        weight: get(`lins.${i}.weight`),
        bias: get(`lins.${i}.bias`),
      };
      if (norm) result.norm = replaceNorm(norm, (name) => get(`norms.${i}.${name}`));
      if (activation) {
        result.activation =
          typeof activation === 'object' ? { ...activation, gate: get(`activations.${i}.C`) } : activation;
      }
      return result;
    }),
  };
}

function replaceNorm(norm: NormParameters, get: (name: string) => Float32Array): NormParameters {
  const result: NormParameters = { kind: norm.kind };
  for (const { key, name } of normArrays) if (norm[key]) result[key] = get(name);
  return result;
}

/** A parameter with the node that reads it (the first one) and that node's word for it. */
export interface ReadParameter extends Parameter {
  node: CheckedNode;
  word: string;
}

/** What the nodes read, in their order, each parameter once: the names of a model's acting arrays. */
export function readParameters(network: Network): ReadParameter[] {
  const read = new Map<string, ReadParameter>();
  for (const node of network.nodes)
    for (const [word, parameter] of Object.entries(node.parameters))
      if (!read.has(parameter.name)) read.set(parameter.name, { ...parameter, node, word });
  return [...read.values()];
}

/**
 * Those that are weights: what training moves, what takes its place (a constant), and the C of gates. Not what norms
 * know from data or initialisation: statistics, expected variances.
 */
export const weightsOf = (network: Network): ReadParameter[] =>
  readParameters(network).filter(
    ({ role, constant, node }) =>
      role === 'trained' || constant !== undefined || (role === 'fixed' && node.op !== 'norm'),
  );
