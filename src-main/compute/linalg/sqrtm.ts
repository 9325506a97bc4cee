/** Real square roots of real matrices (N. Higham, "Computing real square roots of a real matrix", 1987). */
import { UserError } from '../../../src-shared/errors.ts';
import { solve } from './lu.ts';
import { multiply, multiplyTransposedRight } from './multiply.ts';
import { realSchur, schurBlocks, schurEigenvalues } from './schur.ts';
import type { Block } from './schur.ts';

/**
 * The principal square root of a [n, n]: eigenvalues in the right half plane.
 * @throws UserError where `a` has an eigenvalue at or below zero, naming it: the principal root is then not real or
 * does not exist.
 */
export function sqrtm(a: Float64Array, n: number): Float64Array {
  const { t, q } = realSchur(a, n);
  const bad = schurEigenvalues(t, n).find(({ re, im }) => im === 0 && re <= 0);
  if (bad !== undefined) {
    throw new UserError(
      `sqrtm: the matrix has the eigenvalue ${bad.re}, so it has no real principal square root`,
    );
  }
  const root = quasiTriangularRoot(t, n);
  return multiplyTransposedRight(multiply(q, root, n, n, n), q, n, n, n);
}

/** Principal square root of a quasi upper triangular matrix without eigenvalues on the closed negative axis. */
export function quasiTriangularRoot(t: Float64Array, n: number): Float64Array {
  const blocks = schurBlocks(t, n);
  const root = new Float64Array(n * n);
  blocks.forEach((column, c) => {
    diagonalRoot(t, n, column, root);
    for (let r = c - 1; r >= 0; r--) {
      const row = blocks[r]!;
      const rest = blockOf(t, n, row, column);
      for (let i = 0; i < row.size; i++) {
        for (let j = 0; j < column.size; j++) {
          for (let k = row.start + row.size; k < column.start; k++) {
            rest[i * column.size + j]! -= root[(row.start + i) * n + k]! * root[k * n + column.start + j]!;
          }
        }
      }
      const left = blockOf(root, n, row, row);
      const right = blockOf(root, n, column, column);
      const x = sylvester(left, right, rest, row.size, column.size, 1);
      for (let i = 0; i < row.size; i++) {
        for (let j = 0; j < column.size; j++)
          root[(row.start + i) * n + column.start + j] = x[i * column.size + j]!;
      }
    }
  });
  return root;
}

function diagonalRoot(t: Float64Array, n: number, { start: k, size }: Block, root: Float64Array): void {
  if (size === 1) {
    root[k * n + k] = Math.sqrt(t[k * n + k]!);
    return;
  }
  const a = t[k * n + k]!;
  const d = t[(k + 1) * n + k + 1]!;
  const b = t[k * n + k + 1]!;
  const c = t[(k + 1) * n + k]!;
  const re = (a + d) / 2;
  const im = Math.sqrt(Math.max(0, -(((a - d) / 2) ** 2 + b * c)));
  const size2 = Math.hypot(re, im);
  // Real part of the root of re + i im, by the branch without cancellation.
  const alpha = re >= 0 ? Math.sqrt((re + size2) / 2) : im / (2 * Math.sqrt((size2 - re) / 2));
  root[k * n + k] = alpha + (a - re) / (2 * alpha);
  root[(k + 1) * n + k + 1] = alpha + (d - re) / (2 * alpha);
  root[k * n + k + 1] = b / (2 * alpha);
  root[(k + 1) * n + k] = c / (2 * alpha);
}

/** Consecutive rows or columns. */
export interface Range {
  readonly start: number;
  readonly size: number;
}

/** Entries of t in the rows of one diagonal block and the columns of another. */
export function blockOf(t: Float64Array, n: number, row: Range, column: Range): Float64Array {
  const out = new Float64Array(row.size * column.size);
  for (let i = 0; i < row.size; i++) {
    for (let j = 0; j < column.size; j++)
      out[i * column.size + j] = t[(row.start + i) * n + column.start + j]!;
  }
  return out;
}

/** x [p, r] with a x + sign x b = c, a [p, p], b [r, r]; dense, for small p r. @throws UserError where singular. */
export function sylvester(
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  p: number,
  r: number,
  sign: 1 | -1,
): Float64Array {
  const size = p * r;
  const system = new Float64Array(size * size);
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < r; j++) {
      const row = (i * r + j) * size;
      for (let k = 0; k < p; k++) system[row + k * r + j]! += a[i * p + k]!;
      for (let k = 0; k < r; k++) system[row + i * r + k]! += sign * b[k * r + j]!;
    }
  }
  return solve(system, size, c, 1);
}
