/** Values inside a network in double precision, for measures that are sensitive to the last digits. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { types } from '../backend/index.ts';
import type { Backend, Program, Tensor } from '../backend/index.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import type { StateDict } from '../models/index.ts';
import { actingDoubles } from './effective.ts';
import type { EdgeTensors, Edges } from './edges.ts';
import { evaluationWay } from './execution.ts';
import type { Way } from './execution.ts';
import { hostValues } from './host.ts';
import { mathsOf } from './maths.ts';
import type { NamedArrays } from './permute.ts';
import { edgeSpecs } from './evaluation-plan.ts';
import { forward } from './run.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

interface DoublesPlan {
  network: Network;
  /** Ids of nodes whose values are wanted. */
  taps: readonly string[];
  /** Examples per call. */
  rows: number;
  way: Exclude<Way, 'eager'>;
  /** Of rows that are the nodes of a graph; `rows` are all of them. */
  edges?: Edges | undefined;
}

/** Values of a model at some nodes, for a chunk of rows at a time. */
export interface Values {
  /** Another model of the same network from here on. @param arrays parameters as they act */
  set(arrays: NamedArrays<Float64Array>): void;
  /** @param x [size, features] @param use is called for each node with [size, n] */
  each(x: Float32Array | Float64Array, use: (value: Float64Array | Double, index: number) => void): void;
  dispose(): void;
}

/** One model on TensorFlow's double kernels: the interpreter, recorded in float64. */
class DoubleForward implements Values {
  readonly #backend: Backend;
  readonly #doubles: Doubles;
  readonly #plan: DoublesPlan;
  readonly #program: Program;
  readonly #names: readonly string[];

  /** @param arrays parameters as they act */
  constructor(backend: Backend, plan: DoublesPlan, arrays: NamedArrays<Float64Array>) {
    const { network, rows } = plan;
    const native = backend.native!;
    this.#backend = backend;
    this.#doubles = native.doubles;
    this.#plan = plan;
    const names = [...arrays.keys()].filter((name) => !isCounter(name));
    const shapeOf = (name: string): number[] => [1, ...arrays.get(name)!.shape];
    this.#program = native.compiler.compile(
      {
        mode: plan.way,
        precision: 'float64',
        args: [
          { dtype: types.float64, shape: [rows, this.#features] },
          ...edgeSpecs({ edges: plan.edges?.sources.length }),
        ],
        state: names.map((name) => ({ dtype: types.float64, shape: shapeOf(name) })),
      },
      ([x, sources, targets], state) => ({
        outputs: this.#values(
          x!,
          new Map(names.map((name, i) => [name, state[i]!])),
          sources && targets && { sources, targets },
        ),
        state,
      }),
      JSON.stringify(['doubles', network.graph, plan.taps, names, plan.edges?.sources.length]),
    );
    this.#names = names;
    this.set(arrays);
  }

  set(arrays: NamedArrays<Float64Array>): void {
    const values = this.#names.map((name) => {
      const { data, shape } = arrays.get(name)!;
      return this.#doubles.put(data, [1, ...shape]);
    });
    this.#program.setAll([...values.entries()]);
    this.#doubles.free(...values);
  }

  get #features(): number {
    return sizeOf(this.#plan.network.graph.inputs[0]!.shape);
  }

  #values(x: Tensor, parameters: Map<string, Tensor>, edges: EdgeTensors | undefined): Tensor[] {
    const { network, taps, rows } = this.#plan;
    const { tf } = this.#backend;
    const [input] = network.graph.inputs;
    const batch = tf.reshape(x, [1, rows, ...input!.shape]);
    const found = forward(mathsOf(this.#backend), network, parameters, batch, { taps, edges });
    return taps.map((id) => tf.reshape(found.taps.get(id)!, [rows, -1]));
  }

  each(x: Float32Array | Float64Array, use: (value: Double, index: number) => void): void {
    const values = this.#run(x);
    values.forEach(use);
    this.#doubles.free(...values);
  }

  /**
   * @param x [size, features], size at most the plan's rows
   * @returns at each tap [size, n], to be freed
   */
  #run(x: Float32Array | Float64Array): Double[] {
    const { rows, edges } = this.#plan;
    const { tf } = this.#backend;
    const features = this.#features;
    const size = x.length / features;
    const length = rows * features;
    const filled =
      size === rows ? x : x instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
    if (filled !== x) filled.set(x);
    const input = this.#doubles.put(filled, [rows, features]);
    if (edges && size !== rows) throw new Error('only a part of the nodes of a graph were given');
    const between = edges ? [edges.sources, edges.targets].map((ends) => tf.tensor1d(ends, 'int32')) : [];
    const values = this.#program.runDoubles([input, ...between]);
    tf.dispose(between);
    this.#doubles.free(input);
    if (size === rows) return values;
    const first = Int32Array.from({ length: size }, (_, i) => i);
    const cut = values.map((value) => this.#doubles.gather(value, first, [size]));
    this.#doubles.free(...values);
    return cut;
  }

  dispose(): void {
    this.#program.dispose();
  }
}

/** How much is asked. */
interface Amount {
  /** Examples per chunk. */
  rows: number;
  /** Examples of all models together: whether compiling pays depends on it. */
  count: number;
  /** If the examples are the nodes of a graph, all of which are one chunk. */
  edges?: Edges | undefined;
}

/** Of a model as stored. On TensorFlow's double kernels where the back end has them, else in plain TypeScript. */
export const valuesOf = (
  backend: Backend,
  { network, state }: { network: Network; state: StateDict },
  nodes: readonly string[],
  amount: Amount,
): Values => valuesOfArrays(backend, { network, arrays: actingDoubles(network, state) }, nodes, amount);

/** The same, of parameters as they act. */
export function valuesOfArrays(
  backend: Backend,
  { network, arrays }: { network: Network; arrays: NamedArrays<Float64Array> },
  nodes: readonly string[],
  { rows, count, edges }: Amount,
): Values {
  if (!backend.native) return hostValuesOf(network, arrays, nodes, edges);
  const { way } = evaluationWay(backend, network, count);
  const plan = { network, taps: nodes, rows, edges, way: way === 'eager' ? ('graph' as const) : way };
  return new DoubleForward(backend, plan, arrays);
}

function hostValuesOf(
  network: Network,
  arrays: NamedArrays<Float64Array>,
  nodes: readonly string[],
  edges: Edges | undefined,
): Values {
  const numbers = (of: NamedArrays<Float64Array>) => new Map([...of].map(([name, { data }]) => [name, data]));
  let parameters = numbers(arrays);
  return {
    set(others) {
      parameters = numbers(others);
    },
    each(x, use) {
      const values = hostValues(network, parameters, Float64Array.from(x), edges);
      nodes.forEach((node, i) => {
        use(values.get(node) as Float64Array, i);
      });
    },
    dispose: () => undefined,
  };
}
