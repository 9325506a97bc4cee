import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import { GramAccumulator } from '../../../src-main/compute/linalg/gram.ts';
import {
  multiply,
  multiplyTransposedLeft,
  multiplyTransposedRight,
} from '../../../src-main/compute/linalg/multiply.ts';
import {
  cholesky,
  determinant,
  inverse,
  leastSquares,
  qr,
  solve,
  solvePositive,
} from '../../../src-main/compute/linalg/solve.ts';
import { polar, singularValues, svd } from '../../../src-main/compute/linalg/svd.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { distance, largest, randomMatrix, slowProduct, slowTranspose, unitRows } from './support.ts';

const backend = await loadBackend();

describe('LU', () => {
  it.each([1, 2, 5, 30, 100])('determinant, inverse and solution of a random system of %d', (n) => {
    const a = randomMatrix(n, n, n + 1);
    const { sign, logAbs } = determinant(a, n);
    const values = singularValues(a, n, n);
    expect(logAbs).toBeCloseTo(
      values.reduce((sum, value) => sum + Math.log(value), 0),
      9,
    );
    // Exchanging two rows turns the sign.
    const exchanged = a.slice();
    exchanged.set(a.subarray(0, n), (n - 1) * n);
    exchanged.set(a.subarray((n - 1) * n), 0);
    expect(Math.abs(sign)).toBe(1);
    expect(determinant(exchanged, n).sign).toBe(n === 1 ? sign : -sign);
    expect(distance(multiply(a, inverse(a, n), n, n, n), unitRows(n))).toBeLessThan(1e-10);
    const x = randomMatrix(n, 3, 8);
    expect(distance(solve(a, n, slowProduct(a, x, n, n, 3), 3), x)).toBeLessThan(1e-10);
  });

  it('knows the sign of permutations, of singular matrices, and of determinants out of range', () => {
    expect(determinant(Float64Array.from([0, 1, 1, 0]), 2)).toEqual({ sign: -1, logAbs: 0 });
    expect(determinant(Float64Array.from([0, 1, 0, 0, 0, 1, 1, 0, 0]), 3)).toEqual({ sign: 1, logAbs: 0 });
    expect(determinant(Float64Array.from([1, 2, 2, 4]), 2)).toEqual({ sign: 0, logAbs: -Infinity });
    const tiny = unitRows(300).map((x) => -1e-3 * x);
    expect(determinant(tiny, 300).sign).toBe(1);
    expect(determinant(tiny, 300).logAbs).toBeCloseTo(300 * Math.log(1e-3), 8);
  });

  it('refuses what it cannot solve', () => {
    expect(() => inverse(Float64Array.from([1, 2, 2, 4]), 2)).toThrow(UserError);
    expect(() => determinant(Float64Array.from([1, NaN, 2, 4]), 2)).toThrow(/\(0, 1\) is NaN/);
    expect(() => cholesky(Float64Array.from([1, 2, 2, 1]), 2)).toThrow(/not positive definite/);
  });

  it('Cholesky', () => {
    const x = randomMatrix(40, 60, 5);
    const a = multiplyTransposedRight(x, x, 40, 60, 40);
    const l = cholesky(a, 40);
    expect(distance(multiplyTransposedRight(l, l, 40, 40, 40), a)).toBeLessThan(1e-12);
    expect(l.every((entry, k) => Math.floor(k / 40) >= k % 40 || entry === 0)).toBe(true);
    // Only the lower triangle counts: sums of several terms need not be symmetric to the last bit.
    const lower = a.map((entry, k) => (Math.floor(k / 40) >= k % 40 ? entry : NaN));
    expect(() => cholesky(lower, 40)).toThrow(/\(0, 1\) is NaN/);
    const skewed = a.map((entry, k) => (Math.floor(k / 40) >= k % 40 ? entry : entry + 1e-9));
    expect(cholesky(skewed, 40)).toEqual(l);
    const b = randomMatrix(40, 2, 6);
    const before = tensorCount(backend);
    const native = solvePositive(a, 40, b, 2, backend.native?.doubles);
    expect(distance(multiply(a, native, 40, 40, 2), b)).toBeLessThan(1e-11);
    for (const doubles of [undefined, backend.native?.doubles]) {
      const indefinite = Float64Array.from([1, 2, 2, 1]);
      expect(() => solvePositive(indefinite, 2, Float64Array.of(1, 1), 1, doubles)).toThrow(
        'the 2 x 2 matrix is not positive definite',
      );
      expect(solvePositive(new Float64Array(0), 0, new Float64Array(0), 3, doubles)).toHaveLength(0);
    }
    expect(tensorCount(backend)).toEqual(before);
    expect(distance(multiply(a, solvePositive(a, 40, b, 2), 40, 40, 2), b)).toBeLessThan(1e-11);
  });
});

describe('QR and SVD', () => {
  const shapes = [
    [1, 1],
    [4, 4],
    [9, 4],
    [4, 9],
    [60, 35],
    [35, 60],
    [1, 5],
    [5, 1],
  ] as const;
  it.each(shapes)('%d x %d', (rows, cols) => {
    const a = randomMatrix(rows, cols, rows * 100 + cols);
    const size = Math.min(rows, cols);
    if (rows >= cols) {
      const { q, r } = qr(a, rows, cols);
      expect(distance(multiply(q, r, rows, size, cols), a)).toBeLessThan(1e-13);
      expect(distance(multiplyTransposedLeft(q, q, size, rows, size), unitRows(size))).toBeLessThan(1e-13);
    } else expect(() => qr(a, rows, cols)).toThrow(`${rows} rows are fewer than ${cols} columns`);
    const { u, values, v } = svd(a, rows, cols);
    const scaled = u.map((x, k) => x * values[k % size]!);
    expect(distance(multiplyTransposedRight(scaled, v, rows, size, cols), a)).toBeLessThan(1e-13);
    for (const [side, length] of [
      [u, rows],
      [v, cols],
    ] as const) {
      expect(distance(multiplyTransposedLeft(side, side, size, length, size), unitRows(size))).toBeLessThan(
        1e-13,
      );
    }
    expect(Array.from(values)).toEqual(Array.from(values).sort((x, y) => y - x));
    expect(distance(values, singularValues(a, rows, cols))).toBeLessThan(1e-13);
  });

  it('a matrix of low rank still gets orthonormal vectors on both sides', () => {
    const a = slowProduct(randomMatrix(12, 3, 1), randomMatrix(3, 8, 2), 12, 3, 8);
    const { u, values, v } = svd(a, 12, 8);
    expect(values.filter((x) => x > 1e-12)).toHaveLength(3);
    expect(distance(multiplyTransposedLeft(u, u, 8, 12, 8), unitRows(8))).toBeLessThan(1e-13);
    expect(distance(multiplyTransposedLeft(v, v, 8, 8, 8), unitRows(8))).toBeLessThan(1e-13);
    expect(Array.from(singularValues(new Float64Array(6), 2, 3))).toEqual([0, 0]);
  });

  it('finds a small singular value next to a large one', () => {
    const left = qr(randomMatrix(6, 6, 3), 6, 6).q;
    const right = qr(randomMatrix(6, 6, 4), 6, 6).q;
    const exact = [1, 0.3, 1e-3, 1e-6, 1e-9, 1e-12];
    const a = multiplyTransposedRight(
      left.map((x, k) => x * exact[k % 6]!),
      right,
      6,
      6,
      6,
    );
    expect(distance(singularValues(a, 6, 6), exact)).toBeLessThan(6 * Number.EPSILON);
  });

  it('least squares solves the normal equations, and says when columns depend on each other', () => {
    const a = randomMatrix(20, 6, 7);
    const b = randomMatrix(20, 2, 8);
    const x = leastSquares(a, 20, 6, b, 2);
    const residual = multiply(a, x, 20, 6, 2).map((y, k) => y - b[k]!);
    expect(largest(multiplyTransposedLeft(a, residual, 6, 20, 2))).toBeLessThan(1e-13);
    const flat = Float64Array.from([1, 1, 2, 2, 3, 3]);
    expect(() => leastSquares(flat, 3, 2, Float64Array.from([1, 2, 3]), 1)).toThrow(/column 1 depends/);
    expect(() => leastSquares(flat, 2, 3, Float64Array.from([1, 2]), 1)).toThrow(UserError);
  });

  it('polar factors of any matrix: orthonormal times symmetric positive', () => {
    const shape = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.nat(1000));
    fc.assert(
      fc.property(shape, ([rows, cols, seed]) => {
        const a = randomMatrix(rows, cols, seed);
        const { unitary, positive } = polar(a, rows, cols);
        expect(distance(multiply(unitary, positive, rows, cols, cols), a)).toBeLessThan(1e-13);
        expect(positive).toEqual(slowTranspose(positive, cols, cols));
        const size = Math.min(rows, cols);
        const gram =
          rows >= cols
            ? multiplyTransposedLeft(unitary, unitary, cols, rows, cols)
            : multiplyTransposedRight(unitary, unitary, rows, cols, rows);
        expect(distance(gram, unitRows(size))).toBeLessThan(1e-13);
      }),
    );
  });
});

describe('sums over rows', () => {
  it('Gram matrix and means of float32 blocks are float64 sums', () => {
    const accumulator = new GramAccumulator(150);
    const rows = Float32Array.from(randomMatrix(90, 150, 3));
    accumulator.add(rows.subarray(0, 40 * 150));
    accumulator.add(rows.subarray(40 * 150));
    const wide = Float64Array.from(rows);
    const expected = slowProduct(slowTranspose(wide, 90, 150), wide, 150, 90, 150);
    expect(distance(accumulator.gram(), expected)).toBeLessThan(1e-13);
    expect(accumulator.rows).toBe(90);
    expect(accumulator.mean()[149]).toBeCloseTo(
      Array.from({ length: 90 }, (_, r) => wide[r * 150 + 149]!).reduce((s, x) => s + x, 0) / 90,
      14,
    );
    expect(() => accumulator.add(new Float32Array(7))).toThrow(/whole rows of 150/);
  });
});
