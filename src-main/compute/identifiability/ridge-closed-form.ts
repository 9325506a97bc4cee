/**
 * The exact minimum of the ridge problem where outputs are linear in the weights. The bias is free, so only the
 * covariance C of the inputs matters: with t = s^2 / beta and m the slot's free places,
 * W = (t C_mm + 1)^-1 t [C (w_i - F_j)]_m minimises t (w_i - F_j - W)^T C (w_i - F_j - W) + |W|^2.
 */
import type { Doubles } from '../backend/doubles.ts';
import { solvePositive } from '../linalg/solve.ts';
import { multiply, multiplyTransposedRight } from '../linalg/multiply.ts';
import { normScale, storedScale } from './ridge-problem.ts';
import type { RidgeLayerProblem, RidgePairIds, RidgeTerms } from './ridge-problem.ts';
import { HostSums } from './subspace.ts';

/** What all slots share. */
interface Asked {
  problem: RidgeLayerProblem;
  /** [d, d] */
  covariance: Float64Array;
  pairs: readonly RidgePairIds[];
  doubles: Doubles | undefined;
}

/**
 * @param between called between slots with the share of the work just done; throw there to stop
 * @param doubles float64 kernels for the systems; without them they are solved here
 * @returns for each beta the terms of every pair
 */
export async function solveRidge(
  problem: RidgeLayerProblem,
  pairs: readonly RidgePairIds[],
  betas: readonly number[],
  between: (share: number) => Promise<void> = () => Promise.resolve(),
  doubles?: Doubles,
): Promise<RidgeTerms[]> {
  const { layer, x, samples } = problem;
  const d = layer.inputs;
  const sums = new HostSums({ layer: 'ridge', hookMode: 'RecordInput', width: d });
  sums.add(x);
  const covariance = sums.finish().scatter.map((value) => value / samples);
  const asked = { problem, covariance, pairs, doubles };
  const bySlot = Map.groupBy(pairs.keys(), (p) => pairs[p]![1]);
  const results: RidgeTerms[] = [];
  for (const beta of betas) {
    const empty = () => new Float64Array(pairs.length);
    const terms: RidgeTerms = { mse: empty(), regularization: empty(), slotScale: empty() };
    for (const [slot, places] of bySlot) {
      solveSlot(asked, slot, places, beta, terms);
      await between(1 / bySlot.size / betas.length);
    }
    results.push(terms);
  }
  return results;
}

function solveSlot(
  { problem, covariance, pairs, doubles }: Asked,
  slot: number,
  places: readonly number[],
  beta: number,
  terms: RidgeTerms,
): void {
  const { layer } = problem;
  const d = layer.inputs;
  const t = normScale ** 2 / beta;
  const free = Array.from({ length: d }, (_, c) => c).filter(
    (c) => !layer.mask || layer.mask[slot * d + c] !== 0,
  );
  const n = free.length;
  const system = new Float64Array(n * n);
  free.forEach((r, i) =>
    free.forEach((c, j) => (system[i * n + j] = t * covariance[r * d + c]! + (i === j ? 1 : 0))),
  );
  // Rows: what is missing from the fixed part to each target; further down, from what was found.
  const missing = new Float64Array(places.length * d);
  places.forEach((p, row) => {
    const target = pairs[p]![0];
    for (let c = 0; c < d; c++) {
      missing[row * d + c] = layer.weight[target * d + c]! - (layer.fixed?.[slot * d + c] ?? 0);
    }
  });
  const moved = multiplyTransposedRight(covariance, missing, d, d, places.length);
  const right = new Float64Array(n * places.length);
  free.forEach((r, i) =>
    places.forEach((_, row) => (right[i * places.length + row] = t * moved[r * places.length + row]!)),
  );
  const weights = solvePositive(system, n, right, places.length, doubles);
  const stored = storedScale(problem, slot) ** 2 - freeSquare(problem, slot, free);
  free.forEach((c, i) =>
    places.forEach((_, row) => (missing[row * d + c]! -= weights[i * places.length + row]!)),
  );
  const images = multiply(missing, covariance, places.length, d, d);
  places.forEach((p, row) => {
    let [error, square] = [0, 0];
    for (let c = row * d; c < (row + 1) * d; c++) error += missing[c]! * images[c]!;
    for (let i = 0; i < n; i++) square += weights[i * places.length + row]! ** 2;
    terms.mse[p] = normScale ** 2 * error;
    terms.regularization[p] = square;
    terms.slotScale[p] = Math.sqrt(Math.max(0, square + stored));
  });
}

function freeSquare({ layer, raw }: RidgeLayerProblem, slot: number, free: readonly number[]): number {
  return free.reduce((sum, c) => sum + raw[slot * layer.inputs + c]! ** 2, 0);
}
