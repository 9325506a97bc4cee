/** Singular values by one-sided Jacobi rotations, and the polar decomposition built on them. */
import { UserError } from '../../../src-shared/errors.ts';
import { requireFinite } from './lu.ts';
import { identity, multiplyTransposedRight, transpose } from './multiply.ts';
import { qr } from './qr.ts';

export interface Svd {
  /** [rows, k], k = min(rows, cols): orthonormal columns (for singular value 0 completed to orthonormal ones). */
  readonly u: Float64Array;
  /** [k], falling. */
  readonly values: Float64Array;
  /** [cols, k], orthonormal columns. a = u diag(values) v^T. */
  readonly v: Float64Array;
}

/**
 * The thin singular value decomposition of `a` [rows, cols]. QR first, then one-sided Jacobi on R^T (Z. Drmac and
 * K. Veselic, SIAM J. Matrix Anal. Appl. 29, 2008), which finds small singular values to high relative accuracy
 * where columns are only badly scaled. O(n^3) per sweep, 5 to 10 sweeps: meant for sides up to a few hundred.
 */
export function svd(a: Float64Array, rows: number, cols: number): Svd {
  if (a.length !== rows * cols)
    throw new UserError(`SVD: ${a.length} entries are not a ${rows} x ${cols} matrix`);
  requireFinite(a, cols, 'SVD');
  if (rows < cols) {
    const { u, values, v } = svd(transpose(a, rows, cols), cols, rows);
    return { u: v, values, v: u };
  }
  const { q, r } = qr(a, rows, cols);
  // Rows of `work` are the columns of R^T = (U S V^T)^T: orthogonal rows in the end, |row k| = value k.
  const work = r.slice();
  const rotations = identity(cols);
  orthogonaliseRows(work, rotations, cols);
  const lengths = Float64Array.from({ length: cols }, (_, k) => rowNorm(work, k, cols));
  const order = Array.from(lengths.keys()).sort((x, y) => lengths[y]! - lengths[x]!);
  const values = Float64Array.from(order, (k) => lengths[k]!);
  // work = rotations r: r = rotations^T diag(lengths) directions.
  const directions = new Float64Array(cols * cols);
  const left = new Float64Array(cols * cols);
  order.forEach((from, to) => {
    left.set(rotations.subarray(from * cols, (from + 1) * cols), to * cols);
    for (let j = 0; j < cols; j++) {
      directions[to * cols + j] = values[to] === 0 ? 0 : work[from * cols + j]! / values[to]!;
    }
  });
  completeRows(directions, values, cols);
  return {
    u: multiplyTransposedRight(q, left, rows, cols, cols),
    values,
    v: transpose(directions, cols, cols),
  };
}

/** Singular values of `a` [rows, cols], falling. */
export function singularValues(a: Float64Array, rows: number, cols: number): Float64Array {
  return svd(a, rows, cols).values;
}

function rowNorm(a: Float64Array, k: number, cols: number): number {
  let scale = 0;
  for (let j = 0; j < cols; j++) scale = Math.max(scale, Math.abs(a[k * cols + j]!));
  if (scale === 0) return 0;
  let square = 0;
  for (let j = 0; j < cols; j++) square += (a[k * cols + j]! / scale) ** 2;
  return scale * Math.sqrt(square);
}

function orthogonaliseRows(work: Float64Array, rotations: Float64Array, n: number): void {
  const scale = work.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (scale === 0) return;
  for (let k = 0; k < work.length; k++) work[k]! /= scale;
  for (let sweep = 0; sweep < 60; sweep++) {
    let rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) rotated = rotatePair(work, rotations, n, p, q) || rotated;
    }
    if (!rotated) break;
  }
  for (let k = 0; k < work.length; k++) work[k]! *= scale;
}

function rotatePair(work: Float64Array, rotations: Float64Array, n: number, p: number, q: number): boolean {
  let pp = 0;
  let qq = 0;
  let pq = 0;
  const [x, y] = [p * n, q * n];
  for (let j = 0; j < n; j++) {
    const a = work[x + j]!;
    const b = work[y + j]!;
    pp += a * a;
    qq += b * b;
    pq += a * b;
  }
  if (pq === 0 || Math.abs(pq) <= 4 * Number.EPSILON * Math.sqrt(pp) * Math.sqrt(qq)) return false;
  if (pp < 1e-290 || qq < 1e-290) return false; // rows that are zero beside the matrix
  const zeta = (qq - pp) / (2 * pq);
  const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const c = 1 / Math.hypot(1, t);
  const s = c * t;
  for (const rows of [work, rotations]) {
    for (let j = 0; j < n; j++) {
      const a = rows[x + j]!;
      const b = rows[y + j]!;
      rows[x + j] = c * a - s * b;
      rows[y + j] = s * a + c * b;
    }
  }
  return true;
}

/** Replaces rows that have no direction (value negligible) by unit vectors orthogonal to all others. */
function completeRows(rows: Float64Array, values: Float64Array, n: number): void {
  const cutoff = Number.EPSILON * n * (values[0] ?? 0);
  const known = values.findIndex((value) => value <= cutoff);
  if (known < 0) return;
  const basis: Float64Array[] = Array.from({ length: known }, (_, k) => rows.slice(k * n, (k + 1) * n));
  for (let axis = 0; axis < n && basis.length < n; axis++) {
    const candidate = new Float64Array(n);
    candidate[axis] = 1;
    for (let pass = 0; pass < 2; pass++) {
      for (const b of basis) {
        const dot = b.reduce((sum, x, j) => sum + x * candidate[j]!, 0);
        for (let j = 0; j < n; j++) candidate[j]! -= dot * b[j]!;
      }
    }
    const norm = Math.hypot(...candidate);
    if (norm > 1 / (2 * Math.sqrt(n))) basis.push(candidate.map((x) => x / norm));
  }
  basis.forEach((b, k) => rows.set(b, k * n));
}

export interface Polar {
  /** [rows, cols]: orthonormal columns (rows where rows < cols). */
  readonly unitary: Float64Array;
  /** [cols, cols], symmetric positive semi-definite. */
  readonly positive: Float64Array;
}

/** a [rows, cols] = unitary positive, the right polar decomposition. Any shape; unique where a has full column rank. */
export function polar(a: Float64Array, rows: number, cols: number): Polar {
  const { u, values, v } = svd(a, rows, cols);
  const k = values.length;
  const unitary = multiplyTransposedRight(u, v, rows, k, cols);
  const scaled = v.map((x, at) => x * values[at % k]!);
  const positive = multiplyTransposedRight(scaled, v, cols, k, cols);
  for (let i = 0; i < cols; i++) for (let j = 0; j < i; j++) positive[j * cols + i] = positive[i * cols + j]!;
  return { unitary, positive };
}
