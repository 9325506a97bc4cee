/** Subspaces, coherence and realization costs against the reference's own numbers. */
import { describe, expect, test } from 'vitest';
import { anisotropiesOf } from '../../src-main/compute/identifiability/anisotropy.ts';
import { anisotropyBound } from '../../src-main/compute/identifiability/gram-matrices.ts';
import { centerDistances, realizationCosts } from '../../src-main/compute/identifiability/realization.ts';
import { coherenceOf, HostSums, subspaceOf } from '../../src-main/compute/identifiability/subspace.ts';
import { multiplyTransposedRight } from '../../src-main/compute/linalg/multiply.ts';
import type { LayerRealizationCost } from '../../src-shared/jobs/realization-cost.ts';
import { swapCosts } from '../../src-shared/swap-costs.ts';
import type { LayerCoherence } from '../../src-shared/jobs/subspace-coherence.ts';
import { fixtureRun, goldenJson, goldenNpy } from '../support/fixtures.ts';
import { goldenData, job } from '../support/job.ts';

interface GoldenLayer {
  layer: string;
  subspace_dimension: number;
  full_dimension: number;
  explained_variance_ratio_f64: number;
  subspace_coherence_f64: number;
  singular_values_first20_f64: number[];
  mahalanobis_squared_f64: string;
  projected_center_distances: string;
  transposition_cost: string;
  transposition_cost_f64_max_abs_diff: number;
}
interface Golden {
  realization_cost: Record<'model1' | 'model2', GoldenLayer[]>;
  subspace_coherence: Record<'model1' | 'model2', LayerCoherence[]>;
}
interface Cost {
  run_key: string;
  model_index: number;
  epoch: number;
  realization_cost_results: LayerRealizationCost[];
}

const array = (file: string): Float64Array => goldenNpy(file.replace(/\.npy$/, '')).data;

/** Largest relative gap; entries that should be zero count absolutely. */
function relativeGap(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  let worst = 0;
  for (let k = 0; k < expected.length; k++) {
    const gap = Math.abs(found[k]! - expected[k]!) / (Math.abs(expected[k]!) || 1);
    if (!(gap <= worst)) worst = gap;
  }
  return worst;
}

function absoluteGap(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = found.length === expected.length ? 0 : Infinity;
  for (let k = 0; k < expected.length; k++) worst = Math.max(worst, Math.abs(found[k]! - expected[k]!));
  return worst;
}

describe.each(['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym3_kappa1'])('realization cost, %s', (name) => {
  test('all layers of two models', async () => {
    const golden = goldenJson<Golden>(name).realization_cost;
    const rows = await job<Cost[]>('realization-cost', {
      ...{ run: fixtureRun(name), models: [1, 2], epoch: 5, data: goldenData() },
    });
    expect(rows.map((row) => [row.run_key, row.model_index, row.epoch])).toEqual([
      [name, 1, 5],
      [name, 2, 5],
    ]);
    for (const [m, { realization_cost_results: results }] of rows.entries()) {
      const layers = golden[m === 0 ? 'model1' : 'model2'];
      expect(results.map(({ layer }) => layer)).toEqual(layers.map(({ layer }) => layer));
      for (const [l, found] of results.entries()) {
        const expected = layers[l]!;
        expect(found.hook_mode).toBe('RecordInput');
        expect(found.subspace_dimension).toBe(expected.subspace_dimension);
        expect(found.full_dimension).toBe(expected.full_dimension);
        expect(found.explained_variance_ratio).toBeCloseTo(expected.explained_variance_ratio_f64, 11);
        expect(found.subspace_coherence).toBeCloseTo(expected.subspace_coherence_f64, 10);
        // The reference in float64: nothing but its own rounding lies between.
        const costs = found.mahalanobis_distance_squared.data;
        expect(relativeGap(costs, array(expected.mahalanobis_squared_f64))).toBeLessThan(1e-10);
        // The other two were stored from float32: 1e-5 of a distance, and the stored float32 gap of the swap costs.
        const distances = found.proj_center_distances.data;
        expect(relativeGap(distances, array(expected.projected_center_distances))).toBeLessThan(1e-5);
        const swaps = found.transposition_cost_squared.data;
        expect(absoluteGap(swaps, array(expected.transposition_cost))).toBeLessThan(
          expected.transposition_cost_f64_max_abs_diff * 1.001,
        );
        expect(found.min_gram_rank).toBe(found.subspace_dimension);
      }
    }
  });
});

describe.each(['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym2', 'sym3_kappa1'])(
  'subspace coherence, %s',
  (name) => {
    test('every layer and the output of a model', async () => {
      const expected = goldenJson<Golden>(name).subspace_coherence.model1;
      const { coherence_results: results } = await job<{ coherence_results: LayerCoherence[] }>(
        'subspace-coherence',
        {
          ...{ run: fixtureRun(name), models: [1], epoch: 5, data: goldenData() },
        },
      );
      expect(results.map(({ layer, hook_mode }) => [layer, hook_mode])).toEqual(
        expected.map(({ layer, hook_mode }) => [layer, hook_mode]),
      );
      for (const [l, found] of results.entries()) {
        const golden = expected[l]!;
        expect(Object.keys(found).sort()).toEqual(Object.keys(golden).sort());
        expect(found.subspace_dimension).toBe(golden.subspace_dimension);
        expect(found.full_dimension).toBe(golden.full_dimension);
        // Stored from float32.
        expect(relativeGap([found.subspace_coherence], [golden.subspace_coherence])).toBeLessThan(4e-6);
        expect(relativeGap([found.explained_variance_ratio], [golden.explained_variance_ratio])).toBeLessThan(
          1e-6,
        );
        if (golden.layer === 'model-output') {
          expect(found).toMatchObject({ anisotropy_operator_norms: null, anisotropy_bounds: null });
          continue;
        }
        expect(absoluteGap(found.anisotropy_operator_norms!, golden.anisotropy_operator_norms!)).toBeLessThan(
          6e-6,
        );
        expect(found.mean_anisotropy_operator_norm).toBeCloseTo(golden.mean_anisotropy_operator_norm!, 5);
        const deltas = Object.keys(golden.anisotropy_bounds!);
        expect(Object.keys(found.anisotropy_bounds!).sort()).toEqual(deltas.sort());
        const bounds = (of: LayerCoherence) => deltas.map((delta) => of.anisotropy_bounds![delta]!);
        expect(relativeGap(bounds(found), bounds(golden))).toBeLessThan(4e-6);
      }
    });
  },
);

interface UnitLayer {
  mask: number[][] | null;
  normal_mask: number[][] | null;
  noise: number[][] | null;
  mask_constant: number | null;
  effective_weight: number[][];
  mahalanobis_squared: number[][];
  projected_center_distances: number[][];
  transposition: number[][];
  anisotropy_operator_norms: number[];
  mask_distribution_mean: number;
}
interface Unit {
  compute_anisotropy_bound: { args: Record<string, number>; bound: number }[];
  compute_transposition_costs: { input: number[][]; output: number[][] };
  subspace: {
    data: number[][];
    singular_values: number[];
    k: number;
    explained_variance_ratio: number;
    projector: number[][];
    coherence: number;
    by_target: Record<string, { k: number; explained: number; coherence: number }>;
  };
  layers: Record<'sparse' | 'noise' | 'linear', UnitLayer> & {
    sparse_rank_deficient: { mahalanobis_squared: number[][] };
  };
}

describe('unit cases of the reference', () => {
  const unit = goldenJson<Unit>('unit');
  const flat = (rows: readonly number[][]): Float64Array => Float64Array.from(rows.flat());
  const place = { layer: 'lins.0', hookMode: 'RecordInput' as const, width: 7 };
  const sums = new HostSums(place);
  sums.add(flat(unit.subspace.data));
  const moments = sums.finish();
  const space = subspaceOf({ ...moments, scatter: moments.scatter.slice() }, 0.9);

  test('subspace: dimension, singular values, projector, coherence, every target', () => {
    const { subspace } = unit;
    expect(space.dimension).toBe(subspace.k);
    expect(space.explained).toBeCloseTo(subspace.explained_variance_ratio, 6);
    expect(relativeGap(space.singularValues, subspace.singular_values)).toBeLessThan(2e-6);
    const projector = multiplyTransposedRight(space.basis, space.basis, 7, space.dimension, 7);
    expect(absoluteGap(projector, flat(subspace.projector))).toBeLessThan(2e-6);
    expect(coherenceOf(space)).toBeCloseTo(subspace.coherence, 6);
    for (const [target, expected] of Object.entries(subspace.by_target)) {
      const found = subspaceOf(moments, Number(target));
      expect([target, found.dimension]).toEqual([target, expected.k]);
      expect(found.explained).toBeCloseTo(expected.explained, 6);
      expect(coherenceOf(found)).toBeCloseTo(expected.coherence, 5);
    }
  });

  test('bound and swap costs', () => {
    for (const { args, bound } of unit.compute_anisotropy_bound) {
      const found = anisotropyBound(
        args.subspace_coherence!,
        args.subspace_dimension!,
        args.bound_violation_probability!,
        args.diag_deviation_ess_sup!,
        args.diag_std_dev!,
      );
      expect(found).toBeCloseTo(bound, 12);
    }
    const { input, output } = unit.compute_transposition_costs;
    expect(absoluteGap(swapCosts(flat(input), 5), flat(output))).toBeLessThan(1e-12);
  });

  const weightsOf = (layer: UnitLayer) => {
    const fixed = (layer.noise ?? layer.normal_mask)?.flatMap((row, i) =>
      row.map((value, j) => (layer.mask?.[i]?.[j] === 1 ? 0 : layer.mask_constant! * value)),
    );
    return {
      ...{ outputs: 6, inputs: 7, sigmaF: layer.mask_constant ?? 0, weight: flat(layer.effective_weight) },
      ...(fixed && { fixed: Float64Array.from(fixed) }),
      ...(layer.mask && { mask: Float32Array.from(layer.mask.flat()) }),
    };
  };

  test.each(['sparse', 'noise', 'linear'] as const)('%s layer', async (kind) => {
    const expected = unit.layers[kind];
    const layer = weightsOf(expected);
    const { costs, centers } = await realizationCosts(layer, space);
    // The sparse layer's Gram matrices have eigenvalues down to 4e-7, and its weights were rounded to float32.
    expect(relativeGap(costs, flat(expected.mahalanobis_squared))).toBeLessThan(
      kind === 'sparse' ? 2e-4 : 2e-6,
    );
    expect(absoluteGap(centerDistances(centers, 6), flat(expected.projected_center_distances))).toBeLessThan(
      2e-6,
    );
    const p = expected.mask_distribution_mean;
    const norms = layer.mask ? anisotropiesOf(space, layer.mask, p).of(0, 6) : [];
    if (layer.mask) expect(absoluteGap(norms, expected.anisotropy_operator_norms)).toBeLessThan(2e-6);
  });

  test('more dimensions than free weights: the pseudo-inverse cuts off', async () => {
    const whole = subspaceOf(moments, 1);
    expect(whole.dimension).toBe(7);
    const { costs, minRank } = await realizationCosts(weightsOf(unit.layers.sparse), whole);
    expect(minRank).toBe(4);
    expect(relativeGap(costs, flat(unit.layers.sparse_rank_deficient.mahalanobis_squared))).toBeLessThan(
      2e-5,
    );
  });
});
