/** One pass over a split in float64: the moments at every layer's input and at the model's output. */
import type { Backend } from '../backend/index.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import type { Examples } from '../data/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import { VaryingFeatures } from './constant-features.ts';
import { hostLayer, NativeLayer } from './forward64.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { network64 } from './network64.ts';
import type { Layer64 } from './network64.ts';
import { finishMoments, HostSums, modelOutput } from './subspace.ts';
import type { Moments, Place } from './subspace.ts';

/** Rows per chunk: 13 MiB at 784 numbers. */
const chunkRows = 2048;

/** Every place where a network's vectors are recorded, in the order of the forward pass. */
export function placesOf(network: EffectiveNetwork): Place[] {
  const inputs = network.layers.map(({ inputs: width }, i): Place => ({
    layer: `lins.${i}`,
    hookMode: 'RecordInput',
    width,
  }));
  const width = network.layers.at(-1)!.outputs;
  return [...inputs, { layer: modelOutput, hookMode: 'RecordOutput', width }];
}

/** What adds up moments chunk by chunk, on TensorFlow or here. */
interface Pass {
  /** The next layer's outputs take the place of its inputs. */
  start(x: Float32Array, rows: number): void;
  record(place: number): void;
  step(layer: number): void;
  finish(place: number): Moments;
  dispose(): void;
}

/**
 * Runs one network over the examples and gathers the moments at the places named.
 * @param between called between steps with the share of the work just done; throw there to stop
 * @throws UserError naming layer and neuron of an activation that is not finite
 */
export async function recordMoments(
  backend: Backend,
  model: LoadedNetwork,
  examples: Examples,
  wanted: readonly string[],
  between: (share: number) => Promise<void>,
): Promise<Moments[]> {
  const { x, features, count } = examples;
  const places = placesOf(model.network);
  const chosen = places.flatMap(({ layer }, i) => (wanted.includes(layer) ? [i] : []));
  const last = Math.max(-1, ...chosen);
  const layers = network64(model).slice(0, Math.max(0, last));
  const varying = new VaryingFeatures(examples);
  if (layers[0]) layers[0] = varying.layer(layers[0]);
  const narrowed = places.with(0, { ...places[0]!, width: varying.count });
  const doubles = backend.native?.doubles;
  const pass = doubles ? new NativePass(doubles, layers, narrowed) : new HostPass(layers, narrowed);
  try {
    for (let start = 0; start < count; start += chunkRows) {
      const end = Math.min(count, start + chunkRows);
      pass.start(varying.of(x.subarray(start * features, end * features)), end - start);
      for (let place = 0; place <= last; place++) {
        if (place > 0) pass.step(place - 1);
        if (chosen.includes(place)) pass.record(place);
        await between((end - start) / count / (last + 1));
      }
    }
    return chosen.map((place) => {
      const found = pass.finish(place);
      return place === 0 ? varying.moments(places[0]!, found) : found;
    });
  } finally {
    pass.dispose();
  }
}

class HostPass implements Pass {
  readonly #layers: readonly Layer64[];
  readonly #sums: HostSums[];
  #x = new Float64Array(0);
  #rows = 0;

  constructor(layers: readonly Layer64[], places: readonly Place[]) {
    this.#layers = layers;
    this.#sums = places.map((place) => new HostSums(place));
  }

  start(x: Float32Array, rows: number): void {
    this.#x = Float64Array.from(x);
    this.#rows = rows;
  }

  record(place: number): void {
    this.#sums[place]!.add(this.#x);
  }

  step(layer: number): void {
    this.#x = hostLayer(this.#layers[layer]!, this.#x, this.#rows) as Float64Array<ArrayBuffer>;
  }

  finish(place: number): Moments {
    return this.#sums[place]!.finish();
  }

  dispose(): void {
    this.#x = new Float64Array(0);
  }
}

/** Sums at one place, inside TensorFlow. */
class NativeSums {
  readonly #d: Doubles;
  readonly #place: Place;
  /** Where two bands of columns begin and end: three of the four products of bands make a symmetric matrix. */
  readonly #bands: readonly number[];
  /** One per band: its columns times all from there to the right, [size, width - from]. */
  #grams: Double[] = [];
  /** [1, width] */
  #shift: Double | undefined;
  readonly #sums: Float64Array;
  #count = 0;

  constructor(doubles: Doubles, place: Place) {
    const { width } = place;
    const bands = width < 256 ? 1 : 2;
    this.#d = doubles;
    this.#place = place;
    this.#bands = Array.from({ length: bands + 1 }, (_, i) => Math.round((i * width) / bands));
    this.#sums = new Float64Array(width);
  }

  /** @param x [rows, width], left alone */
  add(x: Double, rows: number): void {
    const d = this.#d;
    this.#shift ??= d.reduce('Mean', x, 0);
    const shifted = d.op('Sub', [x, this.#shift]);
    const ones = d.put(new Float32Array(rows).fill(1), [1, rows]);
    const sums = d.matMul(ones, shifted);
    for (const [j, sum] of d.read(sums).entries()) this.#sums[j]! += sum;
    d.free(ones, sums);
    this.#count += rows;
    const fresh = this.#products(shifted);
    d.free(shifted);
    if (this.#grams.length === 0) this.#grams = fresh;
    else {
      const before = this.#grams;
      this.#grams = fresh.map((gram, i) => d.op('AddV2', [before[i]!, gram]));
      d.free(...before, ...fresh);
    }
  }

  #products(x: Double): Double[] {
    const d = this.#d;
    const { width } = this.#place;
    return this.#bands.slice(0, -1).map((from, i) => {
      const to = this.#bands[i + 1]!;
      const band = d.columns(x, from, to);
      const product = d.matMul(band, to === width ? band : x, true, false);
      d.free(band);
      return product;
    });
  }

  finish(): Moments {
    const { width } = this.#place;
    const gram = new Float64Array(width * width);
    this.#grams.forEach((of, i) => {
      const from = this.#bands[i]!;
      const values = this.#d.read(of);
      const size = width - from;
      for (let r = 0; r < values.length / size; r++) {
        gram.set(values.subarray(r * size, (r + 1) * size), (from + r) * width + from);
      }
    });
    for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) gram[i * width + j] = gram[j * width + i]!;
    return finishMoments(this.#place, this.#count, this.#d.read(this.#shift!), this.#sums, gram);
  }

  dispose(): void {
    this.#d.free(...this.#grams);
    if (this.#shift) this.#d.free(this.#shift);
  }
}

class NativePass implements Pass {
  readonly #d: Doubles;
  readonly #layers: NativeLayer[];
  readonly #places: readonly Place[];
  readonly #sums = new Map<number, NativeSums>();
  #x: Double | undefined;
  #rows = 0;

  constructor(doubles: Doubles, layers: readonly Layer64[], places: readonly Place[]) {
    this.#d = doubles;
    this.#layers = layers.map((layer) => new NativeLayer(doubles, layer));
    this.#places = places;
  }

  start(x: Float32Array, rows: number): void {
    this.#replace(this.#d.put(x, [rows, x.length / rows]));
    this.#rows = rows;
  }

  record(place: number): void {
    const sums = this.#sums.get(place) ?? new NativeSums(this.#d, this.#places[place]!);
    this.#sums.set(place, sums);
    sums.add(this.#x!, this.#rows);
  }

  step(layer: number): void {
    this.#replace(this.#layers[layer]!.forward(this.#x!));
  }

  finish(place: number): Moments {
    return this.#sums.get(place)!.finish();
  }

  dispose(): void {
    if (this.#x) this.#d.free(this.#x);
    for (const sums of this.#sums.values()) sums.dispose();
    for (const layer of this.#layers) layer.dispose();
  }

  #replace(x: Double): void {
    if (this.#x) this.#d.free(this.#x);
    this.#x = x;
  }
}
