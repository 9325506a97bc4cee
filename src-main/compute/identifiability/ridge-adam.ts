/** All pairs in one optimisation: one product for the outputs and one for the gradients serve every pair at once. */
import type { Backend, Tensor, Tensor2D } from '../backend/index.ts';
import type { Activation } from '../../../src-shared/domain.ts';
import { mathsOf, portableRelu } from '../networks/maths.ts';
import { adamDefaults, stepScalars, update } from '../training/optimizer.ts';
import type { Updated } from '../training/optimizer.ts';
import { freeWeights, normScale, storedScale } from './ridge-problem.ts';
import type { RidgeLayerProblem, RidgePairIds, RidgeTerms } from './ridge-problem.ts';

export interface AdamOptions {
  betas: readonly number[];
  warmStart: boolean;
  iterations: number;
  learningRate: number;
}

/** What the optimizer moves, with its moments: weights [pairs, inputs] (fixed places stay zero) and biases [1, pairs]. */
interface State {
  weight: Updated;
  bias: Updated;
}

const tensorsOf = ({ weight, bias }: State): Tensor[] => [
  ...[weight.value, bias.value],
  ...weight.slots,
  ...bias.slots,
];

/**
 * AdamW without decay from each slot's own trained weights and bias; pairs do not influence one another.
 * @param between called between steps with the share of the work just done; throw there to stop
 * @returns for each beta the terms of every pair
 */
export async function descendRidge(
  backend: Backend,
  problem: RidgeLayerProblem,
  pairs: readonly RidgePairIds[],
  { betas, warmStart, iterations, learningRate }: AdamOptions,
  between: (share: number) => Promise<void>,
): Promise<RidgeTerms[]> {
  const solver = new RidgeSolver(backend, problem, pairs);
  const answers: RidgeTerms[] = [];
  try {
    for (const [b, beta] of betas.entries()) {
      solver.restart(b === 0 || !warmStart);
      for (let step = 1; step <= iterations; step++) {
        if (step === iterations) answers.push(solver.terms());
        solver.step(step, beta, learningRate);
        await between(1 / iterations / betas.length);
      }
      answers[b]!.slotScale = solver.slotScales();
    }
    return answers;
  } finally {
    solver.dispose();
  }
}

class RidgeSolver {
  readonly #backend: Backend;
  readonly #problem: RidgeLayerProblem;
  readonly #pairs: readonly RidgePairIds[];
  readonly #x: Tensor2D;
  readonly #mask: Tensor | undefined;
  readonly #fixed: Tensor | undefined;
  /** Outputs of the target neurons, [samples, pairs]. */
  readonly #targets: Tensor;
  #state: State | undefined;

  constructor(backend: Backend, problem: RidgeLayerProblem, pairs: readonly RidgePairIds[]) {
    const { tf } = backend;
    const { layer, x, samples, activation, bias } = problem;
    this.#backend = backend;
    this.#problem = problem;
    this.#pairs = pairs;
    this.#x = tf.tensor2d(x, [samples, layer.inputs]);
    const rowsOf = (from: ArrayLike<number> | undefined, which: 0 | 1): Tensor | undefined =>
      from && tf.tensor2d(this.#rows(from, which), [pairs.length, layer.inputs]);
    this.#mask = rowsOf(layer.mask, 1);
    this.#fixed = rowsOf(layer.fixed, 1);
    const targets = rowsOf(layer.weight, 0)!;
    this.#targets = tf.tidy(() => {
      const biases = tf.tensor2d(
        pairs.map(([target]) => bias[target]!),
        [1, pairs.length],
      );
      const z = tf.mul(tf.add(tf.matMul(this.#x, targets as Tensor2D, false, true), biases), normScale);
      return activated(backend, z, activation).value;
    });
    targets.dispose();
  }

  /** Fresh moments; `fromTrained`: the slots' trained weights too. */
  restart(fromTrained: boolean): void {
    const { tf } = this.#backend;
    const { layer, bias } = this.#problem;
    const [rows, width] = [this.#pairs.length, layer.inputs];
    const old = this.#state;
    const kept = fromTrained ? undefined : old;
    const start = new Float32Array(rows * width);
    if (!kept) this.#pairs.forEach(([, slot], p) => start.set(freeWeights(this.#problem, slot), p * width));
    const biases = this.#pairs.map(([, slot]) => bias[slot]!);
    this.#state = {
      weight: {
        value: kept?.weight.value ?? tf.tensor2d(start, [rows, width]),
        slots: [tf.zeros([rows, width]), tf.zeros([rows, width])],
      },
      bias: {
        value: kept?.bias.value ?? tf.tensor2d(biases, [1, rows]),
        slots: [tf.zeros([1, rows]), tf.zeros([1, rows])],
      },
    };
    if (old) tf.dispose([...old.weight.slots, ...old.bias.slots]);
    if (old && !kept) tf.dispose([old.weight.value, old.bias.value]);
  }

  terms(): RidgeTerms {
    const { tf } = this.#backend;
    const [mse, regularization] = tf.tidy(() => {
      const { difference } = this.#outputs();
      return [tf.mean(tf.square(difference), 0), tf.sum(tf.square(this.#state!.weight.value), 1)];
    });
    const numbers = [mse!, regularization!].map((t) => Float64Array.from(t.dataSync()));
    tf.dispose([mse!, regularization!]);
    return { mse: numbers[0]!, regularization: numbers[1]!, slotScale: new Float64Array(this.#pairs.length) };
  }

  step(step: number, beta: number, learningRate: number): void {
    const { tf } = this.#backend;
    const { samples } = this.#problem;
    const old = this.#state!;
    const settings = { name: 'adamw', lr: learningRate, weightDecay: 0, ...adamDefaults } as const;
    const maths = mathsOf(this.#backend);
    const [weight, bias, ...slots] = tf.tidy(() => {
      const { difference, slope } = this.#outputs();
      const error = tf.mul(tf.mul(difference, slope), (2 * normScale) / samples / beta);
      const toWeight = tf.matMul(error as Tensor2D, this.#x, true, false);
      const free = this.#mask ? tf.mul(toWeight, this.#mask) : toWeight;
      const gradient = tf.add(free, tf.mul(old.weight.value, 2));
      const toBias = tf.sum(error, 0, true);
      const scalars = stepScalars(settings, learningRate, step).map((value) => maths.number(value));
      const moved = (from: Updated, along: Tensor) => update(maths, settings, from, along, scalars);
      return tensorsOf({ weight: moved(old.weight, gradient), bias: moved(old.bias, toBias) });
    });
    tf.dispose(tensorsOf(old));
    this.#state = {
      weight: { value: weight!, slots: slots.slice(0, 2) },
      bias: { value: bias!, slots: slots.slice(2) },
    };
  }

  /** Lengths of the stored weights as they stand now; fixed places count with what the checkpoint has there. */
  slotScales(): Float64Array {
    const { tf } = this.#backend;
    const squares = tf.tidy(() => tf.sum(tf.square(this.#state!.weight.value), 1));
    const free = Float64Array.from(squares.dataSync());
    squares.dispose();
    return free.map((square, p) => {
      const slot = this.#pairs[p]![1];
      const start = freeWeights(this.#problem, slot).reduce((sum, w) => sum + w * w, 0);
      return Math.sqrt(Math.max(0, square + storedScale(this.#problem, slot) ** 2 - start));
    });
  }

  dispose(): void {
    const state = this.#state;
    const own = state ? tensorsOf(state) : [];
    const held = [this.#x, this.#targets, this.#mask, this.#fixed].filter((t) => t !== undefined);
    this.#backend.tf.dispose([...own, ...held]);
  }

  /** [samples, pairs]: how far the slots' outputs are from the targets', and the activation's slope there. */
  #outputs(): { difference: Tensor; slope: Tensor } {
    const { tf } = this.#backend;
    const { weight, bias } = this.#state!;
    const effective = this.#fixed ? tf.add(weight.value, this.#fixed) : weight.value;
    const z = tf.mul(tf.add(tf.matMul(this.#x, effective as Tensor2D, false, true), bias.value), normScale);
    const { value, slope } = activated(this.#backend, z, this.#problem.activation);
    return { difference: tf.sub(value, this.#targets), slope };
  }

  #rows(from: ArrayLike<number>, which: 0 | 1): Float32Array {
    const width = this.#problem.layer.inputs;
    const out = new Float32Array(this.#pairs.length * width);
    this.#pairs.forEach((pair, p) => {
      for (let c = 0; c < width; c++) out[p * width + c] = from[pair[which] * width + c]!;
    });
    return out;
  }
}

/** The activation and its derivative at z; inside a tidy. */
function activated(backend: Backend, z: Tensor, activation: Activation): { value: Tensor; slope: Tensor } {
  const { tf } = backend;
  switch (activation) {
    case 'identity':
      return { value: z, slope: tf.onesLike(z) };
    case 'relu':
      return { value: portableRelu(backend, z), slope: tf.step(z) };
    case 'tanh': {
      const value = tf.tanh(z);
      return { value, slope: tf.sub(1, tf.square(value)) };
    }
    case 'silu': {
      const open = tf.sigmoid(z);
      const value = tf.mul(z, open);
      return { value, slope: tf.add(open, tf.mul(value, tf.sub(1, open))) };
    }
    case 'gelu': {
      const normal = tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5);
      const density = tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return { value: tf.mul(z, normal), slope: tf.add(normal, tf.mul(z, density)) };
    }
  }
}
