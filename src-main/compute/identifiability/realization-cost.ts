/** Kind `realization-cost`: Mahalanobis realization costs, swap costs and center distances of every layer. */
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { LayerRealizationCost, realizationCostJob } from '../../../src-shared/jobs/realization-cost.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { swapCosts } from '../../../src-shared/swap-costs.ts';
import type { Doubles } from '../backend/doubles.ts';
import type { LoadedModel } from '../load-models.ts';
import { layerWeights, measuredLayers } from './layer-weights.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { measureModels } from './measure.ts';
import { centerDistances, realizationCosts } from './realization.ts';
import type { Subspace } from './subspace.ts';
import { subspaceFieldsOf } from './subspace-coherence.ts';

type Params = ParamsOf<typeof realizationCostJob>;

export const realizationCost = measureModels<Params, { realization_cost_results: LayerRealizationCost[] }>(
  { withOutput: false, warn: warnings },
  async ({ model, subspaces, between, doubles }) => ({
    realization_cost_results: await costsOfLayers(model, subspaces, { between, doubles }),
  }),
);

/**
 * All layers, each begun when its subspace is found: while threads solve for one, the next is prepared here.
 * @param options.between called with shares that add up to one; throw there to stop
 */
export async function costsOfLayers(
  model: LoadedNetwork,
  subspaces: readonly Promise<Subspace>[],
  options: { between: (share: number) => Promise<void>; doubles: Doubles | undefined },
): Promise<LayerRealizationCost[]> {
  const between = (share: number) => options.between(share / subspaces.length);
  const layers = subspaces.map(async (finding) =>
    costsOfLayer(model, await finding, { ...options, between }),
  );
  // No layer is still at work when this ends, even if one was stopped.
  await Promise.allSettled(layers);
  return Promise.all(layers);
}

async function costsOfLayer(
  model: LoadedNetwork,
  space: Subspace,
  options: Parameters<typeof realizationCosts>[2],
): Promise<LayerRealizationCost> {
  const layer = layerWeights(model, space.place.layer);
  const { neurons, costs, centers, minRank, cutoff } = await realizationCosts(layer, space, options);
  const square = (data: Float64Array) => matrix(neurons, neurons, data);
  return {
    ...subspaceFieldsOf(space),
    mahalanobis_distance_squared: square(costs),
    transposition_cost_squared: square(swapCosts(costs, neurons)),
    proj_center_distances: square(centerDistances(centers, neurons)),
    min_gram_rank: minRank,
    gram_cutoff: cutoff,
  };
}

/** What a person must know about these numbers for a family. */
export function warnings({ run, name }: LoadedModel): string[] {
  const { nodes } = run.graph;
  const onBiases = measuredLayers(run.graph).some(({ bias }) => bias?.family);
  const biasNote =
    `${name} has a fixed part on its biases, which are free in this measure: how they distinguish neurons ` +
    'is not included in these costs.';
  if (onBiases) return [biasNote];
  if (!nodes.some(({ op }) => op === 'gate')) return [];
  return [
    `${name} is σ-asymmetric: its linear layers are standard, and the asymmetry is in the activation, which this measure does not see. Swap costs are zero by construction here and say nothing about the model.`,
  ];
}
