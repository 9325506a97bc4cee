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

  it('four rows: dots, combinations, both at once', () => {
    const [length, stride] = [10, 12];
    const rows = randomMatrix(4, stride, 3);
    const [x, y] = [randomMatrix(1, length, 4), randomMatrix(1, length, 5)];
    const factors = Float64Array.of(2, -1, 0.5, 3);
    const simd = new Simd();
    const at = { rows: 0, x: 48, y: 60, factors: 72, sums: 80 };
    const memory = simd.numbers(96);
    const put = () => {
      memory.set(rows, at.rows);
      memory.set(x, at.x);
      memory.set(y, at.y);
      memory.set(factors, at.factors);
      memory.fill(0, at.sums);
    };
    const row = (r: number) => rows.subarray(r * stride, r * stride + length);
    const dots = [0, 1, 2, 3].map((r) => row(r).reduce((sum, value, j) => sum + value * x[j]!, 0));
    const plus = (to: Float64Array) =>
      to.map((value, j) => value + [0, 1, 2, 3].reduce((sum, r) => sum + factors[r]! * row(r)[j]!, 0));
    const sums = () => [0, 2, 4, 6].map((r) => memory[at.sums + r]! + memory[at.sums + r + 1]!);
    const [first, end] = [8 * at.x, 8 * (at.x + length)];
    put();
    simd.run.dots(0, 8 * stride, first, end, 8 * at.sums);
    expect(distance(sums(), dots)).toBeLessThan(1e-15);
    expect(memory.slice(at.x, at.x + length)).toEqual(x);
    put();
    simd.run.combine(0, 8 * stride, first, end, 8 * at.factors);
    expect(distance(memory.subarray(at.x, at.x + length), plus(x))).toBeLessThan(1e-15);
    expect(memory.slice(at.y, at.y + length)).toEqual(y);
    put();
    simd.run.symmetric(0, 8 * stride, first, end, 8 * at.sums, 8 * at.y, 8 * at.factors);
    expect(distance(sums(), dots)).toBeLessThan(1e-15);
    expect(distance(memory.subarray(at.y, at.y + length), plus(y))).toBeLessThan(1e-15);
    expect(memory.slice(at.x, at.x + length)).toEqual(x);
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
