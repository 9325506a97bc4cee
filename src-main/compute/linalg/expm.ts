/** The matrix exponential in float64. */
import { UserError } from '../../../src-shared/errors.ts';
import { requireSize } from './library.ts';
import { identity, multiply } from './multiply.ts';
import { solve } from './solve.ts';

/** Coefficients of the numerator of the [13/13] Pade approximant of exp. */
const pade13 = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
  670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
];
/** Largest 1-norm for which the approximant is exact to rounding. */
const theta13 = 5.371920351148152;

/**
 * exp(a) for a [n, n]: scaling and squaring with the [13/13] Pade approximant (N. Higham, "The scaling and squaring
 * method for the matrix exponential revisited", SIAM J. Matrix Anal. Appl. 26, 2005).
 *
 * @throws UserError where an entry of `a` is not finite or the exponential leaves the range of numbers.
 */
export function expm(a: Float64Array, n: number): Float64Array {
  requireSize(a, n, n, 'expm');
  if (n === 0) return new Float64Array(0);
  const norm = oneNorm(a, n);
  const squarings = norm <= theta13 ? 0 : Math.ceil(Math.log2(norm / theta13));
  const scale = 2 ** -squarings;
  let result = approximant(
    a.map((x) => x * scale),
    n,
  );
  for (let k = 0; k < squarings; k++) result = multiply(result, result, n, n, n);
  if (result.some((x) => !Number.isFinite(x))) {
    throw new UserError(`expm: the exponential of a matrix of 1-norm ${norm.toPrecision(3)} is out of range`);
  }
  return result;
}

function approximant(a: Float64Array, n: number): Float64Array {
  const one = identity(n);
  const a2 = multiply(a, a, n, n, n);
  const a4 = multiply(a2, a2, n, n, n);
  const a6 = multiply(a4, a2, n, n, n);
  const c = pade13;
  const sum = (c6: number, c4: number, c2: number, c0: number) =>
    one.map((x, k) => c6 * a6[k]! + c4 * a4[k]! + c2 * a2[k]! + c0 * x);
  const odd = added(multiply(a6, sum(c[13]!, c[11]!, c[9]!, 0), n, n, n), sum(c[7]!, c[5]!, c[3]!, c[1]!));
  const u = multiply(a, odd, n, n, n);
  const v = added(multiply(a6, sum(c[12]!, c[10]!, c[8]!, 0), n, n, n), sum(c[6]!, c[4]!, c[2]!, c[0]!));
  return solve(
    v.map((x, k) => x - u[k]!),
    n,
    added(v, u),
    n,
  );
}

function added(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, k) => x + b[k]!);
}

/** Largest column sum of |a|. */
export function oneNorm(a: Float64Array, n: number): number {
  const sums = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sums[j]! += Math.abs(a[i * n + j]!);
  return sums.reduce((most, x) => Math.max(most, x), 0);
}
