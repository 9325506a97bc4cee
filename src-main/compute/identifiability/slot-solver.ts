/** What solves for realization costs of some slots at once. */
import type { Double, Doubles } from '../backend/doubles.ts';
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

/** Solves for some slots at once. */
export interface SlotSolver {
  /** Numbers that one slot takes in the largest tensor. */
  readonly perSlot: number;
  /** Undefined where a matrix of the batch has no Cholesky factor. */
  solve(batch: readonly number[]): Solved | undefined;
  dispose(): void;
}

/** L with L L^T = S for every matrix S of a batch; undefined where one has none. */
export function choleskyOf(doubles: Doubles, batch: Double): Double | undefined {
  try {
    return doubles.op('Cholesky', [batch]);
  } catch {
    return undefined;
  }
}
