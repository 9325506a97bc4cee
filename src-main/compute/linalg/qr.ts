/** Householder QR in float64. */
import { UserError } from '../../../src-shared/errors.ts';
import { requireFinite } from './lu.ts';

export interface Qr {
  /** [rows, min(rows, cols)], orthonormal columns. */
  readonly q: Float64Array;
  /** [min(rows, cols), cols], upper triangular (trapezoidal where rows < cols). */
  readonly r: Float64Array;
}

/** a [rows, cols] = q r, the thin form. The diagonal of r may have either sign. */
export function qr(a: Float64Array, rows: number, cols: number): Qr {
  if (a.length !== rows * cols)
    throw new UserError(`QR: ${a.length} entries are not a ${rows} x ${cols} matrix`);
  requireFinite(a, cols, 'QR');
  const work = a.slice();
  const size = Math.min(rows, cols);
  const taus = new Float64Array(size);
  for (let k = 0; k < size; k++) taus[k] = reflectColumn(work, rows, cols, k);
  const r = new Float64Array(size * cols);
  for (let i = 0; i < size; i++) for (let j = i; j < cols; j++) r[i * cols + j] = work[i * cols + j]!;
  const q = new Float64Array(rows * size);
  for (let k = 0; k < size; k++) q[k * size + k] = 1;
  const reflector = new Float64Array(rows);
  for (let k = size - 1; k >= 0; k--) {
    reflector[k] = 1;
    for (let i = k + 1; i < rows; i++) reflector[i] = work[i * cols + k]!;
    reflectColumns(q, rows, size, k, k, reflector, taus[k]!);
  }
  return { q, r };
}

/** Zeroes column k below the diagonal, storing the reflector there; returns its tau. */
function reflectColumn(work: Float64Array, rows: number, cols: number, k: number): number {
  let scale = 0;
  for (let i = k; i < rows; i++) scale = Math.max(scale, Math.abs(work[i * cols + k]!));
  if (scale === 0) return 0;
  let square = 0;
  for (let i = k; i < rows; i++) square += (work[i * cols + k]! / scale) ** 2;
  const norm = scale * Math.sqrt(square);
  const head = work[k * cols + k]!;
  const beta = head > 0 ? -norm : norm;
  if (head === beta) return 0;
  const reflector = new Float64Array(rows);
  reflector[k] = 1;
  for (let i = k + 1; i < rows; i++) reflector[i] = work[i * cols + k]! / (head - beta);
  const tau = (beta - head) / beta;
  reflectColumns(work, rows, cols, k, k + 1, reflector, tau);
  work[k * cols + k] = beta;
  for (let i = k + 1; i < rows; i++) work[i * cols + k] = reflector[i]!;
  return tau;
}

/** (I - tau y y^T) on the columns from `from` of `a`, y nonzero from entry k on; row by row. */
function reflectColumns(
  a: Float64Array,
  rows: number,
  cols: number,
  k: number,
  from: number,
  y: Float64Array,
  tau: number,
): void {
  if (tau === 0) return;
  const dots = new Float64Array(cols);
  for (let i = k; i < rows; i++) {
    const yi = y[i]!;
    for (let j = from; j < cols; j++) dots[j]! += yi * a[i * cols + j]!;
  }
  for (let i = k; i < rows; i++) {
    const factor = tau * y[i]!;
    for (let j = from; j < cols; j++) a[i * cols + j]! -= factor * dots[j]!;
  }
}

/**
 * x [cols, columns] with |a x - b| least, for a [rows, cols] of full column rank.
 * @throws UserError where rows < cols or the rank is deficient to rounding.
 */
export function leastSquares(
  a: Float64Array,
  rows: number,
  cols: number,
  b: Float64Array,
  columns: number,
): Float64Array {
  if (rows < cols) throw new UserError(`least squares: ${rows} equations do not determine ${cols} unknowns`);
  const { q, r } = qr(a, rows, cols);
  const top = Math.abs(r[0] ?? 0);
  const x = new Float64Array(cols * columns);
  for (let c = 0; c < columns; c++) {
    for (let i = cols - 1; i >= 0; i--) {
      const head = r[i * cols + i]!;
      if (Math.abs(head) <= Number.EPSILON * rows * top) {
        throw new UserError(`least squares: column ${i} depends on the columns before it`);
      }
      let sum = 0;
      for (let p = 0; p < rows; p++) sum += q[p * cols + i]! * b[p * columns + c]!;
      for (let j = i + 1; j < cols; j++) sum -= r[i * cols + j]! * x[j * columns + c]!;
      x[i * columns + c] = sum / head;
    }
  }
  return x;
}
