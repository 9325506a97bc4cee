/** One pass over a split: what every pair of models needs to know of each other's activations. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import type { Backend, Tensor, Tensor1D, Tensor3D } from '../backend/index.ts';
import { forwardStacked, stackNetworks } from '../models/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import { MomentAccumulator } from './moments.ts';
import type { ColumnSums, CrossMoments } from './moments.ts';

/** moments[pair][recording point][hidden layer] */
export type PairMoments = Partial<Record<RecordingPoint, CrossMoments[]>>;

/** Rows per chunk: float32 sums over so few rows lose nothing; chunks are added up in float64. */
const mostRows = 1024;
const activationBudget = 64 * 2 ** 20;

/**
 * Runs all networks over the inputs once and gathers the cross moments of the pairs asked for.
 * @param x [count, features]
 * @param between called between chunks with the share of the work just done; throw there to stop
 */
export async function recordMoments(
  backend: Backend,
  networks: readonly EffectiveNetwork[],
  pairs: readonly (readonly [number, number])[],
  points: readonly RecordingPoint[],
  x: Tensor,
  between: (share: number) => Promise<void>,
): Promise<PairMoments[]> {
  const count = x.shape[0]!;
  const stacked = stackNetworks(backend, networks);
  const recorder = new Recorder(backend, pairs);
  try {
    const rows = rowsPerChunk(networks);
    for (let start = 0; start < count; start += rows) {
      const size = Math.min(rows, count - start);
      const batch = x.slice([start, 0], [size, -1]);
      const { logits, recorded } = forwardStacked(backend, stacked, batch, { record: points });
      backend.tf.dispose([batch, logits]);
      for (const point of points) {
        recorded[point]!.forEach((activations, layer) => {
          recorder.add(point, layer, activations as Tensor3D);
          activations.dispose();
        });
      }
      await between(size / count);
    }
    return recorder.finish();
  } finally {
    recorder.dispose();
    stacked.dispose();
  }
}

function rowsPerChunk(networks: readonly EffectiveNetwork[]): number {
  const widest = Math.max(...networks[0]!.layers.map((layer) => layer.outputs));
  return Math.max(32, Math.min(mostRows, Math.floor(activationBudget / 4 / widest / networks.length)));
}

interface Place {
  /** [models, 1, n]: the means of the first chunk. */
  shift: Tensor;
  accumulators: MomentAccumulator[];
}

class Recorder {
  readonly #backend: Backend;
  readonly #pairs: readonly (readonly [number, number])[];
  readonly #firsts: Tensor1D;
  readonly #seconds: Tensor1D;
  readonly #places = new Map<RecordingPoint, Place[]>();

  constructor(backend: Backend, pairs: readonly (readonly [number, number])[]) {
    this.#backend = backend;
    this.#pairs = pairs;
    this.#firsts = backend.tf.tensor1d(
      pairs.map(([a]) => a),
      'int32',
    );
    this.#seconds = backend.tf.tensor1d(
      pairs.map(([, b]) => b),
      'int32',
    );
  }

  /** @param activations [models, rows, n], left alone */
  add(point: RecordingPoint, layer: number, activations: Tensor3D): void {
    const { tf } = this.#backend;
    const place = this.#placeOf(point, layer, activations);
    const [, rows, n] = activations.shape;
    const { cross, sum, squares, smallest, largest } = tf.tidy(() => {
      const shifted = tf.sub(activations, place.shift);
      const [a, b] = [this.#firsts, this.#seconds].map((models) => tf.gather(shifted, models, 0));
      return {
        cross: tf.matMul(a!, b!, true, false), // [pairs, n, n]
        sum: tf.sum(shifted, 1), // [models, n], as the three below
        squares: tf.sum(tf.square(shifted), 1),
        smallest: tf.min(shifted, 1),
        largest: tf.max(shifted, 1),
      };
    });
    const [products, ...columns] = [cross, sum, squares, smallest, largest].map(
      (t) => t.dataSync() as Float32Array,
    );
    tf.dispose([cross, sum, squares, smallest, largest]);
    const sumsOf = (model: number): ColumnSums => {
      const [ofSum, ofSquares, ofSmallest, ofLargest] = columns.map((c) =>
        c.subarray(model * n, (model + 1) * n),
      );
      return { sum: ofSum!, squares: ofSquares!, smallest: ofSmallest!, largest: ofLargest! };
    };
    this.#pairs.forEach(([a, b], p) => {
      const part = products!.subarray(p * n * n, (p + 1) * n * n);
      place.accumulators[p]!.add({ rows, cross: part, a: sumsOf(a), b: sumsOf(b) });
    });
  }

  finish(): PairMoments[] {
    return this.#pairs.map((_, p) =>
      Object.fromEntries(
        [...this.#places].map(([point, places]) => [
          point,
          places.map(({ accumulators }) => accumulators[p]!.finish()),
        ]),
      ),
    );
  }

  dispose(): void {
    const shifts = [...this.#places.values()].flatMap((places) => places.map(({ shift }) => shift));
    this.#backend.tf.dispose([this.#firsts, this.#seconds, ...shifts]);
  }

  #placeOf(point: RecordingPoint, layer: number, activations: Tensor3D): Place {
    const places = this.#places.get(point) ?? [];
    this.#places.set(point, places);
    const known = places[layer];
    if (known) return known;
    const n = activations.shape[2];
    const shift = this.#backend.tf.mean(activations, 1, true);
    const means = shift.dataSync() as Float32Array;
    const of = (model: number): Float32Array => means.subarray(model * n, (model + 1) * n);
    const accumulators = this.#pairs.map(([a, b]) => new MomentAccumulator(of(a), of(b)));
    const place = { shift, accumulators };
    places[layer] = place;
    return place;
  }
}
