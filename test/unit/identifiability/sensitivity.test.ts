/** Permutation sensitivity on real checkpoints, against definitions written out and against its own theory. */
import { describe, expect, test } from 'vitest';
import { centerDominance, closestRows } from '../../../src-main/compute/identifiability/centers.ts';
import { permutationDelta } from '../../../src-main/compute/identifiability/permutation-sensitivity.ts';
import { judge } from '../../../src-main/compute/identifiability/verdict.ts';
import type { LayerRealizationCost } from '../../../src-shared/jobs/realization-cost.ts';
import type { LayerSensitivity } from '../../../src-shared/jobs/permutation-sensitivity.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const selection = (name: string) => ({ run: fixtureRun(name), models: [1], epoch: 5, data: goldenData() });
const reversed = Array.from({ length: 64 }, (_, i) => 63 - i);

async function layerOf(name: string, more: object = {}): Promise<LayerSensitivity> {
  const { sensitivity_results: results } = await job<{ sensitivity_results: LayerSensitivity[] }>(
    'permutation-sensitivity',
    { ...selection(name), layers: ['lins.1'], ...more },
  );
  expect(results.map(({ layer }) => layer)).toEqual(['lins.1']);
  return results[0]!;
}

async function costsOf(name: string) {
  const { realization_cost_results: results } = await job<{
    realization_cost_results: LayerRealizationCost[];
  }>('realization-cost', { ...selection(name), layers: ['lins.1'] });
  return results[0]!;
}

describe('verdicts', () => {
  test('standard: every permutation costs nothing, the neurons are not identifiable', async () => {
    const found = await layerOf('sym0', { permutations: { 'lins.1': reversed } });
    expect(found.verdict.told_apart).toBe('no');
    expect(found.random.deltas).toHaveLength(100);
    for (const delta of [...found.random.deltas, found.given!.delta]) {
      expect(Math.abs(delta)).toBeLessThan(1e-10 * found.own_cost);
    }
    expect([found.gamma_out.value, found.gamma_in.value, found.cheapest.moved]).toEqual([0, 0, 0]);
  });

  test('W-asymmetric, sigma_F = 1: each neuron is cheapest where it is', async () => {
    const found = await layerOf('sym1_kappa1', { permutations: { 'lins.1': reversed } });
    const { mahalanobis_distance_squared: costs, proj_center_distances: centers } =
      await costsOf('sym1_kappa1');
    expect(found.verdict.told_apart).toBe('yes');
    expect(found.verdict.text).toContain('are identifiable');
    const at = (i: number, j: number) => costs.data[i * 64 + j]!;
    const expected = reversed.reduce((sum, to, i) => sum + at(i, to) - at(i, i), 0);
    expect(found.given!.delta).toBeCloseTo(expected, 8);
    expect(found.transpositions).toMatchObject({ count: 2016, positive: 2016, negative: 0 });
    expect(found.random.min).toBeGreaterThan(found.transpositions.min);
    const apart = Array.from(centers.data).filter((_, k) => k % 65 !== 0);
    expect(found.gamma_out.value).toBeCloseTo(Math.SQRT2 * Math.min(...apart), 10);
    const [i, j] = found.gamma_out.pair!;
    expect(centers.data[i * 64 + j]! * Math.SQRT2).toBeCloseTo(found.gamma_out.value, 10);
    for (const [n, nearest] of found.center_dominance.nearest.entries()) {
      const row = Array.from(centers.data.subarray(n * 64, n * 64 + 64)).filter((_, k) => k !== n);
      expect(nearest).toBeCloseTo(Math.min(...row), 10);
    }
    expect(found.gamma_out_theory).toBeCloseTo(Math.sqrt(26) * 64 ** (-2 / 26), 12);
  });

  test('sigma_F = 0 lies between, and random permutations depend on the seed alone', async () => {
    const [a, b, c] = [
      await layerOf('sym1_kappa0', { randomCount: 5 }),
      await layerOf('sym1_kappa0', { randomCount: 7 }),
      await layerOf('sym1_kappa0', { randomCount: 5, permutationSeed: 1 }),
    ];
    expect(a.gamma_out.value).toBe(0);
    expect(b.random.deltas.slice(0, 5)).toEqual(a.random.deltas);
    expect(c.random.deltas).not.toEqual(a.random.deltas);
    expect(a.transpositions.mean).toBeLessThan((await layerOf('sym1_kappa1')).transpositions.mean);
  });

  test('a permutation that is none, or of a layer that is not there, is refused by name', async () => {
    await expect(layerOf('sym0', { permutations: { 'lins.1': [0, 0] } })).rejects.toThrow(
      /lins\.1.*permutation/,
    );
    await expect(layerOf('sym0', { permutations: { 'lins.9': [0] } })).rejects.toThrow(/lins\.9/);
    await expect(layerOf('sym0', { layers: ['lins.7'] })).rejects.toThrow(/lins\.7.*lins\.0/);
  });
});

describe('pieces', () => {
  test('a transposition’s delta is its swap cost', () => {
    const costs = Float64Array.of(1, 5, 2, 4, 1, 3, 7, 6, 2);
    expect(permutationDelta({ costs, neurons: 3 }, [2, 1, 0])).toBe(2 + 7 - 1 - 2);
  });

  test('nearest rows and dominance', () => {
    const rows = Float64Array.of(0, 0, 3, 4, 0, 1);
    const found = closestRows(rows, 3, 2);
    expect(found).toMatchObject({ least: 1, pair: [0, 2] });
    expect(Array.from(found.distances)).toEqual([1, Math.sqrt(18), 1]);
    const moved = rows.map((value, k) => value + [0.3, 0, 3, 0, 2, 0][k]!);
    expect(centerDominance(moved, rows, found.distances, 2)).toMatchObject({
      below_nearest: 2,
      below_half: 1,
    });
  });

  test('a cheaper permutation makes the verdict "partly"', () => {
    const transpositions = {
      count: 3,
      min: -1,
      min_pair: [0, 1] as [number, number],
      mean: 1,
      median: 1,
      positive: 2,
      negative: 1,
    };
    const verdict = judge({
      transpositions,
      cheapest: { delta: -1, moved: 2 },
      own: 3,
      neurons: 3,
      nothingFixed: false,
      leastRank: 2,
    });
    expect(verdict.told_apart).toBe('partly');
    expect(verdict.text).toContain('moves 2 of 3');
  });
});
