/** Eigenvalues and eigenvectors of symmetric matrices: by TensorFlow's kernel if it is there, else by ml-matrix. */
import { EigenvalueDecomposition } from 'ml-matrix';
import { UserError } from '../../../src-shared/errors.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { attr } from '../backend/tensors.ts';
import { fromMatrix, symmetricMatrix } from './library.ts';

export interface SymmetricEigen {
  /** Eigenvalues, rising. */
  readonly values: Float64Array;
  /** [n, n] row-major: COLUMN k is the unit eigenvector of values[k]; its sign may be either. */
  readonly vectors: Float64Array;
}

/**
 * Eigenpairs of the symmetric matrix `a` [n, n], row-major, of which the lower triangle is read. Residuals are of order
 * n x 1e-16 x the largest eigenvalue, so an eigenvalue far below that is known to that absolute accuracy only.
 *
 * @throws UserError if the size does not fit or an entry is not finite
 */
export function symmetricEigen(a: Float64Array, n: number, doubles?: Doubles): SymmetricEigen {
  const scale = scaleOf(a, n);
  const matrix = a.map((entry) => entry / scale);
  const { values, vectors } = doubles ? onTensorFlow(doubles, matrix, [n, n], true) : decomposed(matrix, n);
  return { values: values.map((value) => value * scale), vectors };
}

/**
 * The eigenvalues alone, of several matrices [count, n, n]: [count, n], rising in each row. TensorFlow solves for the
 * matrices side by side.
 */
export function symmetricEigenvalues(many: Float64Array, n: number, doubles?: Doubles): Float64Array {
  const size = n * n;
  const count = size === 0 ? 0 : many.length / size;
  const scales = Array.from({ length: count }, (_, i) => scaleOf(many.subarray(i * size, (i + 1) * size), n));
  const matrices = new Float64Array(many.length);
  for (const [i, scale] of scales.entries())
    for (let at = i * size; at < (i + 1) * size; at++) matrices[at] = many[at]! / scale;
  const values = doubles
    ? onTensorFlow(doubles, matrices, [count, n, n], false).values
    : Float64Array.from(
        scales.flatMap((_, i) => [...decomposed(matrices.subarray(i * size, (i + 1) * size), n).values]),
      );
  return values.map((value, at) => value * scales[Math.floor(at / n)]!);
}

/** The largest entry, so that squares of the matrix divided by it neither overflow nor vanish. */
function scaleOf(a: Float64Array, n: number): number {
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
  return scale === 0 ? 1 : scale;
}

function onTensorFlow(
  doubles: Doubles,
  matrices: Float64Array,
  shape: readonly number[],
  withVectors: boolean,
): SymmetricEigen {
  const empty = new Float64Array(0);
  if (matrices.length === 0) return { values: empty, vectors: empty };
  const input = doubles.put(matrices, shape);
  let found: Double[] = [];
  try {
    found = doubles.ops('SelfAdjointEigV2', [input], { compute_v: attr.bool(withVectors) }, 2);
    const [values, vectors] = found as [Double, Double];
    return { values: doubles.read(values), vectors: withVectors ? doubles.read(vectors) : empty };
  } finally {
    doubles.free(input, ...found);
  }
}

function decomposed(a: Float64Array, n: number): SymmetricEigen {
  if (n === 0) return { values: new Float64Array(0), vectors: new Float64Array(0) };
  const found = new EigenvalueDecomposition(symmetricMatrix(a, n), { assumeSymmetric: true });
  return {
    values: Float64Array.from(found.realEigenvalues),
    vectors: fromMatrix(found.eigenvectorMatrix),
  };
}
