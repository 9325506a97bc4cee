/** Fresh models: every parameter as its graph says it begins, from our own seeded streams. */
import type { ModelSpec } from '../../../src-shared/model.ts';
import type { Graph, Initial, Parameter } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { unpackedTensor } from './state-dict.ts';
import { RandomStream } from '../random.ts';
import { actingArrays } from '../networks/effective.ts';
import type { StateDict } from './tensors.ts';

/** Of the linearised norms, twice: in the expected variance and under the root. (normalization.py) */
const linearEpsilon = 1e-12;

export interface InitialSeeds {
  /** One per model. */
  init: readonly number[];
  /** Of the fixed part, which all models share. */
  mask: number;
  /** F and D by name, if the config names a file of them. */
  given?: ReadonlyMap<string, { data: Float32Array }> | undefined;
}

/**
 * M models that share their fixed parameters (mask and F, noise or C: the same arrays, never to be written to) and differ
 * in all others. Raw entries of a weight at the zeros of D begin at what acts there: sigma_F * F (W-asymmetric), else 0.
 */
export function initialise(spec: ModelSpec, seeds: InitialSeeds): StateDict[] {
  return [...freshModels(spec, seeds)];
}

/** The same, one after the other: sixteen stock models take about a second. */
export function* freshModels(spec: ModelSpec, seeds: InitialSeeds): Generator<StateDict> {
  // The asymmetric model is built whole first; `asymInitOnly` then keeps its effective weights as a standard model.
  const initOnly = spec.architecture !== 'declared' && spec.asymInitOnly;
  const graph = graphOf(initOnly ? { ...spec, asymInitOnly: false } : spec);
  const fixed = fixedPart(graph, seeds);
  for (const seed of seeds.init) {
    const state: StateDict = new Map();
    for (const parameter of graph.parameters) {
      const { name, shape } = parameter;
      const data = fixed.get(name) ?? withFixedEntries(drawn(parameter, seed), parameter, fixed);
      state.set(name, { shape, data });
    }
    yield initOnly ? keptActing(graph, graphOf(spec), state) : state;
  }
}

function keptActing(graph: Graph, kept: Graph, state: StateDict): StateDict {
  const acting = actingArrays(readNetwork(graph), state);
  return new Map(kept.parameters.map(({ name, shape }) => [name, { shape, data: acting.get(name)!.data }]));
}

type Tensors = Map<string, Float32Array>;

/** What all models of a run share, F and D among it: tensors by name. */
export function fixedPart({ parameters }: Graph, { mask: seed, given }: InitialSeeds): Tensors {
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const fixed: Tensors = new Map();
  const [derived, free] = [true, false].map((isDerived) =>
    parameters.filter(
      ({ role, initial }) => role === 'fixed' && (initial?.kind === 'expected-scale') === isDerived,
    ),
  );
  for (const parameter of free!)
    fixed.set(parameter.name, given?.get(parameter.name)?.data ?? drawn(parameter, seed));
  for (const { name, shape, initial } of derived!) {
    const { weight } = initial as Extract<Initial, { kind: 'expected-scale' }>;
    fixed.set(name, expectedScale(shape, initialVariance(byName.get(weight)!, fixed)));
  }
  return fixed;
}

function drawn({ name, shape, initial, packed }: Parameter, seed: number): Float32Array {
  const count = sizeOf(shape);
  if (packed !== undefined) return unpackedTensor(packed, name, shape);
  switch (initial?.kind) {
    case 'constant':
      return new Float32Array(count).fill(initial.value);
    case 'uniform':
      return new RandomStream(seed, initial.stream).uniforms(count, initial.bound);
    case 'normal':
      return new RandomStream(seed, initial.stream).normals(count, initial.deviation);
    case 'packed':
      return unpackedTensor(initial.numbers, name, shape);
    case 'identity':
      return identity(shape);
    case 'mask':
      return drawMask(shape, initial.zeros, new RandomStream(seed, initial.stream));
    default:
      throw new Error(`${name}: how it begins is not said.`);
  }
}

function withFixedEntries(weight: Float32Array, { family }: Parameter, fixed: Tensors): Float32Array {
  if (family?.mask === undefined) return weight;
  const mask = fixed.get(family.mask)!;
  // Where F acts everywhere it is added to D * W: what lies under D is nothing.
  const part = family.support === 'fixed' ? family.fixed : undefined;
  const normal = part && fixed.get(part.tensor)!;
  const sigma = Math.fround(part?.scale ?? 0);
  for (let i = 0; i < weight.length; i++) if (mask[i] === 0) weight[i] = normal ? sigma * normal[i]! : 0;
  return weight;
}

function identity([rows = 0, columns = 0]: readonly number[]): Float32Array {
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) data[i * columns + i] = 1;
  return data;
}

/**
 * The factor(s) by which a linearised norm multiplies: one number (after subtracting the mean over the layer), or one per
 * output (normalization.py:53-100).
 */
function expectedScale(shape: readonly number[], variance: Float32Array): Float32Array {
  if (shape.length > 0) return variance.map((v) => 1 / Math.sqrt(v + linearEpsilon));
  const mean = variance.reduce((sum, v) => sum + v, 0) / variance.length;
  return Float32Array.of(1 / Math.sqrt((1 - 1 / variance.length) * mean + linearEpsilon));
}

/**
 * Variance of each output at initialisation for inputs of unit covariance: frozen entries as drawn, 1/inputs for each
 * trainable one; 1 for layers without a mask (normalization.py:27-50).
 */
function initialVariance({ shape, family }: Parameter, fixed: Tensors): Float32Array {
  const [outputs, inputs] = shape as [number, number];
  const variance = new Float32Array(outputs).fill(1 + linearEpsilon);
  if (family?.mask === undefined || !family.fixed) return variance;
  const mask = fixed.get(family.mask)!;
  const normal = fixed.get(family.fixed.tensor)!;
  for (let row = 0; row < outputs; row++) {
    let frozen = 0;
    let trainable = 0;
    for (let i = row * inputs; i < (row + 1) * inputs; i++) {
      if (mask[i] === 0) frozen += (family.fixed.scale * normal[i]!) ** 2;
      else trainable++;
    }
    variance[row] = frozen + trainable / inputs + linearEpsilon;
  }
  return variance;
}

/** Exactly `zeros` entries of every row are 0 (fixed). */
function drawMask(shape: readonly number[], zeros: number, stream: RandomStream): Float32Array {
  const count = sizeOf(shape);
  const width = count / shape[0]!;
  const mask = new Float32Array(count).fill(1);
  const columns = Int32Array.from({ length: width }, (_, i) => i);
  for (let start = 0; start < count; start += width) {
    stream.shuffle(columns, zeros);
    for (let i = 0; i < zeros; i++) mask[start + columns[i]!] = 0;
  }
  return mask;
}
