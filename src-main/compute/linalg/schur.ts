/** The real Schur form: Hessenberg reduction and the double-shift QR algorithm (EISPACK orthes and hqr2). */
import { requireSquare } from './lu.ts';
import { identity } from './multiply.ts';

export interface Schur {
  readonly n: number;
  /** a = q t q^T. Upper triangular but for 2 x 2 blocks, which hold complex conjugate pairs only. */
  readonly t: Float64Array;
  readonly q: Float64Array;
}

export interface Block {
  readonly start: number;
  readonly size: 1 | 2;
}

/** a [n, n] = q t q^T with q orthogonal and t quasi upper triangular. */
export function realSchur(a: Float64Array, n: number): Schur {
  requireSquare(a, n, 'Schur');
  const t = a.slice();
  const q = identity(n);
  reduceToHessenberg(t, q, n);
  iterate(t, q, n);
  // The sweeps keep scratch values below the subdiagonal, where the transformed matrix is zero.
  for (let i = 2; i < n; i++) t.fill(0, i * n, i * n + i - 1);
  return { n, t, q };
}

/** The diagonal blocks of t from the top. */
export function schurBlocks(t: Float64Array, n: number): Block[] {
  const blocks: Block[] = [];
  for (let k = 0; k < n;) {
    const size = k + 1 < n && t[(k + 1) * n + k] !== 0 ? 2 : 1;
    blocks.push({ start: k, size });
    k += size;
  }
  return blocks;
}

/** The eigenvalues in the order of the diagonal of t. */
export function schurEigenvalues(t: Float64Array, n: number): { re: number; im: number }[] {
  return schurBlocks(t, n).flatMap(({ start: k, size }) => {
    const a = t[k * n + k]!;
    if (size === 1) return [{ re: a, im: 0 }];
    const d = t[(k + 1) * n + k + 1]!;
    const half = (a - d) / 2;
    const im = Math.sqrt(Math.max(0, -(half * half + t[k * n + k + 1]! * t[(k + 1) * n + k]!)));
    return [
      { re: (a + d) / 2, im },
      { re: (a + d) / 2, im: -im },
    ];
  });
}

function reduceToHessenberg(t: Float64Array, q: Float64Array, n: number): void {
  const y = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    let scale = 0;
    for (let i = k + 2; i < n; i++) scale = Math.max(scale, Math.abs(t[i * n + k]!));
    if (scale === 0) continue;
    scale = Math.max(scale, Math.abs(t[(k + 1) * n + k]!));
    let square = 0;
    for (let i = k + 1; i < n; i++) {
      y[i] = t[i * n + k]! / scale;
      square += y[i]! * y[i]!;
    }
    const norm = y[k + 1]! > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    const half = square - y[k + 1]! * norm;
    y[k + 1]! -= norm;
    for (let j = k; j < n; j++) {
      let dot = 0;
      for (let i = k + 1; i < n; i++) dot += y[i]! * t[i * n + j]!;
      dot /= half;
      for (let i = k + 1; i < n; i++) t[i * n + j]! -= dot * y[i]!;
    }
    for (const rows of [t, q]) {
      for (let i = 0; i < n; i++) {
        let dot = 0;
        for (let j = k + 1; j < n; j++) dot += y[j]! * rows[i * n + j]!;
        dot /= half;
        for (let j = k + 1; j < n; j++) rows[i * n + j]! -= dot * y[j]!;
      }
    }
    for (let i = k + 2; i < n; i++) t[i * n + k] = 0;
  }
}

function iterate(t: Float64Array, q: Float64Array, n: number): void {
  let norm = 0;
  for (const x of t) norm = Math.max(norm, Math.abs(x));
  let high = n - 1;
  let count = 0;
  let shift = 0;
  while (high >= 0) {
    const low = splitBelow(t, n, high, norm);
    if (low === high) {
      t[high * n + high]! += shift;
      if (high > 0) t[high * n + high - 1] = 0;
      high -= 1;
      count = 0;
    } else if (low === high - 1) {
      t[high * n + high]! += shift;
      t[(high - 1) * n + high - 1]! += shift;
      if (high > 1) t[(high - 1) * n + high - 2] = 0;
      splitRealPair(t, q, n, high);
      high -= 2;
      count = 0;
    } else {
      if (count === 100) throw new Error(`the QR algorithm did not converge for a ${n} x ${n} matrix`);
      shift = doubleStep(t, q, n, low, high, count, shift);
      count++;
    }
  }
}

/** The first row of the unreduced part that ends at `high`; the entry left of it is set to zero. */
function splitBelow(t: Float64Array, n: number, high: number, norm: number): number {
  let low = high;
  for (; low > 0; low--) {
    const near = Math.abs(t[(low - 1) * n + low - 1]!) + Math.abs(t[low * n + low]!);
    const size = Math.abs(t[low * n + low - 1]!);
    if (size <= Number.EPSILON * (near === 0 ? norm : near)) {
      t[low * n + low - 1] = 0;
      break;
    }
  }
  return low;
}

/** A 2 x 2 block with real eigenvalues becomes triangular. */
function splitRealPair(t: Float64Array, q: Float64Array, n: number, high: number): void {
  const [i, j] = [high - 1, high];
  const below = t[j * n + i]!;
  const p = (t[i * n + i]! - t[j * n + j]!) / 2;
  const discriminant = p * p + below * t[i * n + j]!;
  if (discriminant < 0) return;
  const z = p + (p >= 0 ? 1 : -1) * Math.sqrt(discriminant);
  const r = Math.hypot(below, z);
  if (r === 0) return;
  const c = z / r;
  const s = below / r;
  for (let k = i; k < n; k++) {
    const x = t[i * n + k]!;
    const y = t[j * n + k]!;
    t[i * n + k] = c * x + s * y;
    t[j * n + k] = c * y - s * x;
  }
  for (const rows of [t, q]) {
    const end = rows === t ? j + 1 : n;
    for (let k = 0; k < end; k++) {
      const x = rows[k * n + i]!;
      const y = rows[k * n + j]!;
      rows[k * n + i] = c * x + s * y;
      rows[k * n + j] = c * y - s * x;
    }
  }
  t[j * n + i] = 0;
}

/** One implicit double-shift QR sweep on rows low .. high; returns the accumulated exceptional shift. */
function doubleStep(
  t: Float64Array,
  q: Float64Array,
  n: number,
  low: number,
  high: number,
  count: number,
  shift: number,
): number {
  let x = t[high * n + high]!;
  let y = t[(high - 1) * n + high - 1]!;
  let w = t[high * n + high - 1]! * t[(high - 1) * n + high]!;
  if (count === 10 || count === 30 || count === 60) {
    shift += x;
    for (let i = 0; i <= high; i++) t[i * n + i]! -= x;
    const s = Math.abs(t[high * n + high - 1]!) + Math.abs(t[(high - 1) * n + high - 2]!);
    x = y = 0.75 * s;
    w = -0.4375 * s * s;
  }
  const { m, first } = bulgeStart(t, n, low, high, x, y, w);
  for (let i = m + 2; i <= high; i++) {
    t[i * n + i - 2] = 0;
    if (i > m + 2) t[i * n + i - 3] = 0;
  }
  chase(t, q, n, low, high, m, first);
  return shift;
}

/** The lowest row where the sweep may start (two small subdiagonal entries above it), and its first column there. */
function bulgeStart(
  t: Float64Array,
  n: number,
  low: number,
  high: number,
  x: number,
  y: number,
  w: number,
): { m: number; first: [number, number, number] } {
  for (let m = high - 2; ; m--) {
    const z = t[m * n + m]!;
    const a = x - z;
    const b = y - z;
    const p = (a * b - w) / t[(m + 1) * n + m]! + t[m * n + m + 1]!;
    const r = t[(m + 1) * n + m + 1]! - z - a - b;
    const s = t[(m + 2) * n + m + 1]!;
    const size = Math.abs(p) + Math.abs(r) + Math.abs(s);
    const first: [number, number, number] = [p / size, r / size, s / size];
    if (m === low) return { m, first };
    const near = Math.abs(t[(m - 1) * n + m - 1]!) + Math.abs(z) + Math.abs(t[(m + 1) * n + m + 1]!);
    const tail = Math.abs(t[m * n + m - 1]!) * (Math.abs(first[1]) + Math.abs(first[2]));
    if (tail < Number.EPSILON * Math.abs(first[0]) * near) return { m, first };
  }
}

/** Chases the bulge of the double shift from row m to `high`. */
function chase(
  t: Float64Array,
  q: Float64Array,
  n: number,
  low: number,
  high: number,
  m: number,
  start: readonly [number, number, number],
): void {
  let [p, r, s] = start;
  for (let k = m; k < high; k++) {
    const three = k !== high - 1;
    let scale = 1;
    if (k !== m) {
      p = t[k * n + k - 1]!;
      r = t[(k + 1) * n + k - 1]!;
      s = three ? t[(k + 2) * n + k - 1]! : 0;
      scale = Math.abs(p) + Math.abs(r) + Math.abs(s);
      if (scale === 0) continue;
      p /= scale;
      r /= scale;
      s /= scale;
    }
    const norm = (p < 0 ? -1 : 1) * Math.sqrt(p * p + r * r + s * s);
    if (norm === 0) continue;
    if (k !== m) t[k * n + k - 1] = -norm * scale;
    else if (low !== m) t[k * n + k - 1] = -t[k * n + k - 1]!;
    p += norm;
    const [u, v, w] = [p / norm, r / norm, s / norm];
    r /= p;
    s /= p;
    for (let j = k; j < n; j++) {
      const sum = t[k * n + j]! + r * t[(k + 1) * n + j]! + (three ? s * t[(k + 2) * n + j]! : 0);
      t[k * n + j]! -= sum * u;
      t[(k + 1) * n + j]! -= sum * v;
      if (three) t[(k + 2) * n + j]! -= sum * w;
    }
    for (const rows of [t, q]) {
      const end = rows === t ? Math.min(high, k + 3) + 1 : n;
      for (let i = 0; i < end; i++) {
        const at = i * n + k;
        const sum = u * rows[at]! + v * rows[at + 1]! + (three ? w * rows[at + 2]! : 0);
        rows[at]! -= sum;
        rows[at + 1]! -= sum * r;
        if (three) rows[at + 2]! -= sum * s;
      }
    }
  }
}
