/** How far apart the fixed parts put the neurons of a layer. */
import type { LayerSensitivity } from '../../../src-shared/jobs/permutation-sensitivity.ts';

export interface ClosestRows {
  /** min_(i != j) |x_i - x_j|; 0 where there is one row only. */
  least: number;
  pair: [number, number] | null;
  /** min_j |x_j - x_i| for each i. */
  distances: Float64Array;
}

/** Nearest neighbours among the rows of x [n, k]. */
export function closestRows(x: Float64Array, n: number, k: number): ClosestRows {
  const squares = new Float64Array(n).fill(Infinity);
  let least = Infinity;
  let pair: [number, number] | null = null;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      let sum = 0;
      for (let c = 0; c < k; c++) sum += (x[i * k + c]! - x[j * k + c]!) ** 2;
      if (sum < squares[i]!) squares[i] = sum;
      if (sum < squares[j]!) squares[j] = sum;
      if (sum < least) [least, pair] = [sum, [i, j]];
    }
  }
  if (pair === null) return { least: 0, pair, distances: new Float64Array(n) };
  return { least: Math.sqrt(least), pair, distances: squares.map(Math.sqrt) };
}

/** Compares how far each neuron has moved from its center with the way to the next center. */
export function centerDominance(
  projected: Float64Array,
  centers: Float64Array,
  nearest: Float64Array,
  k: number,
): LayerSensitivity['center_dominance'] {
  const moved = Array.from(nearest, (_, i) => {
    let sum = 0;
    for (let c = i * k; c < (i + 1) * k; c++) sum += (projected[c]! - centers[c]!) ** 2;
    return Math.sqrt(sum);
  });
  const below = (share: number) => moved.filter((distance, i) => distance < share * nearest[i]!).length;
  return { moved, nearest: Array.from(nearest), below_nearest: below(1), below_half: below(0.5) };
}
