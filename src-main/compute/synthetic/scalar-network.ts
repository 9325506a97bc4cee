/**
 * y(x) = sum_j relu((W * M)_j . x + b_j), trained on the squared error (neuron-identifiability, ScalarMaskedReLUNet,
 * src/models/mlp.py:124-144). The inputs are x = B z with z of two numbers, so a unit's answer is a_j . z + b_j with
 * a_j = B^T (W * M)_j: all passes over examples work on those two numbers, however many inputs there are. Float64.
 */

/** Examples as their two latent numbers, each in a list of its own, and what the network should answer. */
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

function unitsOf({ width, inputs, mask, basis }: ScalarTask, { weight, bias }: ScalarNetwork): Units {
  const first = new Float64Array(width);
  const second = new Float64Array(width);
  for (let j = 0; j < width; j++) {
    for (let r = 0; r < inputs; r++) {
      const active = mask[j * inputs + r]! * weight[j * inputs + r]!;
      first[j]! += active * basis[2 * r]!;
      second[j]! += active * basis[2 * r + 1]!;
    }
  }
  return { first, second, bias };
}

/** Answers of all units together on the first `count` of the latents. */
function forward(units: Units, z0: Float64Array, z1: Float64Array, count: number, out: Float64Array): void {
  out.fill(0, 0, count);
  for (let j = 0; j < units.bias.length; j++) {
    const [a0, a1, b] = [units.first[j]!, units.second[j]!, units.bias[j]!];
    // A unit that no input reaches answers nothing.
    if (a0 === 0 && a1 === 0 && b <= 0) continue;
    for (let n = 0; n < count; n++) {
      const h = a0 * z0[n]! + a1 * z1[n]! + b;
      if (h > 0) out[n]! += h;
    }
  }
}

function meanSquare(units: Units, { first, second, targets }: ScalarExamples, out: Float64Array): number {
  forward(units, first, second, targets.length, out);
  let sum = 0;
  for (let n = 0; n < targets.length; n++) sum += (out[n]! - targets[n]!) ** 2;
  return sum / targets.length;
}

/** Mean squared error on the test examples. */
export function testLoss(task: ScalarTask, network: ScalarNetwork): number {
  return meanSquare(unitsOf(task, network), task.test, new Float64Array(task.test.targets.length));
}

/** AdamW as PyTorch computes it: decoupled decay, epsilon after the bias correction. */
class AdamW {
  readonly #m: Float64Array;
  readonly #v: Float64Array;
  readonly #rate: number;
  readonly #decay: number;

  constructor(size: number, rate: number, decay: number) {
    this.#m = new Float64Array(size);
    this.#v = new Float64Array(size);
    this.#rate = rate;
    this.#decay = decay;
  }

  /** @param step from 1 */
  apply(values: Float64Array, gradient: Float64Array, step: number): void {
    const kept = 1 - this.#rate * this.#decay;
    const rate = this.#rate / (1 - 0.9 ** step);
    const root = Math.sqrt(1 - 0.999 ** step);
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i]!;
      const m = 0.9 * this.#m[i]! + 0.1 * g;
      const v = 0.999 * this.#v[i]! + 0.001 * g * g;
      this.#m[i] = m;
      this.#v[i] = v;
      values[i] = values[i]! * kept - (rate * m) / (Math.sqrt(v) / root + 1e-8);
    }
  }
}

/**
 * Trains a copy of `initial`.
 * @param orders per epoch the training examples in the order they are visited; the last batch may be smaller
 * @param between called after every epoch; throw there to stop
 */
export async function trainScalar(
  task: ScalarTask,
  initial: ScalarNetwork,
  orders: Iterable<ArrayLike<number>>,
  settings: ScalarTraining,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<ScalarNetwork> {
  const network = { weight: initial.weight.slice(), bias: initial.bias.slice() };
  const weights = new AdamW(network.weight.length, settings.learningRate, settings.weightDecay);
  const biases = new AdamW(network.bias.length, settings.learningRate, settings.biasWeightDecay);
  const batch = new Batch(task, settings.batchSize);
  let step = 0;
  for (const order of orders) {
    for (let start = 0; start < order.length; start += settings.batchSize) {
      batch.take(order, start);
      const { weight, bias } = batch.gradients(network);
      step++;
      weights.apply(network.weight, weight, step);
      if (settings.trainBias) biases.apply(network.bias, bias, step);
    }
    await between();
  }
  return network;
}

/** The examples of one step, side by side, and the memory that its gradients need. */
class Batch {
  readonly #task: ScalarTask;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #targets: Float64Array;
  readonly #residuals: Float64Array;
  readonly #weight: Float64Array;
  readonly #bias: Float64Array;
  #count = 0;

  constructor(task: ScalarTask, size: number) {
    this.#task = task;
    const capacity = Math.min(size, task.train.targets.length);
    [this.#first, this.#second] = [new Float64Array(capacity), new Float64Array(capacity)];
    [this.#targets, this.#residuals] = [new Float64Array(capacity), new Float64Array(capacity)];
    this.#weight = new Float64Array(task.width * task.inputs);
    this.#bias = new Float64Array(task.width);
  }

  take(order: ArrayLike<number>, start: number): void {
    const { first, second, targets } = this.#task.train;
    this.#count = Math.min(this.#targets.length, order.length - start);
    for (let n = 0; n < this.#count; n++) {
      const row = order[start + n]!;
      this.#first[n] = first[row]!;
      this.#second[n] = second[row]!;
      this.#targets[n] = targets[row]!;
    }
  }

  /** Of the mean squared error on the batch. The lists are overwritten by the next call. */
  gradients(network: ScalarNetwork): { weight: Float64Array; bias: Float64Array } {
    const units = unitsOf(this.#task, network);
    const residuals = this.#residuals;
    forward(units, this.#first, this.#second, this.#count, residuals);
    for (let n = 0; n < this.#count; n++)
      residuals[n] = (2 * (residuals[n]! - this.#targets[n]!)) / this.#count;
    for (let j = 0; j < this.#task.width; j++) this.#unitGradient(units, j);
    return { weight: this.#weight, bias: this.#bias };
  }

  #unitGradient(units: Units, j: number): void {
    const { inputs, mask, basis } = this.#task;
    const [a0, a1, b] = [units.first[j]!, units.second[j]!, units.bias[j]!];
    const [z0, z1, residuals] = [this.#first, this.#second, this.#residuals];
    let [s0, s1, sum] = [0, 0, 0];
    if (a0 !== 0 || a1 !== 0 || b > 0) {
      for (let n = 0; n < this.#count; n++) {
        if (a0 * z0[n]! + a1 * z1[n]! + b <= 0) continue;
        const r = residuals[n]!;
        s0 += r * z0[n]!;
        s1 += r * z1[n]!;
        sum += r;
      }
    }
    this.#bias[j] = sum;
    for (let r = 0; r < inputs; r++) {
      const at = j * inputs + r;
      this.#weight[at] = mask[at]! * (s0 * basis[2 * r]! + s1 * basis[2 * r + 1]!);
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
  const [from, to] = [unitsOf(task, a), unitsOf(task, b)];
  const out = new Float64Array(task.test.targets.length);
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
      out,
    ),
  );
}
