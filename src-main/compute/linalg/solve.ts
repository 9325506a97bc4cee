/** Linear systems and QR by ml-matrix; positive definite systems by TensorFlow if it is there. Matrices are flat and row-major. */
import { CholeskyDecomposition, LuDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { UserError } from '../../../src-shared/errors.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { attr } from '../backend/tensors.ts';
import { fromMatrix, requireSize, symmetricMatrix, toMatrix } from './library.ts';

/** The determinant as a sign and the logarithm of its size, which neither overflows nor underflows. */
export interface Determinant {
  readonly sign: -1 | 0 | 1;
  /** log |det|; -Infinity if the matrix is singular. */
  readonly logAbs: number;
}

/** Sign and log |det| of `a` [n, n]. */
export function determinant(a: Float64Array, n: number): Determinant {
  requireSize(a, n, n, 'determinant');
  const lu = new LuDecomposition(toMatrix(a, n, n));
  const pivots = lu.upperTriangularMatrix.diagonal();
  const sign = pivots.reduce(
    (product, pivot) => product * Math.sign(pivot),
    parity(lu.pivotPermutationVector),
  );
  return {
    sign: sign > 0 ? 1 : sign < 0 ? -1 : 0,
    logAbs: pivots.reduce((sum, pivot) => sum + Math.log(Math.abs(pivot)), 0),
  };
}

/** 1 or -1: every cycle of even length turns the sign. */
function parity(order: readonly number[]): number {
  const seen = new Set<number>();
  let sign = 1;
  for (const start of order) {
    for (let at = order[start]!; at !== start && !seen.has(start); at = order[at]!) {
      seen.add(at);
      sign = -sign;
    }
  }
  return sign;
}

/** x [n, columns] with a x = b. @throws UserError if `a` is exactly singular. */
export function solve(a: Float64Array, n: number, b: Float64Array, columns: number): Float64Array {
  requireSize(a, n, n, 'solve');
  requireSize(b, n, columns, 'solve: right-hand side');
  const lu = new LuDecomposition(toMatrix(a, n, n));
  if (lu.isSingular()) throw new UserError(`solve: the ${n} x ${n} matrix is singular`);
  return fromMatrix(lu.solve(toMatrix(b, n, columns)));
}

/** The inverse of `a`. @throws UserError if it is exactly singular. */
export function inverse(a: Float64Array, n: number): Float64Array {
  return solve(a, n, fromMatrix(Matrix.eye(n)), n);
}

/** Lower triangular L with L L^T = a; the lower triangle is read. @throws UserError unless `a` is positive definite. */
export function cholesky(a: Float64Array, n: number): Float64Array {
  return fromMatrix(positiveDefinite(a, n).lowerTriangularMatrix);
}

/**
 * x [n, columns] with a x = b, `a` symmetric positive definite, of which the lower triangle is read.
 * @param doubles TensorFlow's kernels; without them ml-matrix, some fifty times as slowly for hundreds of rows
 * @throws UserError unless `a` is positive definite
 */
export function solvePositive(
  a: Float64Array,
  n: number,
  b: Float64Array,
  columns: number,
  doubles?: Doubles,
): Float64Array {
  if (n * columns === 0) return new Float64Array(0);
  if (doubles) return solveOnTensorFlow(doubles, a, n, b, columns);
  return fromMatrix(positiveDefinite(a, n).solve(toMatrix(b, n, columns)));
}

function solveOnTensorFlow(
  doubles: Doubles,
  a: Float64Array,
  n: number,
  b: Float64Array,
  columns: number,
): Float64Array {
  requireSize(a, n, n, 'Cholesky');
  requireSize(b, n, columns, 'Cholesky: right-hand side');
  const held = [doubles.put(a, [n, n]), doubles.put(b, [n, columns])];
  const keep = (tensor: Double): Double => {
    held.push(tensor);
    return tensor;
  };
  const solved = (factor: Double, right: Double, adjoint: boolean): Double => {
    const attributes = { lower: attr.bool(true), adjoint: attr.bool(adjoint) };
    return keep(doubles.op('MatrixTriangularSolve', [factor, right], attributes));
  };
  try {
    const [system, right] = held as [Double, Double];
    const factor = keep(doubles.op('Cholesky', [system]));
    const x = doubles.read(solved(factor, solved(factor, right, false), true));
    // The kernel does not complain of a matrix without a factor: it gives NaN.
    if (!x.every(Number.isFinite)) throw notPositive(n);
    return x;
  } finally {
    doubles.free(...held);
  }
}

const notPositive = (n: number): UserError =>
  new UserError(`Cholesky: the ${n} x ${n} matrix is not positive definite`);

function positiveDefinite(a: Float64Array, n: number): CholeskyDecomposition {
  requireSize(a, n, n, 'Cholesky');
  const found = new CholeskyDecomposition(symmetricMatrix(a, n));
  if (found.isPositiveDefinite()) return found;
  throw notPositive(n);
}

export interface Qr {
  /** [rows, cols], orthonormal columns. */
  readonly q: Float64Array;
  /** [cols, cols], upper triangular; its diagonal may have either sign. */
  readonly r: Float64Array;
}

/** a [rows, cols] = q r with rows >= cols. */
export function qr(a: Float64Array, rows: number, cols: number): Qr {
  const found = decomposed(a, rows, cols);
  return { q: fromMatrix(found.orthogonalMatrix), r: fromMatrix(found.upperTriangularMatrix) };
}

/**
 * x [cols, columns] with |a x - b| least, for a [rows, cols] of full column rank.
 * @throws UserError if rows < cols or the rank is deficient to rounding
 */
export function leastSquares(
  a: Float64Array,
  rows: number,
  cols: number,
  b: Float64Array,
  columns: number,
): Float64Array {
  const found = decomposed(a, rows, cols);
  const pivots = found.upperTriangularMatrix.diagonal().map(Math.abs);
  const bad = pivots.findLastIndex((pivot) => pivot <= Number.EPSILON * rows * pivots[0]!);
  if (bad >= 0) throw new UserError(`least squares: column ${bad} depends on the columns before it`);
  return fromMatrix(found.solve(toMatrix(b, rows, columns)));
}

function decomposed(a: Float64Array, rows: number, cols: number): QrDecomposition {
  if (rows < cols) throw new UserError(`QR: ${rows} rows are fewer than ${cols} columns`);
  requireSize(a, rows, cols, 'QR');
  return new QrDecomposition(toMatrix(a, rows, cols));
}
