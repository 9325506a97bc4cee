/** One pass over a split in float64: the moments at every layer's input and at the model's output. */
import type { Backend } from '../backend/index.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import type { Examples } from '../data/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import { varyingFeatures } from './constant-features.ts';
import type { VaryingFeatures } from './constant-features.ts';
import { hostLayer, NativeLayer } from './forward64.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { network64 } from './network64.ts';
import type { Layer64 } from './network64.ts';
import { finishMoments, HostSums, modelOutput } from './subspace.ts';
import type { Moments, Place } from './subspace.ts';

/** Rows per chunk at most: 49 MiB at 784 numbers. Fewer make the products slower. */
const mostRows = 8192;

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
  /** @param x [rows, features] */
  start(x: Float32Array, rows: number): void;
  record(place: number): void;
  /** The layer's outputs take the place of its inputs. */
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
  const varying = varyingFeatures(examples);
  if (layers[0]) layers[0] = varying.layer(layers[0]);
  const narrowed = places.with(0, { ...places[0]!, width: varying.count });
  const doubles = backend.native?.doubles;
  const pass = doubles
    ? new NativePass(doubles, layers, narrowed, varying)
    : new HostPass(layers, narrowed, varying);
  try {
    const chunkRows = Math.ceil(count / Math.ceil(count / mostRows));
    for (let start = 0; start < count; start += chunkRows) {
      const end = Math.min(count, start + chunkRows);
      pass.start(x.subarray(start * features, end * features), end - start);
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
  readonly #varying: VaryingFeatures;
  #x = new Float64Array(0);
  #rows = 0;

  constructor(layers: readonly Layer64[], places: readonly Place[], varying: VaryingFeatures) {
    this.#layers = layers;
    this.#varying = varying;
    this.#sums = places.map((place) => new HostSums(place));
  }

  start(x: Float32Array, rows: number): void {
    this.#x = Float64Array.from(this.#varying.of(x));
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
  /** [width, width] */
  #gram: Double | undefined;
  /** [1, width] */
  #shift: Double | undefined;
  readonly #sums: Float64Array;
  #count = 0;

  constructor(doubles: Doubles, place: Place) {
    this.#d = doubles;
    this.#place = place;
    this.#sums = new Float64Array(place.width);
  }

  /** @param x [rows, width], left alone */
  add(x: Double, rows: number): void {
    const d = this.#d;
    this.#shift ??= d.reduce('Mean', x, 0);
    const shifted = d.op('Sub', [x, this.#shift]);
    const ones = d.put(new Float32Array(rows).fill(1), [1, rows]);
    const sums = d.matMul(ones, shifted);
    for (const [j, sum] of d.read(sums).entries()) this.#sums[j]! += sum;
    // Products of bands of columns would be three quarters of the work and take as long.
    const fresh = d.matMul(shifted, shifted, true, false);
    d.free(ones, sums, shifted);
    this.#count += rows;
    const before = this.#gram;
    this.#gram = before ? d.op('AddV2', [before, fresh]) : fresh;
    if (before) d.free(before, fresh);
  }

  finish(): Moments {
    const gram = this.#d.read(this.#gram!);
    return finishMoments(this.#place, this.#count, this.#d.read(this.#shift!), this.#sums, gram);
  }

  dispose(): void {
    if (this.#gram) this.#d.free(this.#gram);
    if (this.#shift) this.#d.free(this.#shift);
  }
}

class NativePass implements Pass {
  readonly #d: Doubles;
  readonly #layers: NativeLayer[];
  readonly #places: readonly Place[];
  readonly #sums = new Map<number, NativeSums>();
  readonly #varying: VaryingFeatures;
  #x: Double | undefined;
  #rows = 0;

  constructor(
    doubles: Doubles,
    layers: readonly Layer64[],
    places: readonly Place[],
    varying: VaryingFeatures,
  ) {
    this.#varying = varying;
    this.#d = doubles;
    this.#layers = layers.map((layer) => new NativeLayer(doubles, layer));
    this.#places = places;
  }

  start(x: Float32Array, rows: number): void {
    this.#replace(this.#d.putColumns(x, x.length / rows, this.#varying.places));
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
