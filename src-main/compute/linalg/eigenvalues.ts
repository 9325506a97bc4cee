/**
 * Eigenvalues of any real matrix: Hessenberg reduction and the double-shift QR algorithm (EISPACK orthes and hqr).
 * Our own, because ml-matrix's does not end for some small matrices, [1 0 -1; 0 1 -1; 1 1 1] and permutations among them.
 */
import { requireSize } from './library.ts';

export interface Eigenvalue {
  readonly re: number;
  readonly im: number;
}

/** The eigenvalues of `a` [n, n]; of a conjugate pair the upper one comes first. */
export function eigenvalues(a: Float64Array, n: number): Eigenvalue[] {
  requireSize(a, n, n, 'eigenvalues');
  const t = a.slice();
  reduceToHessenberg(t, n);
  let norm = 0;
  for (const x of t) norm = Math.max(norm, Math.abs(x));
  const found: Eigenvalue[] = [];
  let high = n - 1;
  let count = 0;
  let shift = 0;
  while (high >= 0) {
    const low = splitBelow(t, n, high, norm);
    if (low >= high - 1) {
      found.push(...(low === high ? [{ re: t[high * n + high]! + shift, im: 0 }] : pairOf(t, n, low, shift)));
      high = low - 1;
      count = 0;
    } else {
      if (count === 100) throw new Error(`the QR algorithm did not converge for a ${n} x ${n} matrix`);
      shift = doubleStep(t, n, low, high, count, shift);
      count++;
    }
  }
  return found;
}

/** Of the block of two rows that begins at row k. */
function pairOf(t: Float64Array, n: number, k: number, shift: number): Eigenvalue[] {
  const half = (t[k * n + k]! - t[(k + 1) * n + k + 1]!) / 2;
  const product = t[k * n + k + 1]! * t[(k + 1) * n + k]!;
  const discriminant = half * half + product;
  const last = t[(k + 1) * n + k + 1]! + shift;
  if (discriminant < 0) {
    const im = Math.sqrt(-discriminant);
    return [
      { re: last + half, im },
      { re: last + half, im: -im },
    ];
  }
  const z = half + (half >= 0 ? 1 : -1) * Math.sqrt(discriminant);
  return [
    { re: last + z, im: 0 },
    { re: z === 0 ? last : last - product / z, im: 0 },
  ];
}

function reduceToHessenberg(t: Float64Array, n: number): void {
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
    for (let i = 0; i < n; i++) {
      let dot = 0;
      for (let j = k + 1; j < n; j++) dot += y[j]! * t[i * n + j]!;
      dot /= half;
      for (let j = k + 1; j < n; j++) t[i * n + j]! -= dot * y[j]!;
    }
    for (let i = k + 2; i < n; i++) t[i * n + k] = 0;
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

/** One implicit double-shift QR sweep on rows low .. high; returns the accumulated exceptional shift. */
function doubleStep(
  t: Float64Array,
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
  chase(t, n, low, high, m, first);
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
    for (let j = k; j <= high; j++) {
      const sum = t[k * n + j]! + r * t[(k + 1) * n + j]! + (three ? s * t[(k + 2) * n + j]! : 0);
      t[k * n + j]! -= sum * u;
      t[(k + 1) * n + j]! -= sum * v;
      if (three) t[(k + 2) * n + j]! -= sum * w;
    }
    for (let i = low; i <= Math.min(high, k + 3); i++) {
      const at = i * n + k;
      const sum = u * t[at]! + v * t[at + 1]! + (three ? w * t[at + 2]! : 0);
      t[at]! -= sum;
      t[at + 1]! -= sum * r;
      if (three) t[at + 2]! -= sum * s;
    }
  }
}
