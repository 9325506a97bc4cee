/** Fresh residual networks, as neuron-identifiability draws them (src/models/resnet.py); and masks, for all networks. */
import type { ResnetSpec } from '../../../src-shared/model.ts';
import { RandomStream } from '../random.ts';
import { sizeOf } from './layout.ts';

type Fixed = Map<string, Float32Array>;

/** Mask and F, or noise, by name: what all models of a run share. */
export function resnetFixedPart({ family, layers }: ResnetSpec, seed: number): Fixed {
  const fixed: Fixed = new Map();
  for (const { module, shape, numFixed, normalMask } of layers) {
    const count = sizeOf(shape);
    const fanIn = count / shape[0]!;
    const normals = (part: string): Float32Array => new RandomStream(seed, part, module).normals(count);
    if (family === 'w-asymmetric') {
      fixed.set(
        `${module}.mask`,
        drawMask([shape[0]!, fanIn, numFixed], new RandomStream(seed, 'mask', module)),
      );
      fixed.set(
        `${module}.normal_mask`,
        normalMask ? normals('normal_mask') : new Float32Array(count).fill(1),
      );
    }
    if (family === 'syre') fixed.set(`${module}.noise`, normals('noise'));
  }
  return fixed;
}

/**
 * Convolutions of all families, and the linear layer of standard ones: U(+-1/sqrt(fan-in)). The linear layer of others:
 * N(0, 1/fan-in). Masked raw entries start at sigma_F * F. Norms start as identities.
 */
export function resnetTensor(
  spec: ResnetSpec,
  { name, shape }: { name: string; shape: readonly number[] },
  seed: number,
  fixed: Fixed,
): Float32Array {
  const at = name.lastIndexOf('.');
  const [module, part] = [name.slice(0, at), name.slice(at + 1)];
  const layer = spec.layers.find((one) => one.module === module);
  const count = sizeOf(shape);
  if (!layer) return new Float32Array(count).fill(part === 'weight' || part === 'running_var' ? 1 : 0);
  const bound = 1 / Math.sqrt(sizeOf(layer.shape.slice(1)));
  const stream = new RandomStream(seed, part, module);
  if (part === 'bias') return stream.uniforms(count, bound);
  const gaussian = module === 'linear' && spec.family !== 'standard';
  const weight = gaussian ? stream.normals(count, bound) : stream.uniforms(count, bound);
  return spec.family === 'w-asymmetric' ? withFixedEntries(weight, module, layer.sigmaF, fixed) : weight;
}

/** The weight of a W-asymmetric layer with sigma_F * F where it is masked; written to. */
export function withFixedEntries(
  weight: Float32Array,
  module: string,
  sigmaF: number,
  fixed: Fixed,
): Float32Array {
  const mask = fixed.get(`${module}.mask`)!;
  const normal = fixed.get(`${module}.normal_mask`)!;
  const sigma = Math.fround(sigmaF);
  for (let i = 0; i < weight.length; i++) if (mask[i] === 0) weight[i] = sigma * normal[i]!;
  return weight;
}

/** Ones, and in every row exactly `numFixed` zeros (fixed entries). */
export function drawMask(
  [rows, columns, numFixed]: readonly [rows: number, columns: number, numFixed: number],
  stream: RandomStream,
): Float32Array {
  const mask = new Float32Array(rows * columns).fill(1);
  const places = Int32Array.from({ length: columns }, (_, i) => i);
  for (let row = 0; row < rows; row++) {
    stream.shuffle(places, numFixed);
    for (let i = 0; i < numFixed; i++) mask[row * columns + places[i]!] = 0;
  }
  return mask;
}
