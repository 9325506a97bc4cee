import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Doubles } from '../../../src-main/compute/backend/doubles.ts';
import { multiply, multiplyTransposedRight, transpose } from '../../../src-main/compute/linalg/multiply.ts';
import { symmetricEigen, symmetricEigenvalues } from '../../../src-main/compute/linalg/symmetric-eigen.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { distance, largest, randomMatrix, unitRows } from './support.ts';

function fromEntries(n: number, entry: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, k) => entry(Math.floor(k / n), k % n));
}

function gram(n: number, rank: number, seed: number): Float64Array {
  const x = randomMatrix(n, rank, seed);
  return multiplyTransposedRight(x, x, n, rank, n);
}

const backend = await loadBackend();
const native = backend.native?.doubles;
const ways: [string, Doubles | undefined][] = [['ml-matrix', undefined]];
if (native) ways.push(['TensorFlow', native]);

describe.each(ways)('by %s', (_way, doubles) => {
  /** A V = V diag(values), V orthogonal, values rising, both routines agreeing; relative to the largest value. */
  function expectDecomposed(a: Float64Array, n: number): Float64Array {
    const { values, vectors: columns } = symmetricEigen(a, n, doubles);
    const vectors = transpose(columns, n, n);
    const scale = Math.max(largest(values), Number.MIN_VALUE);
    const image = multiply(vectors, a, n, n, n);
    const scaled = vectors.map((x, k) => x * values[Math.floor(k / n)]!);
    expect(distance(image, scaled) / scale).toBeLessThan(1e-14 * (n + 10));
    expect(distance(multiplyTransposedRight(vectors, vectors, n, n, n), unitRows(n))).toBeLessThan(
      1e-15 * (n + 10),
    );
    expect(Array.from(values)).toEqual(Array.from(values).sort((x, y) => x - y));
    expect(distance(values, symmetricEigenvalues(a, n, doubles)) / scale).toBeLessThan(1e-15 * (n + 10));
    return values;
  }

  describe('symmetricEigen', () => {
    it.each([1, 2, 3, 4, 17, 40, 41, 90, 250])('random %d against ml-matrix', (n) => {
      const a = gram(n, n, n);
      const oracle = new EigenvalueDecomposition(Matrix.from1DArray(n, n, Array.from(a)), {
        assumeSymmetric: true,
      });
      const expected = oracle.realEigenvalues.slice().sort((x, y) => x - y);
      expect(distance(expectDecomposed(a, n), expected)).toBeLessThan(1e-12 * Math.max(1, largest(expected)));
    });

    it('a 784 x 784 Gram matrix of rank 500', () => {
      const values = expectDecomposed(gram(784, 500, 9), 784);
      const top = values[783]!;
      expect(values.filter((x) => x > 1e-10 * top)).toHaveLength(500);
    });

    it('indefinite', () => {
      const x = randomMatrix(120, 120, 2);
      expectDecomposed(
        fromEntries(120, (i, j) => x[i * 120 + j]! + x[j * 120 + i]!),
        120,
      );
    });

    const n = 150;
    const special: [string, Float64Array][] = [
      ['zero', new Float64Array(n * n)],
      ['identity', unitRows(n)],
      ['all ones', fromEntries(n, () => 1)],
      ['low rank', gram(n, 7, 3)],
      [
        'Wilkinson, values in near pairs',
        fromEntries(n, (i, j) => (i === j ? Math.abs(i - 75) : +(Math.abs(i - j) === 1))),
      ],
      ['Hilbert', fromEntries(n, (i, j) => 1 / (i + j + 1))],
      ['graded', fromEntries(n, (i, j) => 10 ** (-(i + j) / 10))],
      ['huge', gram(n, n, 4).map((x) => x * 1e300)],
      ['tiny', gram(n, n, 4).map((x) => x * 1e-300)],
      ['two blocks', fromEntries(n, (i, j) => (i < 70 === j < 70 ? 1 / (1 + Math.abs(i - j)) : 0))],
      ['block of equal values', fromEntries(n, (i, j) => (i === j ? 1 + Math.floor(i / 50) : 0))],
    ];
    it.each(special)('%s', (_, a) => {
      expectDecomposed(a, n);
    });

    it('values of several matrices at once are those of each', () => {
      const many = [gram(30, 30, 1), fromEntries(30, () => 0), gram(30, 4, 2).map((x) => x * 1e200)];
      const found = symmetricEigenvalues(Float64Array.from(many.flatMap((a) => [...a])), 30, doubles);
      for (const [k, a] of many.entries()) {
        const { values } = symmetricEigen(a, 30, doubles);
        const scale = Math.max(largest(values), Number.MIN_VALUE);
        expect(distance(found.subarray(30 * k, 30 * k + 30), values) / scale).toBeLessThan(4e-14);
      }
    });

    it('knows the second difference matrix', () => {
      const size = 200;
      const a = fromEntries(size, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
      const exact = Array.from(
        { length: size },
        (_, k) => 4 * Math.sin(((k + 1) * Math.PI) / (2 * (size + 1))) ** 2,
      );
      expect(distance(expectDecomposed(a, size), exact)).toBeLessThan(2e-14);
    });

    it('reads the lower triangle, leaves its input alone, and takes the empty matrix', () => {
      const a = Float64Array.from([2, 99, 1, 2]);
      expect(distance(symmetricEigen(a, 2, doubles).values, [1, 3])).toBeLessThan(1e-15);
      expect(Array.from(a)).toEqual([2, 99, 1, 2]);
      expect(symmetricEigen(new Float64Array(0), 0, doubles).values).toHaveLength(0);
    });

    it('refuses NaN, infinity and a wrong size, naming the entry', () => {
      expect(() => symmetricEigen(Float64Array.from([1, 0, NaN, 1]), 2, doubles)).toThrow(/\(1, 0\) is NaN/);
      expect(() => symmetricEigenvalues(Float64Array.from([1, 0, 0, Infinity]), 2, doubles)).toThrow(
        UserError,
      );
      expect(() => symmetricEigen(new Float64Array(5), 2, doubles)).toThrow(/not a 2 x 2/);
    });
  });

  it('nothing stays behind in TensorFlow', () => {
    const before = tensorCount(backend);
    symmetricEigen(gram(5, 5, 1), 5, doubles);
    symmetricEigenvalues(gram(5, 5, 1), 5, doubles);
    expect(tensorCount(backend)).toEqual(before);
  });
});
