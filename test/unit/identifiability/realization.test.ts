/** What must hold of realization costs whatever the numbers. */
import fc from 'fast-check';
import { Matrix, pseudoInverse } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import {
  GramMatrices,
  gramCutoff,
  inverseFactor,
} from '../../../src-main/compute/identifiability/gram-matrices.ts';
import type { LayerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { realizationCosts } from '../../../src-main/compute/identifiability/realization.ts';
import { swapCosts } from '../../../src-shared/swap-costs.ts';
import {
  multiply,
  multiplyTransposedLeft,
  multiplyTransposedRight,
} from '../../../src-main/compute/linalg/multiply.ts';
import { qr } from '../../../src-main/compute/linalg/solve.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { cases, layerCase, normals } from './support.ts';
import type { Case } from './support.ts';

const inverseOf = (gram: Float64Array, k: number): Float64Array =>
  Float64Array.from(pseudoInverse(Matrix.from1DArray(k, k, gram)).to1DArray());

/** [n, n], symmetric, with eigenvalues of about 1. */
function gramOfRank(rank: number, n: number): Float64Array {
  const q = qr(normals(new RandomStream(1, 'gram'), n * rank), n, rank).q;
  return multiplyTransposedRight(q, q, n, rank, n);
}

const squareOf = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v * v, 0);

describe('swap costs', () => {
  test('are exactly zero for standard networks', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, n, d, k }) => {
        const { layer, space } = layerCase('standard', seed, n, d, k);
        const { costs } = await realizationCosts(layer, space);
        expect(swapCosts(costs, n).every((cost) => cost === 0)).toBe(true);
        expect(costs.some((cost) => cost > 0)).toBe(true);
      }),
    );
  });

  test('are 2 (a_i - a_j).(v_i - v_j) for SYRE', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, n, d, k }) => {
        const { layer, space } = layerCase('syre', seed, n, d, k);
        const { costs, projected: a, centers: v } = await realizationCosts(layer, space);
        const swaps = swapCosts(costs, n);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            let expected = 0;
            for (let c = 0; c < k; c++) {
              expected += 2 * (a[i * k + c]! - a[j * k + c]!) * (v[i * k + c]! - v[j * k + c]!);
            }
            expect(Math.abs(swaps[i * n + j]! - expected)).toBeLessThan(1e-11 * (1 + costs[i * n + j]!));
          }
        }
      }),
    );
  });
});

describe('a neuron’s cost of its own function', () => {
  test('is |P (mask * w)|^2, P onto the row space of U^T Diag(mask)', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, n, d, k }) => {
        const { layer, space } = layerCase('w', seed, n, d, k);
        const { costs } = await realizationCosts(layer, space);
        for (let i = 0; i < n; i++) {
          const mask = layer.mask!.subarray(i * d, (i + 1) * d);
          const free = layer.weight.subarray(i * d, (i + 1) * d).map((w, c) => mask[c]! * w);
          // Rows of B = Diag(mask) U; P x = B (B^T B)^+ B^T x.
          const masked = space.basis.map((u, at) => mask[Math.floor(at / k)]! * u);
          const gram = multiplyTransposedLeft(masked, masked, k, d, k);
          const inverse = inverseOf(gram, k);
          const inner = multiplyTransposedLeft(masked, free, k, d, 1);
          const projected = multiply(masked, multiply(inverse, inner, k, k, 1), d, k, 1);
          const own = costs[i * n + i]!;
          expect(Math.abs(own - squareOf(projected))).toBeLessThan(1e-6 * (1 + own));
          expect(own).toBeLessThanOrEqual(squareOf(free) * (1 + 1e-6));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('is |U^T w|^2 where nothing is masked', async () => {
    const { layer, space } = layerCase('syre', 3, 5, 12, 4);
    const { costs, projected, centers } = await realizationCosts(layer, space);
    for (let i = 0; i < 5; i++) {
      const trained = projected.subarray(i * 4, i * 4 + 4).map((value, c) => value - centers[i * 4 + c]!);
      expect(costs[i * 5 + i]!).toBeCloseTo(squareOf(trained), 12);
    }
  });
});

describe.each(['standard', 'syre', 'w'] as const)('invariances, %s', (family) => {
  test('an orthogonal change of basis changes nothing', async () => {
    const { layer, space, stream } = layerCase(family, 11, 7, 30, 5);
    const rotation = qr(normals(stream, 25), 5, 5).q;
    const turned = { ...space, basis: multiply(space.basis, rotation, 30, 5, 5) };
    const [before, after] = [await realizationCosts(layer, space), await realizationCosts(layer, turned)];
    for (const [k, cost] of before.costs.entries()) expect(after.costs[k]! / cost).toBeCloseTo(1, 9);
  });

  test('permuting neurons permutes rows and columns', async () => {
    const { layer, space } = layerCase(family, 12, 6, 20, 4);
    const order = [3, 0, 5, 1, 4, 2];
    const rows = <T extends Float64Array | Float32Array>(of: T): T =>
      of.map((_, at) => of[order[Math.floor(at / 20)]! * 20 + (at % 20)]!) as T;
    const permuted: LayerWeights = {
      ...layer,
      weight: rows(layer.weight),
      ...(layer.fixed && { fixed: rows(layer.fixed) }),
      ...(layer.mask && { mask: rows(layer.mask) }),
    };
    const [a, b] = [await realizationCosts(layer, space), await realizationCosts(permuted, space)];
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 6; j++) expect(b.costs[i * 6 + j]).toBe(a.costs[order[i]! * 6 + order[j]!]);
    }
  });
});

describe('few fixed entries', () => {
  /** 150 slots of up to 40 fixed entries: enough for threads. */
  function largeCase() {
    const { layer, space, stream } = layerCase('w', 31, 150, 300, 50);
    const mask = layer.mask!.map((_, at) => (stream.uniform() < (at % 300 < 150 ? 0.98 : 0.8) ? 1 : 0));
    return { layer: { ...layer, mask }, space };
  }

  const withThreads = async <T>(threads: string, what: () => Promise<T>): Promise<T> => {
    const before = process.env['BASIN_THREADS'];
    process.env['BASIN_THREADS'] = threads;
    try {
      return await what();
    } finally {
      if (before === undefined) delete process.env['BASIN_THREADS'];
      else process.env['BASIN_THREADS'] = before;
    }
  };

  test('cost what the pseudo-inverse says, to the last bit the same on one thread and on three', async () => {
    const { layer, space } = largeCase();
    const one = await withThreads('1', () => realizationCosts(layer, space));
    const three = await withThreads('3', () => realizationCosts(layer, space));
    expect(three).toEqual(one);
    const { costs, projected: a, centers: v } = one;
    const grams = new GramMatrices(space, layer.mask);
    for (const slot of [0, 31, 32, 99, 149]) {
      const inverse = inverseOf(grams.of(slot), 50);
      for (const j of [0, 1, slot, 148]) {
        const apart = a.slice(j * 50, j * 50 + 50).map((value, c) => value - v[slot * 50 + c]!);
        const expected = multiply(multiply(apart, inverse, 1, 50, 50), apart, 1, 50, 1)[0]!;
        expect(Math.abs(costs[slot * 150 + j]! - expected)).toBeLessThan(1e-10 * (1 + expected));
      }
    }
  });

  test('progress adds up to one; what is thrown in between stops all threads', async () => {
    const { layer, space } = largeCase();
    await withThreads('3', async () => {
      let done = 0;
      await realizationCosts(layer, space, {
        between: (share) => {
          done += share;
          return Promise.resolve();
        },
      });
      expect(done).toBeCloseTo(1, 10);
      let calls = 0;
      const stopped = realizationCosts(layer, space, {
        between: () => (++calls === 2 ? Promise.reject(new Error('stop')) : Promise.resolve()),
      });
      await expect(stopped).rejects.toThrow('stop');
      // Each of the others hears of it at its next slots.
      const after = await realizationCosts(layer, space);
      expect(calls).toBeLessThanOrEqual(4);
      expect(after.minRank).toBe(50);
    });
  });
});

describe('TensorFlow’s double kernels', () => {
  const agree = async (layer: LayerWeights, space: Case['space']) => {
    const backend = await loadBackend();
    const doubles = backend.native?.doubles;
    const before = tensorCount(backend);
    const [host, native] = [
      await realizationCosts(layer, space),
      await realizationCosts(layer, space, { doubles }),
    ];
    expect(tensorCount(backend)).toEqual(before);
    expect(native.minRank).toBe(host.minRank);
    for (const [k, cost] of host.costs.entries())
      expect(Math.abs(native.costs[k]! - cost)).toBeLessThan(1e-8 * (1 + cost));
    return host;
  };

  test.each([0.2, 0.8])('agree with TypeScript where a share of %f of the weights is free', async (share) => {
    const { layer, space, stream } = layerCase('w', 21, 40, 60, 7);
    const mask = layer.mask!.map(() => (stream.uniform() < share ? 1 : 0));
    await agree({ ...layer, mask }, space);
  });

  test('agree where fewer entries are fixed than the subspace has dimensions, not as many in every slot', async () => {
    const { layer, space, stream } = layerCase('w', 23, 40, 90, 30);
    const mask = layer.mask!.map((_, at) => (stream.uniform() < (at % 90 < 45 ? 0.97 : 0.75) ? 1 : 0));
    const fixed = Array.from({ length: 40 }, (_, i) =>
      mask.subarray(i * 90, (i + 1) * 90).reduce((sum, entry) => sum + 1 - entry, 0),
    );
    expect(Math.max(...fixed)).toBeLessThan(30);
    expect(Math.min(...fixed)).toBeLessThan(Math.max(...fixed));
    await agree({ ...layer, mask }, space);
    // Nothing fixed at all in one slot.
    mask.fill(1, 90, 180);
    expect((await agree({ ...layer, mask }, space)).minRank).toBe(30);
  });

  test('few fixed entries that hold a whole direction of the subspace: that slot is singular', async () => {
    const { layer, space } = layerCase('w', 24, 10, 30, 6);
    // The last direction is that of entry 4 alone; slot 7 has it fixed.
    const basis = space.basis.slice();
    for (let r = 0; r < 30; r++) basis[r * 6 + 5] = r === 4 ? 1 : 0;
    for (let c = 0; c < 5; c++) basis[4 * 6 + c] = 0;
    const orthonormal = qr(basis, 30, 6).q;
    const mask = layer.mask!.slice().fill(1);
    mask[7 * 30 + 4] = 0;
    mask[7 * 30 + 5] = 0;
    mask[2 * 30 + 9] = 0;
    expect((await agree({ ...layer, mask }, { ...space, basis: orthonormal })).minRank).toBe(5);
  });

  test('leave singular slots to the pseudo-inverse, and progress adds up to one', async () => {
    const { layer, space, stream } = layerCase('w', 22, 12, 60, 7);
    // Slot 3 has two free weights for seven dimensions, slot 5 none.
    const mask = layer.mask!.map(() => (stream.uniform() < 0.9 ? 1 : 0));
    mask.fill(0, 3 * 60 + 2, 4 * 60).fill(0, 5 * 60, 6 * 60);
    mask.fill(1, 3 * 60, 3 * 60 + 2);
    expect((await agree({ ...layer, mask }, space)).minRank).toBe(0);
    let done = 0;
    const between = (share: number): Promise<void> => {
      done += share;
      return Promise.resolve();
    };
    await realizationCosts({ ...layer, mask }, space, {
      between,
      doubles: (await loadBackend()).native?.doubles,
    });
    expect(done).toBeCloseTo(1, 10);
  });
});

describe('pseudo-inverse of a Gram matrix', () => {
  test('its factor gives what ml-matrix gives, and rank deficiency is cut off', () => {
    const { layer, space } = layerCase('w', 5, 4, 24, 6);
    const gram = new GramMatrices(space, layer.mask!).of(0).slice();
    const deficient = gramOfRank(3, 6);
    for (const [of, expectedRank] of [
      [gram, 6],
      [deficient, 3],
    ] as const) {
      const { factor, rank } = inverseFactor(of, 6, gramCutoff(24));
      expect(rank).toBe(expectedRank);
      const found = multiplyTransposedLeft(factor, factor, 6, rank, 6);
      const expected = inverseOf(of, 6);
      for (const [k, value] of found.entries()) expect(value).toBeCloseTo(expected[k]!, 8);
    }
  });

  test('a neuron without a free weight in the subspace costs nothing and realises nothing', async () => {
    const { layer, space } = layerCase('w', 6, 3, 10, 3);
    const mask = layer.mask!.slice().fill(0, 0, 10);
    const { costs, minRank } = await realizationCosts({ ...layer, mask }, space);
    expect(minRank).toBe(0);
    expect(Array.from(costs.subarray(0, 3))).toEqual([0, 0, 0]);
    expect(costs.every(Number.isFinite)).toBe(true);
  });

  test('summing over free or over fixed entries gives the same matrix', () => {
    const { space, stream } = layerCase('w', 8, 1, 40, 5);
    for (const share of [0.2, 0.8]) {
      const mask = Float32Array.from({ length: 40 }, () => (stream.uniform() < share ? 1 : 0));
      const found = new GramMatrices(space, mask).of(0);
      for (let i = 0; i < 5; i++) {
        for (let j = 0; j < 5; j++) {
          let sum = 0;
          for (let r = 0; r < 40; r++) sum += mask[r]! * space.basis[r * 5 + i]! * space.basis[r * 5 + j]!;
          expect(found[i * 5 + j]).toBeCloseTo(sum, 13);
        }
      }
    }
  });
});
