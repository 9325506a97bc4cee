/** Trains many deep linear networks of one shape at once, in float64. */
import { checkpointCancel } from '../context.ts';
import type { ComputeContext, ProgressMeter } from '../context.ts';
import type { RandomStream } from '../random.ts';
import { DoubleOptimizer } from '../training/double-optimizer.ts';
import { adamDefaults } from '../training/optimizer.ts';
import type { LinearTask, Weights } from './linear-task.ts';

export interface LinearTraining {
  readonly starts: number;
  readonly steps: number;
  /** Adam's step size at the start; it falls to 0 along a half cosine. */
  readonly learningRate: number;
}

/**
 * Full-batch Adam from `starts` independent draws with entries N(0, 1/h). All weights lie in one array
 * [layers][start][h * h], so that one update loop serves them all. Returns the networks in the order they were drawn.
 * Progress: one unit per step.
 */
export async function trainLinear(
  task: LinearTask,
  training: LinearTraining,
  stream: RandomStream,
  context: ComputeContext,
  meter: ProgressMeter,
): Promise<Weights[]> {
  const { layers, width: h } = task;
  const block = h * h;
  const { starts, steps } = training;
  const weights = new Float64Array(layers * starts * block);
  for (let start = 0; start < starts; start++) {
    for (let layer = 0; layer < layers; layer++) {
      const at = (layer * starts + start) * block;
      for (let k = 0; k < block; k++) weights[at + k] = stream.normal() / Math.sqrt(h);
    }
  }
  const gradient = new Float64Array(weights.length);
  const settings = { name: 'adam', lr: training.learningRate, weightDecay: 0, ...adamDefaults } as const;
  const optimizer = new DoubleOptimizer(settings, weights.length);
  const pass = new GradientPass(task, starts);
  const chunk = Math.max(1, Math.floor(40_000 / (starts * block * layers)));
  for (let step = 1; step <= steps; step++) {
    pass.run(weights, gradient);
    const rate = (training.learningRate * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2;
    optimizer.step(weights, gradient, rate, step);
    if (step % chunk === 0 || step === steps) {
      meter.advance(
        step % chunk === 0 ? chunk : step % chunk,
        `training ${starts} networks, step ${step} of ${steps}`,
      );
      await checkpointCancel(context);
    }
  }
  return Array.from({ length: starts }, (_, start) =>
    Array.from({ length: layers }, (_, layer) => {
      const at = (layer * starts + start) * block;
      return weights.slice(at, at + block);
    }),
  );
}

/** Gradients of all networks: G_l = 2 (P_l - A) X X^T, dW_i = G_i P_(i-1)^T, G_(i-1) = W_i^T G_i. */
class GradientPass {
  readonly #task: LinearTask;
  readonly #starts: number;
  /** P_1 .. P_l of the network at hand, one after the other. */
  readonly #products: Float64Array;
  readonly #upper: Float64Array;
  readonly #lower: Float64Array;

  constructor(task: LinearTask, starts: number) {
    const block = task.width * task.width;
    this.#task = task;
    this.#starts = starts;
    this.#products = new Float64Array(task.layers * block);
    this.#upper = new Float64Array(block);
    this.#lower = new Float64Array(block);
  }

  run(weights: Float64Array, gradient: Float64Array): void {
    for (let start = 0; start < this.#starts; start++) {
      this.#forward(weights, start);
      this.#backward(weights, gradient, start);
    }
  }

  #forward(weights: Float64Array, start: number): void {
    const { layers, width: h, skip } = this.#task;
    const block = h * h;
    const products = this.#products;
    const first = start * block;
    for (let k = 0; k < block; k++) products[k] = weights[first + k]!;
    for (let i = 1; i < layers; i++) {
      const w = (i * this.#starts + start) * block;
      times(products, i * block, weights, w, products, (i - 1) * block, h);
      if (i === 1 && skip !== 0 && layers > 2) {
        for (let d = 0; d < block; d += h + 1) products[block + d]! += skip;
      }
    }
  }

  #backward(weights: Float64Array, gradient: Float64Array, start: number): void {
    const { layers, width: h, target, inputGram } = this.#task;
    const block = h * h;
    const products = this.#products;
    let upper = this.#upper;
    let lower = this.#lower;
    for (let k = 0; k < block; k++) lower[k] = 2 * (products[(layers - 1) * block + k]! - target[k]!);
    times(upper, 0, lower, 0, inputGram, 0, h);
    for (let i = layers - 1; i > 0; i--) {
      const w = (i * this.#starts + start) * block;
      timesTransposedRight(gradient, w, upper, products, (i - 1) * block, h);
      timesTransposedLeft(lower, weights, w, upper, h);
      [upper, lower] = [lower, upper];
    }
    gradient.set(upper, start * block);
  }
}

/** out = a b, each [h, h] at its place. */
function times(
  out: Float64Array,
  o: number,
  a: Float64Array,
  p: number,
  b: Float64Array,
  q: number,
  h: number,
): void {
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < h; j++) {
      let sum = 0;
      for (let k = 0; k < h; k++) sum += a[p + i * h + k]! * b[q + k * h + j]!;
      out[o + i * h + j] = sum;
    }
  }
}

/** out = a b^T, a at 0. */
function timesTransposedRight(
  out: Float64Array,
  o: number,
  a: Float64Array,
  b: Float64Array,
  q: number,
  h: number,
): void {
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < h; j++) {
      let sum = 0;
      for (let k = 0; k < h; k++) sum += a[i * h + k]! * b[q + j * h + k]!;
      out[o + i * h + j] = sum;
    }
  }
}

/** out = a^T b, out and b at 0. */
function timesTransposedLeft(
  out: Float64Array,
  a: Float64Array,
  p: number,
  b: Float64Array,
  h: number,
): void {
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < h; j++) {
      let sum = 0;
      for (let k = 0; k < h; k++) sum += a[p + k * h + i]! * b[k * h + j]!;
      out[i * h + j] = sum;
    }
  }
}
