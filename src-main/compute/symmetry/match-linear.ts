/** The element of GL that best takes one linear network to another. */
import { UserError } from '../../../src-shared/errors.ts';
import { multiply, transpose } from '../linalg/multiply.ts';
import { determinant, inverse, leastSquares } from '../linalg/solve.ts';
import { singularValues } from '../linalg/svd.ts';
import type { DenseWeights } from './dense.ts';
import { linearElement, moved } from './orbit.ts';

export interface LinearMatch {
  /** One matrix per hidden layer. */
  readonly elements: readonly Float64Array[];
  /** Signs of their determinants: all positive where a path inside the orbit can join the two. */
  readonly signs: readonly number[];
  /** The first network under these elements. */
  readonly image: Float64Array[];
}

/**
 * g_i by least squares, layer after layer: |g_i W_i g_(i-1)^-1 - W'_i| least. Exact where the second network lies on
 * the first one's orbit and the W_i have full row rank.
 * @throws UserError where some W_i g_(i-1)^-1 has not full row rank, or g_i comes out singular.
 */
export function matchLinear(from: DenseWeights, to: DenseWeights, dims: readonly number[]): LinearMatch {
  const elements: Float64Array[] = [];
  for (let i = 0; i < from.length - 1; i++) {
    const [rows, cols] = [dims[i + 1]!, dims[i]!];
    const below = elements[i - 1];
    const source =
      below === undefined ? from[i]! : multiply(from[i]!, inverse(below, cols), rows, cols, cols);
    if (rows > cols) {
      throw new UserError(
        `hidden layer ${i + 1} is wider than the layer below it: its group element is not determined`,
      );
    }
    // source^T g^T = target^T
    const g = leastSquares(transpose(source, rows, cols), cols, rows, transpose(to[i]!, rows, cols), rows);
    const element = transpose(g, rows, rows);
    const values = singularValues(element, rows, rows);
    if (!(values[rows - 1]! > 1e-13 * values[0]!)) {
      throw new UserError(
        `the least-squares group element of hidden layer ${i + 1} is singular: the networks share no orbit`,
      );
    }
    elements.push(element);
  }
  const image = moved(
    from,
    elements.map((g, i) => linearElement(g, dims[i + 1]!)),
    dims,
  );
  return { elements, signs: elements.map((g, i) => determinant(g, dims[i + 1]!).sign), image };
}
