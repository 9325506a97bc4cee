/** Kind `realization-cost`: Mahalanobis realization costs, swap costs and center distances of every layer. */
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { LayerRealizationCost, realizationCostJob } from '../../../src-shared/jobs/realization-cost.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { layerWeights } from './layer-weights.ts';
import { indexOfLayer, measureModels } from './measure.ts';
import { centerDistances, realizationCosts, swapCosts } from './realization.ts';
import { subspaceFieldsOf } from './subspace-coherence.ts';

type Params = ParamsOf<typeof realizationCostJob>;

export const realizationCost = measureModels<Params, { realization_cost_results: LayerRealizationCost[] }>(
  { withOutput: false, warn: warnings },
  async ({ model, subspaces, between, doubles }) => {
    const results: LayerRealizationCost[] = [];
    for (const finding of subspaces) {
      const space = await finding;
      const layer = layerWeights(model, indexOfLayer(space.place.layer));
      const found = await realizationCosts(layer, space, {
        doubles,
        between: (share) => between(share / subspaces.length),
      });
      const square = (data: Float64Array) => matrix(found.neurons, found.neurons, data);
      results.push({
        ...subspaceFieldsOf(space),
        mahalanobis_distance_squared: square(found.costs),
        transposition_cost_squared: square(swapCosts(found.costs, found.neurons)),
        proj_center_distances: square(centerDistances(found.centers, found.neurons)),
        min_gram_rank: found.minRank,
        gram_cutoff: found.cutoff,
      });
    }
    return { realization_cost_results: results };
  },
);

/** What a person must know about these numbers for a family. */
export function warnings({ spec, name }: LoadedModel): string[] {
  if (spec.family !== 'sigma-asymmetric' || spec.asymInitOnly) return [];
  return [
    `${name} is σ-asymmetric: its linear layers are standard ones and the asymmetry sits in the activation, which ` +
      'this measure does not see. Swap costs are zero by construction here and say nothing about the model.',
  ];
}
