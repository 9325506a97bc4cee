/** Matrices for the tests of linear algebra. */

/** A small generator of the tests' own: numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** [rows, cols] with entries in [-1, 1). */
export function randomMatrix(rows: number, cols: number, seed: number): Float64Array {
  const next = numbers(seed);
  return Float64Array.from({ length: rows * cols }, () => 2 * next() - 1);
}

/** The three nested loops. */
export function slowProduct(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) for (let p = 0; p < k; p++) out[i * n + j]! += a[i * k + p]! * b[p * n + j]!;
  }
  return out;
}

export function slowTranspose(a: Float64Array, rows: number, cols: number): Float64Array {
  return Float64Array.from({ length: rows * cols }, (_, k) => a[(k % rows) * cols + Math.floor(k / rows)]!);
}

/** max |a - b| */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let k = 0; k < a.length; k++) {
    const gap = Math.abs(a[k]! - b[k]!);
    if (!(gap <= worst)) worst = gap; // keeps NaN
  }
  return worst;
}

export function largest(a: ArrayLike<number>): number {
  return Array.from(a).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

/** The identity, [n, n]. */
export function unitRows(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 1 : 0));
}
