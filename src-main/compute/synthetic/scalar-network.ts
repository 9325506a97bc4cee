/**
 * y(x) = sum_j relu((W * M)_j . x + b_j), trained on the squared error (neuron-identifiability, ScalarMaskedReLUNet,
 * src/models/mlp.py:124-144). The inputs are x = B z with z of two numbers, so a unit's input is a_j . z + b_j with
 * a_j = B^T (W * M)_j: all passes over examples work on those two numbers, however many inputs there are. Float64.
 */
import { DoubleOptimizer } from '../training/double-optimizer.ts';
import { adamDefaults } from '../training/optimizer.ts';
import { ScalarKernels } from './scalar-kernels.ts';

/** Examples as their two latent numbers, each in a list of its own, and what the network should put out. */
export interface ScalarExamples {
  first: Float64Array;
  second: Float64Array;
  targets: Float64Array;
}

/** What networks of one experiment share. */
export interface ScalarTask {
  width: number;
  /** D */
  inputs: number;
  /** [width, D], 1 where a weight takes part. */
  mask: Float64Array;
  /** [D, 2] */
  basis: Float64Array;
  train: ScalarExamples;
  test: ScalarExamples;
}

export interface ScalarNetwork {
  /** [width, D]; entries under the mask are kept, though nothing depends on them. */
  weight: Float64Array;
  /** [width] */
  bias: Float64Array;
}

export interface ScalarTraining {
  batchSize: number;
  learningRate: number;
  weightDecay: number;
  biasWeightDecay: number;
  trainBias: boolean;
}

/** Units as they act on latents: a_j . z + b_j. */
interface Units {
  first: Float64Array;
  second: Float64Array;
  bias: Float64Array;
}

/** Places [unit x D + input] of weights that anything depends on: not masked, at an input that is not always 0. */
function liveOf({ inputs, mask, basis }: ScalarTask): Int32Array {
  const isUsed = (r: number): boolean => basis[2 * r] !== 0 || basis[2 * r + 1] !== 0;
  return Int32Array.from([...mask.keys()].filter((at) => mask[at] !== 0 && isUsed(at % inputs)));
}

function unitsOf(
  { width, inputs, mask, basis }: ScalarTask,
  { weight, bias }: ScalarNetwork,
  live: Int32Array,
): Units {
  const first = new Float64Array(width);
  const second = new Float64Array(width);
  for (const at of live) {
    const j = Math.floor(at / inputs);
    const r = at - j * inputs;
    const active = mask[at]! * weight[at]!;
    first[j]! += active * basis[2 * r]!;
    second[j]! += active * basis[2 * r + 1]!;
  }
  return { first, second, bias };
}

/** Whether some input can make the unit active: most of them are masked from all inputs where these are few. */
const isReached = (a0: number, a1: number, b: number): boolean => a0 !== 0 || a1 !== 0 || b > 0;

/** Outputs of all units together on the first `count` examples in the kernels' memory, into `out`. */
function forward(units: Units, kernels: ScalarKernels, count: number): void {
  kernels.begin(count);
  for (let j = 0; j < units.bias.length; j++) {
    const [a0, a1, b] = [units.first[j]!, units.second[j]!, units.bias[j]!];
    if (isReached(a0, a1, b)) kernels.addOutput(a0, a1, b);
  }
}

function kernelsWith({ first, second, targets }: ScalarExamples): ScalarKernels {
  const kernels = new ScalarKernels(targets.length);
  kernels.first.set(first);
  kernels.second.set(second);
  return kernels;
}

/** Over the examples that `kernels` hold. */
function meanSquare(units: Units, { targets }: ScalarExamples, kernels: ScalarKernels): number {
  forward(units, kernels, targets.length);
  let sum = 0;
  for (let n = 0; n < targets.length; n++) sum += (kernels.out[n]! - targets[n]!) ** 2;
  return sum / targets.length;
}

/** Mean squared error on the test examples. */
export function testLoss(task: ScalarTask, network: ScalarNetwork): number {
  return meanSquare(unitsOf(task, network, liveOf(task)), task.test, kernelsWith(task.test));
}

/**
 * Trains a copy of `initial`, and gives it in the end; yields after every epoch.
 * @param orders per epoch the training examples in the order they are visited; the last batch may be smaller
 */
export function* scalarTraining(
  task: ScalarTask,
  initial: ScalarNetwork,
  orders: Iterable<ArrayLike<number>>,
  settings: ScalarTraining,
): Generator<void, ScalarNetwork> {
  const network = { weight: initial.weight.slice(), bias: initial.bias.slice() };
  const live = liveOf(task);
  const { learningRate, weightDecay, biasWeightDecay } = settings;
  const adamw = (decay: number) =>
    ({ name: 'adamw', lr: learningRate, weightDecay: decay, ...adamDefaults }) as const;
  const weights = new DoubleOptimizer(adamw(weightDecay), network.weight.length, live);
  const biases = new DoubleOptimizer(adamw(biasWeightDecay), network.bias.length);
  const batch = new Batch(task, live, settings.batchSize);
  let step = 0;
  for (const order of orders) {
    for (let start = 0; start < order.length; start += settings.batchSize) {
      batch.take(order, start);
      const { weight, bias } = batch.gradients(network);
      step++;
      weights.step(network.weight, weight, learningRate, step);
      if (settings.trainBias) biases.step(network.bias, bias, learningRate, step);
    }
    yield;
  }
  return network;
}

/** The examples of one step, side by side, and the memory that its gradients need. */
class Batch {
  readonly #task: ScalarTask;
  readonly #live: Int32Array;
  readonly #kernels: ScalarKernels;
  readonly #targets: Float64Array;
  readonly #weight: Float64Array;
  readonly #bias: Float64Array;
  #count = 0;

  constructor(task: ScalarTask, live: Int32Array, size: number) {
    this.#task = task;
    this.#live = live;
    const capacity = Math.min(size, task.train.targets.length);
    this.#kernels = new ScalarKernels(capacity);
    this.#targets = new Float64Array(capacity);
    this.#weight = new Float64Array(task.width * task.inputs);
    this.#bias = new Float64Array(task.width);
  }

  take(order: ArrayLike<number>, start: number): void {
    const { first, second, targets } = this.#task.train;
    this.#count = Math.min(this.#targets.length, order.length - start);
    for (let n = 0; n < this.#count; n++) {
      const row = order[start + n]!;
      this.#kernels.first[n] = first[row]!;
      this.#kernels.second[n] = second[row]!;
      this.#targets[n] = targets[row]!;
    }
  }

  /** Of the mean squared error on the batch. The lists are overwritten by the next call. */
  gradients(network: ScalarNetwork): { weight: Float64Array; bias: Float64Array } {
    const units = unitsOf(this.#task, network, this.#live);
    forward(units, this.#kernels, this.#count);
    const residuals = this.#kernels.out;
    for (let n = 0; n < this.#count; n++)
      residuals[n] = (2 * (residuals[n]! - this.#targets[n]!)) / this.#count;
    if (this.#count % 2 === 1) residuals[this.#count] = 0;
    this.#gradientsOf(units);
    return { weight: this.#weight, bias: this.#bias };
  }

  /** Weights that nothing depends on have none: their places stay 0. */
  #gradientsOf(units: Units): void {
    const { width, inputs, mask, basis } = this.#task;
    const [first, second] = [new Float64Array(width), new Float64Array(width)];
    for (let j = 0; j < width; j++) {
      const [a0, a1, b] = [units.first[j]!, units.second[j]!, units.bias[j]!];
      if (isReached(a0, a1, b)) {
        [first[j], second[j], this.#bias[j]] = this.#kernels.gradient(a0, a1, b);
      } else this.#bias[j] = 0;
    }
    for (const at of this.#live) {
      const j = Math.floor(at / inputs);
      const r = at - j * inputs;
      this.#weight[at] = mask[at]! * (first[j]! * basis[2 * r]! + second[j]! * basis[2 * r + 1]!);
    }
  }
}

/** Test losses on the straight line from `a` to `b`, both ends included. */
export function lossesBetween(
  task: ScalarTask,
  a: ScalarNetwork,
  b: ScalarNetwork,
  lambdas: readonly number[],
): number[] {
  const live = liveOf(task);
  const [from, to] = [unitsOf(task, a, live), unitsOf(task, b, live)];
  const kernels = kernelsWith(task.test);
  // What acts on latents is linear in the weights, so it may be blended in their place.
  const blend = (x: Float64Array, y: Float64Array, t: number) =>
    x.map((value, i) => (1 - t) * value + t * y[i]!);
  return lambdas.map((t) =>
    meanSquare(
      {
        first: blend(from.first, to.first, t),
        second: blend(from.second, to.second, t),
        bias: blend(from.bias, to.bias, t),
      },
      task.test,
      kernels,
    ),
  );
}
