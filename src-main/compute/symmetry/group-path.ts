/** Explicit paths inside GL_n. */
import { UserError } from '../../../src-shared/errors.ts';
import { expm } from '../linalg/expm.ts';
import { logm } from '../linalg/logm.ts';
import { inverse } from '../linalg/solve.ts';
import { multiply, multiplyTransposedRight } from '../linalg/multiply.ts';
import { polar } from '../linalg/svd.ts';
import { symmetricEigen } from '../linalg/symmetric-eigen.ts';

export interface GroupPath {
  /** One exponential exp(t log g), or exp(t log U) exp(t log P) with g = U P its polar decomposition. */
  readonly kind: 'exponential' | 'polar';
  /** The generators: [log g], or [log U, log P]. */
  readonly logs: readonly Float64Array[];
  /** Why the path is not one exponential, where it is not. */
  readonly reason?: string;
  /** The group element at t in [0, 1]: the identity at 0, g at 1. */
  at(t: number): Float64Array;
}

/**
 * A path from the identity to g [n, n] through invertible matrices.
 * @throws UserError where there is none: g singular, or det g < 0 (its orthogonal polar factor has no real logarithm).
 */
export function pathTo(g: Float64Array, n: number): GroupPath {
  try {
    const log = logm(g, n);
    return { kind: 'exponential', logs: [log], at: (t) => exponential(log, t, n) };
  } catch (error) {
    // No real logarithm, or none that can be computed: two factors that each have one may still exist.
    if (!(error instanceof UserError)) throw error;
    return { ...polarPath(g, n), reason: error.message };
  }
}

/** exp(t log U) exp(t log P), g = U P: exists for every g of positive determinant. */
export function polarPath(g: Float64Array, n: number): GroupPath {
  const { unitary, positive } = polar(g, n, n);
  const rotation = logm(unitary, n);
  const stretch = symmetricLog(positive, n);
  return {
    kind: 'polar',
    logs: [rotation, stretch],
    at: (t) => multiply(exponential(rotation, t, n), exponential(stretch, t, n), n, n, n),
  };
}

/** A path between two invertible matrices: t -> path(t) from, reaching `to` at 1; undefined where none was found. */
export function pathBetween(
  from: Float64Array,
  to: Float64Array,
  n: number,
): ((t: number) => Float64Array) | undefined {
  try {
    const path = pathTo(multiply(to, inverse(from, n), n, n, n), n);
    return (t) => (t === 1 ? to : multiply(path.at(t), from, n, n, n));
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

export function exponential(log: Float64Array, t: number, n: number): Float64Array {
  return expm(
    log.map((x) => t * x),
    n,
  );
}

/** log p for symmetric positive definite p. */
function symmetricLog(p: Float64Array, n: number): Float64Array {
  const { values, vectors } = symmetricEigen(p, n);
  if (!(values[0]! > 0)) throw new UserError(`logm: the matrix is singular (singular value ${values[0]})`);
  const scaled = vectors.map((x, k) => x * Math.log(values[k % n]!));
  return multiplyTransposedRight(scaled, vectors, n, n, n);
}
