/** Fresh models, as neuron-identifiability draws them (src/models) but from our own seeded streams. */
import type { LayerSpec, MlpSpec, TrainableSpec } from '../../../src-shared/model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { RandomStream } from '../random.ts';
import { actingArrays } from '../networks/effective.ts';
import { drawMask, resnetFixedPart, resnetTensor, withFixedEntries } from './initialise-resnet.ts';
import { stateLayout } from './layout.ts';
import type { StateDict } from './tensors.ts';

/** Of the linearised norms, twice: in the expected variance and under the root. (normalization.py) */
const linearEpsilon = 1e-12;

export interface InitialSeeds {
  /** One per model. */
  init: readonly number[];
  /** Of the fixed part, which all models share. */
  mask: number;
}

/**
 * M models that share their fixed part (mask and F, noise or C: the same arrays, never to be written to) and differ in
 * their trained weights.
 * MLPs, standard and sigma-asymmetric: weight and bias U(+-1/sqrt(inputs)). W-asymmetric and SYRE: weight N(0, 1/inputs), bias
 * U(+-1/sqrt(inputs)); masked raw entries of W-asymmetric weights start at sigma_F * F.
 */
export function initialise(spec: TrainableSpec, seeds: InitialSeeds): StateDict[] {
  return [...freshModels(spec, seeds)];
}

/** The same, one after the other: sixteen stock models take about a second. */
export function* freshModels(spec: TrainableSpec, seeds: InitialSeeds): Generator<StateDict> {
  const fixed = spec.architecture === 'mlp' ? fixedPart(spec, seeds.mask) : resnetFixedPart(spec, seeds.mask);
  // The asymmetric model is built whole first; `asymInitOnly` then keeps its effective weights as a standard model.
  const built = { ...spec, asymInitOnly: false };
  for (const seed of seeds.init) {
    const state: StateDict = new Map();
    for (const { name, shape } of stateLayout(built)) {
      const draw = (): Float32Array =>
        built.architecture === 'mlp'
          ? initialTensor(built, name, seed, fixed)
          : resnetTensor(built, { name, shape }, seed, fixed);
      state.set(name, { shape, data: fixed.get(name) ?? draw() });
    }
    yield spec.asymInitOnly ? asStandard(spec, built, state) : state;
  }
}

function asStandard(spec: TrainableSpec, built: TrainableSpec, state: StateDict): StateDict {
  const acting = actingArrays(readNetwork(graphOf(built)), state);
  return new Map(stateLayout(spec).map(({ name, shape }) => [name, { shape, data: acting.get(name)!.data }]));
}

function initialTensor(
  spec: MlpSpec,
  name: string,
  seed: number,
  fixed: Map<string, Float32Array>,
): Float32Array {
  const [kind, position = '0', part = ''] = name.split('.');
  const layer = spec.layers[Number(position)]!;
  if (kind === 'lins') {
    const bound = 1 / Math.sqrt(layer.inputs);
    const stream = new RandomStream(seed, part, layer.index);
    if (part === 'bias') return stream.uniforms(layer.outputs, bound);
    const count = layer.inputs * layer.outputs;
    const gaussian = spec.family === 'w-asymmetric' || spec.family === 'syre';
    const weight = gaussian ? stream.normals(count, bound) : stream.uniforms(count, bound);
    return spec.family === 'w-asymmetric'
      ? withFixedEntries(weight, `lins.${layer.index}`, layer.sigmaF, fixed)
      : weight;
  }
  switch (part) {
    case 'weight':
    case 'running_var':
      return new Float32Array(layer.outputs).fill(1);
    case 'scale':
    case 'inv_std':
      return linearScale(
        part === 'scale' ? 'layer_linear' : 'batch_linear',
        initialVariance(spec, layer, fixed),
      );
    case 'num_batches_tracked':
      return new Float32Array(1);
    default:
      return new Float32Array(layer.outputs);
  }
}

/**
 * The factor(s) by which a linearised norm multiplies: one number for `layer_linear` (after subtracting the mean over
 * the layer), one per output for `batch_linear` (normalization.py:53-100).
 */
function linearScale(kind: 'layer_linear' | 'batch_linear', variance: Float32Array): Float32Array {
  if (kind === 'batch_linear') return variance.map((v) => 1 / Math.sqrt(v + linearEpsilon));
  const mean = variance.reduce((sum, v) => sum + v, 0) / variance.length;
  return Float32Array.of(1 / Math.sqrt((1 - 1 / variance.length) * mean + linearEpsilon));
}

/**
 * Variance of each output at initialisation for inputs of unit covariance: frozen entries as drawn, 1/inputs for each
 * trainable one; 1 for layers without a mask (normalization.py:27-50).
 */
export function initialVariance(
  spec: MlpSpec,
  layer: LayerSpec,
  fixed: Map<string, Float32Array>,
): Float32Array {
  const variance = new Float32Array(layer.outputs).fill(1 + linearEpsilon);
  if (spec.family !== 'w-asymmetric') return variance;
  const mask = fixed.get(`lins.${layer.index}.mask`)!;
  const normal = fixed.get(`lins.${layer.index}.normal_mask`)!;
  for (let row = 0; row < layer.outputs; row++) {
    let frozen = 0;
    let trainable = 0;
    for (let i = row * layer.inputs; i < (row + 1) * layer.inputs; i++) {
      if (mask[i] === 0) frozen += (layer.sigmaF * normal[i]!) ** 2;
      else trainable++;
    }
    variance[row] = frozen + trainable / layer.inputs + linearEpsilon;
  }
  return variance;
}

/** The shared tensors by name. Exactly `numFixed` entries of every row of a mask are 0 (fixed). */
function fixedPart(spec: MlpSpec, seed: number): Map<string, Float32Array> {
  const fixed = new Map<string, Float32Array>();
  for (const layer of spec.layers) {
    const { index, inputs, outputs } = layer;
    const count = inputs * outputs;
    if (spec.family === 'w-asymmetric') {
      fixed.set(
        `lins.${index}.mask`,
        drawMask([outputs, inputs, layer.numFixed], new RandomStream(seed, 'mask', index)),
      );
      const normal = new RandomStream(seed, 'normal_mask', index);
      fixed.set(
        `lins.${index}.normal_mask`,
        layer.normalMask ? normal.normals(count) : new Float32Array(count).fill(1),
      );
    }
    if (spec.family === 'syre')
      fixed.set(`lins.${index}.noise`, new RandomStream(seed, 'noise', index).normals(count));
    if (spec.family === 'sigma-asymmetric' && index < spec.layers.length - 1) {
      fixed.set(`activations.${index}.C`, new RandomStream(seed, 'gate', index).normals(outputs * outputs));
    }
  }
  return fixed;
}
