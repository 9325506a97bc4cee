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
    this.#first = x.slice(0, features);
    const varies = new Uint8Array(features);
    let finite = true;
    for (let at = 0; at < x.length; at += features) {
      for (let j = 0; j < features; j++) {
        const value = x[at + j]!;
        if (value !== this.#first[j]!) {
          varies[j] = 1;
          finite &&= Number.isFinite(value);
        }
      }
    }
    const all = Int32Array.from(varies.keys());
    this.#varying = finite && this.#first.every(Number.isFinite) ? all.filter((j) => varies[j] === 1) : all;
    if (this.#varying.length === 0) this.#varying = all;
  }

  get count(): number {
    return this.#varying.length;
  }

  /** Rows [rows, features] less the constant entries: [rows, count]. */
  of(rows: Float32Array): Float32Array {
    const features = this.#first.length;
    const { length: count } = this.#varying;
    if (count === features) return rows;
    const out = new Float32Array((rows.length / features) * count);
    for (let from = 0, to = 0; from < rows.length; from += features, to += count) {
      for (let j = 0; j < count; j++) out[to + j] = rows[from + this.#varying[j]!]!;
    }
    return out;
  }

  /** The same layer on the varying features alone: what the others add is part of the bias. */
  layer(layer: Layer64): Layer64 {
    const { inputs, outputs, weight } = layer;
    const { length: count } = this.#varying;
    if (count === inputs) return layer;
    const left = new Float64Array(outputs * count);
    const constants = Float64Array.from(this.#first);
    for (const j of this.#varying) constants[j] = 0;
    const bias = layer.bias.slice();
    for (let i = 0; i < outputs; i++) {
      for (let j = 0; j < count; j++) left[i * count + j] = weight[i * inputs + this.#varying[j]!]!;
      for (let j = 0; j < inputs; j++) bias[i]! += weight[i * inputs + j]! * constants[j]!;
    }
    return { ...layer, inputs: count, weight: left, bias };
  }

  /** Moments of all features from those of the varying ones. */
  moments(place: Place, { count, mean, scatter }: Moments): Moments {
    const { width } = place;
    const { length } = this.#varying;
    if (length === width) return { place, count, mean, scatter };
    const out = { place, count, mean: Float64Array.from(this.#first), scatter: new Float64Array(width ** 2) };
    this.#varying.forEach((row, i) => {
      out.mean[row] = mean[i]!;
      for (let j = 0; j < length; j++) {
        out.scatter[row * width + this.#varying[j]!] = scatter[i * length + j]!;
      }
    });
    return out;
  }
}
