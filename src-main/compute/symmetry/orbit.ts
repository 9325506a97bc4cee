/**
 * The action of GL on the hidden layers of a network, g_i between layers i and i + 1: W_i -> g_i W_i g_(i-1)^-1. Exact
 * for linear layers; for max(0, z)^k it takes a positive diagonal g_i, with g_i^-k on the other side.
 */
import { UserError } from '../../../src-shared/errors.ts';
import { determinant, inverse } from '../linalg/solve.ts';
import { identity, multiply } from '../linalg/multiply.ts';
import { singularValues } from '../linalg/svd.ts';
import type { DenseWeights } from './dense.ts';
import { pathTo } from './group-path.ts';
import type { GroupPath } from './group-path.ts';

/** What stands between two layers: the matrix that multiplies the lower one and the one that multiplies the upper. */
export interface Element {
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** W_i -> left_i W_i right_(i-1), elements[i] between layers i and i + 1 (from 0). */
export function moved(
  weights: DenseWeights,
  elements: readonly Element[],
  dims: readonly number[],
): Float64Array[] {
  return weights.map((w, i) => {
    const [rows, cols] = [dims[i + 1]!, dims[i]!];
    const left = elements[i];
    const right = elements[i - 1];
    let out: Float64Array = w;
    if (left !== undefined) out = multiply(left.left, out, rows, rows, cols);
    if (right !== undefined) out = multiply(out, right.right, rows, cols, cols);
    return out;
  });
}

/** g and its inverse. */
export function linearElement(g: Float64Array, n: number): Element {
  return { left: g, right: inverse(g, n) };
}

/** diag(c^t) below, diag(c^(-t power)) above. */
export function rescalingElement(factors: Float64Array, power: number, t = 1): Element {
  const n = factors.length;
  const diagonal = (of: (c: number) => number) =>
    identity(n).map((x, k) => (x === 1 ? of(factors[k % n]! ** t) : 0));
  return { left: diagonal((c) => c), right: diagonal((c) => c ** -power) };
}

/**
 * The curve from the identity to g inside GL; `name` says which g in messages. With `only` exponential a g without a
 * real logarithm is refused, otherwise it is reached by two exponentials, one after the other in the product.
 */
export function linearCurve(
  g: Float64Array,
  n: number,
  name: string,
  only?: 'exponential',
): { path: GroupPath; at(t: number): Element } {
  refuseUnreachable(g, n, name);
  const path = pathTo(g, n);
  if (only === 'exponential' && path.reason !== undefined) {
    throw new UserError(`${name}: ${path.reason}`, {
      hint: 'Its determinant is positive: the path through its polar factors reaches it (--path auto).',
    });
  }
  return { path, at: (t) => linearElement(path.at(t), n) };
}

/** @throws UserError where g is singular or det g < 0. */
function refuseUnreachable(g: Float64Array, n: number, name: string): void {
  const bad = g.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) throw new UserError(`${name}: entry (${Math.floor(bad / n)}, ${bad % n}) is ${g[bad]}`);
  const values = singularValues(g, n, n);
  if (!(values[n - 1]! > n * Number.EPSILON * values[0]!)) {
    throw new UserError(
      `${name} is singular (singular values from ${values[0]!.toPrecision(3)} down to ${values[n - 1]!.toPrecision(3)}): it is not an element of the group`,
    );
  }
  if (determinant(g, n).sign > 0) return;
  throw new UserError(
    `${name} has a negative determinant: no path inside the orbit leads there, every path from the identity crosses a singular matrix`,
    {
      hint: 'Swap two of its rows (a permutation of two hidden units flips the sign), or give a matrix with det > 0.',
    },
  );
}

/** diag(c)^t for positive factors. @throws UserError where one is not positive. */
export function rescalingCurve(
  factors: Float64Array,
  power: number,
  name: string,
): { at(t: number): Element } {
  const bad = factors.findIndex((c) => !(c > 0) || c === Infinity);
  if (bad >= 0) {
    throw new UserError(`${name}: factor ${bad} is ${factors[bad]}, a positive number was expected`, {
      hint: 'max(0, c z) = c max(0, z) holds for c > 0 only.',
    });
  }
  return { at: (t) => rescalingElement(factors, power, t) };
}
