/** Kind `permutation-sensitivity`: can the neurons of a layer be told apart, and by how much? */
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type {
  LayerSensitivity,
  permutationSensitivityJob,
} from '../../../src-shared/jobs/permutation-sensitivity.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { swapCosts } from '../../../src-shared/swap-costs.ts';
import { isPermutation } from '../alignment/permutation.ts';
import { solveAssignment } from '../assignment/solve.ts';
import type { LoadedModel } from '../load-models.ts';
import { RandomStream } from '../random.ts';
import { centerDominance, closestRows } from './centers.ts';
import { layerWeights, measuredLayer, placeOfLayer } from './layer-weights.ts';
import { measureModels } from './measure.ts';
import { realizationCosts } from './realization.ts';
import type { RealizationCosts } from './realization.ts';
import { warnings } from './realization-cost.ts';
import type { Subspace } from './subspace.ts';
import { subspaceFieldsOf } from './subspace-coherence.ts';
import { judge, roundingLevel } from './verdict.ts';

type Params = ParamsOf<typeof permutationSensitivityJob>;

export const permutationSensitivity = measureModels<
  Params,
  { sensitivity_results: LayerSensitivity[]; permutation_seed: number }
>({ withOutput: false, warn: warnings }, async ({ params, model, places, subspaces, between, doubles }) => {
  refuseUnknownLayers(params, places);
  const results: LayerSensitivity[] = [];
  for (const finding of subspaces) {
    results.push(
      await layerSensitivity(params, model, await finding, {
        doubles,
        between: (share) => between(share / subspaces.length),
      }),
    );
  }
  return { sensitivity_results: results, permutation_seed: params.permutationSeed };
});

function refuseUnknownLayers({ permutations }: Params, layers: readonly string[]): void {
  const unknown = Object.keys(permutations ?? {}).find((layer) => !layers.includes(layer));
  if (unknown === undefined) return;
  throw new UserError(`permutations: "${unknown}" is not a measured layer; there are ${layers.join(', ')}`);
}

async function layerSensitivity(
  params: Params,
  model: LoadedModel,
  space: Subspace,
  options: Parameters<typeof realizationCosts>[2],
): Promise<LayerSensitivity> {
  const layer = layerWeights(model, space.place.layer);
  const index = placeOfLayer(model.run.graph, space.place.layer);
  const found = await realizationCosts(layer, space, options);
  const { neurons: n, centers, projected, costs } = found;
  const swaps = swapCosts(costs, n);
  const k = space.dimension;
  const nearestCenters = closestRows(centers, n, k);
  const nearestInputs = closestRows(space.basis, space.full, k);
  const transpositions = transpositionsOf(swaps, n, roundingLevel(costs));
  const cheapest = cheapestOf(found);
  const { bias } = measuredLayer(model.run.graph, space.place.layer);
  const freeWeights = layer.mask === undefined && (layer.fixed?.every((value) => value === 0) ?? true);
  const nothingFixed = freeWeights && bias?.family === undefined;
  const dominance = centerDominance(projected, centers, nearestCenters.distances, k);
  const given = params.permutations?.[space.place.layer];
  return {
    ...subspaceFieldsOf(space),
    ...{ neurons: n, sigma_f: layer.sigmaF, own_cost: ownCost(found) },
    transposition_cost_squared: matrix(n, n, swaps),
    transpositions,
    random: randomOf(params, model, index, found),
    cheapest,
    given: given === undefined ? null : { permutation: given, delta: givenDelta(given, found, space) },
    gamma_out: { value: Math.SQRT2 * nearestCenters.least, pair: nearestCenters.pair },
    // Both speak of a random F.
    gamma_in: {
      value: layer.sigmaF === null ? null : layer.sigmaF * Math.sqrt(n) * nearestInputs.least,
      pair: nearestInputs.pair,
    },
    gamma_out_theory: layer.sigmaF === null ? null : layer.sigmaF * Math.sqrt(k) * n ** (-2 / k),
    center_dominance: dominance,
    verdict: judge({
      ...{ transpositions, cheapest, own: ownCost(found), neurons: n, nothingFixed },
      leastRank: found.minRank,
    }),
  };
}

const ownCost = ({ costs, neurons: n }: RealizationCosts): number => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += costs[i * n + i]!;
  return sum;
};

/** Delta_pi = sum_i (M[i, pi(i)] - M[i, i]): what the layer's realization cost gains when slot i realises neuron pi(i). */
export function permutationDelta(
  { costs, neurons: n }: Pick<RealizationCosts, 'costs' | 'neurons'>,
  permutation: ArrayLike<number>,
): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += costs[i * n + permutation[i]!]! - costs[i * n + i]!;
  return sum;
}

function givenDelta(permutation: number[], found: RealizationCosts, { place }: Subspace): number {
  if (permutation.length !== found.neurons || !isPermutation(permutation)) {
    throw new UserError(
      `permutations: that of ${place.layer} is not a permutation of its ${found.neurons} neurons (each of 0 to ${found.neurons - 1} once)`,
    );
  }
  return permutationDelta(found, permutation);
}

/** Over pairs i < j; every number of them, ties broken by index. */
function transpositionsOf(swaps: Float64Array, n: number, level: number): LayerSensitivity['transpositions'] {
  const values = new Float64Array((n * (n - 1)) / 2);
  let at = 0;
  let [min, pair]: [number, [number, number]] = [Infinity, [0, 0]];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const value = swaps[i * n + j]!;
      values[at++] = value;
      if (value < min) [min, pair] = [value, [i, j]];
    }
  }
  if (values.length === 0)
    return { count: 0, min: 0, min_pair: pair, mean: 0, median: 0, positive: 0, negative: 0 };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const positive = values.reduce((sum, value) => sum + (value > level ? 1 : 0), 0);
  const negative = values.reduce((sum, value) => sum + (value < -level ? 1 : 0), 0);
  values.sort();
  const middle = values.length >> 1;
  const median = values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
  return { count: values.length, min, min_pair: pair, mean, median, positive, negative };
}

function cheapestOf(found: RealizationCosts): LayerSensitivity['cheapest'] {
  const n = found.neurons;
  const identity = Array.from({ length: n }, (_, i) => i);
  const best = Array.from(solveAssignment(found.costs, n, n).rowToCol);
  const delta = permutationDelta(found, best);
  // A tie is no reason to move.
  if (delta >= -roundingLevel(found.costs)) return { delta: 0, moved: 0, permutation: identity };
  return { delta, moved: best.filter((to, from) => to !== from).length, permutation: best };
}

function randomOf(
  { randomCount, permutationSeed }: Params,
  model: LoadedModel,
  layer: number,
  found: RealizationCosts,
): LayerSensitivity['random'] {
  const stream = new RandomStream(permutationSeed, 'random-permutations', model.index, layer);
  const deltas = Array.from({ length: randomCount }, () =>
    permutationDelta(found, stream.permutation(found.neurons)),
  );
  if (deltas.length === 0) return { deltas, mean: null, std: null, min: null };
  const mean = deltas.reduce((sum, delta) => sum + delta, 0) / deltas.length;
  const squares = deltas.reduce((sum, delta) => sum + (delta - mean) ** 2, 0);
  const std = deltas.length < 2 ? null : Math.sqrt(squares / (deltas.length - 1));
  return { deltas, mean, std, min: deltas.reduce((least, delta) => Math.min(least, delta), Infinity) };
}
