/**
 * Matrix products in float64. All matrices are flat and row-major unless a view with strides says otherwise.
 * Blocked after K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): panels of
 * both factors are packed, so that transposed factors and sub-matrices cost no more than plain ones.
 */

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
  const out = new Float64Array(m * n);
  addProduct(view(out, n), view(a, k), view(b, n), m, k, n, 1);
  return out;
}

/** transpose(a [k, m]) times b [k, n]: [m, n]. */
export function multiplyTransposedLeft(
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
): Float64Array {
  const out = new Float64Array(m * n);
  addProduct(view(out, n), transposedView(view(a, m)), view(b, n), m, k, n, 1);
  return out;
}

/** a [m, k] times transpose(b [n, k]): [m, n]. */
export function multiplyTransposedRight(
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
): Float64Array {
  const out = new Float64Array(m * n);
  addProduct(view(out, n), view(a, k), transposedView(view(b, k)), m, k, n, 1);
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
  const panels = (n + 3) >> 2;
  const packedB = new Float64Array(panels * 4 * Math.min(depth, k));
  const packedA = new Float64Array(4 * Math.min(depth, k));
  const tile = new Float64Array(16);
  for (let p0 = 0; p0 < k; p0 += depth) {
    const kc = Math.min(depth, k - p0);
    for (let panel = 0; panel < panels; panel++)
      packColumns(packedB, panel * 4 * kc, b, p0, kc, panel * 4, n);
    for (let i = 0; i < m; i += 4) {
      packRows(packedA, a, i, m, p0, kc);
      for (let panel = 0; panel < panels; panel++) {
        multiplyTile(tile, packedA, packedB, panel * 4 * kc, kc);
        addTile(c, i, panel * 4, Math.min(4, m - i), Math.min(4, n - panel * 4), tile, alpha);
      }
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
  if (rows < 4) out.fill(0);
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

/** 16 sums in registers: tile = packed rows times packed columns. */
function multiplyTile(tile: Float64Array, a: Float64Array, b: Float64Array, at: number, kc: number): void {
  let [c00, c01, c02, c03] = [0, 0, 0, 0];
  let [c10, c11, c12, c13] = [0, 0, 0, 0];
  let [c20, c21, c22, c23] = [0, 0, 0, 0];
  let [c30, c31, c32, c33] = [0, 0, 0, 0];
  const end = 4 * kc;
  for (let p = 0; p < end; p += 4) {
    const b0 = b[at + p]!;
    const b1 = b[at + p + 1]!;
    const b2 = b[at + p + 2]!;
    const b3 = b[at + p + 3]!;
    let x = a[p]!;
    c00 += x * b0;
    c01 += x * b1;
    c02 += x * b2;
    c03 += x * b3;
    x = a[p + 1]!;
    c10 += x * b0;
    c11 += x * b1;
    c12 += x * b2;
    c13 += x * b3;
    x = a[p + 2]!;
    c20 += x * b0;
    c21 += x * b1;
    c22 += x * b2;
    c23 += x * b3;
    x = a[p + 3]!;
    c30 += x * b0;
    c31 += x * b1;
    c32 += x * b2;
    c33 += x * b3;
  }
  tile[0] = c00;
  tile[1] = c01;
  tile[2] = c02;
  tile[3] = c03;
  tile[4] = c10;
  tile[5] = c11;
  tile[6] = c12;
  tile[7] = c13;
  tile[8] = c20;
  tile[9] = c21;
  tile[10] = c22;
  tile[11] = c23;
  tile[12] = c30;
  tile[13] = c31;
  tile[14] = c32;
  tile[15] = c33;
}

function addTile(
  c: View,
  i: number,
  j: number,
  rows: number,
  cols: number,
  tile: Float64Array,
  alpha: number,
): void {
  const { data, rowStride, colStride } = c;
  for (let r = 0; r < rows; r++) {
    let to = c.offset + (i + r) * rowStride + j * colStride;
    for (let k = 4 * r; k < 4 * r + cols; k++, to += colStride) data[to]! += alpha * tile[k]!;
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
