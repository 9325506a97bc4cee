/**
 * Real logarithms of real matrices. A real matrix has one exactly if it is invertible and every size of Jordan block
 * of each negative eigenvalue occurs an even number of times (W. Culver, Proc. Amer. Math. Soc. 17, 1966).
 */
import { UserError } from '../../../src-shared/errors.ts';
import { expm } from './expm.ts';
import { separate } from './block-diagonal.ts';
import { determinant, inverse, requireSquare } from './lu.ts';
import { multiply, multiplyTransposedRight } from './multiply.ts';
import { negativeClusterLog } from './negative-log.ts';
import { principalLog } from './principal-log.ts';
import { realSchur, schurEigenvalues } from './schur.ts';

/**
 * Relative width of what counts as one eigenvalue: rounding spreads a Jordan block of size k over eps^(1/k), 6e-6 for
 * k = 3, times the condition of the basis.
 */
const clusterTolerance = 2e-4;

/**
 * A real L [n, n] with exp(L) = a. The principal logarithm where `a` has no negative eigenvalue; otherwise principal
 * on the rest, and log|mu| +- i pi in pairs on each negative eigenvalue mu.
 *
 * @throws UserError where no real logarithm exists, naming the eigenvalue, and where rounding decides the question:
 * the result is checked by taking its exponential.
 */
export function logm(a: Float64Array, n: number): Float64Array {
  requireSquare(a, n, 'logm');
  if (n === 0) return new Float64Array(0);
  const schur = realSchur(a, n);
  refuseSingular(a, n, schur.t);
  const scale = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const { clusters, basis, blocks } = separate(schur, clusterTolerance * scale);
  if (clusters.length === 0) {
    const log = principalLog(schur.t, n);
    return checked(a, n, multiplyTransposedRight(multiply(schur.q, log, n, n, n), schur.q, n, n, n));
  }
  const whole = new Float64Array(n * n);
  let start = 0;
  for (const { matrix, size, negative } of blocks) {
    const log =
      negative === undefined ? principalLog(matrix, size) : negativeClusterLog(matrix, size, negative);
    for (let i = 0; i < size; i++) whole.set(log.subarray(i * size, (i + 1) * size), (start + i) * n + start);
    start += size;
  }
  return checked(a, n, multiply(multiply(basis, whole, n, n, n), inverse(basis, n), n, n, n));
}

function refuseSingular(a: Float64Array, n: number, t: Float64Array): void {
  const values = schurEigenvalues(t, n);
  const largest = values.reduce((most, { re, im }) => Math.max(most, Math.hypot(re, im)), 0);
  const zero = values.find(({ re, im }) => Math.hypot(re, im) <= n * Number.EPSILON * largest);
  if (zero === undefined && determinant(a, n).sign !== 0) return;
  throw new UserError(`logm: the matrix is singular (eigenvalue ${zero?.re ?? 0}), so it has no logarithm`);
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
    { hint: 'The matrix is nearly singular, or an eigenvalue lies on the edge of being negative.' },
  );
}
