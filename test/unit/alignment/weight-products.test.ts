/** Products of the slices that units own, in the layouts of every kind of layer, against plain loops. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProductCache } from '../../../src-main/compute/alignment/weight-products.ts';
import type { MatchedArray, MovedAxis } from '../../../src-main/compute/alignment/weight-products.ts';
import type { Permutation } from '../../../src-main/compute/alignment/permutation.ts';
import { orderOf } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

const identity = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** An axis of `units` units with `block` places each, which follow each other. */
const moved = (group: number, axis: number, units: number, block = 1): MovedAxis => ({
  ...{ group, axis, block, places: Int32Array.from(identity(units * block)) },
});

/** Shape, and units of the two groups on it. */
const layers: [name: string, shape: number[], axes: MovedAxis[]][] = [
  ['a linear layer', [5, 7], [moved(0, 0, 5), moved(1, 1, 7)]],
  ['a convolution', [5, 7, 3, 2], [moved(0, 0, 5), moved(1, 1, 7)]],
  ['a linear layer behind an image', [5, 28], [moved(0, 0, 5), moved(1, 1, 7, 4)]],
  ['rows in blocks', [15, 7], [moved(0, 0, 5, 3), moved(1, 1, 7)]],
];
const sizes = [5, 7];

function plain({ shape, a, b, axes }: MatchedArray, group: number, perms: readonly Permutation[]): number[] {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const coordinates = (at: number): number[] =>
    shape.map((size, axis) => Math.floor(at / strides[axis]!) % size);
  const own = axes.find((axis) => axis.group === group)!;
  const other = axes.find((axis) => axis.group !== group)!;
  const order = orderOf(other, perms[other.group]!, shape[other.axis]!);
  const size = sizes[group]!;
  const sums = new Array<number>(size * size).fill(0);
  for (let at = 0; at < a.length; at++) {
    const place = coordinates(at);
    const [unit, part] = [Math.floor(place[own.axis]! / own.block), place[own.axis]! % own.block];
    for (let j = 0; j < size; j++) {
      const there = [...place];
      there[own.axis] = j * own.block + part;
      there[other.axis] = order[place[other.axis]!]!;
      sums[unit * size + j]! +=
        a[at]! * b[there.reduce((sum, value, axis) => sum + value * strides[axis]!, 0)]!;
    }
  }
  return sums;
}

describe.each(layers)('%s', (name, shape, axes) => {
  it.each([0, 1])(
    'has the products of group %i, also after the other group was permuted again and again',
    (group) => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
          const stream = new RandomStream(seed, name);
          const numbers = (): Float64Array => Float64Array.from(stream.normals(sizeOf(shape)));
          const array: MatchedArray = { name, shape, axes, a: numbers(), b: numbers() };
          const products = new ProductCache([array], sizes);
          let perms: Permutation[] = sizes.map((size) => Int32Array.from(identity(size)));
          for (let round = 0; round < 3; round++) {
            const found = products.similarity(group, perms);
            plain(array, group, perms).forEach((value, k) => expect(found[k]).toBeCloseTo(value, 10));
            // First a few places are exchanged, so that the product is brought up to date; then all.
            const next = Int32Array.from(perms[1 - group]!);
            [next[0], next[1]] = [next[1]!, next[0]!];
            perms = perms.with(1 - group, round === 0 ? next : stream.permutation(next.length));
          }
        }),
        { numRuns: 30 },
      );
    },
  );
});
