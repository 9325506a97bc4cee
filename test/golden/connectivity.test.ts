/** Curves, barriers, midpoints and distances against the reference's own numbers. */
import { describe, expect, test } from 'vitest';
import { barrierHeight, isLinear } from '../../src-shared/barriers.ts';
import { fixtureRun, goldenJson } from '../support/fixtures.ts';
import { goldenData, job } from '../support/job.ts';

const images = { train: 7200, val: 800, test: 2000 };
type Split = keyof typeof images;
type Curve = Record<`${Split}_${'loss' | 'accuracy'}`, number[]> &
  Record<`${Split}_barrier_height`, number> &
  Record<`${Split}_linearity`, boolean> & {
    lambdas: number[];
    distance: number;
    normalized_distance: number;
    num_params: number;
  };
type Midpoint = Record<`${Split}_${'loss' | 'accuracy'}`, number> & { num_models: number };
interface Pair {
  unaligned: Curve;
  midpoint: Midpoint;
  compute_lmc_results?: {
    interpolation_results_unaligned: Curve;
    interpolation_results_activation_aligned: Curve;
  };
  aligned_by_mode?: Record<string, Curve>;
  weight_matching?: Record<'order_210', { aligned_interpolation: Curve }>;
}
interface Golden {
  pairs: Record<'1-2' | '3-4', Pair>;
  midpoint_all4: Midpoint;
}
interface Result extends Curve {
  warnings: string[];
  note?: string;
  midpoint?: Midpoint;
  pairs: (Curve & { model1_index: number; model2_index: number })[];
}

/** Losses to 2e-4 relative, accuracies to one image, what follows from them accordingly. */
function expectCurve(found: Curve, golden: Curve): void {
  expect(found.lambdas).toEqual(golden.lambdas);
  for (const split of Object.keys(images) as Split[]) {
    golden[`${split}_loss`].forEach((loss, i) => {
      const value = found[`${split}_loss`][i]!;
      expect(Math.abs(value - loss) / loss, `${split}_loss[${i}] ${value} ${loss}`).toBeLessThan(2e-4);
    });
    golden[`${split}_accuracy`].forEach((accuracy, i) => {
      const wrong = (Math.abs(found[`${split}_accuracy`][i]! - accuracy) / 100) * images[split];
      expect(wrong, `${split}_accuracy[${i}], images`).toBeLessThan(1.01);
    });
    const slack = 210 / images[split];
    expect(Math.abs(found[`${split}_barrier_height`] - golden[`${split}_barrier_height`])).toBeLessThan(
      slack,
    );
    expect(found[`${split}_barrier_height`]).toBe(barrierHeight(found[`${split}_accuracy`]));
    expect(found[`${split}_linearity`]).toBe(golden[`${split}_linearity`]);
  }
  expect(found.distance / golden.distance).toBeCloseTo(1, 5);
  expect(found.normalized_distance / golden.normalized_distance).toBeCloseTo(1, 5);
  expect(found.num_params).toBe(golden.num_params);
}

function expectMidpoint(found: Midpoint, golden: Midpoint): void {
  expect(found.num_models).toBe(golden.num_models);
  for (const split of Object.keys(images) as Split[]) {
    expect(Math.abs(found[`${split}_loss`] / golden[`${split}_loss`] - 1)).toBeLessThan(2e-4);
    expect(
      (Math.abs(found[`${split}_accuracy`] - golden[`${split}_accuracy`]) / 100) * images[split],
    ).toBeLessThan(1.01);
  }
}

const ask = (name: string, params: object): Promise<Result> =>
  job<Result>('interpolate', { run: fixtureRun(name), epoch: 5, data: goldenData(), ...params });

const runs = ['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym2', 'sym3_kappa1'];
/** The reference has no alignment for sigma-asymmetric models. */
const alignable = runs.filter((name) => name !== 'sym2');

describe.each(runs)('%s', (name) => {
  const golden = goldenJson<Golden>(name);

  test('two pairs in one pass, and the midpoint of all four models', async () => {
    const result = await ask(name, {
      pairs: [
        [1, 2],
        [3, 4],
      ],
      midpoint: true,
    });
    expect(result.pairs.map(({ model1_index, model2_index }) => [model1_index, model2_index])).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expectCurve(result.pairs[0]!, golden.pairs['1-2'].unaligned);
    expectCurve(result.pairs[1]!, golden.pairs['3-4'].unaligned);
    expectMidpoint(result.midpoint!, golden.midpoint_all4);
    // The checkpoints store the validation accuracy of this very split.
    expect(result.warnings).toEqual([]);
  });

  test('one pair has its curve at top level, and its midpoint is the middle of the curve', async () => {
    const result = await ask(name, { models: [3, 4], midpoint: true });
    expectCurve(result, golden.pairs['3-4'].unaligned);
    expectMidpoint(result.midpoint!, golden.pairs['3-4'].midpoint);
    expect(result.midpoint!.test_loss).toBeCloseTo(result.test_loss[4]!, 6);
  });
});

describe.each(alignable)('%s aligned', (name) => {
  const golden = goldenJson<Golden>(name);
  const bothPairs = {
    pairs: [
      [1, 2],
      [3, 4],
    ],
  };

  test.each(['dot_product', 'pearson_correlation', 'pearson_uncorrelatedness_with_one_for_constant'])(
    'by activations, %s',
    async (mode) => {
      const { pairs } = await ask(name, { ...bothPairs, align: 'activation', mode });
      expectCurve(pairs[0]!, golden.pairs['1-2'].aligned_by_mode![mode]!);
      expectCurve(pairs[1]!, golden.pairs['3-4'].aligned_by_mode![mode]!);
    },
  );

  test('as the published script does, which is said to anti-align', async () => {
    const result = await ask(name, { models: [1, 2], align: 'activation', mode: 'reference-lmc-script' });
    expectCurve(result, golden.pairs['1-2'].compute_lmc_results!.interpolation_results_activation_aligned);
    expect(result.note).toMatch(/LEAST correlated/);
  });

  test('by weights, layers visited from the last to the first', async () => {
    const params = { align: 'weight', restarts: 1, order: [2, 1, 0] };
    const { pairs } = await ask(name, { ...bothPairs, ...params });
    expectCurve(pairs[0]!, golden.pairs['1-2'].weight_matching!.order_210.aligned_interpolation);
    expectCurve(pairs[1]!, golden.pairs['3-4'].weight_matching!.order_210.aligned_interpolation);
  });
});

test('barrier and linearity of the unit cases', () => {
  interface Case {
    accuracies: number[];
    barrier: number;
    linearity: boolean;
  }
  const cases = goldenJson<{ compute_barrier: Case[] }>('unit').compute_barrier;
  expect(cases.length).toBeGreaterThan(5);
  for (const { accuracies, barrier, linearity } of cases) {
    expect(barrierHeight(accuracies)).toBeCloseTo(barrier, 12);
    expect(isLinear(accuracies)).toBe(linearity);
  }
});
