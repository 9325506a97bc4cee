/** The space of a network's parameters: straight lines and distances in it, in float64. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { isCounter } from '../models/file-names.ts';
import type { NamedArray, NamedArrays } from './permute.ts';

type Doubles = NamedArrays<Float64Array>;

/**
 * (1 - t) a + t b, array by array; exactly b at 1. Both have the same names and shapes. Counters of batches are left out:
 * old files lack them, and no evaluation reads them.
 */
export const blendedArrays = (a: Doubles, b: Doubles, t: number): Map<string, NamedArray<Float64Array>> =>
  new Map(
    [...a].flatMap(([name, { shape, data }]) => {
      if (isCounter(name)) return [];
      const other = b.get(name)!.data;
      return [[name, { shape, data: data.map((x, k) => (t === 1 ? other[k]! : x + t * (other[k]! - x))) }]];
    }),
  );

/**
 * Euclidean distance over trained parameters and running statistics as they act; without `b` from 0. What is fixed for
 * all models (the C of gates, scales of linearised norms) is no coordinate.
 */
export function arrayDistance(network: Network, a: Doubles, b?: Doubles): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    if (network.parameters.get(name)!.role === 'fixed' || isCounter(name)) continue;
    const other = b?.get(name)!.data;
    for (let k = 0; k < data.length; k++) sum += (data[k]! - (other?.[k] ?? 0)) ** 2;
  }
  return Math.sqrt(sum);
}
