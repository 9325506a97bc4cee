/** Features that never vary (a digit's border) have no part in a subspace; leaving them out saves a share of the work. */
import type { Examples } from '../data/index.ts';
import type { Layer64 } from './network64.ts';
import type { Moments, Place } from './subspace.ts';

export class VaryingFeatures {
  /** Which features vary, rising. */
  readonly #varying: Int32Array;
  readonly #first: Float32Array;

  /** Data with a value that is not finite keep all their features, so that it is named as what it is. */
  constructor({ x, features }: Pick<Examples, 'x' | 'features'>) {
    const first = x.slice(0, features);
    const varies = new Uint8Array(features);
    // Times zero, what is not finite stays as NaN; one sum tells whether there was any.
    let nothing = 0;
    for (let at = 0; at < x.length; at += features) {
      for (let j = 0; j < features; j++) {
        const value = x[at + j]!;
        nothing += 0 * value;
        if (value !== first[j]!) varies[j] = 1;
      }
    }
    const all = Int32Array.from(varies.keys());
    const varying = nothing === 0 ? all.filter((j) => varies[j] === 1) : all;
    this.#first = first;
    this.#varying = varying.length > 0 ? varying : all;
  }

  get count(): number {
    return this.#varying.length;
  }

  /** Rows [rows, features] less the constant entries: [rows, count]. */
  of(rows: Float32Array): Float32Array {
    const features = this.#first.length;
    return this.count === features ? rows : columnsOf(rows, features, this.#varying, Float32Array);
  }

  /** The same layer on the varying features alone: what the others add is part of the bias. */
  layer(layer: Layer64): Layer64 {
    const { inputs, outputs, weight } = layer;
    const { length: count } = this.#varying;
    if (count === inputs) return layer;
    const left = columnsOf(weight, inputs, this.#varying, Float64Array);
    const constants = Float64Array.from(this.#first);
    for (const j of this.#varying) constants[j] = 0;
    const bias = layer.bias.slice();
    for (let i = 0; i < outputs; i++) {
      let sum = 0;
      for (let j = 0; j < inputs; j++) sum += weight[i * inputs + j]! * constants[j]!;
      bias[i]! += sum;
    }
    return { ...layer, inputs: count, weight: left, bias };
  }

  /** Moments of all features from those of the varying ones. */
  moments(place: Place, { count, mean, scatter }: Moments): Moments {
    const { width } = place;
    const varying = this.#varying;
    const { length } = varying;
    if (length === width) return { place, count, mean, scatter };
    const out = { place, count, mean: Float64Array.from(this.#first), scatter: new Float64Array(width ** 2) };
    for (let i = 0; i < length; i++) {
      const row = varying[i]!;
      out.mean[row] = mean[i]!;
      for (let j = 0; j < length; j++) out.scatter[row * width + varying[j]!] = scatter[i * length + j]!;
    }
    return out;
  }
}

/** The columns named of [rows, width]. */
function columnsOf<T extends Float32Array | Float64Array>(
  matrix: T,
  width: number,
  columns: Int32Array,
  make: new (length: number) => T,
): T {
  const { length } = columns;
  const rows = matrix.length / width;
  const out = new make(rows * length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < length; j++) out[i * length + j] = matrix[i * width + columns[j]!]!;
  }
  return out;
}
