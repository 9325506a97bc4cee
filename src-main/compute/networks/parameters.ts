/** What analyses ask about the parameters of a network. */
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';

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

/** Means and variances of batch norms by name, without their counters, in the order in which they are read. */
export const runningStatisticsOf = (network: Network): string[] =>
  readParameters(network).flatMap(({ role, word, name }) =>
    role === 'statistics' && word !== 'num_batches_tracked' ? [name] : [],
  );

/** x * sigmoid(C x) somewhere. */
export const isGated = ({ nodes }: Network): boolean => nodes.some(({ op }) => op === 'gate');

/** Examples see each other: they are the nodes of a graph, and go through the network together. */
export const overGraph = ({ nodes }: Network): boolean => nodes.some(({ op }) => op === 'neighbours');

/** TensorFlow's kernels take one model at a time. */
export const runsAlone = (network: Network): boolean =>
  hasConvolutions(network) || overGraph(network) || isExported(network);

/** Made of operations on whole tensors, as PyTorch has them. */
export const isExported = ({ nodes }: Network): boolean => nodes.some(({ op }) => op === 'torch');

export const hasConvolutions = ({ nodes }: Network): boolean => nodes.some(({ op }) => op === 'conv2d');
