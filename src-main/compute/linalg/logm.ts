/**
 * Real logarithms of real matrices. A real matrix has one exactly if it is invertible and every size of Jordan block
 * of each negative eigenvalue occurs an even number of times (W. Culver, Proc. Amer. Math. Soc. 17, 1966).
 */
import { UserError } from '../../../src-shared/errors.ts';
import { expm } from './expm.ts';
import { eigenvalues } from './eigenvalues.ts';
import { requireSize } from './library.ts';
import { identity, multiply } from './multiply.ts';
import { negativeClusterLog } from './negative-log.ts';
import { principalLog } from './principal-log.ts';
import { inverse } from './solve.ts';
import { singularValues, svd } from './svd.ts';

/**
 * Relative width of what counts as one eigenvalue: rounding spreads a Jordan block of size k over eps^(1/k), 6e-6 for
 * k = 3, times the condition of the basis.
 */
const clusterTolerance = 2e-4;

/**
 * A real L [n, n] with exp(L) = a. The principal logarithm if `a` has no negative eigenvalue; otherwise principal
 * on the rest, and log|mu| +- i pi in pairs on each negative eigenvalue mu.
 *
 * @throws UserError if no real logarithm exists, naming the eigenvalue, and if rounding decides the question: the result
 * is checked by taking its exponential
 */
export function logm(a: Float64Array, n: number): Float64Array {
  requireSize(a, n, n, 'logm');
  if (n === 0) return new Float64Array(0);
  refuseSingular(a, n);
  const scale = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return checked(a, n, realLog(a, n, clusterTolerance * scale));
}

/** Takes the invariant subspace of a negative eigenvalue apart from the rest, and goes on with the rest. */
function realLog(a: Float64Array, n: number, tolerance: number): Float64Array {
  const cluster = n === 0 ? undefined : negativeCluster(a, n, tolerance);
  if (!cluster) return principalLog(a, n);
  const { size } = cluster;
  if (size === n) return clusterLog(a, cluster);
  const basis = splitBasis(a, n, cluster);
  const back = inverse(basis, n);
  const blocks = multiply(multiply(back, a, n, n, n), basis, n, n, n);
  const place = (from: number, count: number, k: number) =>
    (from + Math.floor(k / count)) * n + from + (k % count);
  const block = (from: number, count: number) =>
    Float64Array.from({ length: count ** 2 }, (_, k) => blocks[place(from, count, k)]!);
  const log = new Float64Array(n * n);
  const rest = n - size;
  clusterLog(block(0, size), cluster).forEach((entry, k) => (log[place(0, size, k)] = entry));
  realLog(block(size, rest), rest, tolerance).forEach((entry, k) => (log[place(size, rest, k)] = entry));
  return multiply(multiply(basis, log, n, n, n), back, n, n, n);
}

interface Cluster {
  /** The mean of `size` eigenvalues near the negative real axis. */
  value: number;
  size: number;
  /** Of a conjugate pair with nothing near it, how far from the axis; else 0. */
  im: number;
}

/** The lowest negative eigenvalue, with all that lie nearer than the tolerance to it or to one another. */
function negativeCluster(a: Float64Array, n: number, tolerance: number): Cluster | undefined {
  const near = eigenvalues(a, n)
    .filter(({ re, im }) => re < 0 && Math.abs(im) <= tolerance)
    .sort((x, y) => x.re - y.re);
  if (near.length === 0) return undefined;
  let size = 1;
  while (size < near.length && near[size]!.re - near[size - 1]!.re <= tolerance) size++;
  const value = near.slice(0, size).reduce((sum, { re }) => sum + re / size, 0);
  return { value, size, im: size === 2 ? Math.abs(near[0]!.im) : 0 };
}

/** The logarithm of a matrix that has these eigenvalues only; of a pair, (a - value) / im is a square root of -1. */
function clusterLog(a: Float64Array, { value, size, im }: Cluster): Float64Array {
  // Nearer to the axis, a pair is a double eigenvalue that rounding has split.
  if (im <= 1e-10 * Math.abs(value)) return negativeClusterLog(a, size, value);
  const [modulus, angle] = [Math.hypot(value, im), Math.atan2(im, value)];
  const one = identity(size);
  return a.map((entry, k) => Math.log(modulus) * one[k]! + (angle / im) * (entry - value * one[k]!));
}

/**
 * Columns: an orthonormal basis of the kernel of (a - value)^p, of dimension `size`, then one of its range; p is that at
 * which rounding tells the two apart best. (Of a pair: of (a - value)^2 + im^2.)
 */
function splitBasis(a: Float64Array, n: number, { value, size, im }: Cluster): Float64Array {
  const one = identity(n);
  let step: Float64Array = a.map((entry, k) => entry - value * one[k]!);
  if (im > 0) step = multiply(step, step, n, n, n).map((entry, k) => entry + im ** 2 * one[k]!);
  const norm = Math.hypot(...step);
  step = step.map((entry) => entry / norm);
  const rest = n - size;
  let best: { gap: number; basis: Float64Array } = { gap: Infinity, basis: one };
  let power = step;
  for (let p = 1; p <= size && best.gap > 1e-12; p++) {
    const { u, values, v } = svd(power, n, n);
    const gap = values[rest]! / values[rest - 1]!;
    // Columns of v from `rest` on are the kernel's, those of u before it the range's.
    const basis = u.map((_, k) => (k % n < size ? v[k + rest]! : u[k - size]!));
    if (gap < best.gap) best = { gap, basis };
    power = multiply(power, step, n, n, n);
  }
  return best.basis;
}

function refuseSingular(a: Float64Array, n: number): void {
  const values = singularValues(a, n, n);
  const least = values[n - 1]!;
  if (least > n * Number.EPSILON * values[0]!) return;
  throw new UserError(`logm: the matrix is singular (singular value ${least}), so it has no logarithm`);
}

/** An exponential that does not return to `a` means that the logarithm was lost to rounding. */
function checked(a: Float64Array, n: number, log: Float64Array): Float64Array {
  const back = expm(log, n);
  let gap = 0;
  let scale = 0;
  a.forEach((x, k) => {
    gap = Math.max(gap, Math.abs(x - back[k]!));
    scale = Math.max(scale, Math.abs(x));
  });
  if (gap <= 1e-7 * scale) return log;
  throw new UserError(
    `logm: the logarithm is too ill-conditioned to compute (its exponential misses the matrix by ${(gap / scale).toExponential(1)})`,
    { hint: 'The matrix is nearly singular, or an eigenvalue is close to the negative real axis.' },
  );
}
