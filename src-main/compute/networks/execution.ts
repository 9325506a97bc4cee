/** Whether networks are evaluated (and other work done) compiled, by a rule over the work alone: the bits of both ways differ. */
import type { Execution } from '../../../src-shared/domain.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { runsAlone } from './parameters.ts';

/** Values of nodes from which on compiling, about a second, is made up for: six pairs of small networks over MNIST. */
const fewestValues = 1e9;

export type Way = Execution['way'];

/** @param passes networks times examples, of the whole job */
export const evaluationWay = (backend: Backend, network: Network, passes: number): Execution =>
  executionOf(backend, compiledWay(network), {
    values: valuesPerExample(network) * passes,
    fewest: fewestValues,
  });

/**
 * @param compiled how it is compiled if it is
 * @param work how many numbers the whole job computes, and from how many on compiling is worth it
 */
export function executionOf(
  backend: Backend,
  compiled: Exclude<Way, 'eager'>,
  work: { values: number; fewest: number },
): Execution {
  if (backend.native && work.values < work.fewest)
    return { way: 'eager', reason: 'compiling takes longer than it saves for so little work' };
  const shortfall = shortfallOf(backend, compiled);
  return shortfall === undefined ? { way: compiled } : { way: 'eager', reason: shortfall };
}

/** How a network is compiled, and why that is impossible here (undefined if it is possible). */
export function compilationOf(
  backend: Backend,
  network: Network,
): { way: 'xla' | 'graph'; shortfall: string | undefined } {
  const way = compiledWay(network);
  return { way, shortfall: shortfallOf(backend, way) };
}

function shortfallOf(backend: Backend, way: Exclude<Way, 'eager'>): string | undefined {
  if (!backend.native) return `the ${backend.name} back end does not support compiled execution`;
  const shortfall = backend.native.compiler.shortfall(way);
  return shortfall === undefined ? undefined : withoutCompiler(backend, shortfall);
}

/**
 * How a network is compiled: convolutions as a plain graph of TensorFlow's own kernels, which are twice as fast as XLA's
 * (and XLA aborts the process at some of them); means over neighbours likewise, which XLA has no kernel for, and exported
 * networks, which may have any of them.
 */
export const compiledWay = (network: Network): 'xla' | 'graph' => (runsAlone(network) ? 'graph' : 'xla');

/** The reason that a result gives where the probe failed. */
export function withoutCompiler({ device }: Backend, shortfall: string): string {
  return `TensorFlow's compiler does not work on this ${device === 'gpu' ? 'GPU' : 'machine'}: ${shortfall}`;
}

/** Numbers that one network computes for one example. */
export const valuesPerExample = (network: Network): number =>
  network.nodes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** The most that any one node computes for one example. */
export const widestNode = (network: Network): number =>
  Math.max(...network.nodes.map(({ shape }) => sizeOf(shape)));
