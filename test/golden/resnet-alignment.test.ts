/** Two ResNet20 brought next to each other, and the straight line between them, as the published code finds them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { similarityMatrix } from '../../src-main/compute/alignment/neuron-similarity.ts';
import { matchWeights } from '../../src-main/compute/alignment/weight-matching.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { evaluatePoints } from '../../src-main/compute/connectivity/points.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { uploadExamples } from '../../src-main/compute/data/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { weightsOf } from '../../src-main/compute/networks/parameters.ts';
import { permuteArrays } from '../../src-main/compute/networks/permute.ts';
import type { GroupPermutations, NamedArrays } from '../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { resnetGraph } from '../../src-shared/networks/resnet.ts';
import { symmetriesOf } from '../../src-shared/networks/symmetries.ts';
import { goldenJson, goldenNpy } from '../support/fixtures.ts';
import { largestDifference } from '../support/reference-run.ts';
import { cifarSplits, resnetRuns, resnetSpec, resnetState } from '../support/resnet-runs.ts';
import { matchGroups, measureGroup, recordMoments } from '../support/matched-groups.ts';

type Curves = Record<string, number[]>;
interface Matched {
  permutation: number[];
  zero_rows: number;
  zero_cols: number;
}

interface Golden {
  'pair_1-2': {
    unaligned: Curves;
    activation_matching: Record<string, Record<string, Matched>>;
    aligned_by_mode: Record<string, Curves>;
    weight_matching: Record<
      'order_spec' | 'order_reverse',
      {
        visiting_order: string[];
        permutations: Record<string, number[]>;
        sum_of_l2_norms: number;
        aligned_interpolation?: Curves;
      }
    >;
  };
}
interface ExactMatched {
  objective_optimal_f64: number;
  objective_identity_f64: number;
  /** Of the float32 and the float64 matching. */
  same_permutation: boolean;
}
type Exact = Record<string, Record<string, ExactMatched>>;

let backend: Backend;
let splits: Record<'train' | 'val' | 'test', Examples>;

beforeAll(async () => {
  backend = await loadBackend();
  splits = cifarSplits();
});

const point = 'post_activation_function';
const modes = ['pearson_correlation_with_zero_for_constant', 'dot_product'] as const;

describe.each(resnetRuns)('%s', (run) => {
  const golden = goldenJson<Golden>(run)['pair_1-2'];
  const exact = goldenJson<Exact>(`${run}_matching_f64`);
  const network = readNetwork(resnetGraph(resnetSpec(run)), run);
  const { groups } = symmetriesOf(network);
  const models = [1, 2].map((model) => actingArrays(network, resnetState(run, model)));
  const pairs = [[0, 1]] as const;

  const moments = async () => {
    const x = uploadExamples(backend, splits.train);
    const [found] = await recordMoments(backend, { network, models, pairs, points: [point] }, x);
    x.dispose();
    return found![point]!;
  };
  const names = { a: 'model 1', b: 'model 2' };

  it('matches channels over the pixels of all recording points', async () => {
    const found = await moments();
    for (const mode of modes) {
      const permutations = matchGroups(
        groups.map(({ name }) => name),
        found,
        mode,
        { point, names },
      );
      for (const [g, { name }] of groups.entries()) {
        const expected = exact[`${point}|${mode}`]![name]!;
        const stream = new RandomStream(1, 'none');
        const options = { randomCount: 0, stream, withMatrix: false };
        const { objectives } = measureGroup(found[g]!, mode, { point, group: name, names }, options);
        const scale = Math.max(1, Math.abs(expected.objective_optimal_f64));
        expect(Math.abs(objectives.optimal - expected.objective_optimal_f64) / scale, name).toBeLessThan(
          1e-5,
        );
        expect(Math.abs(objectives.identity - expected.objective_identity_f64) / scale, name).toBeLessThan(
          1e-5,
        );
        const published = golden.activation_matching[`${point}|${mode}`]![name]!;
        // Dead channels, and near ties in float32: which of them is matched with which is open.
        if (published.zero_rows + published.zero_cols === 0 && expected.same_permutation)
          expect(Array.from(permutations.get(name)!), name).toEqual(published.permutation);
      }
      for (const name of ['P_bg0', 'P_layer2.1_inner']) {
        const g = groups.findIndex((group) => group.name === name);
        const similarity = similarityMatrix(found[g]!, mode, { ...names, point });
        const { data } = goldenNpy(`${run}/sim_${name}_${mode}_f64`);
        const scale = Math.max(1, ...data.map(Math.abs));
        expect(largestDifference(similarity, data) / scale, name).toBeLessThan(1e-5);
      }
    }
  });

  it.each(['order_spec', 'order_reverse'] as const)('matches weights, %s', async (which) => {
    const expected = golden.weight_matching[which];
    const order = expected.visiting_order.map((name) => groups.findIndex((group) => group.name === name));
    const found = await matchWeights(network, models[0]!, models[1]!, { restarts: 1, seed: 1, order });
    const published = new Map(
      Object.entries(expected.permutations).map(([name, perm]) => [name, Int32Array.from(perm)]),
    );
    const [own, theirs] = [found.permutations, published].map((permutations) =>
      innerProduct(models[0]!, permuteArrays(models[1]!, groups, permutations)),
    ) as [number, number];
    // The published search runs in float32, so that one of two nearly equal permutations may win there.
    expect(own).toBeGreaterThanOrEqual(theirs);
    expect((own - theirs) / own).toBeLessThan(1e-9);
    const differing = groups.filter(
      ({ name }) => found.permutations.get(name)!.join() !== published.get(name)!.join(),
    );
    expect(differing.length).toBeLessThanOrEqual(own === theirs ? 0 : 1);
    if (differing.length === 0)
      expect(Math.abs(found.sumOfNorms - expected.sum_of_l2_norms)).toBeLessThan(1e-4);
  });

  const innerProduct = (a: NamedArrays<Float32Array>, b: NamedArrays<Float32Array>): number =>
    weightsOf(network).reduce((sum, { name }) => {
      const other = b.get(name)!.data;
      return sum + a.get(name)!.data.reduce((own, value, i) => own + value * other[i]!, 0);
    }, 0);

  it('has the losses and accuracies of the straight line, aligned or not', async () => {
    const permuted = (permutations: Record<string, number[]>): NamedArrays<Float32Array> =>
      permuteArrays(
        models[1]!,
        groups,
        new Map(
          Object.entries(permutations).map(([name, perm]) => [name, Int32Array.from(perm)]),
        ) satisfies GroupPermutations,
      );
    const byWeights = golden.weight_matching.order_spec;
    const mode = 'dot_product';
    const byActivations = Object.fromEntries(
      Object.entries(golden.activation_matching[`${point}|${mode}`]!).map(([name, own]) => [
        name,
        own.permutation,
      ]),
    );
    const lines: [NamedArrays<Float32Array>, Curves][] = [
      [models[1]!, golden.unaligned],
      [permuted(byWeights.permutations), byWeights.aligned_interpolation!],
      [permuted(byActivations), golden.aligned_by_mode[mode]!],
    ];
    for (const [second, expected] of lines) {
      const points = expected['lambdas']!.map((lambda) => [
        { vertex: 0, weight: 1 - lambda },
        { vertex: 1, weight: lambda },
      ]);
      const vertices = [{ arrays: models[0]! }, { arrays: second }];
      const found = await evaluatePoints(
        backend,
        { network, vertices, points },
        'graph',
        new Map(Object.entries(splits)),
        () => Promise.resolve(),
      );
      for (const split of ['train', 'val', 'test']) {
        const scores = found.get(split)!;
        expect(
          largestDifference(
            scores.map(({ loss }) => loss),
            expected[`${split}_loss`]!,
          ),
        ).toBeLessThan(1e-4);
        const accuracies = scores.map(({ accuracy }) => accuracy!);
        expect(largestDifference(accuracies, expected[`${split}_accuracy`]!)).toBeLessThan(1e-4);
      }
    }
  });
});
