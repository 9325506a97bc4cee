/** Implicit QL for a symmetric tridiagonal matrix. */

/**
 * Eigenvalues of the symmetric tridiagonal matrix with diagonal `d` [n] and off-diagonal `e` [n - 1], by implicit QL
 * with Wilkinson's shift (EISPACK tql2; G. Golub and C. Van Loan, Matrix Computations, 8.3.5). `d` is overwritten
 * with the eigenvalues, in no particular order; `e` is destroyed. Where `rows` is given, [n, width] row-major, the
 * rotations are applied to its rows: starting from the identity, row k becomes the eigenvector of d[k].
 */
export function tridiagonalQl(d: Float64Array, e: Float64Array, rows?: Float64Array, width = d.length): void {
  const n = d.length;
  const off = new Float64Array(n);
  off.set(e.subarray(0, Math.max(0, n - 1)));
  const negligible = (Number.EPSILON / 8) * largest(d, off);
  const cosines = new Float64Array(n);
  const sines = new Float64Array(n);
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      const m = splitAfter(d, off, l, negligible);
      if (m === l) break;
      if (sweep === 80) throw new Error(`implicit QL did not converge for eigenvalue ${l} of ${n}`);
      const from = qlSweep(d, off, l, m, cosines, sines);
      if (rows !== undefined) rotateRows(rows, width, from, m, cosines, sines);
    }
  }
}

function largest(d: Float64Array, off: Float64Array): number {
  let most = 0;
  for (let i = 0; i < d.length; i++) most = Math.max(most, Math.abs(d[i]!), Math.abs(off[i]!));
  return most;
}

/**
 * The first index m >= l whose off-diagonal entry to m + 1 is negligible: beside its neighbours, or beside the whole
 * matrix (without that, a corner that holds nothing but rounding errors may never split).
 */
function splitAfter(d: Float64Array, off: Float64Array, l: number, negligible: number): number {
  let m = l;
  for (; m < d.length - 1; m++) {
    const size = Math.abs(off[m]!);
    if (size <= negligible || size <= Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) break;
  }
  return m;
}

/** One sweep from m down to l; the rotation of rows (i, i + 1) is left in cosines[i], sines[i]. Returns the last i. */
function qlSweep(
  d: Float64Array,
  off: Float64Array,
  l: number,
  m: number,
  cosines: Float64Array,
  sines: Float64Array,
): number {
  const ratio = (d[l + 1]! - d[l]!) / (2 * off[l]!);
  const root = Math.hypot(ratio, 1);
  let g = d[m]! - d[l]! + off[l]! / (ratio + (ratio >= 0 ? root : -root));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * off[i]!;
    const b = c * off[i]!;
    const r = length(f, g);
    off[i + 1] = r;
    if (r === 0) {
      d[i + 1]! -= p;
      off[m] = 0;
      return i + 1;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    cosines[i] = c;
    sines[i] = s;
  }
  d[l]! -= p;
  off[l] = g;
  off[m] = 0;
  return l;
}

/** sqrt(a^2 + b^2), falling back to the slow form where squares would leave the range. */
function length(a: number, b: number): number {
  const square = a * a + b * b;
  return square > 1e-280 && square < 1e280 ? Math.sqrt(square) : Math.hypot(a, b);
}

function rotateRows(
  rows: Float64Array,
  width: number,
  from: number,
  m: number,
  cosines: Float64Array,
  sines: Float64Array,
): void {
  for (let i = m - 1; i >= from; i--) {
    const c = cosines[i]!;
    const s = sines[i]!;
    const upper = i * width;
    const lower = upper + width;
    for (let k = 0; k < width; k++) {
      const x = rows[upper + k]!;
      const y = rows[lower + k]!;
      rows[lower + k] = s * x + c * y;
      rows[upper + k] = c * x - s * y;
    }
  }
}
