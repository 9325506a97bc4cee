/** Networks of one architecture, stacked on a leading axis as tensors, ready to be evaluated together. */
import type { Activation } from '../../../src-shared/domain.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { linearScale } from './effective.ts';
import type { EffectiveLayer, EffectiveNetwork, NormParameters } from './network.ts';

export const normEpsilon = 1e-5;

/**
 * A norm as evaluation needs it: normalise (over the layer; or not at all, where the statistics are already known),
 * then multiply by `scale` and add `shift`, each [M, 1, n] where present.
 */
export interface StackedNorm {
  /** `layer`: subtract mean, divide by deviation over n. `centre`: subtract the mean over n. `none`: neither. */
  normalise: 'layer' | 'centre' | 'none';
  scale?: Tensor;
  shift?: Tensor;
}

export interface StackedLayer {
  inputs: number;
  outputs: number;
  /** [M, outputs, inputs] */
  weight: Tensor;
  /** [M, 1, outputs] */
  bias: Tensor;
  norm?: StackedNorm;
  activation?: Activation | { kind: 'swiglu'; /** [M, outputs, outputs] */ gate: Tensor };
}

export interface StackedNetwork {
  models: number;
  layers: StackedLayer[];
  dispose(): void;
}

/** Uploads networks that agree in architecture. The caller disposes of the answer. */
export function stackNetworks(backend: Backend, networks: readonly EffectiveNetwork[]): StackedNetwork {
  const first = networks[0];
  if (!first) throw new RangeError('stackNetworks: at least one network');
  const owned: Tensor[] = [];
  const upload = (parts: readonly ArrayLike<number>[], shape: number[]): Tensor => {
    const tensor = backend.tf.tensor(concatenate(parts), [parts.length, ...shape], 'float32');
    owned.push(tensor);
    return tensor;
  };
  const layers = first.layers.map((layer, i) =>
    stackLayer(
      networks.map((n) => n.layers[i]!),
      layer,
      upload,
    ),
  );
  return {
    models: networks.length,
    layers,
    dispose: () => backend.tf.dispose(owned),
  };
}

type Upload = (parts: readonly ArrayLike<number>[], shape: number[]) => Tensor;

function stackLayer(layers: EffectiveLayer[], first: EffectiveLayer, upload: Upload): StackedLayer {
  const { inputs, outputs, activation } = first;
  if (layers.some((layer) => layer.inputs !== inputs || layer.outputs !== outputs)) {
    throw new RangeError('stackNetworks: the networks differ in their widths');
  }
  const norm =
    first.norm &&
    stackNorm(
      layers.map((layer) => layer.norm!),
      outputs,
      upload,
    );
  const stacked: StackedLayer = {
    inputs,
    outputs,
    weight: upload(
      layers.map((layer) => layer.weight),
      [outputs, inputs],
    ),
    bias: upload(
      layers.map((layer) => layer.bias),
      [1, outputs],
    ),
    ...(norm && { norm }),
  };
  if (typeof activation !== 'object') return { ...stacked, ...(activation && { activation }) };
  const gates = layers.map((layer) => (layer.activation as { gate: Float32Array }).gate);
  return { ...stacked, activation: { kind: 'swiglu', gate: upload(gates, [outputs, outputs]) } };
}

function stackNorm(norms: NormParameters[], width: number, upload: Upload): StackedNorm {
  const { kind, weight } = norms[0]!;
  const shape = [1, width];
  const affine = weight !== undefined;
  const shifts = () =>
    upload(
      norms.map((norm) => norm.bias!),
      shape,
    );
  if (kind === 'layer') {
    if (!affine) return { normalise: 'layer' };
    return {
      normalise: 'layer',
      scale: upload(
        norms.map((norm) => norm.weight!),
        shape,
      ),
      shift: shifts(),
    };
  }
  const scales = norms.map((norm) => knownScale(norm, width));
  const scale = upload(scales, shape);
  if (kind === 'batch') {
    const shift = norms.map((norm, m) =>
      Float64Array.from(norm.runningMean!, (mean, i) => (norm.bias?.[i] ?? 0) - mean * scales[m]![i]!),
    );
    return { normalise: 'none', scale, shift: upload(shift, shape) };
  }
  const normalise = kind === 'layer_linear' ? 'centre' : 'none';
  return affine ? { normalise, scale, shift: shifts() } : { normalise, scale };
}

/** The factor of a norm whose statistics do not depend on the input, affine weight included. */
function knownScale(norm: NormParameters, width: number): Float64Array {
  const base =
    norm.kind === 'batch'
      ? Float64Array.from(norm.runningVar!, (v) => 1 / Math.sqrt(v + normEpsilon))
      : linearScale(norm.kind as 'layer_linear' | 'batch_linear', norm.initialVariance!);
  return Float64Array.from({ length: width }, (_, i) => base[i % base.length]! * (norm.weight?.[i] ?? 1));
}

function concatenate(parts: readonly ArrayLike<number>[]): Float32Array {
  const size = parts[0]!.length;
  const all = new Float32Array(size * parts.length);
  for (const [i, part] of parts.entries()) all.set(part, i * size);
  return all;
}
