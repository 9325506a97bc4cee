/** The space of a network's parameters: means, straight lines and distances in it, summed in float64. */
import { interpolatedStatisticsNote } from '../../../src-shared/jobs/norm-statistics.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import { runningStatisticsOf } from './parameters.ts';
import type { NamedArray, NamedArrays } from './permute.ts';

type Doubles = NamedArrays<Float64Array>;

export interface Part<T> {
  of: T;
  /** Its share. */
  weight: number;
}

/** The weighted mean of arrays; of one of weight 1, its bits. @throws RangeError for none */
export function mixInto(out: Float32Array, parts: readonly Part<Float32Array>[]): void {
  const [first, second] = parts;
  if (!first) throw new RangeError('mixInto: nothing to take the mean of');
  if (parts.length === 1 && first.weight === 1) {
    out.set(first.of);
    return;
  }
  if (parts.length === 2) {
    for (let k = 0; k < out.length; k++)
      out[k] = first.weight * first.of[k]! + second!.weight * second!.of[k]!;
    return;
  }
  const sum = new Float64Array(out.length);
  for (const { of, weight } of parts) for (let k = 0; k < sum.length; k++) sum[k]! += weight * of[k]!;
  out.set(sum);
}

/** The same of models, array by array. */
export const mixArrays = (
  parts: readonly Part<NamedArrays<Float32Array>>[],
): Map<string, NamedArray<Float32Array>> =>
  new Map(
    [...parts[0]!.of].map(([name, { shape, data }]) => {
      const mixed = new Float32Array(data.length);
      mixInto(
        mixed,
        parts.map(({ of, weight }) => ({ of: of.get(name)!.data, weight })),
      );
      return [name, { shape, data: mixed }];
    }),
  );

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

/** What must be said of losses of blended arrays. */
export const blendNotes = (network: Network): string[] =>
  runningStatisticsOf(network).length > 0 ? [interpolatedStatisticsNote] : [];

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
