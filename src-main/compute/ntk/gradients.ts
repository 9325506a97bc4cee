/** Gradients of a network's outputs with respect to all its trained weights, example by example. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { types } from '../backend/index.ts';
import type { Backend, Computation, ComputationBody, Program, Tensor } from '../backend/index.ts';
import { EagerComputation } from '../backend/index.ts';
import type { Double } from '../backend/doubles.ts';
import { multiply, multiplyTransposedRight } from '../linalg/multiply.ts';
import type { StateDict } from '../models/index.ts';
import { actingDoubles } from '../networks/effective.ts';
import { mathsOf } from '../networks/maths.ts';
import type { Maths } from '../networks/maths.ts';
import { forward } from '../networks/run.ts';
import { isCounter } from '../../formats/tensor-names.ts';

/** Rows of a Jacobian, [rows, weights]; whoever asked for it frees it. */
export interface Rows<T> {
  readonly values: T;
  readonly rows: number;
}

/** One model's gradients at a time. `T` is how the back end holds a matrix of float64 numbers. */
export interface Gradients<T> {
  readonly precision: 'float64' | 'float32';
  /** Another model of the same network from here on. */
  set(state: StateDict): void;
  /** Of output `k` of each of some examples. @param x [size, features] */
  rows(x: Float32Array, k: number): Rows<T>;
  /** Inner products of all rows of a with all of b: [a.rows, b.rows]. */
  products(a: Rows<T>, b: Rows<T>): Float64Array;
  /** Inner products of all rows of a with `directions`, [weights, count]: [a.rows, count]. */
  along(a: Rows<T>, directions: Rows<T>): Float64Array;
  /** [weights, count], held as `along` takes it. */
  hold(directions: Float64Array, count: number): Rows<T>;
  free(...rows: readonly Rows<T>[]): void;
  dispose(): void;
}

/** How the trained weights lie one after the other. */
export interface Layout {
  readonly trained: readonly { name: string; shape: readonly number[] }[];
  /** Numbers of all of them. */
  readonly weights: number;
  readonly outputs: number;
  readonly features: number;
}

export function layoutOf(network: Network): Layout {
  const trained = network.graph.parameters.filter(({ role }) => role === 'trained');
  return {
    trained,
    weights: trained.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    outputs: sizeOf(network.shapes.get(network.graph.output)!),
    features: sizeOf(network.graph.inputs[0]!.shape),
  };
}

/** The trained weights as stored, one after the other. */
export function weightsOf({ trained, weights }: Layout, state: StateDict): Float64Array {
  const all = new Float64Array(weights);
  let at = 0;
  for (const { name } of trained) {
    const { data } = state.get(name)!;
    all.set(data, at);
    at += data.length;
  }
  return all;
}

/** D of a parameter, [1, ...shape]: W_eff = F + D * W. Only those that have one. */
function masksOf(network: Network, state: StateDict): Map<string, Float32Array> {
  return new Map(
    network.graph.parameters.flatMap(({ name, role, family }) =>
      role === 'trained' && family?.mask !== undefined ? [[name, state.get(family.mask)!.data]] : [],
    ),
  );
}

interface Names {
  acting: string[];
  masked: string[];
}

/**
 * The computation of one chunk: x [rows, features], hot [outputs] -> the gradient of output · hot of each example
 * [rows, weights]. Every example has its own copy of the weights, so that one backward pass gives all gradients.
 */
function bodyOf(maths: Maths, network: Network, rows: number, { acting, masked }: Names): ComputationBody {
  const { tf } = maths;
  const { trained, outputs } = layoutOf(network);
  const [input] = network.graph.inputs;
  return ([x, hot], state) => {
    const parameters = new Map(acting.map((name, i) => [name, state[i]!]));
    const masks = new Map(masked.map((name, i) => [name, state[acting.length + i]!]));
    const batch = tf.reshape(x!, [rows, 1, ...input!.shape]);
    const copies = trained.map(({ name, shape }) =>
      tf.tile(parameters.get(name)!, [rows, ...shape.map(() => 1)]),
    );
    const wanted = (...values: Tensor[]): Tensor => {
      const own = new Map([...parameters, ...trained.map(({ name }, i) => [name, values[i]!] as const)]);
      const output = tf.reshape(forward(maths, network, own, batch).output, [rows, outputs]);
      return tf.sum(tf.mul(output, hot!));
    };
    const gradients = tf.grads(wanted)(copies);
    const flat = trained.map(({ name }, i) => {
      const mask = masks.get(name);
      return tf.reshape(mask ? tf.mul(gradients[i]!, mask) : gradients[i]!, [rows, -1]);
    });
    return { outputs: [tf.concat(flat, 1)], state };
  };
}

/** Numbers of a model as the computation takes them, [1, ...shape] each: acting parameters, then masks. */
function stateOf(
  network: Network,
  state: StateDict,
): { names: Names; values: Float64Array[]; shapes: number[][] } {
  const acting = [...actingDoubles(network, state)].filter(([name]) => !isCounter(name));
  const masks = [...masksOf(network, state)];
  return {
    names: { acting: acting.map(([name]) => name), masked: masks.map(([name]) => name) },
    values: [...acting.map(([, { data }]) => data), ...masks.map(([, data]) => Float64Array.from(data))],
    shapes: [
      ...acting.map(([, { shape }]) => [1, ...shape]),
      ...masks.map(([name]) => [1, ...network.parameters.get(name)!.shape]),
    ],
  };
}

const oneHot = (size: number, k: number): Float64Array =>
  Float64Array.from({ length: size }, (_, i) => +(i === k));

/** `x` with rows of zeros behind it, up to `rows`. */
function filled(x: Float32Array, length: number): Float32Array {
  if (x.length === length) return x;
  const all = new Float32Array(length);
  all.set(x);
  return all;
}

interface Setting {
  backend: Backend;
  network: Network;
  layout: Layout;
  /** Examples per call. */
  chunk: number;
}

/** On TensorFlow's double kernels. */
class NativeGradients implements Gradients<Double> {
  readonly precision = 'float64';
  readonly #of: Setting;
  #program: Program | undefined;

  constructor(setting: Setting) {
    this.#of = setting;
  }

  get #doubles() {
    return this.#of.backend.native!.doubles;
  }

  set(state: StateDict): void {
    const { names, values, shapes } = stateOf(this.#of.network, state);
    this.#program ??= this.#compile(names, shapes);
    const held = values.map((value, i) => this.#doubles.put(value, shapes[i]!));
    this.#program.setAll([...held.entries()]);
    this.#doubles.free(...held);
  }

  #compile(names: Names, shapes: readonly number[][]): Program {
    const { features, outputs } = this.#of.layout;
    const double = (shape: number[]) => ({ dtype: types.float64, shape });
    return this.#of.backend.native!.compiler.compile(
      {
        mode: 'graph',
        precision: 'float64',
        args: [double([this.#of.chunk, features]), double([outputs])],
        state: shapes.map(double),
      },
      bodyOf(mathsOf(this.#of.backend), this.#of.network, this.#of.chunk, names),
      JSON.stringify(['gradients', this.#of.network.graph, this.#of.chunk, names]),
    );
  }

  rows(x: Float32Array, k: number): Rows<Double> {
    const { features, outputs } = this.#of.layout;
    const doubles = this.#doubles;
    const input = doubles.put(filled(x, this.#of.chunk * features), [this.#of.chunk, features]);
    const hot = doubles.put(oneHot(outputs, k), [outputs]);
    const gradients = this.#program!.runDoubles([input, hot])[0]!;
    doubles.free(input, hot);
    const size = x.length / features;
    if (size === this.#of.chunk) return { values: gradients, rows: size };
    const first = Int32Array.from({ length: size }, (_, i) => i);
    const cut = doubles.gather(gradients, first, [size]);
    doubles.free(gradients);
    return { values: cut, rows: size };
  }

  products(a: Rows<Double>, b: Rows<Double>): Float64Array {
    return this.#read(this.#doubles.matMul(a.values, b.values, false, true));
  }

  along(a: Rows<Double>, directions: Rows<Double>): Float64Array {
    return this.#read(this.#doubles.matMul(a.values, directions.values));
  }

  hold(directions: Float64Array, count: number): Rows<Double> {
    const rows = directions.length / count;
    return { values: this.#doubles.put(directions, [rows, count]), rows };
  }

  #read(found: Double): Float64Array {
    const values = this.#doubles.read(found);
    this.#doubles.free(found);
    return values;
  }

  free(...rows: readonly Rows<Double>[]): void {
    this.#doubles.free(...rows.map(({ values }) => values));
  }

  dispose(): void {
    this.#program?.dispose();
  }
}

/** Gradients by tfjs in float32, everything behind them in float64: where there are no double kernels. */
class PlainGradients implements Gradients<Float64Array> {
  readonly precision = 'float32';
  readonly #of: Setting;
  #computation: Computation | undefined;

  constructor(setting: Setting) {
    this.#of = setting;
  }

  set(state: StateDict): void {
    const { tf } = this.#of.backend;
    const { names, values, shapes } = stateOf(this.#of.network, state);
    this.#computation ??= new EagerComputation(
      tf,
      bodyOf(mathsOf(this.#of.backend), this.#of.network, this.#of.chunk, names),
    );
    const held = values.map((value, i) => tf.tensor(Float32Array.from(value), shapes[i]!));
    this.#computation.setAll([...held.entries()]);
    tf.dispose(held);
  }

  rows(x: Float32Array, k: number): Rows<Float64Array> {
    const { tf } = this.#of.backend;
    const { features, outputs, weights } = this.#of.layout;
    const args = [
      tf.tensor(filled(x, this.#of.chunk * features), [this.#of.chunk, features]),
      tf.tensor(Float32Array.from(oneHot(outputs, k)), [outputs]),
    ];
    const gradients = this.#computation!.run(args)[0]!;
    const values = Float64Array.from(gradients.dataSync());
    tf.dispose([...args, gradients]);
    const rows = x.length / features;
    return { values: values.subarray(0, rows * weights), rows };
  }

  products(a: Rows<Float64Array>, b: Rows<Float64Array>): Float64Array {
    return multiplyTransposedRight(a.values, b.values, a.rows, this.#of.layout.weights, b.rows);
  }

  along(a: Rows<Float64Array>, directions: Rows<Float64Array>): Float64Array {
    const count = directions.values.length / directions.rows;
    return multiply(a.values, directions.values, a.rows, this.#of.layout.weights, count);
  }

  hold(directions: Float64Array, count: number): Rows<Float64Array> {
    return { values: directions, rows: directions.length / count };
  }

  free(): void {
    // Ordinary memory.
  }

  dispose(): void {
    this.#computation?.dispose();
  }
}

/** Hands over the gradients of a network, and disposes of them. @param chunk examples per call */
export async function withGradients<R>(
  backend: Backend,
  { network, chunk }: { network: Network; chunk: number },
  use: <T>(gradients: Gradients<T>) => Promise<R>,
): Promise<R> {
  const setting = { backend, network, layout: layoutOf(network), chunk };
  const gradients = backend.native ? new NativeGradients(setting) : new PlainGradients(setting);
  try {
    return await (gradients instanceof NativeGradients ? use(gradients) : use(gradients));
  } finally {
    gradients.dispose();
  }
}
