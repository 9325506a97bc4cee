import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LowerSolver, panelsOf } from '../../../src-main/compute/linalg/lower-solver.ts';
import { randomMatrix } from './support.ts';

/** 1 + A A^T, well conditioned. */
function regular(size: number, seed: number): Float64Array {
  const a = randomMatrix(size, size, seed);
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    let sum = i === j ? 1 : 0;
    for (let p = 0; p < size; p++) sum += (a[i * size + p]! * a[j * size + p]!) / size;
    return sum;
  });
}

/** |L^-1 b|^2 by the textbook, S = L L^T. */
function squareOf(s: Float64Array, size: number, b: readonly number[]): number {
  const l = new Float64Array(size * size);
  const x: number[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = s[i * size + j]!;
      for (let p = 0; p < j; p++) sum -= l[i * size + p]! * l[j * size + p]!;
      l[i * size + j] = i === j ? Math.sqrt(sum) : sum / l[j * size + j]!;
    }
    let sum = b[i]!;
    for (let p = 0; p < i; p++) sum -= l[i * size + p]! * x[p]!;
    x.push(sum / l[i * size + i]!);
  }
  return x.reduce((total, value) => total + value * value, 0);
}

interface System {
  s: Float64Array;
  size: number;
  places: Int32Array;
  shift: Float64Array;
}

function systemOf(size: number, rows: number, seed: number): System {
  const places = Int32Array.from({ length: size }, (_, p) => (p * 7 + seed) % rows);
  return { s: regular(size, seed), size, places, shift: randomMatrix(1, size, seed + 1) };
}

const unit = (size: number, at: number): number[] => Array.from({ length: size }, (_, p) => +(p === at));

describe('many small systems against the same columns', () => {
  it('squares and traces are those of the textbook, for every size and number of columns', () => {
    const cases = fc.record({
      rows: fc.integer({ min: 1, max: 30 }),
      count: fc.integer({ min: 1, max: 21 }),
      sizes: fc.array(fc.integer({ min: 0, max: 18 }), { minLength: 1, maxLength: 6 }),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(cases, ({ rows, count, sizes, seed }) => {
        const b = randomMatrix(rows, count, seed);
        const solver = new LowerSolver(panelsOf(b, rows, count), rows, Math.max(1, ...sizes));
        const systems = sizes.map((size, i) => systemOf(size, rows, seed + i));
        expect(solver.capacity).toBeGreaterThanOrEqual(sizes.length);
        for (const { s, size, places, shift } of systems) {
          let trace = 0;
          for (let at = 0; at < size; at++) trace += squareOf(s, size, unit(size, at));
          expect(Math.abs(solver.add(s, size, places, shift)! - trace)).toBeLessThan(1e-12 * (1 + trace));
        }
        expect(solver.held).toBe(sizes.length);
        const found = solver.solve();
        const width = found.length / sizes.length;
        systems.forEach(({ s, size, places, shift }, at) => {
          for (let j = 0; j < count; j++) {
            const right = Array.from(places, (place, p) => b[place * count + j]! - shift[p]!);
            const expected = squareOf(s, size, right);
            expect(Math.abs(found[at * width + j]! - expected)).toBeLessThan(1e-12 * (1 + expected));
          }
        });
        expect(solver.held).toBe(0);
      }),
    );
  });

  it('a matrix that is not positive definite is not held, and those around it are', () => {
    const [rows, count, size] = [12, 5, 6];
    const b = randomMatrix(rows, count, 3);
    const solver = new LowerSolver(panelsOf(b, rows, count), rows, size);
    const [first, last] = [systemOf(size, rows, 4), systemOf(size, rows, 9)];
    const alone = (of: System): number[] => {
      solver.add(of.s, of.size, of.places, of.shift);
      return Array.from(solver.solve());
    };
    const expected = [...alone(first), ...alone(last)];
    const broken = first.s.slice();
    broken[4 * size + 4] = -1;
    expect(solver.add(first.s, size, first.places, first.shift)).toBeGreaterThan(0);
    expect(solver.add(broken, size, first.places, first.shift)).toBeUndefined();
    expect(solver.add(broken.fill(NaN), size, first.places, first.shift)).toBeUndefined();
    expect(solver.add(last.s, size, last.places, last.shift)).toBeGreaterThan(0);
    expect(Array.from(solver.solve())).toEqual(expected);
  });

  it('a large factor is held alone, and more panels than fit the cache are all solved', () => {
    const [rows, count, size] = [400, 203, 390];
    const b = randomMatrix(rows, count, 5);
    const solver = new LowerSolver(panelsOf(b, rows, count), rows, size);
    expect(solver.capacity).toBe(1);
    const { s, places, shift } = systemOf(size, rows, 8);
    solver.add(s, size, places, shift);
    expect(() => solver.add(s, size, places, shift)).toThrow('no more than 1 can be held at once');
    const found = solver.solve();
    for (const j of [0, 57, 202]) {
      const right = Array.from(places, (place, p) => b[place * count + j]! - shift[p]!);
      const expected = squareOf(s, size, right);
      expect(Math.abs(found[j]! - expected)).toBeLessThan(1e-11 * (1 + expected));
    }
  });
});
