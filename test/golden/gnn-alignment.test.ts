/** Two graph networks brought next to each other, and the straight line between them, as the published code finds them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { matchWeights } from '../../src-main/compute/alignment/weight-matching.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { evaluatePoints } from '../../src-main/compute/connectivity/points.ts';
import type { PointNorms } from '../../src-main/compute/connectivity/points.ts';
import { uploadExamples } from '../../src-main/compute/data/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { permuteArrays } from '../../src-main/compute/networks/permute.ts';
import type { NamedArrays } from '../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { graphOf } from '../../src-shared/networks/of-model.ts';
import { symmetriesOf } from '../../src-shared/networks/symmetries.ts';
import { goldenJson } from '../support/fixtures.ts';
import { gnnRuns, gnnSpec, gnnState, graphSplits } from '../support/gnn-runs.ts';
import { largestDifference } from '../support/reference-run.ts';
import { matchGroups, measureGroup, recordMoments } from '../support/matched-groups.ts';

type Curves = Record<string, number[]>;
type Matched = Record<
  string,
  { permutation: number[]; objective_optimal: number; objective_identity: number }
>;

interface Golden {
  interpolation_rewarm: Curves;
  interpolation_norewarm: Curves;
  activation_matching: Record<string, Matched>;
  weight_matching: {
    order: string[];
    permutations: Record<string, number[]>;
    sum_of_l2_norms: number;
    sum_of_l2_norms_identity: number;
  };
}

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend();
});

const splits = graphSplits();
const modes = ['pearson_correlation_with_zero_for_constant', 'dot_product'] as const;
const point = 'post_activation_function';

function madeOf(run: string) {
  const network = readNetwork(graphOf(gnnSpec(run)), run);
  return { network, models: [1, 2].map((model) => actingArrays(network, gnnState(run, 20, model))) };
}

/** Losses and accuracies of all splits on the line between two models. */
async function requireCurves(
  run: string,
  [first, second]: readonly NamedArrays<Float32Array>[],
  expected: Curves,
  norms?: PointNorms,
): Promise<void> {
  const { network } = madeOf(run);
  const points = expected['lambdas']!.map((lambda) => [
    { vertex: 0, weight: 1 - lambda },
    { vertex: 1, weight: lambda },
  ]);
  const set = { network, vertices: [{ arrays: first! }, { arrays: second! }], points, norms };
  for (const way of backend.native ? (['eager', 'graph'] as const) : (['eager'] as const)) {
    const found = await evaluatePoints(backend, set, way, new Map(Object.entries(splits)), () =>
      Promise.resolve(),
    );
    for (const split of ['train', 'val', 'test']) {
      const scores = found.get(split)!;
      const [losses, accuracies] = [scores.map(({ loss }) => loss), scores.map(({ accuracy }) => accuracy!)];
      expect(largestDifference(losses, expected[`${split}_loss`]!)).toBeLessThan(2e-6);
      expect(largestDifference(accuracies, expected[`${split}_accuracy`]!)).toBeLessThan(1e-4);
    }
  }
}

describe.each(gnnRuns)('%s', (run) => {
  const golden = goldenJson<Golden>(run);
  const { models } = madeOf(run);

  it('has the published line with running statistics that are interpolated', async () => {
    await requireCurves(run, models, golden.interpolation_norewarm);
  });

  it('has the published line as it is "re-warmed": by the statistics of the whole graph', async () => {
    await requireCurves(run, models, golden.interpolation_rewarm, { batch: splits.train.count });
  });
});

describe('gnn_sym0', () => {
  const run = 'gnn_sym0';
  const golden = goldenJson<Golden>(run);
  const { network, models } = madeOf(run);
  const { groups } = symmetriesOf(network);

  const permuted = (permutations: Record<string, number[]>): NamedArrays<Float32Array> =>
    permuteArrays(
      models[1]!,
      groups,
      new Map(Object.entries(permutations).map(([name, perm]) => [name, Int32Array.from(perm)])),
    );

  it.each(modes)('matches units over all nodes, %s', async (mode) => {
    const { edges } = splits.train;
    const x = uploadExamples(backend, splits.train);
    const recording = { network, models, pairs: [[0, 1]] as const, points: [point] as const, edges };
    const [found] = await recordMoments(backend, recording, x);
    x.dispose();
    const names = { a: 'model 1', b: 'model 2' };
    const expected = golden.activation_matching[`${point}|${mode}`]!;
    const moments = found![point]!;
    const permutations = matchGroups(
      groups.map(({ name }) => name),
      moments,
      mode,
      { point, names },
    );
    for (const [g, { name }] of groups.entries()) {
      const options = { randomCount: 0, stream: new RandomStream(1, 'none'), withMatrix: false };
      const { objectives } = measureGroup(moments[g]!, mode, { point, group: name, names }, options);
      expect(Array.from(permutations.get(name)!), name).toEqual(expected[name]!.permutation);
      expect(Math.abs(objectives.optimal - expected[name]!.objective_optimal), name).toBeLessThan(1e-6);
      expect(Math.abs(objectives.identity - expected[name]!.objective_identity), name).toBeLessThan(1e-6);
    }
    const byGroup = Object.fromEntries(
      [...permutations].map(([name, perm]) => [name, Array.from(perm)] as const),
    );
    const curves = (golden as unknown as Record<string, Curves>)[`aligned_norewarm_${mode}`]!;
    await requireCurves(run, [models[0]!, permuted(byGroup)], curves);
  });

  it('matches weights in the published order', async () => {
    const expected = golden.weight_matching;
    expect(groups.map(({ name }) => name)).toEqual(expected.order);
    const found = await matchWeights(network, models[0]!, models[1]!, {
      ...{ restarts: 1, seed: 1, order: [0, 1, 2] },
    });
    const byGroup = Object.fromEntries(
      [...found.permutations].map(([name, perm]) => [name, Array.from(perm)] as const),
    );
    expect(byGroup).toEqual(expected.permutations);
    expect(Math.abs(found.sumOfNorms - expected.sum_of_l2_norms)).toBeLessThan(1e-4);
    const curves = (golden as unknown as Record<string, Curves>)['aligned_norewarm_weight_matching']!;
    await requireCurves(run, [models[0]!, permuted(byGroup)], curves);
  });
});
