import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  determinant2,
  exponential2,
  identity2,
  inverse2,
  logarithm2,
  multiply2,
  scale2,
  type Matrix2,
} from '../../../src-shared/symmetry/two-by-two.ts';
import {
  act,
  lossAt,
  onto,
  planeThrough,
  pointOf,
  segment,
  symmetryPath,
} from '../../../src-shared/symmetry/playground.ts';

const entry = fc.double({ min: -3, max: 3, noNaN: true });
const matrices: fc.Arbitrary<Matrix2> = fc.tuple(entry, entry, entry, entry);
const invertible = matrices.filter((m) => Math.abs(determinant2(m)) > 1e-2);

const size = (m: readonly number[]): number => Math.hypot(...m);
const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, i) => v - b[i]!);
function expectClose(a: readonly number[], b: readonly number[], tolerance = 1e-9): void {
  expect(size(minus(a, b))).toBeLessThanOrEqual(tolerance * Math.max(1, size(b)));
}

/** exp by its series on m / 2^10, squared ten times: slow, and nothing like the closed form. */
function exponentialBySeries(m: Matrix2): Matrix2 {
  const small = scale2(m, 2 ** -10);
  let [sum, term]: [Matrix2, Matrix2] = [identity2, identity2];
  for (let k = 1; k < 20; k++) {
    term = scale2(multiply2(term, small), 1 / k);
    sum = sum.map((v, i) => v + term[i]!) as unknown as Matrix2;
  }
  for (let i = 0; i < 10; i++) sum = multiply2(sum, sum);
  return sum;
}

describe('2 x 2 matrices', () => {
  it('multiply as maps do', () => {
    expect(multiply2([1, 2, 3, 4], [5, 6, 7, 8])).toEqual([19, 22, 43, 50]);
    fc.assert(
      fc.property(matrices, matrices, matrices, (a, b, c) => {
        expectClose(multiply2(multiply2(a, b), c), multiply2(a, multiply2(b, c)));
        const product = determinant2(a) * determinant2(b);
        expect(Math.abs(determinant2(multiply2(a, b)) - product)).toBeLessThan(
          1e-10 * (1 + size(a) * size(b)) ** 2,
        );
        expectClose(multiply2(identity2, a), a, 0);
        expectClose(multiply2(a, identity2), a, 0);
      }),
    );
  });

  it('have inverses, but for the singular ones', () => {
    fc.assert(fc.property(invertible, (m) => expectClose(multiply2(m, inverse2(m)), identity2, 1e-8)));
    expect(() => inverse2([1, 2, 2, 4])).toThrow(RangeError);
  });
});

describe('the exponential', () => {
  it('is the sum of its series: real, complex and equal eigenvalues', () => {
    const equal = fc.tuple(entry, entry).map(([a, b]): Matrix2 => [a, b, 0, a]);
    fc.assert(
      fc.property(fc.oneof(matrices, equal), (m) => {
        expectClose(exponential2(m), exponentialBySeries(m), 1e-8);
      }),
    );
    expect(exponential2([0, 0, 0, 0])).toEqual([1, 0, 0, 1]);
    expectClose(exponential2([0, -Math.PI / 2, Math.PI / 2, 0]), [0, -1, 1, 0]);
    expectClose(exponential2([0, 1, 0, 0]), [1, 1, 0, 1]);
  });

  it('has the trace for the logarithm of its determinant', () => {
    fc.assert(
      fc.property(matrices, (m) => {
        const expected = Math.exp(m[0] + m[3]);
        const scale = Math.max(1, size(exponential2(m)) ** 2);
        expect(Math.abs(determinant2(exponential2(m)) - expected)).toBeLessThan(1e-9 * scale);
      }),
    );
  });
});

describe('the logarithm', () => {
  it('is what the exponential leads back from, wherever there is one', () => {
    let found = 0;
    fc.assert(
      fc.property(invertible, (m) => {
        const logarithm = logarithm2(m);
        if ('reason' in logarithm) return;
        found += 1;
        expectClose(exponential2(logarithm.log), m, 1e-7);
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(20);
  });

  it('is found for every exponential of a small matrix, and is that matrix', () => {
    fc.assert(
      fc.property(matrices, (m) => {
        const small = scale2(m, 0.3);
        const logarithm = logarithm2(exponential2(small));
        expect(logarithm).toHaveProperty('log');
        if ('log' in logarithm) expectClose(logarithm.log, small, 1e-5);
      }),
    );
  });

  it.each<[string, Matrix2, RegExp]>([
    ['singular', [1, 2, 2, 4], /singular/],
    ['a reflection', [1, 0, 0, -1], /det g < 0/],
    ['two different negative eigenvalues', [-1, 0, 0, -2], /two different negative/],
    ['one Jordan block of a negative eigenvalue', [-1, 1, 0, -1], /Jordan block/],
  ])('is refused with a reason: %s', (_, m, reason) => {
    expect(logarithm2(m)).toEqual({ reason: expect.stringMatching(reason) as string });
  });

  it('of a negative multiple of I is a half turn', () => {
    const logarithm = logarithm2([-2, 0, 0, -2]);
    expect(logarithm).toHaveProperty('log');
    if ('log' in logarithm) expectClose(exponential2(logarithm.log), [-2, 0, 0, -2]);
  });
});

describe('the playground', () => {
  const point = fc.array(entry, { minLength: 8, maxLength: 8 });

  it('keeps the loss along a symmetry path, from w to g w', () => {
    fc.assert(
      fc.property(matrices, point, matrices, (m, w, target) => {
        const g = exponential2(scale2(m, 0.3));
        const path = symmetryPath(g, w, 8);
        expect(path).toHaveProperty('points');
        if (!('points' in path)) return;
        const loss = lossAt(w, target);
        for (const each of path.points) {
          expect(Math.abs(lossAt(each, target) - loss)).toBeLessThan(1e-6 * Math.max(1, loss));
        }
        expectClose(path.points[0]!, w, 1e-7);
        expectClose(path.points.at(-1)!, act(g, w), 1e-5);
      }),
    );
  });

  it('draws three points in their plane without moving them', () => {
    fc.assert(
      fc.property(point, point, point, (a, b, c) => {
        fc.pre(size(minus(a, b)) > 0.1);
        const plane = planeThrough(a, b, c);
        for (const w of [a, b, c]) expectClose(pointOf(plane, ...onto(plane, w)), w, 1e-6);
      }),
    );
  });

  it('goes straight from end to end', () => {
    const points = segment([0, 0], [2, -4], 2);
    expect(points).toEqual([
      [0, 0],
      [1, -2],
      [2, -4],
    ]);
  });
});
