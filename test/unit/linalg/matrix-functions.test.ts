import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { eigenvalues } from '../../../src-main/compute/linalg/eigenvalues.ts';
import { expm } from '../../../src-main/compute/linalg/expm.ts';
import { logm } from '../../../src-main/compute/linalg/logm.ts';
import { determinant, inverse } from '../../../src-main/compute/linalg/solve.ts';
import { multiply } from '../../../src-main/compute/linalg/multiply.ts';
import { principalRoot } from '../../../src-main/compute/linalg/principal-log.ts';
import { polar, singularValues } from '../../../src-main/compute/linalg/svd.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { distance, largest, randomMatrix, unitRows } from './support.ts';

interface Stored {
  rows: number;
  cols: number;
  data: number[];
}
interface Case {
  name: string;
  a: Stored;
  expm?: Stored;
  logm?: Stored;
  sqrtm?: Stored;
  polar_u?: Stored;
  polar_p?: Stored;
  singular_values?: number[];
  det_sign?: number;
  det_log_abs?: number | null;
}
const path = new URL('../../fixtures/scipy/matrix-functions.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] };

function expectNear(found: Float64Array, stored: Stored, tolerance: number): void {
  expect(distance(found, stored.data)).toBeLessThanOrEqual(tolerance * largest(stored.data));
}

function diagonal(...blocks: number[][][]): { a: Float64Array; n: number } {
  const n = blocks.reduce((sum, block) => sum + block.length, 0);
  const a = new Float64Array(n * n);
  let start = 0;
  for (const block of blocks) {
    block.forEach((row, i) => row.forEach((x, j) => (a[(start + i) * n + start + j] = x)));
    start += block.length;
  }
  return { a, n };
}

function similar(a: Float64Array, n: number, seed: number): Float64Array {
  const basis = randomMatrix(n, n, seed).map((x, k) => x + 2 * unitRows(n)[k]!);
  return multiply(multiply(basis, a, n, n, n), inverse(basis, n), n, n, n);
}

describe('against SciPy', () => {
  for (const { name, a, ...stored } of cases) {
    it(name, () => {
      const data = Float64Array.from(a.data);
      const n = a.rows;
      if (stored.expm) expectNear(expm(data, n), stored.expm, 1e-12);
      if (stored.logm) expectNear(logm(data, n), stored.logm, name === 'nearly_singular4' ? 1e-6 : 1e-11);
      if (stored.sqrtm)
        expectNear(principalRoot(data, n), stored.sqrtm, name === 'nearly_singular4' ? 1e-9 : 1e-12);
      if (stored.singular_values) {
        const values = singularValues(data, a.rows, a.cols);
        expect(distance(values, stored.singular_values)).toBeLessThan(
          1e-14 * largest(stored.singular_values) * n,
        );
      }
      if (stored.det_sign !== undefined) {
        const { sign, logAbs } = determinant(data, n);
        expect(sign).toBe(stored.det_sign);
        if (stored.det_log_abs !== null) expect(logAbs).toBeCloseTo(stored.det_log_abs!, 6);
      }
      if (stored.polar_u && stored.polar_p && largest(a.data) > 0) {
        const { unitary, positive } = polar(data, a.rows, a.cols);
        expectNear(positive, stored.polar_p, 1e-13);
        // The orthogonal factor of a singular matrix is not unique, and of a nearly singular one hardly determined.
        const smallest = Math.min(...stored.singular_values!) / Math.max(...stored.singular_values!);
        if (smallest > 1e-12) expectNear(unitary, stored.polar_u, 1e-14 / smallest + 1e-13);
      }
    });
  }
});

describe('eigenvalues', () => {
  it.each([1, 2, 3, 8, 40, 90])('of a random matrix of %d', (n) => {
    const a = randomMatrix(n, n, n);
    const oracle = new EigenvalueDecomposition(Matrix.from1DArray(n, n, a));
    const rising = (x: number, y: number) => x - y;
    const found = eigenvalues(a, n);
    expect(
      distance(found.map(({ re }) => re).sort(rising), oracle.realEigenvalues.sort(rising)),
    ).toBeLessThan(1e-11);
    expect(
      distance(found.map(({ im }) => im).sort(rising), oracle.imaginaryEigenvalues.sort(rising)),
    ).toBeLessThan(1e-11);
  });

  it('of a cyclic permutation, where QR without exceptional shifts stalls', () => {
    const n = 6;
    const a = Float64Array.from({ length: 36 }, (_, k) => +((Math.floor(k / n) + 1) % n === k % n));
    for (const { re, im } of eigenvalues(a, n)) expect(Math.hypot(re, im)).toBeCloseTo(1, 12);
  });

  it('of two cycles of four, and of a matrix of round numbers, for which ml-matrix does not end', () => {
    const order = [1, 4, 5, 6, 7, 3, 2, 0];
    const cycles = new Float64Array(64);
    order.forEach((to, from) => (cycles[from * 8 + to] = 1));
    const sorted = (a: Float64Array, n: number) =>
      eigenvalues(a, n).sort((x, y) => x.re - y.re || x.im - y.im);
    expect(
      distance(
        sorted(cycles, 8)
          .map(({ re }) => re)
          .sort((x, y) => x - y),
        [-1, -1, 0, 0, 0, 0, 1, 1],
      ),
    ).toBeLessThan(1e-12);
    const round = sorted(Float64Array.of(1, 0, -1, 0, 1, -1, 1, 1, 1), 3);
    expect(
      distance(
        round.map(({ re }) => re),
        [1, 1, 1],
      ),
    ).toBeLessThan(1e-12);
    expect(
      distance(
        round.map(({ im }) => im).sort((x, y) => x - y),
        [-Math.SQRT2, 0, Math.SQRT2],
      ),
    ).toBeLessThan(1e-12);
  });
});

describe('expm and logm on known cases', () => {
  it('rotations', () => {
    for (const angle of [0, 1e-9, 1, 3, 3.14159]) {
      const generator = Float64Array.from([0, -angle, angle, 0]);
      const rotation = Float64Array.from([
        Math.cos(angle),
        -Math.sin(angle),
        Math.sin(angle),
        Math.cos(angle),
      ]);
      expect(distance(expm(generator, 2), rotation)).toBeLessThan(1e-14);
      expect(distance(logm(rotation, 2), generator)).toBeLessThan(1e-11);
    }
  });

  it('Jordan blocks', () => {
    const block = Float64Array.from([0.5, 1, 0, 0, 0.5, 1, 0, 0, 0.5]);
    const e = Math.exp(0.5);
    expect(distance(expm(block, 3), [e, e, e / 2, 0, e, e, 0, 0, e])).toBeLessThan(1e-15 * 10);
    const log = logm(Float64Array.from([2, 1, 0, 0, 2, 1, 0, 0, 2]), 3);
    const l = Math.log(2);
    expect(distance(log, [l, 1 / 2, -1 / 8, 0, l, 1 / 2, 0, 0, l])).toBeLessThan(1e-14);
  });

  it('exp of log is the matrix, for exponentials of random matrices', () => {
    for (let seed = 0; seed < 20; seed++) {
      const n = 2 + (seed % 7);
      const a = expm(randomMatrix(n, n, seed), n);
      expect(distance(expm(logm(a, n), n), a)).toBeLessThan(1e-12 * largest(a));
    }
  });

  const paired: [string, number[][][]][] = [
    ['two eigenvalues -1', [[[-1]], [[-1]]]],
    ['two pairs and a positive one', [[[-1]], [[-3]], [[2]], [[-1]], [[-3]]]],
    [
      'two equal Jordan blocks of size 2',
      [
        [
          [-2, 1],
          [0, -2],
        ],
        [
          [-2, 1],
          [0, -2],
        ],
        [[5]],
      ],
    ],
    [
      'pairs of blocks of sizes 1 and 2, and a rotation',
      [
        [[-2]],
        [[-2]],
        [
          [-2, 1],
          [0, -2],
        ],
        [
          [-2, 1],
          [0, -2],
        ],
        [
          [0, -1],
          [1, 0],
        ],
      ],
    ],
    [
      'two blocks of size 3',
      [
        [
          [-1, 1, 0],
          [0, -1, 1],
          [0, 0, -1],
        ],
        [
          [-1, 1, 0],
          [0, -1, 1],
          [0, 0, -1],
        ],
      ],
    ],
  ];
  it.each(paired)('a real logarithm where negative eigenvalues pair up: %s', (_, blocks) => {
    const { a, n } = diagonal(...blocks);
    expect(distance(expm(logm(a, n), n), a)).toBeLessThan(1e-8);
    const hidden = similar(a, n, 3);
    expect(distance(expm(logm(hidden, n), n), hidden)).toBeLessThan(1e-6 * largest(hidden));
  });

  const unpaired: [string, RegExp, number[][][]][] = [
    ['one eigenvalue -1', /negative eigenvalue -1 has 1 Jordan block of size 1/, [[[-1]], [[2]]]],
    ['-1 and -4', /negative eigenvalue -[14] has 1/, [[[-1]], [[-4]], [[1]]]],
    ['three times -2', /negative eigenvalue -2 has 3/, [[[-2]], [[-2]], [[-2]]]],
    [
      'one block of size 2',
      /negative eigenvalue -1 has 1 Jordan block of size 2/,
      [
        [
          [-1, 1],
          [0, -1],
        ],
      ],
    ],
    [
      'a block of size 2 beside two of size 1',
      /negative eigenvalue -3 has 1 Jordan block of size 2/,
      [
        [
          [-3, 1],
          [0, -3],
        ],
        [[-3]],
        [[-3]],
      ],
    ],
  ];
  it.each(unpaired)('no real logarithm: %s', (_, message, blocks) => {
    const { a, n } = diagonal(...blocks);
    expect(() => logm(a, n)).toThrow(message);
  });

  it('small matrices of round numbers', () => {
    const entries = fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 9, maxLength: 9 });
    const check = (numbers: readonly number[]) => {
      const a = Float64Array.from(numbers);
      let log: Float64Array;
      try {
        log = logm(a, 3);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return false;
      }
      expect(distance(expm(log, 3), a)).toBeLessThan(1e-7);
      return true;
    };
    expect(check([1, 0, -1, 0, 1, -1, 1, 1, 1])).toBe(true);
    expect(check([0, 1, 0, 0, 0, 1, 1, 0, 0])).toBe(true);
    expect(check([-1, 0, 0, 0, -1, 0, 0, 0, 1])).toBe(true);
    expect(check([1, 0, 0, 0, -1, 0, 0, 0, 1])).toBe(false);
    fc.assert(
      fc.property(entries, (numbers) => void check(numbers)),
      { numRuns: 1000 },
    );
  });

  it('refuses singular matrices and NaN', () => {
    expect(() => logm(Float64Array.from([1, 2, 2, 4]), 2)).toThrow(/singular/);
    expect(() => logm(Float64Array.from([1, 2, NaN, 4]), 2)).toThrow(/\(1, 0\) is NaN/);
    expect(() => expm(Float64Array.from([1e4]), 1)).toThrow(/out of range/);
    expect(() => principalRoot(Float64Array.from([-1, 0, 0, 2]), 2)).toThrow(/did not converge|singular/);
  });

  it('square roots', () => {
    for (let seed = 0; seed < 10; seed++) {
      const n = 1 + seed;
      const a = expm(randomMatrix(n, n, seed), n);
      const root = principalRoot(a, n);
      expect(distance(multiply(root, root, n, n, n), a)).toBeLessThan(1e-12 * largest(a));
    }
  });
});
