/** The fast realization costs against the plain formula, on every back end's way of computing them. */
import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { GramMatrices, gramCutoff } from '../../../src-main/compute/identifiability/gram-matrices.ts';
import type { LayerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { plainCosts } from '../../../src-main/compute/identifiability/plain-costs.ts';
import { realizationCosts } from '../../../src-main/compute/identifiability/realization.ts';
import { symmetricEigenvalues } from '../../../src-main/compute/linalg/symmetric-eigen.ts';
import { cases, layerCase, sizes } from './support.ts';
import type { Case } from './support.ts';

describe('the plain formula', () => {
  const backendOf = async () => (await loadBackend()).native?.doubles;

  function plain(
    { weight, fixed, mask, outputs: n, inputs: d }: LayerWeights,
    space: Case['space'],
  ): number[] {
    const matrix = (of: Float64Array | Float32Array | undefined, absent: number) =>
      Matrix.from1DArray(n, d, of ?? new Float64Array(n * d).fill(absent));
    const u = Matrix.from1DArray(d, space.dimension, space.basis);
    return plainCosts(matrix(weight, 0), matrix(fixed, 0), matrix(mask, 1), u, gramCutoff(d)).to1DArray();
  }

  const agree = async (layer: LayerWeights, space: Case['space']) => {
    const expected = plain(layer, space);
    for (const doubles of [undefined, await backendOf()]) {
      const { costs } = await realizationCosts(layer, space, { doubles });
      for (const [at, cost] of costs.entries()) {
        expect(Math.abs(cost - expected[at]!)).toBeLessThan(1e-8 * (1 + expected[at]!));
      }
    }
    return expected;
  };

  test('of three dimensions and two neurons, worked out by hand', async () => {
    // The subspace is the first two coordinates; neuron 0 has the second one fixed to 1, neuron 1 is free.
    const space = { basis: Float64Array.of(1, 0, 0, 1, 0, 0), full: 3, dimension: 2 };
    const layer: LayerWeights = {
      ...{ outputs: 2, inputs: 3, sigmaF: 1 },
      weight: Float64Array.of(2, 1, 9, 5, 4, 9),
      fixed: Float64Array.of(0, 1, 0, 0, 0, 0),
      mask: Float32Array.of(1, 0, 1, 1, 1, 1),
    };
    // Slot 0 reaches the first coordinate only: 2^2 and 5^2. Slot 1 reaches both: 2^2 + 1^2 and 5^2 + 4^2.
    expect(plain(layer, space)).toEqual([4, 25, 5, 41]);
    await agree(layer, space);
  });

  test.each(['standard', 'syre'] as const)('no mask, %s', async (family) => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, n, d, k }) => {
        const { layer, space } = layerCase(family, seed, n, d, k);
        await agree(layer, space);
      }),
      { numRuns: 30 },
    );
  });

  /** F where weights are free too, as a file may have it. */
  const everywhere = ({ seed, n, d, k }: { seed: number; n: number; d: number; k: number }) => {
    const { layer, space, stream } = layerCase('w', seed, n, d, k);
    const fixed = layer.weight.map(() => stream.normal());
    const weight = layer.weight.map((value, at) => fixed[at]! + layer.mask![at]! * value);
    return { layer: { ...layer, weight, fixed, sigmaF: null }, space, stream };
  };

  test('F everywhere and a mask', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (size) => {
        const { layer, space } = everywhere(size);
        await agree(layer, space);
      }),
      { numRuns: 30 },
    );
  });

  test('neurons in another order, with their F and D, have the same costs in that order', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (size) => {
        const { layer, space, stream } = everywhere(size);
        const { outputs: n, inputs: d } = layer;
        const order = stream.permutation(n);
        const rows = <T extends Float64Array | Float32Array>(of: T): T =>
          of.map((_, at) => of[order[Math.floor(at / d)]! * d + (at % d)]!) as T;
        const moved = {
          ...layer,
          weight: rows(layer.weight),
          fixed: rows(layer.fixed),
          mask: rows(layer.mask!),
        };
        const { costs } = await realizationCosts(layer, space);
        const { costs: after } = await realizationCosts(moved, space);
        for (const [at, cost] of after.entries()) {
          const before = costs[order[Math.floor(at / n)]! * n + order[at % n]!]!;
          expect(Math.abs(cost - before)).toBeLessThan(1e-8 * (1 + before));
        }
      }),
      { numRuns: 20 },
    );
  });

  /** Masks of every density: nearly everything fixed, so that S_i is singular, up to nearly nothing. */
  const masked = fc.record({
    ...{ ...sizes, d: fc.integer({ min: 6, max: 40 }), k: fc.integer({ min: 1, max: 6 }) },
    free: fc.constantFrom(0.03, 0.1, 0.3, 0.6, 0.9, 0.97),
    none: fc.boolean(),
  });

  test('masks of every density, singular S_i, neurons with no free entry', async () => {
    let singular = 0;
    await fc.assert(
      fc.asyncProperty(masked, async ({ seed, n, d, k, free, none }) => {
        const { layer, space, stream } = layerCase('w', seed, n, d, k);
        const mask = layer.mask!.map(() => (stream.uniform() < free ? 1 : 0));
        if (none) mask.fill(0, 0, d);
        const fixed = layer.weight.map((value, at) => (mask[at] === 0 ? value : 0));
        // S_i barely regular: what is between the cutoff and about 1e-6 is not known to eight digits by anyone.
        const grams = new GramMatrices(space, mask);
        for (let i = 0; i < n; i++) {
          const values = symmetricEigenvalues(grams.of(i), k);
          fc.pre(values.every((value) => value < gramCutoff(d) || value > 1e-6));
          if (values[0]! < gramCutoff(d)) singular += 1;
        }
        await agree({ ...layer, mask, fixed }, space);
      }),
      { numRuns: 150 },
    );
    expect(singular).toBeGreaterThan(50);
  });

  test('more than a thread takes at a time, in both forms of the systems', async () => {
    for (const free of [0.5, 0.97]) {
      const { layer, space, stream } = layerCase('w', 41, 40, 60, 12);
      const mask = layer.mask!.map(() => (stream.uniform() < free ? 1 : 0));
      await agree({ ...layer, mask }, space);
    }
  });
});
