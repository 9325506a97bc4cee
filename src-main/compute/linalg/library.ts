/** ml-matrix on the flat, row-major arrays of this folder. */
import { Matrix } from 'ml-matrix';
import type { AbstractMatrix } from 'ml-matrix';
import { UserError } from '../../../src-shared/errors.ts';

export function toMatrix(a: Float64Array, rows: number, cols: number): Matrix {
  return Matrix.from1DArray(rows, cols, a);
}

export function fromMatrix(matrix: AbstractMatrix): Float64Array {
  const { rows, columns } = matrix;
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[i * columns + j] = matrix.get(i, j);
  return out;
}

/** A symmetric matrix [n, n] from its lower triangle: the library wants it symmetric to the last bit. */
export function symmetricMatrix(a: Float64Array, n: number): Matrix {
  const out = toMatrix(a, n, n);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) out.set(j, i, out.get(i, j));
  return out;
}

/** Refuses a wrong size and entries that are not finite, naming the first. */
export function requireSize(a: Float64Array, rows: number, cols: number, who: string): void {
  if (a.length !== rows * cols)
    throw new UserError(`${who}: ${a.length} entries are not a ${rows} x ${cols} matrix`);
  const bad = a.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return;
  const where = `(${Math.floor(bad / cols)}, ${bad % cols})`;
  throw new UserError(`${who}: entry ${where} is ${a[bad]}, a finite number was expected`);
}
