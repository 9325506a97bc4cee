/** All that M models train, stacked: one variable per weight matrix, and one for everything small. */
import type { MlpSpec } from '../../../src-shared/model.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { fixedWeight, sizeOf, stateLayout, storedFamily, tensorOf } from '../models/internal.ts';
import type { HostTensor, StateDict } from '../models/index.ts';
import { kernelsOf } from '../models/kernels.ts';
import type { Variable } from './variable.ts';
import { variableOf } from './variable.ts';

/** Where a bias or norm parameter lies in the vector of small parameters. */
interface Place {
  name: string;
  offset: number;
  size: number;
}

/** The stacked values of one step, views that are disposed of together. */
export interface Values {
  /** Effective weights [M, outputs, inputs], per layer. */
  weights: Tensor[];
  /** [M, 1, n] by name: lins.0.bias, norms.0.weight, ... */
  small: Map<string, Tensor>;
  dispose(): void;
}

/** What the fixed part does to the raw weight of one layer. */
type Asymmetry =
  | { kind: 'none' }
  | { kind: 'masked'; trainable: Tensor; trainableMask: Tensor; fixed: Tensor }
  | { kind: 'noise'; noise: Tensor };

export class Parameters {
  readonly models: number;
  /** lins.0.weight, lins.1.weight, ..., then the small ones together. */
  readonly variables: Variable[];
  /** By layer, batch norm only: [M, 1, n] running mean and variance. */
  readonly running: { mean: Tensor; variance: Tensor }[] = [];
  /** Batches seen by batch norm, over the whole training. */
  batchesTracked: number;
  readonly #backend: Backend;
  readonly #spec: MlpSpec;
  readonly #initial: readonly StateDict[];
  readonly #places: Place[];
  readonly #asymmetries: Asymmetry[];

  constructor(backend: Backend, spec: MlpSpec, states: readonly StateDict[]) {
    this.#backend = backend;
    this.#spec = spec;
    this.#initial = states;
    this.models = states.length;
    this.#places = smallPlaces(spec);
    this.#asymmetries = spec.layers.map(({ index }) => asymmetryOf(backend, spec, states[0]!, index));
    this.variables = this.#shapes().map(([names, shape]) =>
      variableOf(
        backend,
        this.#pack((m, name) => tensorOf(states[m]!, name).data, names),
        shape,
      ),
    );
    if (spec.norm === 'batch') this.#loadRunning(states);
    this.batchesTracked = states[0]!.get('norms.0.num_batches_tracked')?.data[0] ?? 0;
  }

  /** Names and shape of each variable. */
  #shapes(): [string[], number[]][] {
    const weights = this.#spec.layers.map(({ index, inputs, outputs }): [string[], number[]] => [
      [`lins.${index}.weight`],
      [this.models, outputs, inputs],
    ]);
    const size = this.#places.reduce((sum, place) => sum + place.size, 0);
    return [...weights, [this.#places.map((place) => place.name), [this.models, 1, size]]];
  }

  /** Model after model, tensor after tensor. */
  #pack(data: (model: number, name: string) => Float32Array, names: readonly string[]): Float32Array {
    const parts = this.#initial.flatMap((_, m) => names.map((name) => data(m, name)));
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  /** Names of the trained tensors, in PyTorch's order. */
  get names(): string[] {
    return stateLayout(this.#spec)
      .filter((place) => place.role === 'parameter')
      .map((place) => place.name);
  }

  /** The values to compute with. Dispose of them before the variables change. */
  values(): Values {
    const kernels = kernelsOf(this.#backend);
    const raw = this.variables.map((variable) => variable.read());
    const weights = this.#asymmetries.map((asymmetry, i) => {
      const weight = raw[i]!;
      if (asymmetry.kind === 'none') return weight.clone();
      if (asymmetry.kind === 'noise') return kernels.add(weight, asymmetry.noise);
      return kernels.select(asymmetry.trainableMask, weight, asymmetry.fixed);
    });
    const pieces = kernels.split(
      raw.at(-1)!,
      this.#places.map((place) => place.size),
    );
    const small = new Map(this.#places.map((place, i) => [place.name, pieces[i]!]));
    this.#backend.tf.dispose(raw);
    return { weights, small, dispose: () => this.#backend.tf.dispose([...weights, ...pieces]) };
  }

  /** From the gradient of an effective weight, which is consumed, to that of the raw one: zero where it is fixed. */
  weightGradient(index: number, gradient: Tensor): Tensor {
    const asymmetry = this.#asymmetries[index]!;
    if (asymmetry.kind !== 'masked') return gradient;
    const kept = kernelsOf(this.#backend).mul(gradient, asymmetry.trainable);
    gradient.dispose();
    return kept;
  }

  /** The gradient of the last variable from those of all small parameters by name, which are consumed. */
  smallGradient(gradients: ReadonlyMap<string, Tensor>): Tensor {
    const parts = this.#places.map(({ name }) => gradients.get(name)!);
    const joined = kernelsOf(this.#backend).concat(parts);
    this.#backend.tf.dispose(parts);
    return joined;
  }

  /** Downloads the models. Buffers that never change are shared with the initial state dicts. */
  toStates(): StateDict[] {
    const trained = this.unpack(this.variables);
    const running = this.#readRunning();
    return this.#initial.map((initial, m) => {
      const state: StateDict = new Map(initial);
      for (const source of [trained[m]!, running[m]!])
        for (const [name, tensor] of source) state.set(name, tensor);
      return state;
    });
  }

  /** Values of variables shaped like the parameters (the parameters themselves, or an optimizer's), by model and name. */
  unpack(variables: readonly Variable[]): Map<string, HostTensor>[] {
    const shapes = new Map(stateLayout(this.#spec).map((place) => [place.name, place.shape]));
    const out = this.#initial.map(() => new Map<string, HostTensor>());
    for (const [i, [names]] of this.#shapes().entries()) {
      const value = variables[i]!.read();
      const all = value.dataSync() as Float32Array;
      value.dispose();
      let offset = 0;
      for (const model of out) {
        for (const name of names) {
          const shape = shapes.get(name)!;
          const size = sizeOf(shape);
          model.set(name, { shape, data: all.slice(offset, offset + size) });
          offset += size;
        }
      }
    }
    return out;
  }

  /** The reverse: loads an optimizer's values, by model and name, into its variables. */
  pack(values: readonly ReadonlyMap<string, Float32Array>[], variables: readonly Variable[]): void {
    for (const [i, [names, shape]] of this.#shapes().entries()) {
      const tensor = this.#backend.tf.tensor(
        this.#pack((m, name) => values[m]!.get(name)!, names),
        shape,
      );
      variables[i]!.assign(tensor);
      tensor.dispose();
    }
  }

  #loadRunning(states: readonly StateDict[]): void {
    const { tf } = this.#backend;
    for (const { index, outputs } of this.#spec.layers.slice(0, -1)) {
      const load = (key: string): Tensor => {
        const name = `norms.${index}.${key}`;
        const values = this.#pack((m) => tensorOf(states[m]!, name).data, [name]);
        return tf.keep(tf.tensor(values, [this.models, 1, outputs]));
      };
      this.running.push({ mean: load('running_mean'), variance: load('running_var') });
    }
  }

  #readRunning(): Map<string, HostTensor>[] {
    const out = this.#initial.map(() => new Map<string, HostTensor>());
    for (const [i, { mean, variance }] of this.running.entries()) {
      for (const [key, tensor] of [
        ['running_mean', mean],
        ['running_var', variance],
      ] as const) {
        const all = tensor.dataSync() as Float32Array;
        const size = all.length / this.models;
        out.forEach((model, m) =>
          model.set(`norms.${i}.${key}`, { shape: [size], data: all.slice(m * size, (m + 1) * size) }),
        );
      }
      const counter = { shape: [], data: Float32Array.of(this.batchesTracked) };
      out.forEach((model) => model.set(`norms.${i}.num_batches_tracked`, counter));
    }
    return out;
  }

  dispose(): void {
    for (const variable of this.variables) variable.dispose();
    for (const { mean, variance } of this.running) this.#backend.tf.dispose([mean, variance]);
    for (const asymmetry of this.#asymmetries) {
      const { kind, ...tensors } = asymmetry;
      if (kind !== 'none') this.#backend.tf.dispose(Object.values(tensors));
    }
  }
}

/** Every parameter but the weights of linear layers, biases first. */
function smallPlaces(spec: MlpSpec): Place[] {
  const places: Place[] = [];
  let offset = 0;
  for (const { name, shape, role } of stateLayout(spec)) {
    if (role === 'buffer' || /^lins\.\d+\.weight$/.test(name)) continue;
    const size = sizeOf(shape);
    places.push({ name, offset, size });
    offset += size;
  }
  return places;
}

function asymmetryOf(backend: Backend, spec: MlpSpec, state: StateDict, index: number): Asymmetry {
  const { tf } = backend;
  const fixed = fixedWeight(spec, state, index);
  if (!fixed) return { kind: 'none' };
  const { inputs, outputs } = spec.layers[index]!;
  const shape = [1, outputs, inputs];
  if (storedFamily(spec) === 'syre') return { kind: 'noise', noise: tf.keep(tf.tensor(fixed, shape)) };
  const mask = tensorOf(state, `lins.${index}.mask`).data;
  if (mask.every((value) => value !== 0)) return { kind: 'none' };
  const trainable = tf.keep(tf.tensor(mask, shape, 'float32'));
  return {
    kind: 'masked',
    trainable,
    trainableMask: tf.keep(tf.cast(trainable, 'bool')),
    fixed: tf.keep(tf.tensor(fixed, shape)),
  };
}
