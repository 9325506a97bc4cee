/**
 * The same function in the coordinates in which models are aligned and mixed: scales of norms are in the weights that read them,
 * and the two sides of every invertible map are equally long in all directions, so that only rotations are left to be found.
 */
import type { LinearMap } from '../../../../src-shared/networks/exported/linear-maps.ts';
import type { Fold } from '../../../../src-shared/networks/exported/map-state.ts';
import type { GroupAxis, PermutationGroup } from '../../../../src-shared/networks/symmetries.ts';
import { UserError } from '../../../../src-shared/errors.ts';
import { multiplyTransposedRight } from '../../linalg/multiply.ts';
import { balancing } from './matrices.ts';
import { allParts, entriesOf, mixSides, scaleUnits } from './units.ts';
import type { DoubleArray, DoubleArrays } from './units.ts';

export interface Reduced {
  readonly arrays: DoubleArrays;
  /** Groups whose sides could not be balanced, because one of them is singular: they are rotated only. */
  readonly unbalanced: readonly string[];
}

/**
 * @param what the model, as messages name it
 * @throws UserError if a shift cannot be divided by its scale
 */
export function reduceModel(arrays: DoubleArrays, maps: readonly LinearMap[], what: string): Reduced {
  let found = new Map(arrays);
  const unbalanced: string[] = [];
  for (const { whole, folds } of maps) for (const fold of folds) foldNorm(found, whole, fold, what);
  for (const map of maps.filter(({ kind }) => kind === 'invertible')) {
    const next = balanced(found, map);
    if (next) found = next;
    else unbalanced.push(map.group.name);
  }
  return { arrays: found, unbalanced };
}

const axisOf = ({ axes }: PermutationGroup, parameter: string, axis: number): GroupAxis =>
  axes.find((each) => each.parameter === parameter && each.axis === axis)!;

function foldNorm(arrays: Map<string, DoubleArray>, group: PermutationGroup, fold: Fold, what: string): void {
  const scales = entriesOf(arrays.get(fold.scale)!, axisOf(group, fold.scale, 0));
  const shifts =
    fold.shift === undefined ? undefined : entriesOf(arrays.get(fold.shift)!, axisOf(group, fold.shift, 0));
  for (const { parameter, axis, bias } of fold.readers) {
    const placed = axisOf(group, parameter, axis);
    if (shifts && fold.shiftGoes === 'biases') addShift(arrays, { parameter, bias: bias! }, placed, shifts);
    arrays.set(parameter, scaleUnits(arrays.get(parameter)!, placed, scales));
  }
  const written = (name: string, of: (value: number, i: number) => number): void => {
    const { shape } = arrays.get(name)!;
    const { places } = axisOf(group, name, 0);
    const data = new Float64Array(places.length);
    places.forEach(
      (place, unit) => (data[place] = of((name === fold.scale ? scales : shifts!)[unit]!, unit)),
    );
    arrays.set(name, { shape, data });
  };
  written(fold.scale, () => 1);
  if (fold.shift === undefined) return;
  written(fold.shift, (value, unit) => {
    if (fold.shiftGoes === 'biases' || value === 0) return 0;
    if (scales[unit] !== 0) return value / scales[unit]!;
    throw new UserError(
      `${what}: "${fold.scale}" is 0 where "${fold.shift}" is not, so that the scale cannot go into the weights behind it.`,
      { hint: 'Align by weights: permutations do not change norms.' },
    );
  });
}

/** bias[o] += sum over units of weight[o, unit] shift[unit]. */
function addShift(
  arrays: Map<string, DoubleArray>,
  { parameter, bias }: { parameter: string; bias: string },
  axis: GroupAxis,
  shifts: Float64Array,
): void {
  const { shape, data } = arrays.get(bias)!;
  const out = data.slice();
  for (const part of allParts(axis)) {
    const entries = entriesOf(arrays.get(parameter)!, axis, [part]);
    const outputs = out.length;
    shifts.forEach((shift, unit) => {
      for (let o = 0; o < outputs; o++) out[o]! += shift * entries[unit * outputs + o]!;
    });
  }
  arrays.set(bias, { shape, data: out });
}

/** @returns undefined if a side is singular */
function balanced(arrays: DoubleArrays, map: LinearMap): Map<string, DoubleArray> | undefined {
  const { group, sides } = map;
  const { size, axes } = group;
  const products = { 1: new Float64Array(size * size), [-1]: new Float64Array(size * size) };
  axes.forEach((axis, k) => {
    for (const part of allParts(axis)) {
      const array = arrays.get(axis.parameter);
      if (!array) continue;
      const entries = entriesOf(array, axis, [part]);
      const product = multiplyTransposedRight(entries, entries, size, entries.length / size, size);
      const sum = products[sides[k]![part]!];
      product.forEach((value, i) => (sum[i]! += value));
    }
  });
  const found = balancing(products[1], products[-1], size);
  return found && mixSides(arrays, map, found);
}
