/** The slots of a layer whose realization costs are solved for, some at a time. */
import { mostInverseTrace } from './gram-matrices.ts';
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
  /** trace(S_i^-1), [batch]; may be NaN where S_i is singular. */
  traces: Float64Array;
}

/** Per neuron, the entries that are free, or those that are fixed. */
export function placesWhere(
  mask: Float32Array,
  neurons: number,
  full: number,
  which: 'free' | 'fixed',
): Int32Array[] {
  const places = new Int32Array(full);
  return Array.from({ length: neurons }, (_, i) => {
    let count = 0;
    for (let r = 0; r < full; r++) if ((mask[i * full + r] !== 0) === (which === 'free')) places[count++] = r;
    return places.slice(0, count);
  });
}

/**
 * Puts the rows of the slots `from`, `from` + 1, .. in `costs` [neurons, neurons] where their matrix is safely regular.
 * @param solved undefined where nothing was solved
 * @returns the slots left over: their matrix is singular, or nearly so (trace of S_i^-1 too large)
 */
export function keepRegular(
  solved: Solved | undefined,
  from: number,
  to: number,
  costs: Float64Array,
  neurons: number,
): number[] {
  const left: number[] = [];
  for (let slot = from; slot < to; slot++) {
    const at = slot - from;
    // NaN, where the factor is that of a matrix that rounding has made indefinite, is left over too.
    if (solved && solved.traces[at]! < mostInverseTrace) {
      costs.set(solved.costs.subarray(at * neurons, (at + 1) * neurons), slot * neurons);
    } else left.push(slot);
  }
  return left;
}
