/** Trains many deep linear networks of one shape at once, in float64. */
import { checkpointCancel } from '../context.ts';
import type { ComputeContext, ProgressMeter } from '../context.ts';
import { addProduct, transposedView, view } from '../linalg/multiply.ts';
import type { View } from '../linalg/multiply.ts';
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
  const pass = gradientPass(task, starts, weights, gradient);
  const chunk = Math.max(1, Math.floor(40_000 / (starts * block * layers)));
  for (let step = 1; step <= steps; step++) {
    pass();
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

/**
 * Gradients of all networks: with P_i = W_i .. W_1 and G_l = 2 (P_l - A) X X^T, dW_i = G_i P_(i-1)^T and
 * G_(i-1) = W_i^T G_i.
 */
function gradientPass(
  { layers, width: h, skip, target, inputGram }: LinearTask,
  starts: number,
  weights: Float64Array,
  gradient: Float64Array,
): () => void {
  const block = h * h;
  /** [layer][start] */
  const views = (data: Float64Array): View[][] =>
    Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: starts }, (_, start) => view(data, h, (layer * starts + start) * block)),
    );
  const [w, dw] = [views(weights), views(gradient)];
  const transposed = w.map((ofLayer) => ofLayer.map(transposedView));
  const empty = (): View => view(new Float64Array(block), h);
  /** P_1 .. P_l of the network at hand. */
  const p = Array.from({ length: layers }, empty);
  const flipped = p.map(transposedView);
  const gram = view(inputGram, h);
  const times = (out: View, a: View, b: View): void => {
    out.data.fill(0);
    addProduct(out, a, b, h, h, h, 1);
  };
  let [upper, lower] = [empty(), empty()];

  const forward = (start: number): void => {
    p[0]!.data.set(weights.subarray(start * block, (start + 1) * block));
    for (let i = 1; i < layers; i++) {
      times(p[i]!, w[i]![start]!, p[i - 1]!);
      if (i === 1 && layers > 2) for (let d = 0; d < block; d += h + 1) p[1]!.data[d]! += skip;
    }
  };
  const backward = (start: number): void => {
    const last = p[layers - 1]!.data;
    for (let k = 0; k < block; k++) lower.data[k] = 2 * (last[k]! - target[k]!);
    times(upper, lower, gram);
    for (let i = layers - 1; i > 0; i--) {
      addProduct(dw[i]![start]!, upper, flipped[i - 1]!, h, h, h, 1);
      times(lower, transposed[i]![start]!, upper);
      [upper, lower] = [lower, upper];
    }
    gradient.set(upper.data, start * block);
  };
  return () => {
    gradient.fill(0);
    for (let start = 0; start < starts; start++) {
      forward(start);
      backward(start);
    }
  };
}
