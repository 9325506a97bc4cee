/** Eigenvalues and eigenvectors of symmetric matrices in float64. */
import { UserError } from '../../../src-shared/errors.ts';
import { tridiagonalDivide } from './tridiagonal-divide.ts';
import { tridiagonalQl } from './tridiagonal-ql.ts';
import { applyReflectors, tridiagonalise } from './tridiagonalise.ts';

export interface SymmetricEigen {
  /** Eigenvalues, rising. */
  readonly values: Float64Array;
  /** [n, n] row-major: ROW k is the unit eigenvector of values[k]. */
  readonly vectors: Float64Array;
}

/**
 * Eigenpairs of the symmetric matrix `a` [n, n], row-major, of which the lower triangle is read. Householder
 * tridiagonalisation, divide and conquer, back-transformation. Residuals are of order n x 1e-16 x the largest
 * eigenvalue, so an eigenvalue far below that is known to that absolute accuracy only.
 *
 * @throws UserError where the size does not fit or an entry is not finite.
 */
export function symmetricEigen(a: Float64Array, n: number): SymmetricEigen {
  const { values, vectors } = leadingEigen(a, n, () => n);
  const rising = new Float64Array(n * n);
  for (let k = 0; k < n; k++) rising.set(vectors.subarray((n - 1 - k) * n, (n - k) * n), k * n);
  return { values, vectors: rising };
}

/**
 * As `symmetricEigen`, with the eigenvectors of the largest values only: with a fifth of them, about half the work.
 *
 * @param choose how many, given all values, rising
 * @returns all values, rising, and `vectors` [count, n]: ROW k is the unit eigenvector of the k-th largest value
 */
export function leadingEigen(
  a: Float64Array,
  n: number,
  choose: (values: Float64Array) => number,
): SymmetricEigen {
  const { matrix, scale } = scaledCopy(a, n);
  const reduced = tridiagonalise(matrix, n);
  const scaled = (values: Float64Array): Float64Array => values.map((value) => value * scale);
  let falling: number[] | undefined;
  const pick = (values: Float64Array): number[] => {
    const order = Array.from(values.keys()).sort((p, q) => values[q]! - values[p]!);
    const count = choose(scaled(Float64Array.from(order, (k) => values[k]!).reverse()));
    return (falling = order.slice(0, count));
  };
  const { values, vectors } = tridiagonalDivide(reduced.diagonal, reduced.off, (all) => new Set(pick(all)));
  falling ??= pick(values);
  const rows = new Float64Array(falling.length * n);
  falling.forEach((from, k) => rows.set(vectors.subarray(from * n, (from + 1) * n), k * n));
  applyReflectors(rows, falling.length, n, reduced);
  return { values: scaled(values.sort()), vectors: rows };
}

/** The eigenvalues alone, rising: about a third of the work of `symmetricEigen`. */
export function symmetricEigenvalues(a: Float64Array, n: number): Float64Array {
  const { matrix, scale } = scaledCopy(a, n);
  const { diagonal, off } = tridiagonalise(matrix, n);
  tridiagonalQl(diagonal, off);
  return diagonal.map((value) => value * scale).sort();
}

/** The lower triangle as the upper one, divided by its largest entry so that squares neither overflow nor vanish. */
function scaledCopy(a: Float64Array, n: number): { matrix: Float64Array; scale: number } {
  if (a.length !== n * n)
    throw new UserError(`eigenvalues: ${a.length} entries are not a ${n} x ${n} matrix`);
  let scale = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const size = Math.abs(a[i * n + j]!);
      if (!(size < Infinity)) {
        throw new UserError(
          `eigenvalues: entry (${i}, ${j}) is ${a[i * n + j]}, a finite number was expected`,
        );
      }
      if (size > scale) scale = size;
    }
  }
  if (scale === 0) scale = 1;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) matrix[j * n + i] = a[i * n + j]! / scale;
  return { matrix, scale };
}
