/**
 * Eigenvectors of a symmetric tridiagonal matrix by divide and conquer: J. Cuppen, Numer. Math. 36 (1981), with the
 * recomputed update vector of M. Gu and S. Eisenstat, SIAM J. Matrix Anal. Appl. 16 (1995), which keeps the vectors
 * orthogonal without extra precision. Nearly all of its work is matrix products.
 */
import { addProduct, identity } from './multiply.ts';
import { differences, secularRoots } from './secular.ts';
import { tridiagonalQl } from './tridiagonal-ql.ts';

const leafSize = 40;

/**
 * Eigenpairs of the matrix with diagonal `d` [n] and off-diagonal `e` [n - 1]. Returns the values in no particular
 * order, and `vectors` [n, n] whose row k is the eigenvector of values[k]. The input is left alone; its entries
 * should be of order 1 (the caller scales).
 *
 * @param wanted given all values, tells which rows of `vectors` matter; the others may then hold anything. Most of the
 * work is in the last step, and goes down with their number.
 */
export function tridiagonalDivide(
  d: Float64Array,
  e: Float64Array,
  wanted?: (values: Float64Array) => ReadonlySet<number>,
): { values: Float64Array; vectors: Float64Array } {
  const n = d.length;
  const work: Work = { n, values: d.slice(), off: e, vectors: identity(n), wanted };
  divide(work, 0, n);
  return { values: work.values, vectors: work.vectors };
}

interface Work {
  readonly n: number;
  readonly values: Float64Array;
  readonly off: Float64Array;
  /** Block diagonal while the halves are solved: rows and columns [lo, hi) belong to that part of the matrix. */
  readonly vectors: Float64Array;
  readonly wanted: ((values: Float64Array) => ReadonlySet<number>) | undefined;
}

function divide(work: Work, lo: number, hi: number): void {
  if (hi - lo <= leafSize) {
    solveLeaf(work, lo, hi);
    return;
  }
  const middle = (lo + hi) >> 1;
  const coupling = work.off[middle - 1]!;
  // T = diag(T1, T2) + |coupling| w w^T with w = (0 .. 0, 1, sign, 0 .. 0).
  work.values[middle - 1]! -= Math.abs(coupling);
  work.values[middle]! -= Math.abs(coupling);
  divide(work, lo, middle);
  divide(work, middle, hi);
  if (coupling !== 0) merge(work, lo, middle, hi, coupling);
}

function solveLeaf(work: Work, lo: number, hi: number): void {
  const size = hi - lo;
  const rows = identity(size);
  tridiagonalQl(work.values.subarray(lo, hi), work.off.slice(lo, hi - 1), rows);
  for (let k = 0; k < size; k++) {
    work.vectors.set(rows.subarray(k * size, (k + 1) * size), (lo + k) * work.n + lo);
  }
}

/** Where the rows of a vector are nonzero: in the first half, in both, in the second. */
const inFirst = 0;
const inBoth = 1;
const inSecond = 2;

function merge(work: Work, lo: number, middle: number, hi: number, coupling: number): void {
  const { n, values, vectors } = work;
  const size = hi - lo;
  const z = new Float64Array(size);
  const support = new Uint8Array(size);
  for (let k = 0; k < size; k++) {
    const first = lo + k < middle;
    const entry = first
      ? vectors[(lo + k) * n + middle - 1]!
      : Math.sign(coupling) * vectors[(lo + k) * n + middle]!;
    z[k] = entry * Math.SQRT1_2;
    support[k] = first ? inFirst : inSecond;
  }
  const rho = 2 * Math.abs(coupling);
  const order = Array.from({ length: size }, (_, k) => k).sort((a, b) => values[lo + a]! - values[lo + b]!);
  const kept = deflate(work, lo, hi, z, rho, order, support);
  if (kept.length === 0) return;
  rankOne(work, lo, middle, hi, z, rho, kept, support);
}

/** Removes the pairs that the coupling does not change; returns the others, by rising value. */
function deflate(
  work: Work,
  lo: number,
  hi: number,
  z: Float64Array,
  rho: number,
  order: readonly number[],
  support: Uint8Array,
): number[] {
  const { n, values, vectors } = work;
  const largest = order.reduce((most, k) => Math.max(most, Math.abs(values[lo + k]!), Math.abs(z[k]!)), 0);
  const tolerance = 8 * Number.EPSILON * largest;
  const kept: number[] = [];
  let previous = -1;
  for (const k of order) {
    if (rho * Math.abs(z[k]!) <= tolerance) continue;
    if (previous >= 0) {
      const tau = Math.hypot(z[previous]!, z[k]!);
      const c = z[k]! / tau;
      const s = -z[previous]! / tau;
      const near = values[lo + previous]!;
      const here = values[lo + k]!;
      if (Math.abs((here - near) * c * s) <= tolerance) {
        // Two values that are equal to rounding: rotate so that only the second couples.
        z[k] = tau;
        z[previous] = 0;
        rotate(vectors, (lo + previous) * n + lo, (lo + k) * n + lo, hi - lo, c, s);
        values[lo + previous] = near * c * c + here * s * s;
        values[lo + k] = near * s * s + here * c * c;
        if (support[k] !== support[previous]) support[k] = inBoth;
        if (support[previous] !== support[k]) support[previous] = inBoth;
      } else kept.push(previous);
    }
    previous = k;
  }
  if (previous >= 0) kept.push(previous);
  return kept;
}

function rotate(rows: Float64Array, p: number, q: number, width: number, c: number, s: number): void {
  for (let k = 0; k < width; k++) {
    const x = rows[p + k]!;
    const y = rows[q + k]!;
    rows[p + k] = c * x + s * y;
    rows[q + k] = c * y - s * x;
  }
}

/** Replaces the kept pairs by those of diag(values) + rho z z^T. */
function rankOne(
  work: Work,
  lo: number,
  middle: number,
  hi: number,
  z: Float64Array,
  rho: number,
  kept: readonly number[],
  support: Uint8Array,
): void {
  const { n, values, vectors } = work;
  const count = kept.length;
  const poles = Float64Array.from(kept, (k) => values[lo + k]!);
  const weights = Float64Array.from(kept, (k) => z[k]!);
  const roots = secularRoots(poles, weights, rho);
  kept.forEach((k, i) => {
    values[lo + k] = poles[roots.origin[i]!]! + roots.shift[i]!;
  });
  const width = hi - lo;
  const wanted = width === n ? work.wanted?.(values) : undefined;
  const made = kept.map((_, i) => i).filter((i) => wanted?.has(lo + kept[i]!) ?? true);
  const bySupport = kept.map((_, i) => i).sort((a, b) => support[kept[a]!]! - support[kept[b]!]!);
  const mix = mixingRows(poles, weights, roots, made, bySupport);
  const old = new Float64Array(count * width);
  bySupport.forEach((i, place) => {
    const from = (lo + kept[i]!) * n + lo;
    old.set(vectors.subarray(from, from + width), place * width);
  });
  const countOf = (kind: number) => kept.filter((k) => support[k] === kind).length;
  const onlyFirst = countOf(inFirst);
  const both = countOf(inBoth);
  const fresh = new Float64Array(made.length * width);
  const target = (column: number) => ({ data: fresh, offset: column, rowStride: width, colStride: 1 });
  const mixing = (skip: number) => ({ data: mix, offset: skip, rowStride: count, colStride: 1 });
  const source = (skip: number, column: number) => ({
    data: old,
    offset: skip * width + column,
    rowStride: width,
    colStride: 1,
  });
  const split = middle - lo;
  addProduct(target(0), mixing(0), source(0, 0), made.length, onlyFirst + both, split, 1);
  addProduct(
    target(split),
    mixing(onlyFirst),
    source(onlyFirst, split),
    made.length,
    count - onlyFirst,
    width - split,
    1,
  );
  made.forEach((i, at) => {
    vectors.set(fresh.subarray(at * width, (at + 1) * width), (lo + kept[i]!) * n + lo);
  });
}

/** One row per root in `made`: the eigenvector of diag(poles) + rho z z^T, its entries in the order `columns`. */
function mixingRows(
  poles: Float64Array,
  weights: Float64Array,
  roots: { origin: Int32Array; shift: Float64Array },
  made: readonly number[],
  columns: readonly number[],
): Float64Array {
  const count = poles.length;
  const gaps = differences(poles, roots);
  // z_j^2 rho = prod_i (root_i - pole_j) / prod_{i != j} (pole_i - pole_j), by Loewner's formula.
  const refined = Float64Array.from({ length: count }, (_, j) => -gaps[j * count + j]!);
  for (let i = 0; i < count; i++) {
    const pole = poles[i]!;
    for (let j = 0; j < count; j++) {
      if (i !== j) refined[j]! *= gaps[i * count + j]! / (poles[j]! - pole);
    }
  }
  for (let j = 0; j < count; j++) refined[j] = Math.sign(weights[j]!) * Math.sqrt(Math.abs(refined[j]!));
  const order = Int32Array.from(columns);
  const rows = new Float64Array(made.length * count);
  const entries = new Float64Array(count);
  for (const [at, i] of made.entries()) {
    let square = 0;
    for (let j = 0; j < count; j++) {
      const entry = refined[j]! / gaps[i * count + j]!;
      entries[j] = entry;
      square += entry * entry;
    }
    const scale = 1 / Math.sqrt(square);
    for (let place = 0; place < count; place++) rows[at * count + place] = entries[order[place]!]! * scale;
  }
  return rows;
}
