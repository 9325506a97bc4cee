/** Layers and subspaces for the tests of realization costs. */
import fc from 'fast-check';
import type { LayerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { qr } from '../../../src-main/compute/linalg/solve.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';

export const normals = (stream: RandomStream, count: number): Float64Array =>
  Float64Array.from({ length: count }, () => stream.normal());

export interface Case {
  layer: LayerWeights;
  space: { basis: Float64Array; full: number; dimension: number };
  stream: RandomStream;
}

/** A layer of n neurons on d inputs whose data span k dimensions. */
export function layerCase(
  family: 'standard' | 'syre' | 'w',
  seed: number,
  n: number,
  d: number,
  k: number,
): Case {
  const stream = new RandomStream(seed, 'realization', family);
  const basis = qr(normals(stream, d * k), d, k).q;
  const weight = normals(stream, n * d);
  const common = { outputs: n, inputs: d };
  const space = { basis, full: d, dimension: k };
  if (family === 'standard') return { layer: { ...common, weight, sigmaF: 0 }, space, stream };
  if (family === 'syre')
    return { layer: { ...common, weight, fixed: normals(stream, n * d), sigmaF: 1 }, space, stream };
  const mask = Float32Array.from({ length: n * d }, () => (stream.uniform() < 0.6 ? 1 : 0));
  mask[0] = 0;
  const fixed = normals(stream, n * d).map((value, i) => (mask[i] === 0 ? value : 0));
  const effective = weight.map((value, i) => (mask[i] === 0 ? fixed[i]! : value));
  return { layer: { ...common, weight: effective, fixed, mask, sigmaF: 1 }, space, stream };
}

export const sizes = { seed: fc.integer({ min: 0, max: 1e6 }), n: fc.integer({ min: 2, max: 9 }) };
export const cases = fc.record({
  ...sizes,
  d: fc.integer({ min: 6, max: 40 }),
  k: fc.integer({ min: 1, max: 6 }),
});
