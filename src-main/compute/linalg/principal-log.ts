/** The principal logarithm of a matrix without eigenvalues on the closed negative real axis. */
import { UserError } from '../../../src-shared/errors.ts';
import { oneNorm } from './expm.ts';
import { identity, multiply } from './multiply.ts';
import { determinant, inverse, solve } from './solve.ts';

/** Below this 1-norm of a - 1, 17 terms of the series are exact to rounding, and cheaper than another root. */
const nearIdentity = 0.5;

/**
 * log a [n, n] = 2^s log(a^(1 / 2^s)), the inner one by log(b) = 2 artanh(z), z = (b - 1) (b + 1)^-1. Digits are lost as
 * eigenvalues come near the negative axis.
 */
export function principalLog(a: Float64Array, n: number): Float64Array {
  const one = identity(n);
  let root = a;
  let factor = 2;
  while (oneNorm(difference(root, one), n) > nearIdentity && factor < 2 ** 100) {
    root = principalRoot(root, n);
    factor *= 2;
  }
  const sum = root.map((entry, k) => entry + one[k]!);
  const z = solve(sum, n, difference(root, one), n); // the two commute
  const square = multiply(z, z, n, n, n);
  let series: Float64Array = new Float64Array(n * n);
  for (let term = 16; term >= 0; term--) {
    series = multiply(square, series, n, n, n).map((entry, k) => entry + one[k]! / (2 * term + 1));
  }
  return multiply(z, series, n, n, n).map((entry) => factor * entry);
}

/** Near enough to the identity that the iteration converges quadratically, and scaling would only disturb it. */
const near = 1e-2;

/**
 * The principal square root, of the same matrices: the Denman-Beavers iteration in its product form, scaled by the
 * determinant (N. Higham, "Functions of Matrices", 2008, 6.29). X tends to the root, M to the identity.
 */
export function principalRoot(a: Float64Array, n: number): Float64Array {
  const one = identity(n);
  let [x, m] = [a, a];
  let previous = Infinity;
  for (let step = 0; step < 100; step++) {
    const distance = oneNorm(difference(m, one), n);
    if (distance < near && distance >= previous / 2) return x; // rounding lets it come no nearer
    previous = distance;
    const scale = distance < near ? 1 : Math.exp(-determinant(m, n).logAbs / n); // the square of Higham's mu
    const inverted = inverse(m, n).map((entry) => entry / scale);
    const half = inverted.map((entry, k) => (Math.sqrt(scale) / 2) * (entry + one[k]!));
    x = multiply(x, half, n, n, n);
    m = m.map((entry, k) => one[k]! / 2 + (scale * entry + inverted[k]!) / 4);
  }
  throw new UserError(`the square root of a ${n} x ${n} matrix did not converge`);
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((entry, k) => entry - b[k]!);
}
