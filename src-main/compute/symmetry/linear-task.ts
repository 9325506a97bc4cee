/** Deep linear networks of one width: W_l (.. (W_2 W_1 + skip I)) fitted to an invertible A on inputs of full rank. */
import { multiply, multiplyTransposedRight } from '../linalg/multiply.ts';
import { qr } from '../linalg/solve.ts';
import type { RandomStream } from '../random.ts';

export interface LinearTask {
  readonly width: number;
  readonly layers: number;
  /** Added to W_2 W_1 on the diagonal: the skip connection around the first two layers. 0: none. */
  readonly skip: number;
  /** [h, h], invertible: the map to be learnt, Y = A X. */
  readonly target: Float64Array;
  /** [h, h]: X X^T, so that |Y - W X|^2 = tr((A - W) X X^T (A - W)^T). */
  readonly inputGram: Float64Array;
  /** |Y|^2, the scale that losses are measured by. */
  readonly targetNorm: number;
}

/** Weights of one network: [h, h] each, W_1 first. */
export type Weights = readonly Float64Array[];

/**
 * A task drawn from `stream`: X is [h, 4h] with entries N(0, 1 / 4h); A = Q_1 diag(s) Q_2 with s log-uniform in
 * [1/2, 2], so its condition number is at most 4, and the sign of its determinant is a coin toss.
 */
export function drawLinearTask(
  layers: number,
  width: number,
  skip: number,
  stream: RandomStream,
): LinearTask {
  const samples = 4 * width;
  const inputs = Float64Array.from({ length: width * samples }, () => stream.normal() / Math.sqrt(samples));
  const left = randomOrthogonal(width, stream);
  const right = randomOrthogonal(width, stream);
  const scales = Float64Array.from({ length: width }, () => 2 ** (2 * stream.uniform() - 1));
  const scaled = left.map((x, k) => x * scales[k % width]!);
  const target = multiply(scaled, right, width, width, width);
  const inputGram = multiplyTransposedRight(inputs, inputs, width, samples, width);
  const targetNorm = quadratic(target, inputGram, width);
  return { width, layers, skip, target, inputGram, targetNorm };
}

/** Orthogonal by Haar's measure: QR of a Gaussian matrix with the signs of R's diagonal taken out. */
export function randomOrthogonal(n: number, stream: RandomStream): Float64Array {
  const { q, r } = qr(
    Float64Array.from({ length: n * n }, () => stream.normal()),
    n,
    n,
  );
  return q.map((x, k) => x * (r[(k % n) * (n + 1)]! < 0 ? -1 : 1));
}

/** tr(e gram e^T). */
function quadratic(e: Float64Array, gram: Float64Array, n: number): number {
  const image = multiply(e, gram, n, n, n);
  let sum = 0;
  for (let k = 0; k < e.length; k++) sum += image[k]! * e[k]!;
  return sum;
}

/** What the layers below the last compute: W_(l-1) .. (W_2 W_1 + skip I). */
export function innerProduct(task: LinearTask, weights: Weights): Float64Array {
  const { width: h, skip } = task;
  let product: Float64Array = weights[0]!;
  for (let i = 1; i < weights.length - 1; i++) {
    product = multiply(weights[i]!, product, h, h, h);
    if (i === 1 && skip !== 0) product = plusDiagonal(product, h, skip);
  }
  return product;
}

export function plusDiagonal(a: Float64Array, n: number, value: number): Float64Array {
  return a.map((x, k) => (k % (n + 1) === 0 ? x + value : x));
}

/** |Y - W_l .. W_1 X|^2. */
export function linearLoss(task: LinearTask, weights: Weights): number {
  const { width: h, target, inputGram } = task;
  const network = multiply(weights[weights.length - 1]!, innerProduct(task, weights), h, h, h);
  return quadratic(
    network.map((x, k) => x - target[k]!),
    inputGram,
    h,
  );
}
