/** Permuting and rescaling named arrays along the axes that a network's symmetries name. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Rescaling } from '../../../src-shared/networks/rescalings.ts';
import type { GroupAxis, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { isPermutation } from '../alignment/permutation.ts';
import type { Permutation } from '../alignment/permutation.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

export type ArrayData = Float32Array<ArrayBufferLike> | Float64Array<ArrayBufferLike>;

/** An array of any rank, C order. */
export interface NamedArray<T extends ArrayData = ArrayData> {
  readonly shape: readonly number[];
  readonly data: T;
}

export type NamedArrays<T extends ArrayData = ArrayData> = ReadonlyMap<string, NamedArray<T>>;

/** By group name: unit k of the result is unit permutation[k] of what was there. */
export type GroupPermutations = ReadonlyMap<string, Permutation>;

/** The same numbers in double precision. */
export const inDoubles = (arrays: NamedArrays): Map<string, NamedArray<Float64Array>> =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, { shape, data: new Float64Array(data) }]));

/** Entry i along `axis` of the result is entry order[i] of `array`. @param within as of `GroupAxis`, an axis before this one */
export function reorder<T extends ArrayData>(
  array: NamedArray<T>,
  axis: number,
  order: Int32Array,
  within?: GroupAxis['within'],
): T {
  const { shape, data } = array;
  const size = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const out = data.slice() as T;
  const isInside = (outer: number): boolean => {
    if (!within) return true;
    const at = Math.floor(outer / sizeOf(shape.slice(within.axis + 1))) % shape[within.axis]!;
    return at >= within.start && at < within.start + within.count;
  };
  for (let outer = 0; outer < data.length; outer += size * inner) {
    if (!isInside(outer)) continue;
    for (let i = 0; i < size; i++) {
      // Not `[from, to] = […]`: a pair allocated for each entry took most of the time for a large network.
      const from = outer + order[i]! * inner;
      const to = outer + i * inner;
      if (from === to) continue;
      for (let k = 0; k < inner; k++) out[to + k] = data[from + k]!;
    }
  }
  return out;
}

/** Where the entries of an axis come from when its group's units are put in another order. */
export function orderOf(
  { places, block }: Pick<GroupAxis, 'places' | 'block'>,
  permutation: Permutation,
  size: number,
): Int32Array {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  permutation.forEach((from, to) => {
    for (let part = 0; part < block; part++) order[places[to * block + part]!] = places[from * block + part]!;
  });
  return order;
}

/**
 * The same function with its units in another order; arrays that do not move are shared with the input.
 * @throws UserError naming the group whose permutation is none of its units
 */
export function permuteArrays<T extends ArrayData>(
  arrays: NamedArrays<T>,
  groups: readonly PermutationGroup[],
  permutations: GroupPermutations,
): Map<string, NamedArray<T>> {
  const moved = new Map(arrays);
  for (const group of groups) {
    const permutation = permutations.get(group.name);
    if (!permutation) continue;
    requirePermutation(group, permutation);
    for (const axis of group.axes) {
      const array = moved.get(axis.parameter);
      if (!array) continue;
      const order = orderOf(axis, permutation, array.shape[axis.axis]!);
      moved.set(axis.parameter, { shape: array.shape, data: reorder(array, axis.axis, order, axis.within) });
    }
  }
  return moved;
}

function requirePermutation({ name, size }: PermutationGroup, permutation: Permutation): void {
  if (permutation.length === size && isPermutation(permutation)) return;
  throw new UserError(`${name}: not a permutation of its ${size} units`, {
    hint: `It must hold each of 0 .. ${size - 1} once.`,
  });
}

/** The same function with its units rescaled: `factors` has one positive number per unit of the rescaling. */
export function rescaleArrays<T extends ArrayData>(
  arrays: NamedArrays<T>,
  rescaling: Rescaling,
  factors: ArrayLike<number>,
): Map<string, NamedArray<T>> {
  const scaled = new Map(arrays);
  for (const { parameter, axis, factors: which, power } of rescaling.axes) {
    const array = scaled.get(parameter);
    if (!array) continue;
    const inner = sizeOf(array.shape.slice(axis + 1));
    const size = array.shape[axis]!;
    const data = array.data.map((value, i) => {
      const factor = which[Math.floor(i / inner) % size]!;
      return factor < 0 ? value : value * factors[factor]! ** power;
    }) as T;
    scaled.set(parameter, { shape: array.shape, data });
  }
  return scaled;
}
