/**
 * Matrix products in float64. All matrices are flat and row-major unless a view with strides says otherwise.
 * Blocked after K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): panels of
 * both factors are packed, so that transposed factors and sub-matrices cost no more than plain ones.
 */
import type { Doubles } from '../backend/doubles.ts';
import { Simd } from './simd.ts';

/** A matrix inside a flat array: entry (i, j) lies at offset + i * rowStride + j * colStride. */
export interface View {
  readonly data: Float64Array;
  readonly offset: number;
  readonly rowStride: number;
  readonly colStride: number;
}

/** The whole of a row-major array as a view. */
export function view(data: Float64Array, cols: number, offset = 0): View {
  return { data, offset, rowStride: cols, colStride: 1 };
}

/** The same entries with rows and columns exchanged. */
export function transposedView(of: View): View {
  return { data: of.data, offset: of.offset, rowStride: of.colStride, colStride: of.rowStride };
}

/** The part of a view that starts at (row, col). */
export function subView(of: View, row: number, col: number): View {
  return { ...of, offset: of.offset + row * of.rowStride + col * of.colStride };
}

/** a [m, k] times b [k, n]. */
export function multiply(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array {
  return product(view(a, k), view(b, n), [m, k, n]);
}

/** `multiply` on TensorFlow. */
export const productOn =
  (doubles: Doubles): typeof multiply =>
  (a, b, m, k, n) => {
    const [left, right] = [doubles.put(a, [m, k]), doubles.put(b, [k, n])];
    const product = doubles.matMul(left, right);
    const out = doubles.read(product);
    doubles.free(left, right, product);
    return out;
  };

/** transpose(a [k, m]) times b [k, n]: [m, n]. */
export function multiplyTransposedLeft(
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
): Float64Array {
  return product(transposedView(view(a, m)), view(b, n), [m, k, n]);
}

/** a [m, k] times transpose(b [n, k]): [m, n]. */
export function multiplyTransposedRight(
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
): Float64Array {
  return product(view(a, k), transposedView(view(b, k)), [m, k, n]);
}

function product(a: View, b: View, [m, k, n]: readonly [number, number, number]): Float64Array {
  const out = new Float64Array(m * n);
  addProduct(view(out, n), a, b, m, k, n, 1);
  return out;
}

/** Holds the packed panels; its memory grows to some 10 MiB. */
const simd = new Simd();

/**
 * |y_j - x_i|^2 over rows of x [n, k] and y [m, k]: [n, m]. As much work as a product, and differences lose no digits.
 * Where rows of x are equal, so are rows of the product, to the last bit.
 */
export function squaredDistances(x: Float64Array, y: Float64Array, k: number): Float64Array {
  const [n, m] = [x.length / k, y.length / k];
  const out = new Float64Array(n * m);
  addTiles(view(out, m), view(x, k), transposedView(view(y, k)), n, k, m, 1, 'distances');
  return out;
}

/** |x_i - x_j|^2 over rows of x [n, k]: [n, n], symmetric. */
export function pairDistances(x: Float64Array, k: number): Float64Array {
  const n = x.length / k;
  const out = new Float64Array(n * n);
  const band = 128;
  for (let i = 0; i < n; i += band) {
    const rest = view(x, k, i * k);
    const to = view(out, n, i * n + i);
    addTiles(to, rest, transposedView(rest), Math.min(band, n - i), k, n - i, 1, 'distances');
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) out[i * n + j] = out[j * n + i]!;
  return out;
}

const depth = 256;
const smallProduct = 20 ** 3;

/** c [m, n] += alpha * a [m, k] b [k, n]. `c` must not share entries with `a` or `b`. */
export function addProduct(c: View, a: View, b: View, m: number, k: number, n: number, alpha: number): void {
  if (m === 0 || n === 0 || k === 0) return;
  if (m * n * k <= smallProduct || m < 4 || n < 4) {
    addSmallProduct(c, a, b, m, k, n, alpha);
    return;
  }
  addTiles(c, a, b, m, k, n, alpha, 'products');
}

/** Columns packed at a time: with `depth` rows of them, 8 MiB. */
const mostColumns = 4096;

/** c [i, j] += alpha sum_p term(a [i, p], b [p, j]), in tiles of 4 x 4. */
function addTiles(
  c: View,
  a: View,
  b: View,
  m: number,
  k: number,
  n: number,
  alpha: number,
  term: 'products' | 'distances',
): void {
  for (let j = 0; j < n; j += mostColumns) {
    addTileColumns(subView(c, 0, j), a, subView(b, 0, j), m, k, Math.min(mostColumns, n - j), alpha, term);
  }
}

function addTileColumns(
  c: View,
  a: View,
  b: View,
  m: number,
  k: number,
  n: number,
  alpha: number,
  term: 'products' | 'distances',
): void {
  const panels = (n + 3) >> 2;
  const most = Math.min(depth, k);
  const atA = 0;
  const atSums = 4 * most;
  const atB = atSums + 16 * panels;
  const memory = simd.numbers(atB + panels * 4 * most);
  for (let p0 = 0; p0 < k; p0 += depth) {
    const kc = Math.min(depth, k - p0);
    const end = atB + panels * 4 * kc;
    for (let panel = 0; panel < panels; panel++)
      packColumns(memory, atB + panel * 4 * kc, b, p0, kc, panel * 4, n);
    for (let i = 0; i < m; i += 4) {
      packRows(memory, a, i, m, p0, kc);
      simd.run[term](8 * atA, 8 * atB, 32 * kc, 8 * end, 8 * atSums);
      addSums(c, i, Math.min(4, m - i), n, memory, atSums, alpha);
    }
  }
}

function addSmallProduct(c: View, a: View, b: View, m: number, k: number, n: number, alpha: number): void {
  const { data: ad, rowStride: aRow, colStride: aCol } = a;
  const { data: bd, rowStride: bRow, colStride: bCol } = b;
  const { data: cd, rowStride: cRow, colStride: cCol } = c;
  for (let i = 0; i < m; i++) {
    const aBase = a.offset + i * aRow;
    for (let j = 0; j < n; j++) {
      let sum = 0;
      let x = aBase;
      let y = b.offset + j * bCol;
      for (let p = 0; p < k; p++, x += aCol, y += bRow) sum += ad[x]! * bd[y]!;
      cd[c.offset + i * cRow + j * cCol]! += alpha * sum;
    }
  }
}

function packRows(out: Float64Array, a: View, i: number, m: number, p0: number, kc: number): void {
  const { data, rowStride, colStride } = a;
  const rows = Math.min(4, m - i);
  if (rows < 4) out.fill(0, 0, 4 * kc);
  for (let r = 0; r < rows; r++) {
    let from = a.offset + (i + r) * rowStride + p0 * colStride;
    for (let p = 0; p < kc; p++, from += colStride) out[4 * p + r] = data[from]!;
  }
}

function packColumns(
  out: Float64Array,
  at: number,
  b: View,
  p0: number,
  kc: number,
  j: number,
  n: number,
): void {
  const { data, rowStride, colStride } = b;
  const cols = Math.min(4, n - j);
  if (cols < 4) out.fill(0, at, at + 4 * kc);
  for (let c = 0; c < cols; c++) {
    let from = b.offset + p0 * rowStride + (j + c) * colStride;
    for (let p = 0; p < kc; p++, from += rowStride) out[at + 4 * p + c] = data[from]!;
  }
}

/** Adds up to four rows of sums, which lie in tiles of 4 x 4 one after the other. */
function addSums(
  c: View,
  i: number,
  rows: number,
  n: number,
  sums: Float64Array,
  at: number,
  alpha: number,
): void {
  const { data, rowStride, colStride } = c;
  for (let r = 0; r < rows; r++) {
    let to = c.offset + (i + r) * rowStride;
    for (let j = 0; j < n; j++, to += colStride) {
      data[to]! += alpha * sums[at + (j >> 2) * 16 + 4 * r + (j & 3)]!;
    }
  }
}

/** transpose(a [rows, cols]): [cols, rows]. */
export function transpose(a: Float64Array, rows: number, cols: number): Float64Array {
  const out = new Float64Array(a.length);
  const block = 32;
  for (let i0 = 0; i0 < rows; i0 += block) {
    for (let j0 = 0; j0 < cols; j0 += block) {
      const i1 = Math.min(rows, i0 + block);
      const j1 = Math.min(cols, j0 + block);
      for (let i = i0; i < i1; i++) for (let j = j0; j < j1; j++) out[j * rows + i] = a[i * cols + j]!;
    }
  }
  return out;
}

/** The n x n identity. */
export function identity(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}
