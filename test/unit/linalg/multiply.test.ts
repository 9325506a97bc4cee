import { describe, expect, it } from 'vitest';
import {
  addProduct,
  multiply,
  multiplyTransposedLeft,
  multiplyTransposedRight,
  subView,
  transpose,
  view,
} from '../../../src-main/compute/linalg/multiply.ts';
import { distance, randomMatrix, slowProduct, slowTranspose } from './support.ts';

describe('matrix products', () => {
  const sizes = [
    [1, 1, 1],
    [2, 3, 4],
    [5, 1, 7],
    [4, 300, 4],
    [33, 257, 65],
    [3, 600, 90],
    [90, 600, 3],
    [64, 64, 64],
    [5, 7, 4099],
    [6, 300, 9000],
  ] as const;
  it.each(sizes)('%d x %d times %d, plain and transposed, equal the three loops', (m, k, n) => {
    const a = randomMatrix(m, k, 1);
    const b = randomMatrix(k, n, 2);
    const expected = slowProduct(a, b, m, k, n);
    expect(distance(multiply(a, b, m, k, n), expected)).toBeLessThan(1e-12);
    expect(distance(multiplyTransposedLeft(slowTranspose(a, m, k), b, m, k, n), expected)).toBeLessThan(
      1e-12,
    );
    expect(distance(multiplyTransposedRight(a, slowTranspose(b, k, n), m, k, n), expected)).toBeLessThan(
      1e-12,
    );
  });

  it('adds a scaled product into part of a larger matrix and touches nothing else', () => {
    const a = randomMatrix(30, 40, 3);
    const b = randomMatrix(40, 22, 4);
    const c = randomMatrix(50, 60, 5);
    const before = c.slice();
    addProduct(subView(view(c, 60), 7, 9), view(a, 40), view(b, 22), 30, 40, 22, -2);
    const product = slowProduct(a, b, 30, 40, 22);
    const expected = before.map((x, k) => {
      const [i, j] = [Math.floor(k / 60) - 7, (k % 60) - 9];
      return i >= 0 && i < 30 && j >= 0 && j < 22 ? x - 2 * product[i * 22 + j]! : x;
    });
    expect(distance(c, expected)).toBeLessThan(1e-12);
  });

  it('is zero where the inner dimension is', () => {
    expect(Array.from(multiply(new Float64Array(0), new Float64Array(0), 2, 0, 2))).toEqual([0, 0, 0, 0]);
  });

  it('transposes', () => {
    const a = randomMatrix(37, 70, 6);
    expect(transpose(a, 37, 70)).toEqual(slowTranspose(a, 37, 70));
  });
});
