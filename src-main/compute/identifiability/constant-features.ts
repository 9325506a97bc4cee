/** Features that never vary (a digit's border) have no part in a subspace; leaving them out saves a share of the work. */
import type { Examples } from '../data/index.ts';
import type { Moments, Place } from './subspace.ts';

/** By the data: they are looked through once, whatever is measured on them. */
const known = new WeakMap<object, VaryingFeatures>();

export function varyingFeatures(examples: Pick<Examples, 'x' | 'features'>): VaryingFeatures {
  const found = known.get(examples) ?? new VaryingFeatures(examples.x, examples.features);
  known.set(examples, found);
  return found;
}

export class VaryingFeatures {
  /** Which features vary, rising. */
  readonly places: Int32Array;
  readonly #first: Float32Array;

  /** Data with a value that is not finite keep all their features, so that it is named as what it is. */
  constructor(x: Float32Array, features: number) {
    const first = x.slice(0, features);
    const all = Int32Array.from(first.keys());
    const varying = allFinite(x) ? all.filter((j) => varies(x, features, j)) : all;
    this.#first = first;
    this.places = varying.length > 0 ? varying : all;
  }

  get features(): number {
    return this.#first.length;
  }

  get count(): number {
    return this.places.length;
  }

  /** Rows [rows, features] less the constant entries: [rows, count]. */
  of(rows: Float32Array): Float32Array {
    const features = this.#first.length;
    return this.count === features ? rows : columnsOf(rows, features, this.places);
  }

  /** Moments of all features from those of the varying ones. */
  moments(place: Place, { count, mean, scatter }: Moments): Moments {
    const { width } = place;
    const varying = this.places;
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

function varies(x: Float32Array, features: number, j: number): boolean {
  for (let at = features + j; at < x.length; at += features) if (x[at] !== x[j]) return true;
  return false;
}

/** Times zero, what is not finite stays as NaN; one sum tells whether there was any. */
function allFinite(x: Float32Array): boolean {
  let nothing = 0;
  for (let i = 0; i < x.length; i++) nothing += 0 * x[i]!;
  return nothing === 0;
}

/** The columns named of [rows, width]. */
function columnsOf(matrix: Float32Array, width: number, columns: Int32Array): Float32Array {
  const { length } = columns;
  const rows = matrix.length / width;
  const out = new Float32Array(rows * length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < length; j++) out[i * length + j] = matrix[i * width + columns[j]!]!;
  }
  return out;
}
