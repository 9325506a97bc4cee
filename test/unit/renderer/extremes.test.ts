import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extremesOf } from '../../../src-renderer/matrices/extremes.ts';
import { matrix } from '../../../src-shared/matrix.ts';

describe('extreme entries of a matrix', () => {
  const costs = matrix(3, 3, Float64Array.of(0, 5, 2, 5, 0, NaN, 2, -1, 0));

  it('are the lowest pairs of one model, each once, without the diagonal and what is no number', () => {
    expect(extremesOf(costs, { most: 5, highest: false, own: true })).toEqual([
      { row: 2, column: 1, value: -1 },
      { row: 0, column: 2, value: 2 },
      { row: 0, column: 1, value: 5 },
    ]);
  });

  it('of two models count the diagonal', () => {
    expect(extremesOf(costs, { most: 1, highest: true, own: false })).toEqual([
      { row: 0, column: 1, value: 5 },
    ]);
    expect(extremesOf(costs, { most: 2, highest: false, own: false })[1]!.value).toBe(0);
  });

  it('are those that sorting finds', () => {
    const entries = fc.array(fc.double({ noNaN: true, min: -9, max: 9 }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(entries, fc.boolean(), (values, highest) => {
        const found = extremesOf(matrix(3, 4, Float64Array.from(values)), { most: 4, highest, own: false });
        const sorted = values.toSorted((a, b) => (highest ? b - a : a - b)).slice(0, 4);
        expect(found.map(({ value }) => value + 0)).toEqual(sorted.map((value) => value + 0));
      }),
    );
  });
});
