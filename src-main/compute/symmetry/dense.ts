/** Small bias-free networks in float64: f(x) = W_l sigma(.. sigma(W_1 x)), sigma linear or max(0, z)^power. */
import { UserError } from '../../../src-shared/errors.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../linalg/multiply.ts';
import type { RandomStream } from '../random.ts';
import { DoubleOptimizer } from '../training/double-optimizer.ts';
import { adamDefaults } from '../training/optimizer.ts';
import type { OptimizerSettings } from '../training/optimizer.ts';

export interface DenseTask {
  /** [inputs, hidden widths .., outputs] */
  readonly dims: readonly number[];
  /** Of the hidden layers. */
  readonly activation: 'linear' | 'relu';
  /** sigma(z) = max(0, z)^power: sigma(c z) = c^power sigma(z). Ignored where linear. */
  readonly power: number;
  /** [samples, inputs] and [samples, outputs]. */
  readonly inputs: Float64Array;
  readonly targets: Float64Array;
  readonly samples: number;
  /** The loss is the sum of squared errors divided by this. */
  readonly divisor: number;
}

/** W_i [dims[i + 1], dims[i]], W_1 first. */
export type DenseWeights = readonly Float64Array[];

/** A regression task: standard normal inputs, targets from a network of half the hidden width drawn the same way. */
export function drawRegression(
  dims: readonly number[],
  samples: number,
  power: number,
  stream: RandomStream,
): DenseTask {
  const inputs = Float64Array.from({ length: samples * dims[0]! }, () => stream.normal());
  const teacherDims = dims.map((n, i) =>
    i === 0 || i === dims.length - 1 ? n : Math.max(1, Math.ceil(n / 2)),
  );
  const shape = { activation: 'relu' as const, power, inputs, samples, divisor: samples };
  const teacher = drawWeights(teacherDims, stream, Math.SQRT2);
  const targets = denseOutputs({ ...shape, dims: teacherDims, targets: inputs }, teacher);
  return { ...shape, dims, targets };
}

/** Entries N(0, gain^2 / inputs of the layer). */
export function drawWeights(dims: readonly number[], stream: RandomStream, gain: number): Float64Array[] {
  return dims.slice(1).map((rows, i) => {
    const deviation = gain / Math.sqrt(dims[i]!);
    return Float64Array.from({ length: rows * dims[i]! }, () => deviation * stream.normal());
  });
}

/** Network outputs [samples, outputs]. */
export function denseOutputs(task: DenseTask, weights: DenseWeights): Float64Array {
  return forward(task, weights).at(-1)!;
}

/** The inputs of each layer, then the outputs; `derivatives`, if given, receives sigma' per hidden layer. */
function forward(task: DenseTask, weights: DenseWeights, derivatives?: Float64Array[]): Float64Array[] {
  const { dims, samples, activation, power } = task;
  const values: Float64Array[] = [task.inputs];
  weights.forEach((w, i) => {
    const z = multiplyTransposedRight(values[i]!, w, samples, dims[i]!, dims[i + 1]!);
    if (i < weights.length - 1 && activation === 'relu') {
      derivatives?.push(z.map((x) => (x > 0 ? (power === 1 ? 1 : power * x ** (power - 1)) : 0)));
      for (let k = 0; k < z.length; k++) z[k] = z[k]! > 0 ? (power === 1 ? z[k]! : z[k]! ** power) : 0;
    }
    values.push(z);
  });
  return values;
}

/** sum |f(x) - y|^2 / divisor. */
export function denseLoss(task: DenseTask, weights: DenseWeights): number {
  const outputs = denseOutputs(task, weights);
  let sum = 0;
  for (let k = 0; k < outputs.length; k++) sum += (outputs[k]! - task.targets[k]!) ** 2;
  return sum / task.divisor;
}

/** d loss / d W_i for all layers, on a part of the samples where `rows` says so. */
export function denseGradient(task: DenseTask, weights: DenseWeights, rows?: Int32Array): Float64Array[] {
  const used = rows === undefined ? task : selected(task, rows);
  const { dims, samples, targets, divisor } = used;
  const derivatives: Float64Array[] = [];
  const values = forward(used, weights, derivatives);
  let upper: Float64Array = values.at(-1)!.map((x, k) => (2 / divisor) * (x - targets[k]!));
  const gradients: Float64Array[] = [];
  for (let i = weights.length - 1; i >= 0; i--) {
    gradients[i] = multiplyTransposedLeft(upper, values[i]!, dims[i + 1]!, samples, dims[i]!);
    if (i === 0) break;
    upper = multiply(upper, weights[i]!, samples, dims[i + 1]!, dims[i]!);
    const slope = derivatives[i - 1];
    if (slope !== undefined) for (let k = 0; k < upper.length; k++) upper[k]! *= slope[k]!;
  }
  return gradients;
}

function selected(task: DenseTask, rows: Int32Array): DenseTask {
  const take = (data: Float64Array, width: number) => {
    const out = new Float64Array(rows.length * width);
    rows.forEach((row, k) => out.set(data.subarray(row * width, (row + 1) * width), k * width));
    return out;
  };
  return {
    ...task,
    inputs: take(task.inputs, task.dims[0]!),
    targets: take(task.targets, task.dims.at(-1)!),
    samples: rows.length,
    divisor: (task.divisor * rows.length) / task.samples,
  };
}

export interface DenseTraining {
  readonly steps: number;
  readonly learningRate: number;
  /** `sgd`: W -= rate (gradient + decay W). `adamw`: the decay is applied to the weights, outside the adaptive step. */
  readonly optimizer: 'sgd' | 'adamw';
  readonly weightDecay: number;
  /** Samples per step; absent: all of them. */
  readonly batch?: number;
}

/**
 * Trains from `start` with a step size that falls to 0 along a half cosine. `order` draws the batches.
 * @throws UserError where the weights do not stay finite.
 */
export async function trainDense(
  task: DenseTask,
  start: DenseWeights,
  training: DenseTraining,
  order: RandomStream,
  context: ComputeContext,
): Promise<Float64Array[]> {
  const weights = start.map((w) => Float64Array.from(w));
  const { steps, batch } = training;
  const settings = settingsOf(training);
  const optimizers = weights.map(({ length }) => new DoubleOptimizer(settings, length));
  for (let step = 1; step <= steps; step++) {
    const rows =
      batch === undefined || batch >= task.samples ? undefined : drawRows(task.samples, batch, order);
    const gradients = denseGradient(task, weights, rows);
    const rate = (training.learningRate * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2;
    for (const [i, w] of weights.entries()) optimizers[i]!.step(w, gradients[i]!, rate, step);
    if (step % 100 === 0 || step === steps) {
      if (weights.some((w) => w.some((x) => !Number.isFinite(x)))) throw diverged(training, step);
      await checkpointCancel(context);
    }
  }
  return weights;
}

const settingsOf = ({ optimizer, learningRate: lr, weightDecay }: DenseTraining): OptimizerSettings =>
  optimizer === 'sgd'
    ? { name: optimizer, lr, weightDecay, momentum: 0 }
    : { name: optimizer, lr, weightDecay, ...adamDefaults };

function drawRows(samples: number, batch: number, order: RandomStream): Int32Array {
  const all = Int32Array.from({ length: samples }, (_, k) => k);
  return order.shuffle(all, batch).slice(0, batch);
}

function diverged({ optimizer, learningRate, weightDecay }: DenseTraining, step: number): UserError {
  return new UserError(
    `training diverged by step ${step}: weights are no longer finite (${optimizer}, learning rate ${learningRate}, weight decay ${weightDecay})`,
    { hint: 'Lower the learning rate.' },
  );
}

/** (1 - t) a + t b, layer by layer. */
export function blended(a: DenseWeights, b: DenseWeights, t: number): Float64Array[] {
  return a.map((w, i) => w.map((x, k) => (t === 1 ? b[i]![k]! : x + t * (b[i]![k]! - x))));
}

/** Euclidean distance of two weight vectors. */
export function weightDistance(a: DenseWeights, b: DenseWeights): number {
  let sum = 0;
  a.forEach((w, i) => w.forEach((x, k) => (sum += (x - b[i]![k]!) ** 2)));
  return Math.sqrt(sum);
}

/** Losses at steps + 1 points of the straight line from a to b. */
export function lineLosses(task: DenseTask, a: DenseWeights, b: DenseWeights, steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, k) => denseLoss(task, blended(a, b, k / steps)));
}
