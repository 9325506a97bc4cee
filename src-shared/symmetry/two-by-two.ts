/** Real 2 x 2 matrices in closed form: quick enough to follow a dragged slider. Rows: [a, b; c, d]. */

export type Matrix2 = readonly [a: number, b: number, c: number, d: number];

export const identity2: Matrix2 = [1, 0, 0, 1];

export const multiply2 = ([a, b, c, d]: Matrix2, [e, f, g, h]: Matrix2): Matrix2 => [
  a * e + b * g,
  a * f + b * h,
  c * e + d * g,
  c * f + d * h,
];

export const determinant2 = ([a, b, c, d]: Matrix2): number => a * d - b * c;

export const scale2 = ([a, b, c, d]: Matrix2, s: number): Matrix2 => [s * a, s * b, s * c, s * d];

/** Throws RangeError for a singular matrix. */
export function inverse2(m: Matrix2): Matrix2 {
  const det = determinant2(m);
  if (det === 0) throw new RangeError('a singular matrix has no inverse');
  const [a, b, c, d] = m;
  return [d / det, -b / det, -c / det, a / det];
}

/** p I + q m */
const combine = (m: Matrix2, p: number, q: number): Matrix2 => [
  p + q * m[0],
  q * m[1],
  q * m[2],
  p + q * m[3],
];

/** Half trace and the square of half the difference of the eigenvalues (negative: a complex pair). */
function spectrum(m: Matrix2): { mean: number; squared: number } {
  const mean = (m[0] + m[3]) / 2;
  const half = (m[0] - m[3]) / 2;
  return { mean, squared: half * half + m[1] * m[2] };
}

/** exp(m), by Cayley-Hamilton. */
export function exponential2(m: Matrix2): Matrix2 {
  const { mean, squared } = spectrum(m);
  const size = Math.sqrt(Math.abs(squared));
  const even = squared >= 0 ? Math.cosh(size) : Math.cos(size);
  const odd = size < 1e-9 ? 1 : squared >= 0 ? Math.sinh(size) / size : Math.sin(size) / size;
  const factor = Math.exp(mean);
  return combine(m, factor * (even - mean * odd), factor * odd);
}

/**
 * The principal real logarithm of m, or why there is none: a real logarithm exists iff every Jordan block of a
 * negative eigenvalue occurs an even number of times, for 2 x 2: no negative eigenvalue, or m a negative multiple of I.
 */
export function logarithm2(m: Matrix2): { log: Matrix2 } | { reason: string } {
  const det = determinant2(m);
  if (!(Math.abs(det) > 1e-12)) return { reason: 'g is singular: it is not an element of the group' };
  if (det < 0) return { reason: 'det g < 0: no path within the orbit leads from w to g · w' };
  const { mean, squared } = spectrum(m);
  const tolerance = 1e-14 * Math.max(1, mean * mean);
  if (squared < -tolerance) {
    const imaginary = Math.sqrt(-squared);
    const q = Math.atan2(imaginary, mean) / imaginary;
    return { log: combine(m, Math.log(Math.hypot(mean, imaginary)) - q * mean, q) };
  }
  if (squared <= tolerance) {
    if (mean > 0) return { log: combine(m, Math.log(mean) - 1, 1 / mean) };
    const scalar = m[1] === 0 && m[2] === 0;
    if (!scalar)
      return { reason: 'g has a single Jordan block of a negative eigenvalue: it has no real logarithm' };
    // -r I is a half turn, scaled.
    return { log: [Math.log(-mean), -Math.PI, Math.PI, Math.log(-mean)] };
  }
  const half = Math.sqrt(squared);
  const [low, high] = [mean - half, mean + half];
  if (high < 0) return { reason: 'g has two different negative eigenvalues: it has no real logarithm' };
  const q = (Math.log(high) - Math.log(low)) / (high - low);
  return { log: combine(m, Math.log(high) - q * high, q) };
}
