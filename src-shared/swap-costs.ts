/** What follows from the costs of pairs of neurons. */
import { matrix } from './matrix.ts';
import type { RidgeMatrices, RidgePair } from './jobs/realization-cost-ridge.ts';

/**
 * What exchanging two neurons costs, M[i,j] + M[j,i] - M[i,i] - M[j,j]; may be negative
 * (measure_realization_cost.py:86).
 */
export function swapCosts(costs: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const cost = costs[i * n + j]! - costs[j * n + j]! + (costs[j * n + i]! - costs[i * n + i]!);
      out[i * n + j] = cost;
      out[j * n + i] = cost;
    }
  }
  return out;
}

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
