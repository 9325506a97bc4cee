import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matrix } from '../../../src-shared/matrix.ts';
import { arrange, cyclesOf, orders } from '../../../src-renderer/matrices/order.ts';

const permutation = fc.integer({ min: 1, max: 20 }).chain((n) =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i),
    { minLength: n, maxLength: n },
  ),
);

const isPermutation = (order: Int32Array) =>
  [...order].sort((a, b) => a - b).every((value, i) => value === i);

describe('the order of rows and columns', () => {
  it('is a permutation, whatever the matrix holds', () => {
    const value = fc.oneof(fc.double({ min: -10, max: 10 }), fc.constant(NaN));
    const shape = fc.record({
      rows: fc.integer({ min: 1, max: 6 }),
      columns: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(
        shape,
        fc.array(value, { minLength: 36, maxLength: 36 }),
        fc.constantFrom(...orders),
        ({ rows, columns }, values, order) => {
          const shown = arrange(
            matrix(rows, columns, Float64Array.from(values.slice(0, rows * columns))),
            order,
            undefined,
          );
          expect(isPermutation(shown.rows)).toBe(true);
          expect(isPermutation(shown.columns)).toBe(true);
        },
      ),
    );
  });

  it('puts matched neurons on the diagonal', () => {
    fc.assert(
      fc.property(permutation, (assignment) => {
        const n = assignment.length;
        const data = new Float64Array(n * n);
        assignment.forEach((column, row) => (data[row * n + column] = 1));
        const { rows, columns } = arrange(matrix(n, n, data), 'matched', assignment);
        for (let i = 0; i < n; i++) expect(data[rows[i]! * n + columns[i]!]).toBe(1);
      }),
    );
  });

  it('keeps the columns that no row is matched with, at the end', () => {
    const wide = matrix(2, 4, new Float64Array(8));
    expect([...arrange(wide, 'matched', [3, 1]).columns]).toEqual([3, 1, 0, 2]);
  });

  it('sorts by mean value, largest first', () => {
    const { rows, columns } = arrange(matrix(2, 2, Float64Array.of(1, 2, 3, 5)), 'by value', undefined);
    expect([...rows]).toEqual([1, 0]);
    expect([...columns]).toEqual([1, 0]);
  });

  it('brings two interleaved blocks together', () => {
    const n = 8;
    const data = Float64Array.from({ length: n * n }, (_, i) =>
      Math.floor(i / n) % 2 === (i % n) % 2 ? 1 : 0,
    );
    const { rows, columns } = arrange(matrix(n, n, data), 'by cluster', undefined);
    expect([...columns]).toEqual([...rows]);
    const parities = [...rows].map((row) => row % 2);
    expect(new Set(parities.slice(0, 4)).size).toBe(1);
    expect(new Set(parities.slice(4)).size).toBe(1);
  });
});

describe('cycles', () => {
  it('hold every neuron once and lead back to their start', () => {
    fc.assert(
      fc.property(permutation, (mapped) => {
        const cycles = cyclesOf(mapped);
        expect(cycles.flat().sort((a, b) => a - b)).toEqual(mapped.map((_, i) => i));
        for (const cycle of cycles) {
          cycle.forEach((at, i) => {
            expect(mapped[at]).toBe(cycle[(i + 1) % cycle.length]);
          });
        }
        expect(cycles.map(({ length }) => length)).toEqual(
          cycles.map(({ length }) => length).sort((a, b) => b - a),
        );
      }),
    );
  });
});
