import fc from 'fast-check';
import { linearSumAssignment } from 'linear-sum-assignment';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { certify } from '../../../src-main/compute/assignment/certify.ts';
import { solveAssignment } from '../../../src-main/compute/assignment/solve.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { goldenNpy } from '../../support/fixtures.ts';

function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function matrix(rows: number, cols: number, entry: () => number): Float64Array {
  return Float64Array.from({ length: rows * cols }, entry);
}

function oracle(cost: Float64Array, rows: number, cols: number, maximize: boolean): number {
  const { rowAssignments } = linearSumAssignment(Matrix.from1DArray(rows, cols, Array.from(cost)), {
    maximaze: maximize,
  });
  let total = 0;
  Array.from(rowAssignments).forEach((j, i) => {
    if (j !== undefined && j >= 0) total += cost[i * cols + j]!;
  });
  return total;
}

function expectOptimal(
  cost: Float64Array,
  rows: number,
  cols: number,
  maximize: boolean,
  tolerance = 1e-9,
): number {
  const result = solveAssignment(cost, rows, cols, { maximize });
  const certificate = certify(cost, rows, cols, result, tolerance, { maximize });
  expect(certificate).toMatchObject({ optimal: true, feasible: true });
  return result.objective;
}

function bruteForce(cost: Float64Array, rows: number, cols: number): number {
  const taken = new Uint8Array(cols);
  const place = (i: number, unplaced: number): number => {
    if (i === rows) return 0;
    let best = unplaced > 0 ? place(i + 1, unplaced - 1) : Infinity;
    for (let j = 0; j < cols; j++) {
      if (taken[j] === 1) continue;
      taken[j] = 1;
      best = Math.min(best, cost[i * cols + j]! + place(i + 1, unplaced));
      taken[j] = 0;
    }
    return best;
  };
  return place(0, Math.max(0, rows - cols));
}

describe('solveAssignment against linear-sum-assignment', () => {
  const kinds: [string, (next: () => number) => number][] = [
    ['random', (next) => next()],
    ['tied', (next) => Math.floor(4 * next())],
    ['negative', (next) => -1000 * next()],
    ['constant', () => 2.5],
  ];
  for (const [name, entry] of kinds) {
    for (const size of [1, 2, 7, 64, 200]) {
      it(`${name} ${size} x ${size}`, () => {
        const next = numbers(size);
        const cost = matrix(size, size, () => entry(next));
        for (const maximize of [false, true]) {
          expect(expectOptimal(cost, size, size, maximize)).toBeCloseTo(
            oracle(cost, size, size, maximize),
            7,
          );
        }
      });
    }
  }

  for (const [rows, cols] of [
    [1, 9],
    [9, 1],
    [30, 100],
    [100, 30],
    [64, 65],
  ] as const) {
    it(`rectangular ${rows} x ${cols}`, () => {
      const cost = matrix(rows, cols, numbers(rows * 1000 + cols));
      for (const maximize of [false, true]) {
        expect(expectOptimal(cost, rows, cols, maximize)).toBeCloseTo(oracle(cost, rows, cols, maximize), 9);
      }
    });
  }

  it('random 1024 x 1024 and correlations of rank 32', () => {
    const n = 1024;
    const next = numbers(5);
    const left = matrix(n, 32, () => next() - 0.5);
    const right = matrix(n, 32, () => next() - 0.5);
    const correlation = matrix(n, n, () => 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        for (let k = 0; k < 32; k++) correlation[i * n + j]! += left[i * 32 + k]! * right[j * 32 + k]!;
      }
    }
    expect(expectOptimal(correlation, n, n, true)).toBeCloseTo(oracle(correlation, n, n, true), 6);
    const random = matrix(n, n, next);
    expect(expectOptimal(random, n, n, false)).toBeCloseTo(oracle(random, n, n, false), 7);
  });

  // A few columns are the best of nearly every row: the start leaves most rows free.
  it.each(['all different', 'a quarter of the rows and columns the same'])('large means, %s', (how) => {
    const n = 160;
    const next = numbers(11);
    const [ofRows, ofColumns] = [matrix(n, 1, next), matrix(1, n, next)];
    const at = (k: number): number => (how === 'all different' ? k : Math.max(k, n / 4));
    const products = matrix(n, n, () => next() / 1000);
    const cost = products.map((_, k) => {
      const [i, j] = [at(Math.floor(k / n)), at(k % n)];
      return ofRows[i]! * ofColumns[j]! + products[i * n + j]!;
    });
    for (const maximize of [false, true])
      expect(expectOptimal(cost, n, n, maximize)).toBeCloseTo(oracle(cost, n, n, maximize), 9);
  });

  for (const layer of [0, 1, 2]) {
    for (const kind of [
      'pearson_correlation',
      'dot_product',
      'pearson_uncorrelatedness_with_one_for_constant',
    ]) {
      it(`reference similarities, layer ${layer}, ${kind}`, () => {
        const { shape, data } = goldenNpy(`sym0/sim_1-2_P_${layer}_${kind}`);
        const [rows, cols] = [shape[0]!, shape[1]!];
        const scale = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        for (const maximize of [false, true]) {
          const found = expectOptimal(data, rows, cols, maximize, 1e-12 * scale);
          expect(Math.abs(found - oracle(data, rows, cols, maximize))).toBeLessThan(1e-10 * scale * rows);
        }
      });
    }
  }
});

describe('solveAssignment, properties', () => {
  const entry = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -100, max: 100, noNaN: true }));
  const problem = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
    .chain(([rows, cols]) =>
      fc.record({
        rows: fc.constant(rows),
        cols: fc.constant(cols),
        cost: fc
          .array(entry, { minLength: rows * cols, maxLength: rows * cols })
          .map((entries) => Float64Array.from(entries)),
      }),
    );

  it('equals brute force and carries a certificate', () => {
    fc.assert(
      fc.property(problem, ({ rows, cols, cost }) => {
        const found = expectOptimal(cost, rows, cols, false);
        expect(found).toBeCloseTo(bruteForce(cost, rows, cols), 8);
        const negated = cost.map((c) => -c);
        expect(expectOptimal(negated, rows, cols, true)).toBeCloseTo(-found, 8);
      }),
      { numRuns: 300 },
    );
  });

  it('does not change when a number is added to a row or a column of a square matrix', () => {
    const square = fc.integer({ min: 1, max: 12 }).chain((n) =>
      fc.record({
        n: fc.constant(n),
        cost: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: n * n, maxLength: n * n }),
        line: fc.nat(n - 1),
        shift: fc.integer({ min: -90, max: 90 }),
      }),
    );
    fc.assert(
      fc.property(square, ({ n, cost, line, shift }) => {
        const base = solveAssignment(Float64Array.from(cost), n, n).objective;
        const row = Float64Array.from(cost, (c, k) => (Math.floor(k / n) === line ? c + shift : c));
        const column = Float64Array.from(cost, (c, k) => (k % n === line ? c + shift : c));
        expect(solveAssignment(row, n, n).objective).toBe(base + shift);
        expect(solveAssignment(column, n, n).objective).toBe(base + shift);
      }),
    );
  });

  it('gives the same assignment every time where all entries tie', () => {
    const cost = new Float64Array(40 * 40).fill(1);
    expect(solveAssignment(cost, 40, 40).rowToCol).toEqual(solveAssignment(cost.slice(), 40, 40).rowToCol);
  });

  it('leaves its input alone', () => {
    const cost = matrix(20, 30, numbers(3));
    const copy = cost.slice();
    solveAssignment(cost, 20, 30, { maximize: true });
    solveAssignment(cost, 30, 20);
    expect(cost).toEqual(copy);
  });
});

describe('solveAssignment, unusual input', () => {
  it('accepts an empty problem', () => {
    expect(solveAssignment(new Float64Array(0), 0, 0).rowToCol).toHaveLength(0);
    expect(Array.from(solveAssignment(new Float64Array(0), 2, 0).rowToCol)).toEqual([-1, -1]);
  });

  it.each([
    [NaN, false],
    [-Infinity, false],
    [Infinity, true],
    [1e301, false],
  ])('refuses %d, naming row and column (maximize %s)', (bad, maximize) => {
    const cost = new Float64Array(12);
    cost[6] = bad;
    expect(() => solveAssignment(cost, 3, 4, { maximize })).toThrow(UserError);
    expect(() => solveAssignment(cost, 3, 4, { maximize })).toThrow(/row 1, column 2/);
  });

  it('refuses sizes that do not fit', () => {
    expect(() => solveAssignment(new Float64Array(5), 2, 3)).toThrow(/not a 2 x 3 matrix/);
  });

  it('goes round forbidden pairs, and says where they leave no assignment', () => {
    const x = Infinity;
    const open = Float64Array.from([x, 1, x, 5, x, 2, 1, 3, x]);
    const result = solveAssignment(open, 3, 3);
    expect(Array.from(result.rowToCol)).toEqual([1, 2, 0]);
    expect(certify(open, 3, 3, result, 1e-12).optimal).toBe(true);
    const closed = Float64Array.from([x, 1, x, x, 2, x, 1, 3, 4]);
    expect(() => solveAssignment(closed, 3, 3)).toThrow(/rule out every assignment/);
    expect(() => solveAssignment(Float64Array.from([x, x, 1, 2]), 2, 2)).toThrow(/row 0|column/);
    const tall = Float64Array.from([1, x, 2, x, 3, x]);
    expect(() => solveAssignment(tall, 3, 2)).toThrow(/column 1/);
  });

  it('keeps an equal number of forbidden pairs feasible at random', () => {
    const next = numbers(11);
    for (let trial = 0; trial < 50; trial++) {
      const n = 12;
      const cost = matrix(n, n, () => (next() < 0.6 ? Infinity : Math.floor(10 * next())));
      for (let i = 0; i < n; i++) cost[i * n + ((i * 5 + trial) % n)] = 20; // one assignment that always exists
      expectOptimal(cost, n, n, false);
    }
  });
});

describe('certify', () => {
  it('does not accept a worse assignment, wrong duals, a wrong objective or a column used twice', () => {
    const cost = Float64Array.from([1, 2, 3, 2, 4, 6, 3, 6, 9]);
    const good = solveAssignment(cost, 3, 3);
    expect(certify(cost, 3, 3, good, 1e-12).optimal).toBe(true);
    const worse = { ...good, rowToCol: Int32Array.from([0, 1, 2]), objective: 14 };
    expect(certify(cost, 3, 3, worse, 1e-12)).toMatchObject({ optimal: false, feasible: true });
    const lifted = { ...good, duals: { u: good.duals.u.map((u) => u + 1), v: good.duals.v } };
    expect(certify(cost, 3, 3, lifted, 1e-12).optimal).toBe(false);
    expect(certify(cost, 3, 3, { ...good, objective: 9 }, 1e-12).feasible).toBe(false);
    expect(certify(cost, 3, 3, { ...good, rowToCol: Int32Array.from([0, 0, 1]) }, 1e-12).feasible).toBe(
      false,
    );
  });
});
