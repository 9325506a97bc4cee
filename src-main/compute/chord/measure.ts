/** Deviation of interpolated ReLU layers from the chord: counted on examples, and in closed form for Gaussian ones. */
import { multiplyTransposedRight } from '../linalg/multiply.ts';
import type { LayerPair } from './layers.ts';

/** Sums over examples, neurons and the segment, for each beta. */
export class ChordSums {
  readonly #betas: readonly number[];
  readonly #lambdas: readonly number[];
  /** [betas, lambdas] of squared deviations. */
  readonly #squares: Float64Array;
  readonly #crossings: Float64Array;
  #output = 0;
  #examples = 0;

  constructor(betas: readonly number[], lambdas: readonly number[]) {
    this.#betas = betas;
    this.#lambdas = lambdas;
    this.#squares = new Float64Array(betas.length * lambdas.length);
    this.#crossings = new Float64Array(betas.length);
  }

  /** @param latents [count, k], standard normal */
  add(pair: LayerPair, latents: Float64Array, count: number, intrinsic: number): void {
    const width = pair.fixed.length / intrinsic;
    const through = (part: Float64Array) => multiplyTransposedRight(latents, part, count, intrinsic, width);
    const [f, a, b] = [through(pair.fixed), through(pair.first), through(pair.second)];
    for (const value of f) if (value > 0) this.#output += value * value;
    for (let i = 0; i < this.#betas.length; i++) this.#addBeta(i, f, a, b);
    this.#examples += count;
  }

  #addBeta(index: number, f: Float64Array, a: Float64Array, b: Float64Array): void {
    const beta = this.#betas[index]!;
    let crossings = 0;
    for (let n = 0; n < f.length; n++) {
      const p = f[n]! + beta * a[n]!;
      const q = f[n]! + beta * b[n]!;
      // relu is linear where the sign does not change: no deviation.
      if (p > 0 === q > 0) continue;
      crossings++;
      this.#addCrossing(index, p, q);
    }
    this.#crossings[index]! += crossings;
  }

  #addCrossing(index: number, p: number, q: number): void {
    const start = index * this.#lambdas.length;
    const [above, below] = [Math.max(p, 0), Math.max(q, 0)];
    for (let l = 0; l < this.#lambdas.length; l++) {
      const t = this.#lambdas[l]!;
      const between = (1 - t) * p + t * q;
      const deviation = (between > 0 ? between : 0) - (1 - t) * above - t * below;
      this.#squares[start + l]! += deviation * deviation;
    }
  }

  /** Root mean square output norm of the fixed part alone. */
  outputNorm(): number {
    return Math.sqrt(this.#output / this.#examples);
  }

  /** The largest deviation over the segment, where it is, and the share of signs that change. */
  largest(index: number, width: number): { deviation: number; lambda: number; crossings: number } {
    const count = this.#lambdas.length;
    let best = 0;
    const row = this.#squares.subarray(index * count, (index + 1) * count);
    for (let l = 1; l < count; l++) if (row[l]! > row[best]!) best = l;
    return {
      deviation: Math.sqrt(row[best]! / this.#examples),
      lambda: this.#lambdas[best]!,
      crossings: this.#crossings[index]! / (this.#examples * width),
    };
  }
}

/**
 * Largest root mean square deviation over the segment in closed form. Pre-activations of Gaussian examples are jointly
 * normal, and E relu(u) relu(v) = |u| |v| (sin t + (pi - t) cos t) / 2 pi with t the angle between u and v
 * (Y. Cho and L. Saul, Kernel Methods for Deep Learning, 2009).
 */
export function exactDeviation(
  pair: LayerPair,
  beta: number,
  intrinsic: number,
  lambdas: readonly number[],
): number {
  const width = pair.fixed.length / intrinsic;
  const squares = new Float64Array(lambdas.length);
  for (let j = 0; j < width; j++) {
    const at = j * intrinsic;
    const row = (part: Float64Array) =>
      Float64Array.from({ length: intrinsic }, (_, i) => pair.fixed[at + i]! + beta * part[at + i]!);
    const [u, v] = [row(pair.first), row(pair.second)];
    for (const [l, t] of lambdas.entries()) squares[l]! += meanSquareDeviation(u, v, t);
  }
  return Math.sqrt(Math.max(...squares));
}

/** E (relu(w) - (1 - t) relu(u) - t relu(v))^2 with w = (1 - t) u + t v. */
function meanSquareDeviation(u: Float64Array, v: Float64Array, t: number): number {
  const w = u.map((value, i) => (1 - t) * value + t * v[i]!);
  const s = 1 - t;
  return (
    reluProduct(w, w) +
    s * s * reluProduct(u, u) +
    t * t * reluProduct(v, v) -
    2 * s * reluProduct(w, u) -
    2 * t * reluProduct(w, v) +
    2 * s * t * reluProduct(u, v)
  );
}

function reluProduct(u: Float64Array, v: Float64Array): number {
  const [sizeU, sizeV] = [Math.hypot(...u), Math.hypot(...v)];
  if (sizeU === 0 || sizeV === 0) return 0;
  // Twice atan2 of difference and sum of the unit vectors: exact for small angles, where acos is not.
  let [apart, together] = [0, 0];
  for (let i = 0; i < u.length; i++) {
    const [x, y] = [u[i]! / sizeU, v[i]! / sizeV];
    apart += (x - y) ** 2;
    together += (x + y) ** 2;
  }
  const angle = 2 * Math.atan2(Math.sqrt(apart), Math.sqrt(together));
  return (sizeU * sizeV * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle))) / (2 * Math.PI);
}

/** Slope of log y over log x by least squares. */
export function logSlope(x: readonly number[], y: readonly number[]): number {
  const [u, v] = [x.map(Math.log), y.map(Math.log)];
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mu, mv] = [mean(u), mean(v)];
  let [covariance, variance] = [0, 0];
  for (const [i, value] of u.entries()) {
    covariance += (value - mu) * (v[i]! - mv);
    variance += (value - mu) ** 2;
  }
  return covariance / variance;
}
