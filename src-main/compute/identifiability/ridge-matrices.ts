/** Costs of pairs of neurons as matrices. */
import { matrix } from '../../../src-shared/matrix.ts';
import type { RidgeMatrices, RidgePair } from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { swapCosts } from './realization.ts';

/** Undefined unless `costs` has every ordered pair of some neurons, in any order, each once. */
export function ridgeMatrices(
  layer: string,
  beta: number,
  costs: readonly RidgePair[],
): RidgeMatrices | undefined {
  const neurons = [...new Set(costs.flatMap(({ id1, id2 }) => [id1, id2]))].sort((a, b) => a - b);
  const n = neurons.length;
  if (n === 0 || costs.length !== n * n) return undefined;
  const place = new Map(neurons.map((neuron, i) => [neuron, i]));
  const data = new Float64Array(n * n).fill(Number.NaN);
  for (const { id1, id2, objective_full: cost } of costs) data[place.get(id2)! * n + place.get(id1)!] = cost;
  if (data.some(Number.isNaN)) return undefined;
  return {
    ...{ layer, beta, neurons, ridge_cost: matrix(n, n, data) },
    transposition_cost_squared: matrix(n, n, swapCosts(data, n)),
  };
}
