/** All pairs in one optimisation: one product for the outputs and one for the gradients serve every pair at once. */
import { EagerComputation, types } from '../backend/index.ts';
import type { Backend, Computation, ComputationBody, Tensor, Tensor2D } from '../backend/index.ts';
import type { Way } from '../networks/execution.ts';
import { mathsOf } from '../networks/maths.ts';
import { adamDefaults, stepScalars, update } from '../training/optimizer.ts';
import { activated } from './activated.ts';
import { freeWeights, normScale, storedScale } from './ridge-problem.ts';
import type { RidgeLayerProblem, RidgePairIds, RidgeTerms } from './ridge-problem.ts';

export interface AdamOptions {
  betas: readonly number[];
  warmStart: boolean;
  iterations: number;
  learningRate: number;
  /** How the steps are computed; absent: operation by operation. */
  way?: Way;
}

/**
 * AdamW without decay from each slot's own trained weights and bias; pairs do not influence one another.
 * @param between called between steps with the share of the work just done; throw there to stop
 * @returns for each beta the terms of every pair
 */
export async function descendRidge(
  backend: Backend,
  problem: RidgeLayerProblem,
  pairs: readonly RidgePairIds[],
  { betas, warmStart, iterations, learningRate, way = 'eager' }: AdamOptions,
  between: (share: number) => Promise<void>,
): Promise<RidgeTerms[]> {
  const solver = new RidgeSolver(backend, { problem, pairs, learningRate, way });
  const found: RidgeTerms[] = [];
  try {
    for (const [b, beta] of betas.entries()) {
      solver.restart(b === 0 || !warmStart);
      for (let step = 1; step <= iterations; step++) {
        const terms = solver.step(step, beta, step === iterations);
        if (terms) found.push(terms);
        await between(1 / iterations / betas.length);
      }
      found[b]!.slotScale = solver.slotScales();
    }
    return found;
  } finally {
    solver.dispose();
  }
}

/** What is solved, and how. */
interface Descent {
  problem: RidgeLayerProblem;
  pairs: readonly RidgePairIds[];
  learningRate: number;
  way: Way;
}

/** Places in the state: what the optimizer moves, with its moments; constants follow. */
const [weightAt, biasAt, constantsAt] = [0, 3, 6];

class RidgeSolver {
  readonly #backend: Backend;
  readonly #descent: Descent;
  readonly #computation: Computation;

  constructor(backend: Backend, descent: Descent) {
    const { problem, pairs, way } = descent;
    this.#backend = backend;
    this.#descent = descent;
    const [rows, width] = [pairs.length, problem.layer.inputs];
    const constants = this.#constants();
    if (way === 'eager') this.#computation = new EagerComputation(backend.tf, this.#body());
    else {
      const spec = (shape: readonly number[]) => ({ dtype: types.float32, shape });
      const moved = [
        [rows, width],
        [1, rows],
      ].flatMap((shape) => [shape, shape, shape]);
      this.#computation = backend.native!.compiler.compile(
        {
          mode: way,
          args: Array.from({ length: 4 }, () => spec([])),
          state: [...moved, ...constants.map(({ shape }) => shape)].map(spec),
        },
        this.#body(),
      );
    }
    this.#computation.setAll(constants.map((constant, i) => [constantsAt + i, constant] as const));
    backend.tf.dispose(constants);
  }

  /** Fresh moments; `fromTrained`: the slots' trained weights too. */
  restart(fromTrained: boolean): void {
    const { tf } = this.#backend;
    const { problem, pairs } = this.#descent;
    const [rows, width] = [pairs.length, problem.layer.inputs];
    const moments = [rows, 1].map((size) => tf.zeros(size === 1 ? [1, rows] : [rows, width]));
    const [ofWeight, ofBias] = moments as [Tensor, Tensor];
    const start: [number, Tensor][] = [];
    if (fromTrained) {
      const weights = new Float32Array(rows * width);
      pairs.forEach(([, slot], p) => {
        weights.set(freeWeights(problem, slot), p * width);
      });
      const biases = pairs.map(([, slot]) => problem.bias[slot]!);
      start.push([weightAt, tf.tensor2d(weights, [rows, width])], [biasAt, tf.tensor2d(biases, [1, rows])]);
    }
    this.#computation.setAll([
      ...start,
      ...[weightAt + 1, weightAt + 2].map((at) => [at, ofWeight] as const),
      ...[biasAt + 1, biasAt + 2].map((at) => [at, ofBias] as const),
    ]);
    tf.dispose([...moments, ...start.map(([, tensor]) => tensor)]);
  }

  /** @param tell whether the terms before this step are wanted */
  step(step: number, beta: number, tell: boolean): RidgeTerms | undefined {
    const { tf } = this.#backend;
    const { problem, pairs, learningRate } = this.#descent;
    const scalars = [
      ...stepScalars(settingsOf(learningRate), learningRate, step),
      (2 * normScale) / problem.samples / beta,
    ].map((value) => tf.scalar(value));
    const outputs = this.#computation.run(scalars);
    const [mse, regularization] = tell ? outputs.map((output) => Float64Array.from(output.dataSync())) : [];
    tf.dispose([...scalars, ...outputs]);
    return mse && { mse, regularization: regularization!, slotScale: new Float64Array(pairs.length) };
  }

  /** Lengths of the stored weights as they stand now; fixed places count with what the checkpoint has there. */
  slotScales(): Float64Array {
    const { tf } = this.#backend;
    const { problem, pairs } = this.#descent;
    const weight = this.#computation.get(weightAt);
    const squares = tf.tidy(() => tf.sum(tf.square(weight), 1));
    const free = Float64Array.from(squares.dataSync());
    tf.dispose([weight, squares]);
    return free.map((square, p) => {
      const slot = pairs[p]![1];
      const start = freeWeights(problem, slot).reduce((sum, w) => sum + w * w, 0);
      return Math.sqrt(Math.max(0, square + storedScale(problem, slot) ** 2 - start));
    });
  }

  dispose(): void {
    this.#computation.dispose();
  }

  /** Inputs of the layer, outputs of the target neurons [samples, pairs], masks and fixed parts if there are any. */
  #constants(): Tensor[] {
    const { tf } = this.#backend;
    const { problem, pairs } = this.#descent;
    const { layer, samples, activation, bias } = problem;
    const x = tf.tensor2d(problem.x, [samples, layer.inputs]);
    const rowsOf = (from: ArrayLike<number>, which: 0 | 1): Tensor =>
      tf.tensor2d(this.#rows(from, which), [pairs.length, layer.inputs]);
    const targets = tf.tidy(() => {
      const biases = tf.tensor2d(
        pairs.map(([target]) => bias[target]!),
        [1, pairs.length],
      );
      const products: Tensor = tf.matMul(x, rowsOf(layer.weight, 0) as Tensor2D, false, true);
      return activated(mathsOf(this.#backend), tf.mul(tf.add(products, biases), normScale), activation).value;
    });
    const perSlot = [layer.mask, layer.fixed].flatMap((from) => (from ? [rowsOf(from, 1)] : []));
    return [x, targets, ...perSlot];
  }

  /** (scalars of the optimizer, factor of the error) -> mean squared error and |free weights|^2 of each pair, before the step. */
  #body(): ComputationBody {
    const { problem, learningRate } = this.#descent;
    const { mask: masked, fixed: isFixed } = problem.layer;
    const backend = this.#backend;
    const maths = mathsOf(backend);
    const { tf } = maths;
    const settings = settingsOf(learningRate);
    return ([decay, rate, correction, factor], state) => {
      const [weight, ...slots] = state.slice(weightAt, biasAt);
      const [bias, ...biasSlots] = state.slice(biasAt, constantsAt);
      const constants = state.slice(constantsAt);
      const [x, targets, ...perSlot] = constants as [Tensor2D, Tensor, ...Tensor[]];
      const mask = masked && perSlot[0]!;
      const effective = isFixed ? tf.add(weight!, perSlot.at(-1)!) : weight!;
      const products: Tensor = tf.matMul(x, effective as Tensor2D, false, true);
      const z = tf.mul(tf.add(products, bias!), normScale);
      const { value, slope } = activated(maths, z, problem.activation);
      const difference = tf.sub(value, targets);
      const error = tf.mul(tf.mul(difference, slope), factor!);
      const toWeight = tf.matMul(error as Tensor2D, x, true, false);
      const gradient = tf.add(mask ? tf.mul(toWeight, mask) : toWeight, tf.mul(weight!, 2));
      const scalars = [decay!, rate!, correction!];
      const nextWeight = update(maths, settings, { value: weight!, slots }, gradient, scalars);
      const toBias = tf.sum(error, 0, true);
      const nextBias = update(maths, settings, { value: bias!, slots: biasSlots }, toBias, scalars);
      return {
        outputs: [tf.mean(tf.square(difference), 0), tf.sum(tf.square(weight!), 1)],
        state: [...[nextWeight, nextBias].flatMap((next) => [next.value, ...next.slots]), ...constants],
      };
    };
  }

  #rows(from: ArrayLike<number>, which: 0 | 1): Float32Array {
    const { problem, pairs } = this.#descent;
    const width = problem.layer.inputs;
    const out = new Float32Array(pairs.length * width);
    pairs.forEach((pair, p) => {
      for (let c = 0; c < width; c++) out[p * width + c] = from[pair[which] * width + c]!;
    });
    return out;
  }
}

const settingsOf = (lr: number) => ({ name: 'adamw', lr, weightDecay: 0, ...adamDefaults }) as const;
