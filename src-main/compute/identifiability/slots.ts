/** The slots of a layer whose realization costs are solved for, some at a time. */
import type { Subspace } from './subspace.ts';

export interface Slots {
  space: Pick<Subspace, 'basis' | 'full' | 'dimension'>;
  /** [neurons, d] */
  mask: Float32Array;
  /** a_j, [neurons, k] */
  projected: Float64Array;
  /** v_i, [neurons, k] */
  centers: Float64Array;
  neurons: number;
}

export interface Solved {
  /** [batch, neurons] */
  costs: Float64Array;
  /** trace(S_i^-1), [batch]; NaN if S_i has no Cholesky factor. */
  traces: Float64Array;
}

/** Per neuron, the entries that are fixed. */
export function fixedPlaces(mask: Float32Array, neurons: number): Int32Array[] {
  const full = mask.length / neurons;
  const places = new Int32Array(full);
  return Array.from({ length: neurons }, (_, i) => {
    let count = 0;
    for (let r = 0; r < full; r++) if (mask[i * full + r] === 0) places[count++] = r;
    return places.slice(0, count);
  });
}

/** Above this sum of 1/eigenvalue, a Cholesky factor is not trusted and eigenvalues are computed. */
const mostInverseTrace = 1e9;

/**
 * Puts the rows of the slots `from`, `from` + 1, .. in `costs` [neurons, neurons] if their matrix is safely regular.
 * @returns the slots left over: their matrix is singular, or nearly so (trace of S_i^-1 too large)
 */
export function keepRegular(solved: Solved, from: number, costs: Float64Array, neurons: number): number[] {
  const left: number[] = [];
  for (const [at, trace] of solved.traces.entries()) {
    // NaN is left over too.
    if (trace < mostInverseTrace) {
      costs.set(solved.costs.subarray(at * neurons, (at + 1) * neurons), (from + at) * neurons);
    } else left.push(from + at);
  }
  return left;
}
