/** LU factorisation with row pivoting, and what follows from it. Matrices are flat, row-major, [n, n]. */
import { UserError } from '../../../src-shared/errors.ts';
import { identity } from './multiply.ts';

export interface Lu {
  readonly n: number;
  /** L below the diagonal (ones on it), U on and above. */
  readonly factors: Float64Array;
  /** Row k of the factored matrix is row order[k] of the original. */
  readonly order: Int32Array;
  /** Sign of the row permutation. */
  readonly parity: 1 | -1;
}

/** The determinant as a sign and the logarithm of its size, which neither overflows nor underflows. */
export interface Determinant {
  readonly sign: -1 | 0 | 1;
  /** log |det|; -Infinity where the matrix is singular. */
  readonly logAbs: number;
}

/** P a = L U. A singular matrix is factored too: its U has a zero on the diagonal. */
export function lu(a: Float64Array, n: number): Lu {
  requireSquare(a, n, 'LU');
  const f = a.slice();
  const order = Int32Array.from({ length: n }, (_, k) => k);
  let parity: 1 | -1 = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(f[i * n + k]!) > Math.abs(f[pivot * n + k]!)) pivot = i;
    if (pivot !== k) {
      swapRows(f, n, k, pivot);
      [order[k], order[pivot]] = [order[pivot]!, order[k]!];
      parity = parity === 1 ? -1 : 1;
    }
    const head = f[k * n + k]!;
    if (head === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const factor = f[i * n + k]! / head;
      f[i * n + k] = factor;
      if (factor === 0) continue;
      for (let j = k + 1; j < n; j++) f[i * n + j]! -= factor * f[k * n + j]!;
    }
  }
  return { n, factors: f, order, parity };
}

function swapRows(a: Float64Array, n: number, p: number, q: number): void {
  for (let j = 0; j < n; j++) {
    const kept = a[p * n + j]!;
    a[p * n + j] = a[q * n + j]!;
    a[q * n + j] = kept;
  }
}

/** Sign and log |det| of `a`. */
export function determinant(a: Float64Array, n: number): Determinant {
  const { factors, parity } = lu(a, n);
  let sign: -1 | 0 | 1 = parity;
  let logAbs = 0;
  for (let k = 0; k < n; k++) {
    const head = factors[k * n + k]!;
    if (head === 0) return { sign: 0, logAbs: -Infinity };
    if (head < 0) sign = sign === 1 ? -1 : 1;
    logAbs += Math.log(Math.abs(head));
  }
  return { sign, logAbs };
}

/** x [n, columns] with a x = b. @throws UserError where `a` is exactly singular. */
export function solve(a: Float64Array, n: number, b: Float64Array, columns: number): Float64Array {
  return solveFactored(lu(a, n), b, columns);
}

/** As `solve`, for a matrix already factored. */
export function solveFactored(of: Lu, b: Float64Array, columns: number): Float64Array {
  const { n, factors, order } = of;
  if (b.length !== n * columns) {
    throw new UserError(`solve: a right-hand side of ${b.length} entries is not ${n} x ${columns}`);
  }
  const x = new Float64Array(n * columns);
  for (let k = 0; k < n; k++) {
    if (factors[k * n + k] === 0)
      throw new UserError(`solve: the ${n} x ${n} matrix is singular (pivot ${k} is zero)`);
    x.set(b.subarray(order[k]! * columns, (order[k]! + 1) * columns), k * columns);
  }
  for (let i = 0; i < n; i++) for (let p = 0; p < i; p++) subtractRow(x, columns, i, p, factors[i * n + p]!);
  for (let i = n - 1; i >= 0; i--) {
    for (let p = i + 1; p < n; p++) subtractRow(x, columns, i, p, factors[i * n + p]!);
    const head = factors[i * n + i]!;
    for (let c = 0; c < columns; c++) x[i * columns + c]! /= head;
  }
  return x;
}

function subtractRow(x: Float64Array, columns: number, i: number, p: number, factor: number): void {
  if (factor === 0) return;
  for (let c = 0; c < columns; c++) x[i * columns + c]! -= factor * x[p * columns + c]!;
}

/** The inverse of `a`. @throws UserError where it is exactly singular. */
export function inverse(a: Float64Array, n: number): Float64Array {
  return solve(a, n, identity(n), n);
}

/** Lower triangular L with L L^T = a. @throws UserError where `a` is not positive definite, naming the pivot. */
export function cholesky(a: Float64Array, n: number): Float64Array {
  requireSquare(a, n, 'Cholesky');
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let p = 0; p < j; p++) sum -= l[i * n + p]! * l[j * n + p]!;
      if (i !== j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > 0) l[i * n + i] = Math.sqrt(sum);
      else throw new UserError(`Cholesky: the matrix is not positive definite (pivot ${i} is ${sum})`);
    }
  }
  return l;
}

/** x [n, columns] with (L L^T) x = b, L lower triangular from `cholesky`. */
export function choleskySolve(l: Float64Array, n: number, b: Float64Array, columns: number): Float64Array {
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < i; p++) subtractRow(x, columns, i, p, l[i * n + p]!);
    for (let c = 0; c < columns; c++) x[i * columns + c]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let p = i + 1; p < n; p++) subtractRow(x, columns, i, p, l[p * n + i]!);
    for (let c = 0; c < columns; c++) x[i * columns + c]! /= l[i * n + i]!;
  }
  return x;
}

/** Refuses a wrong size and entries that are not finite, naming the first. */
export function requireSquare(a: Float64Array, n: number, who: string): void {
  if (a.length !== n * n) throw new UserError(`${who}: ${a.length} entries are not a ${n} x ${n} matrix`);
  requireFinite(a, n, who);
}

export function requireFinite(a: Float64Array, cols: number, who: string): void {
  const bad = a.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return;
  const where = `(${Math.floor(bad / cols)}, ${bad % cols})`;
  throw new UserError(`${who}: entry ${where} is ${a[bad]}, a finite number was expected`);
}
