/**
 * Heads: linear nodes that read the network's input. Their outputs are affine in their weights, so that those of a mix of
 * networks are the mix of theirs: computed once per network and batch, however many mixes there are. Of a 784-64-64-64-10
 * network that is 85 % of the work, of 784-512-512-512-10 43 %.
 */
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import type { Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';
import { alongLastAxis } from './operations/context.ts';

export interface Head {
  node: string;
  /** Names of its parameters, which no other node reads. */
  weight: string;
  bias: string | undefined;
  outputs: number;
  inputs: number;
}

export function headsOf(network: Network): Head[] {
  const [input] = network.graph.inputs;
  const readers = new Map<string, number>();
  for (const { name } of network.nodes.flatMap(({ parameters }) => Object.values(parameters)))
    readers.set(name, (readers.get(name) ?? 0) + 1);
  const isHead = ({ op, takes, parameters }: CheckedNode): boolean =>
    op === 'linear' &&
    takes[0] === input!.id &&
    input!.shape.length === 1 &&
    Object.values(parameters).every(({ name }) => readers.get(name) === 1);
  return network.nodes.filter(isHead).map(({ id, parameters }) => ({
    node: id,
    weight: parameters['weight']!.name,
    bias: parameters['bias']?.name,
    outputs: parameters['weight']!.shape[0]!,
    inputs: parameters['weight']!.shape[1]!,
  }));
}

/** How outputs of P networks follow from those of S sources. */
export interface HeadMix {
  /** [P, U]: shares of the U networks that the P are mixed of. */
  shares: Tensor;
  /** int32 [U * outputs]: where among the S * outputs of the sources each output is; absent: U is S, and they are in order. */
  places: Tensor | undefined;
}

/**
 * The value of a head.
 * @param x [B, inputs] @param weight [S, outputs, inputs] @param bias [P, outputs]
 * @param mix absent: P is S @returns [P, B, outputs]
 */
export function headValue(
  maths: Maths,
  x: Tensor,
  { weight, bias }: { weight: Tensor; bias: Tensor | undefined },
  mix: HeadMix | undefined,
): Tensor {
  const { tf } = maths;
  const [sources, outputs, inputs] = weight.shape as [number, number, number];
  const rows = x.shape[0]!;
  // One large product, [S * outputs, B]: an output is a row that can be copied as a whole.
  let products = tf.matMul(tf.reshape(weight, [sources * outputs, inputs]), x, false, true) as Tensor;
  if (mix) {
    const used = mix.shares.shape[1]!;
    if (mix.places) products = maths.gather(products, mix.places);
    products = tf.matMul(mix.shares, tf.reshape(products, [used, outputs * rows]));
  }
  const value = tf.transpose(tf.reshape(products, [-1, outputs, rows]), [0, 2, 1]);
  return bias ? tf.add(value, alongLastAxis(maths, bias, value)) : value;
}
