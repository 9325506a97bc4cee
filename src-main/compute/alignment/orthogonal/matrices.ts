/** The matrices that units are mixed with. All are flat, row-major and square. */
import { svd } from '../../linalg/svd.ts';
import { identity, multiply, multiplyTransposedRight, transpose } from '../../linalg/multiply.ts';
import { symmetricEigen } from '../../linalg/symmetric-eigen.ts';
import type { RandomStream } from '../../random.ts';

/** How far R R^T may be from the identity. */
const tolerance = 1e-10;

export function isOrthogonal(matrix: Float64Array, n: number): boolean {
  const product = multiplyTransposedRight(matrix, matrix, n, n, n);
  const one = identity(n);
  return product.every((value, i) => Math.abs(value - one[i]!) <= tolerance);
}

/**
 * The orthogonal R with the largest sum of products with `m` (Procrustes). @param keepsOnes only among those that keep the
 * vector of ones
 */
export function nearestRotation(m: Float64Array, n: number, keepsOnes: boolean): Float64Array {
  const found = keepsOnes && n > 1 ? onesKept(m, n) : unitaryPart(m, n);
  // Of a matrix that is almost nothing the directions are noise.
  return isOrthogonal(found, n) ? found : identity(n);
}

function unitaryPart(m: Float64Array, n: number): Float64Array {
  const { u, v } = svd(m, n, n);
  return multiplyTransposedRight(u, v, n, n, n);
}

/** Of the entries at the same places. */
export const sumOfProducts = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** [n, n - 1]: an orthonormal basis of the vectors whose entries sum to 0 (Helmert). */
function sumlessBasis(n: number): Float64Array {
  const basis = new Float64Array(n * (n - 1));
  for (let k = 1; k < n; k++) {
    const scale = 1 / Math.sqrt(k * (k + 1));
    for (let i = 0; i < k; i++) basis[i * (n - 1) + k - 1] = scale;
    basis[k * (n - 1) + k - 1] = -k * scale;
  }
  return basis;
}

function onesKept(m: Float64Array, n: number): Float64Array {
  const basis = sumlessBasis(n);
  const across = transpose(basis, n, n - 1);
  const small = multiply(multiply(across, m, n - 1, n, n), basis, n - 1, n, n - 1);
  return withOnes(unitaryPart(small, n - 1), n);
}

/** The map of n entries that keeps ones and does this to those that sum to 0. @param small [n - 1, n - 1] */
function withOnes(small: Float64Array, n: number): Float64Array {
  const basis = sumlessBasis(n);
  const turned = multiply(basis, small, n, n - 1, n - 1);
  return multiplyTransposedRight(turned, basis, n, n - 1, n).map((value) => value + 1 / n);
}

export function randomRotation(stream: RandomStream, n: number, keepsOnes: boolean): Float64Array {
  const size = keepsOnes ? n - 1 : n;
  const drawn = unitaryPart(Float64Array.from(stream.normals(size * size)), size);
  return keepsOnes ? withOnes(drawn, n) : drawn;
}

export interface Invertible {
  readonly matrix: Float64Array;
  /** Its inverse, transposed. */
  readonly opposite: Float64Array;
}

/** Rotations around stretches by about 1/2 to 2. */
export function randomInvertible(stream: RandomStream, n: number): Invertible {
  const [left, right] = [randomRotation(stream, n, false), randomRotation(stream, n, false)];
  const stretches = stream.normals(n).map((value) => Math.exp(value / 3));
  const between = (power: number): Float64Array =>
    multiply(
      left.map((value, i) => value * stretches[i % n]! ** power),
      right,
      n,
      n,
      n,
    );
  return { matrix: between(1), opposite: between(-1) };
}

/** The smallest eigenvalue that counts, relative to the largest: below it a side has directions that nothing enters. */
const smallest = 1e-9;

/** V f(values) V^T; undefined if the matrix is singular. */
function ofEigenvalues(
  matrix: Float64Array,
  n: number,
  of: (value: number) => number,
): Float64Array | undefined {
  const { values, vectors } = symmetricEigen(matrix, n);
  if (!(values[0]! > smallest * values[n - 1]!)) return undefined;
  return multiplyTransposedRight(
    vectors.map((value, i) => value * of(values[i % n]!)),
    vectors,
    n,
    n,
    n,
  );
}

/**
 * The symmetric A after which two sides are equally long in all directions: A g A = A^-1 h A^-1.
 * @param g [n, n], symmetric: products of the entries of one side @param h of the other side
 * @returns undefined if a side has directions of no length
 */
export function balancing(g: Float64Array, h: Float64Array, n: number): Invertible | undefined {
  const root = ofEigenvalues(g, n, Math.sqrt);
  const inverse = ofEigenvalues(g, n, (value) => 1 / Math.sqrt(value));
  if (!root || !inverse) return undefined;
  const middle = ofEigenvalues(
    symmetric(multiply(multiply(root, h, n, n, n), root, n, n, n), n),
    n,
    Math.sqrt,
  );
  if (!middle) return undefined;
  // A^2, the geometric mean of g^-1 and h.
  const square = symmetric(multiply(multiply(inverse, middle, n, n, n), inverse, n, n, n), n);
  const matrix = ofEigenvalues(square, n, Math.sqrt);
  const opposite = ofEigenvalues(square, n, (value) => 1 / Math.sqrt(value));
  return matrix && opposite && { matrix, opposite };
}

const symmetric = (a: Float64Array, n: number): Float64Array =>
  a.map((value, i) => (value + a[(i % n) * n + Math.floor(i / n)]!) / 2);
