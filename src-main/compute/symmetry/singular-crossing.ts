/** How near a path of matrices comes to a singular one. */
import { determinant } from '../linalg/solve.ts';
import { singularValues } from '../linalg/svd.ts';

/** The least singular value found along t -> matrix [n, n], t in [0, 1], and where. */
export interface Crossing {
  readonly t: number;
  readonly value: number;
}

/**
 * Samples the path at `points` + 1 places. Where the determinant changes sign between two of them, the singular
 * matrix in between is found by bisection down to neighbouring numbers t.
 */
export function leastSingularValue(path: (t: number) => Float64Array, n: number, points: number): Crossing {
  let best: Crossing = { t: 0, value: Infinity };
  const consider = (t: number, matrix: Float64Array) => {
    const value = singularValues(matrix, n, n)[n - 1]!;
    if (value < best.value) best = { t, value };
  };
  let previous = 0;
  for (let k = 0; k <= points; k++) {
    const t = k / points;
    const matrix = path(t);
    consider(t, matrix);
    const { sign } = determinant(matrix, n);
    if (k > 0 && sign * previous < 0) {
      const crossing = bisected(path, n, (k - 1) / points, t, previous);
      consider(crossing, path(crossing));
    }
    previous = sign;
  }
  return best;
}

function bisected(
  path: (t: number) => Float64Array,
  n: number,
  from: number,
  to: number,
  signAtFrom: number,
): number {
  let [low, high] = [from, to];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    const { sign } = determinant(path(middle), n);
    if (sign === 0) return middle;
    if (sign === signAtFrom) low = middle;
    else high = middle;
  }
  return high;
}
