/** The entries of an array that belong to the units of a group, as a matrix, and the units mixed by a matrix. */
import type { LinearMap } from '../../../../src-shared/networks/exported/linear-maps.ts';
import type { GroupAxis } from '../../../../src-shared/networks/symmetries.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import { multiply } from '../../linalg/multiply.ts';
import type { NamedArray, NamedArrays } from '../../networks/permute.ts';
import type { Invertible } from './matrices.ts';

export type DoubleArray = NamedArray<Float64Array>;
export type DoubleArrays = NamedArrays<Float64Array>;

/** Where the entries of each unit begin, at these of its places, and how long each piece is. */
function pieces(
  shape: readonly number[],
  { axis, places, block }: GroupAxis,
  parts: readonly number[],
): { units: number; starts: Int32Array; length: number } {
  const length = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const size = shape[axis]!;
  const units = places.length / block;
  const starts = new Int32Array(units * parts.length * outer);
  let to = 0;
  for (let unit = 0; unit < units; unit++)
    for (const part of parts)
      for (let o = 0; o < outer; o++) starts[to++] = (o * size + places[unit * block + part]!) * length;
  return { units, starts, length };
}

export const allParts = ({ block }: GroupAxis): number[] => [...new Array<number>(block).keys()];

/** [units, entries]: what of an array belongs to each unit, at these of its places. */
export function entriesOf(
  { shape, data }: DoubleArray,
  axis: GroupAxis,
  parts: readonly number[] = allParts(axis),
): Float64Array {
  const { starts, length } = pieces(shape, axis, parts);
  const out = new Float64Array(starts.length * length);
  starts.forEach((start, i) => {
    out.set(data.subarray(start, start + length), i * length);
  });
  return out;
}

/** Every entry times the scale of its unit, at all places of the unit. */
export function scaleUnits({ shape, data }: DoubleArray, axis: GroupAxis, scales: Float64Array): DoubleArray {
  const { units, starts, length } = pieces(shape, axis, allParts(axis));
  const perUnit = starts.length / units;
  const out = data.slice();
  starts.forEach((start, i) => {
    const scale = scales[Math.floor(i / perUnit)]!;
    for (let k = start; k < start + length; k++) out[k]! *= scale;
  });
  return { shape, data: out };
}

/** The array with its units mixed: unit i becomes the sum over j of matrix[i, j] times unit j. @param matrix [units, units] */
export function mixUnits(
  array: DoubleArray,
  axis: GroupAxis,
  matrix: Float64Array,
  parts: readonly number[] = allParts(axis),
): DoubleArray {
  const { units, starts, length } = pieces(array.shape, axis, parts);
  const entries = entriesOf(array, axis, parts);
  const mixed = multiply(matrix, entries, units, units, entries.length / units);
  const data = array.data.slice();
  starts.forEach((start, i) => {
    data.set(mixed.subarray(i * length, (i + 1) * length), start);
  });
  return { shape: array.shape, data };
}

/** The parameters of a group mixed: by a matrix on one side, by its inverse, transposed, on the other. */
export function mixSides(
  arrays: DoubleArrays,
  { group, sides }: LinearMap,
  { matrix, opposite }: Invertible,
): Map<string, DoubleArray> {
  const found = new Map<string, DoubleArray>(arrays);
  group.axes.forEach((axis, k) => {
    for (const part of allParts(axis)) {
      const array = found.get(axis.parameter);
      const own = sides[k]![part] === 1 ? matrix : opposite;
      if (array) found.set(axis.parameter, mixUnits(array, axis, own, [part]));
    }
  });
  return found;
}
