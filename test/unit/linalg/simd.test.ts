import { describe, expect, it } from 'vitest';
import { Simd } from '../../../src-main/compute/linalg/simd.ts';
import { pairDistances, squaredDistances, transpose } from '../../../src-main/compute/linalg/multiply.ts';
import { distance, randomMatrix } from './support.ts';

describe('kernels in WebAssembly', () => {
  it('products and distances of tiles are the plain sums, bit for bit', () => {
    const [depth, panels] = [13, 3];
    const simd = new Simd();
    const size = 4 * depth;
    const memory = simd.numbers(size * (panels + 1) + 16 * panels);
    const a = randomMatrix(depth, 4, 1);
    const b = randomMatrix(depth * panels, 4, 2);
    const terms = {
      products: (x: number, y: number) => x * y,
      distances: (x: number, y: number) => (x - y) * (x - y),
    };
    for (const name of ['products', 'distances'] as const) {
      memory.set(a);
      memory.set(b, size);
      const [from, end] = [8 * size, 8 * size * (panels + 1)];
      simd.run[name](0, from, 32 * depth, end, end);
      for (let panel = 0; panel < panels; panel++) {
        for (let r = 0; r < 4; r++) {
          for (let c = 0; c < 4; c++) {
            let sum = 0;
            for (let p = 0; p < depth; p++) sum += terms[name](a[4 * p + r]!, b[panel * size + 4 * p + c]!);
            expect(memory[end / 8 + panel * 16 + 4 * r + c]).toBe(sum);
          }
        }
      }
    }
  });

  it('memory grows as asked and keeps what it held', () => {
    const simd = new Simd();
    simd.numbers(10).fill(7, 0, 10);
    const more = simd.numbers(100_000);
    expect(more.length).toBeGreaterThanOrEqual(100_000);
    expect(more[9]).toBe(7);
    expect(simd.numbers(20)).toBe(more);
  });
});

describe('squared distances', () => {
  it.each([
    [1, 1, 1],
    [5, 3, 2],
    [9, 30, 300],
    [5, 8200, 3],
    [5, 0, 3],
  ])('%d rows to %d rows of %d', (n, m, k) => {
    const x = randomMatrix(n, k, 6);
    const y = randomMatrix(m, k, 7);
    const expected = Float64Array.from({ length: n * m }, (_, at) => {
      const [i, j] = [Math.floor(at / m), at % m];
      let sum = 0;
      for (let c = 0; c < k; c++) sum += (y[j * k + c]! - x[i * k + c]!) ** 2;
      return sum;
    });
    expect(distance(squaredDistances(x, y, k), expected)).toBeLessThan(1e-12);
  });

  it('within one set of rows they are symmetric, and zero to themselves', () => {
    const x = randomMatrix(300, 5, 8);
    const found = pairDistances(x, 5);
    expect(distance(found, squaredDistances(x, x, 5))).toBeLessThan(1e-14);
    expect(found).toEqual(transpose(found, 300, 300));
    for (let i = 0; i < 300; i++) expect(found[i * 301]).toBe(0);
  });

  it('close points lose no digits', () => {
    const x = Float64Array.of(1e8, 1e8);
    const y = Float64Array.of(1e8 + 0.25, 1e8);
    expect(Array.from(squaredDistances(x, y, 2))).toEqual([0.0625]);
  });
});
