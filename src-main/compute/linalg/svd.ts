/** Singular values by ml-matrix, and the polar decomposition built on them. */
import { SingularValueDecomposition } from 'ml-matrix';
import { fromMatrix, requireSize, toMatrix } from './library.ts';
import { multiplyTransposedRight } from './multiply.ts';

export interface Svd {
  /** [rows, k], k = min(rows, cols): orthonormal columns. */
  readonly u: Float64Array;
  /** [k], falling. */
  readonly values: Float64Array;
  /** [cols, k], orthonormal columns. a = u diag(values) v^T. */
  readonly v: Float64Array;
}

/** The thin singular value decomposition of `a` [rows, cols]. Small values are known to 2^-52 of the largest. */
export function svd(a: Float64Array, rows: number, cols: number): Svd {
  requireSize(a, rows, cols, 'SVD');
  const found = new SingularValueDecomposition(toMatrix(a, rows, cols), { autoTranspose: true });
  const k = Math.min(rows, cols);
  const thin = (matrix: SingularValueDecomposition['leftSingularVectors']) =>
    fromMatrix(matrix.subMatrix(0, matrix.rows - 1, 0, k - 1));
  return {
    u: thin(found.leftSingularVectors),
    values: Float64Array.from(found.diagonal.slice(0, k)),
    v: thin(found.rightSingularVectors),
  };
}

/** Singular values of `a` [rows, cols], falling. */
export function singularValues(a: Float64Array, rows: number, cols: number): Float64Array {
  requireSize(a, rows, cols, 'SVD');
  const found = new SingularValueDecomposition(toMatrix(a, rows, cols), {
    ...{ autoTranspose: true, computeLeftSingularVectors: false, computeRightSingularVectors: false },
  });
  return Float64Array.from(found.diagonal.slice(0, Math.min(rows, cols)));
}

export interface Polar {
  /** [rows, cols]: orthonormal columns (rows if rows < cols). */
  readonly unitary: Float64Array;
  /** [cols, cols], symmetric positive semi-definite. */
  readonly positive: Float64Array;
}

/** a [rows, cols] = unitary positive, the right polar decomposition. Any shape; unique if a has full column rank. */
export function polar(a: Float64Array, rows: number, cols: number): Polar {
  const { u, values, v } = svd(a, rows, cols);
  const k = values.length;
  const unitary = multiplyTransposedRight(u, v, rows, k, cols);
  const scaled = v.map((x, at) => x * values[at % k]!);
  const positive = multiplyTransposedRight(scaled, v, cols, k, cols);
  for (let i = 0; i < cols; i++) for (let j = 0; j < i; j++) positive[j * cols + i] = positive[i * cols + j]!;
  return { unitary, positive };
}
