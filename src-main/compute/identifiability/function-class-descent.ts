/**
 * How far the functions that one neuron can compute lie from those of another, sampled (neuron-identifiability,
 * measure_distance_between_functional_classes.py, since dropped). For a pair (i, j), again and again: draw the free weights
 * of both anew, keep the function of i, and let Adam bring that of j close to it. What counts is the smallest mean squared
 * difference on the way; the distance is the largest of these over the draws.
 *
 * All pairs are one descent: one product for their outputs, one for their gradients. As in the published code, Adam is not
 * started anew at a draw: it keeps its moments and its count of steps.
 */
import type { Activation } from '../../../src-shared/domain.ts';
import { EagerComputation, types } from '../backend/index.ts';
import type { Backend, ComputationBody, Tensor, Tensor2D } from '../backend/index.ts';
import type { Double } from '../backend/doubles.ts';
import { mathsOf } from '../networks/maths.ts';
import type { Maths } from '../networks/maths.ts';
import { adamDefaults, stepScalars, update } from '../training/optimizer.ts';
import { activated } from './activated.ts';

/** Free entries of some neurons, one per pair; those that are fixed are not looked at. */
export interface NeuronDraw {
  /** [pairs, inputs] */
  weight: Float64Array;
  /** [pairs] */
  bias: Float64Array;
}

/** What training cannot change of some neurons, one per pair. */
export interface NeuronClasses {
  /** Added to the free weights, [pairs, inputs], and biases, [pairs]. */
  fixed: NeuronDraw;
  /** 1 where an entry is free, of the same shapes. */
  free: NeuronDraw;
}

export interface ClassPairs {
  /** Inputs of the layer, [samples, inputs]. */
  x: Float32Array;
  samples: number;
  inputs: number;
  pairs: number;
  activation: Activation;
  /** i, whose functions are drawn. */
  targets: NeuronClasses;
  /** j, whose functions are brought close to them. */
  slots: NeuronClasses;
}

export interface ClassDescent {
  /** Draws per pair. */
  outerSamples: number;
  /** Steps of Adam per draw. */
  iterations: number;
  learningRate: number;
  /** Added to the gradient, as Adam has it. */
  weightDecay: number;
}

/** The draws of one outer sample: of the targets, and where the slots begin. */
export type DrawOf = (sample: number) => { targets: NeuronDraw; slots: NeuronDraw };

/**
 * @param between called between steps with the share of the work just done; throw there to stop
 * @returns the distance of each pair
 */
export function classDistances(
  backend: Backend,
  problem: ClassPairs,
  descent: ClassDescent,
  draw: DrawOf,
  between: (share: number) => Promise<void>,
): Promise<Float64Array> {
  const question = { problem, descent, draw };
  return precisionOf(backend) === 'float64'
    ? distances(doubles(backend), question, between)
    : distances(singles(backend), question, between);
}

/**
 * Of the descents: what is left after thousands of steps may be many digits smaller than the outputs themselves, so they
 * are in float64 wherever it is to be had, at half the speed.
 */
export const precisionOf = ({ native }: Backend): 'float64' | 'float32' => (native ? 'float64' : 'float32');

interface Question {
  problem: ClassPairs;
  descent: ClassDescent;
  draw: DrawOf;
}

async function distances<T>(
  kernels: Kernels<T>,
  { problem, descent, draw }: Question,
  between: (share: number) => Promise<void>,
): Promise<Float64Array> {
  const { outerSamples, iterations, learningRate } = descent;
  const settings = settingsOf(descent);
  const solver = new PairSolver(kernels, problem, descent);
  const found = new Float64Array(problem.pairs);
  try {
    for (let sample = 0; sample < outerSamples; sample++) {
      const { targets, slots } = draw(sample);
      solver.begin(targets, slots);
      for (let step = 1; step <= iterations; step++) {
        const least = solver.step(
          stepScalars(settings, learningRate, sample * iterations + step),
          step === iterations,
        );
        least?.forEach((value, p) => (found[p] = Math.max(found[p]!, value)));
        await between(1 / (outerSamples * iterations));
      }
    }
    return found;
  } finally {
    solver.dispose();
  }
}

const settingsOf = ({ learningRate, weightDecay }: ClassDescent) =>
  ({ name: 'adam', lr: learningRate, weightDecay, ...adamDefaults }) as const;

/** Places in the state: what Adam moves, with its moments; the least error so far; the targets' outputs; constants. */
const places = { weight: 0, bias: 3, least: 6, outputs: 7, constants: 8 } as const;

class PairSolver<T> {
  readonly #kernels: Kernels<T>;
  readonly #problem: ClassPairs;
  readonly #steps: Compiled<T>;
  readonly #outputs: Compiled<T>;

  constructor(kernels: Kernels<T>, problem: ClassPairs, descent: ClassDescent) {
    this.#kernels = kernels;
    this.#problem = problem;
    const { samples, inputs, pairs, activation, x, slots } = problem;
    const [ofInputs, ofWeights, ofBiases, ofOutputs] = [
      [samples, inputs],
      [pairs, inputs],
      [1, pairs],
      [samples, pairs],
    ] as const;
    const { maths } = kernels;
    this.#outputs = kernels.compile(
      { args: [ofWeights, ofBiases], state: [ofInputs] },
      ([weight, bias], [inputsOfLayer]) => ({
        outputs: [outputsOf(maths, activation, inputsOfLayer!, weight!, bias!).value],
        state: [inputsOfLayer!],
      }),
      JSON.stringify(['class outputs', activation]),
    );
    const moved = [ofWeights, ofBiases].flatMap((shape) => [shape, shape, shape]);
    const constants = [ofInputs, ofWeights, ofBiases, ofWeights, ofBiases];
    this.#steps = kernels.compile(
      { args: [[], [], []], state: [...moved, ofBiases, ofOutputs, ...constants] },
      stepBody(maths, problem, descent),
      JSON.stringify(['class descent', activation, samples, descent.weightDecay]),
    );
    const held = [
      Float64Array.from(x),
      slots.fixed.weight,
      slots.fixed.bias,
      slots.free.weight,
      slots.free.bias,
    ];
    this.#set(this.#outputs, [[0, held[0]!, ofInputs]]);
    this.#set(this.#steps, [
      ...held.map((values, i) => [places.constants + i, values, constants[i]!] as const),
      ...[1, 2].map((i) => [places.weight + i, new Float64Array(pairs * inputs), ofWeights] as const),
      ...[1, 2].map((i) => [places.bias + i, new Float64Array(pairs), ofBiases] as const),
    ]);
  }

  /** New functions to reach, and new places to begin at. */
  begin(targets: NeuronDraw, slots: NeuronDraw): void {
    const { inputs, pairs, targets: classes } = this.#problem;
    const acting = [
      this.#kernels.hold(sum(product(targets.weight, classes.free.weight), classes.fixed.weight), [
        pairs,
        inputs,
      ]),
      this.#kernels.hold(sum(product(targets.bias, classes.free.bias), classes.fixed.bias), [1, pairs]),
    ];
    const outputs = this.#outputs.run(acting);
    this.#steps.setAll([[places.outputs, outputs[0]!]]);
    this.#kernels.free(...acting, ...outputs);
    const { free } = this.#problem.slots;
    this.#set(this.#steps, [
      [places.weight, product(slots.weight, free.weight), [pairs, inputs]],
      [places.bias, product(slots.bias, free.bias), [1, pairs]],
      [places.least, new Float64Array(pairs).fill(Infinity), [1, pairs]],
    ]);
  }

  /** @param tell whether the least errors so far, those before this step included, are wanted */
  step(scalars: readonly number[], tell: boolean): Float64Array | undefined {
    const args = scalars.map((value) => this.#kernels.hold(Float64Array.of(value), []));
    const [least] = this.#steps.run(args);
    const values = tell ? this.#kernels.read(least!) : undefined;
    this.#kernels.free(...args, least!);
    return values;
  }

  dispose(): void {
    this.#steps.dispose();
    this.#outputs.dispose();
  }

  #set(
    of: Compiled<T>,
    values: readonly (readonly [index: number, values: Float64Array, shape: readonly number[]])[],
  ): void {
    const held = values.map(([index, data, shape]) => [index, this.#kernels.hold(data, shape)] as const);
    of.setAll(held);
    this.#kernels.free(...held.map(([, value]) => value));
  }
}

const product = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value * b[i]!);
const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]!);

/** Outputs of each pair's neuron, [samples, pairs], and their derivatives by what the activation takes. */
function outputsOf(maths: Maths, activation: Activation, x: Tensor, weight: Tensor, bias: Tensor) {
  const { tf } = maths;
  const linear: Tensor = tf.matMul(x as Tensor2D, weight as Tensor2D, false, true);
  return activated(maths, tf.add(linear, bias), activation);
}

/** (scalars of Adam) -> the least errors, [1, pairs]; the error of a step is that before it. */
function stepBody(maths: Maths, { samples, activation }: ClassPairs, descent: ClassDescent): ComputationBody {
  const { tf, number } = maths;
  const settings = settingsOf(descent);
  return (scalars, state) => {
    const [weight, ...ofWeight] = state.slice(places.weight, places.bias);
    const [bias, ...ofBias] = state.slice(places.bias, places.least);
    const [least, wanted, x, fixedWeight, fixedBias, freeWeight, freeBias] = state.slice(places.least);
    const acting = [tf.add(weight!, fixedWeight!), tf.add(bias!, fixedBias!)] as const;
    const { value, slope } = outputsOf(maths, activation, x!, ...acting);
    const difference = tf.sub(value, wanted!);
    const error = tf.mean(tf.square(difference), 0, true);
    const back: Tensor = tf.mul(tf.mul(difference, slope), number(2 / samples));
    const toWeight: Tensor = tf.matMul(back as Tensor2D, x as Tensor2D, true, false);
    const next = [
      update(maths, settings, { value: weight!, slots: ofWeight }, tf.mul(toWeight, freeWeight!), scalars),
      update(
        maths,
        settings,
        { value: bias!, slots: ofBias },
        tf.mul(tf.sum(back, 0, true), freeBias!),
        scalars,
      ),
    ];
    const lower = tf.minimum(least!, error);
    return {
      outputs: [lower],
      state: [
        ...next.flatMap((moved) => [moved.value, ...moved.slots]),
        lower,
        ...state.slice(places.outputs),
      ],
    };
  };
}

/** A computation with state, over numbers as the back end holds them. */
interface Compiled<T> {
  run(args: readonly T[]): T[];
  setAll(values: readonly (readonly [index: number, value: T])[]): void;
  dispose(): void;
}

interface Kernels<T> {
  readonly maths: Maths;
  hold(values: Float64Array, shape: readonly number[]): T;
  read(held: T): Float64Array;
  free(...held: readonly T[]): void;
  compile(
    shapes: { args: readonly (readonly number[])[]; state: readonly (readonly number[])[] },
    body: ComputationBody,
    key: string,
  ): Compiled<T>;
}

/** On TensorFlow's double kernels. XLA is hardly faster at these products, and takes seconds to compile. */
function doubles(backend: Backend): Kernels<Double> {
  const { doubles: library, compiler } = backend.native!;
  const spec = (shape: readonly number[]) => ({ dtype: types.float64, shape: [...shape] });
  return {
    maths: mathsOf(backend),
    hold: (values, shape) => library.put(values, shape),
    read: (held) => library.read(held),
    free: (...held) => {
      library.free(...held);
    },
    compile: ({ args, state }, body, key) => {
      const program = compiler.compile(
        { mode: 'graph', precision: 'float64', args: args.map(spec), state: state.map(spec) },
        body,
        key,
      );
      return {
        run: (values) => program.runDoubles(values),
        setAll: (values) => {
          program.setAll(values);
        },
        dispose: () => {
          program.dispose();
        },
      };
    },
  };
}

/** Operation by operation in float32: where there are no double kernels. */
function singles(backend: Backend): Kernels<Tensor> {
  const { tf } = backend;
  return {
    maths: mathsOf(backend),
    hold: (values, shape) => tf.tensor(Float32Array.from(values), [...shape]),
    read: (held) => Float64Array.from(held.dataSync()),
    free: (...held) => {
      tf.dispose([...held]);
    },
    compile: (_shapes, body) => new EagerComputation(tf, body),
  };
}
