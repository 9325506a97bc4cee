/** One pass over a split in float64: the moments at every layer's input and at the model's output. */
import type { Backend } from '../backend/index.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import type { Examples } from '../data/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
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
  { x, features, count }: Examples,
  wanted: readonly string[],
  between: (share: number) => Promise<void>,
): Promise<Moments[]> {
  const places = placesOf(model.network);
  const chosen = places.flatMap(({ layer }, i) => (wanted.includes(layer) ? [i] : []));
  const last = Math.max(-1, ...chosen);
  const layers = network64(model).slice(0, Math.max(0, last));
  const doubles = backend.native?.doubles;
  const pass = doubles ? new NativePass(doubles, layers, places) : new HostPass(layers, places);
  try {
    for (let start = 0; start < count; start += chunkRows) {
      const end = Math.min(count, start + chunkRows);
      pass.start(x.subarray(start * features, end * features), end - start);
      for (let place = 0; place <= last; place++) {
        if (place > 0) pass.step(place - 1);
        if (chosen.includes(place)) pass.record(place);
        await between((end - start) / count / (last + 1));
      }
    }
    return chosen.map((place) => pass.finish(place));
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
interface NativeSums {
  shift: Float64Array;
  /** [1, width] */
  shiftRow: Double;
  /** [width, width] of the shifted vectors. */
  gram: Double;
  /** [width] */
  sums: Float64Array;
  count: number;
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
    const d = this.#d;
    const { width } = this.#places[place]!;
    const known = this.#sums.get(place);
    const shiftRow = known?.shiftRow ?? d.reduce('Mean', this.#x!, 0);
    const shifted = d.op('Sub', [this.#x!, shiftRow]);
    const mean = d.reduce('Mean', shifted, 0);
    const gram = d.matMul(shifted, shifted, true, false);
    const means = d.read(mean);
    d.free(shifted, mean);
    const sums = known ?? {
      ...{ shift: d.read(shiftRow), shiftRow, gram: d.put(new Float32Array(width * width), [width, width]) },
      ...{ sums: new Float64Array(width), count: 0 },
    };
    const total = d.op('AddV2', [sums.gram, gram]);
    d.free(sums.gram, gram);
    for (let j = 0; j < width; j++) sums.sums[j]! += this.#rows * means[j]!;
    this.#sums.set(place, { ...sums, gram: total, count: sums.count + this.#rows });
  }

  step(layer: number): void {
    this.#replace(this.#layers[layer]!.forward(this.#x!));
  }

  finish(place: number): Moments {
    const { shift, gram, sums, count } = this.#sums.get(place)!;
    return finishMoments(this.#places[place]!, count, shift, sums, this.#d.read(gram));
  }

  dispose(): void {
    if (this.#x) this.#d.free(this.#x);
    for (const { shiftRow, gram } of this.#sums.values()) this.#d.free(shiftRow, gram);
    for (const layer of this.#layers) layer.dispose();
  }

  #replace(x: Double): void {
    if (this.#x) this.#d.free(this.#x);
    this.#x = x;
  }
}
