/** One pass over a split: what every pair of models needs to know of each other's activations. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { axesOfValue } from '../../../src-shared/networks/permutation-groups.ts';
import type { GroupValue } from '../../../src-shared/networks/symmetries.ts';
import type { Backend, Tensor, Tensor3D, Tf } from '../backend/index.ts';
import { rowsPerCall } from '../networks/evaluation.ts';
import { edgeTensors } from '../networks/edges.ts';
import type { Edges } from '../networks/edges.ts';
import { mathsOf } from '../networks/maths.ts';
import type { NamedArrays } from '../networks/permute.ts';
import { forward } from '../networks/run.ts';
import { stackArrays } from '../networks/stack-arrays.ts';
import type { RecordedUnits } from './recorded-units.ts';
import { MomentAccumulator, pooledMoments } from './moments.ts';
import type { ColumnSums, CrossMoments } from './moments.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** moments[pair][recording point][units] */
export type PairMoments = Partial<Record<RecordingPoint, CrossMoments[]>>;

/** Models of one network, which of them are compared, and where. */
export interface Recording {
  network: Network;
  /** Parameters as they act, by name. */
  models: readonly NamedArrays<Float32Array>[];
  pairs: readonly (readonly [number, number])[];
  points: readonly RecordingPoint[];
  /** If the inputs are all nodes of a graph; each is a row. */
  edges?: Edges | undefined;
}

/** Examples per chunk, and their pixels: float32 sums over so few lose nothing; chunks are added up in float64. */
const mostRows = 1024;
const mostPixels = 2 ** 14;

/**
 * Runs all models over the inputs once and gathers the cross moments of the pairs asked for.
 * @param x [count, ...], the numbers of one example in the order of the network's input
 * @param between called between chunks with the share of the work just done; throw there to stop
 */
export async function recordUnits(
  backend: Backend,
  { network, models, pairs, points, edges }: Recording,
  units: readonly RecordedUnits[],
  x: Tensor,
  between: (share: number) => Promise<void>,
): Promise<PairMoments[]> {
  const { tf } = backend;
  const wanted = units.map(({ places }) => [...new Set(points.flatMap((point) => places[point]))]);
  const order = orderOf(models.length, pairs);
  const parameters = stackArrays(
    tf,
    order.map((m) => models[m]!),
  );
  const recorder = new Recorder(
    backend,
    pairs.map(([a, b]) => [order.indexOf(a), order.indexOf(b)] as const),
  );
  try {
    const recorded = { network, groups: units, wanted, parameters, count: models.length, edges };
    await eachActivations(
      backend,
      recorded,
      x,
      (value, activations) => {
        recorder.add(value, activations);
      },
      between,
    );
    return pairs.map((_, p) =>
      Object.fromEntries(
        points.map((point) => [
          point,
          units.map(({ places }) =>
            pooledMoments(places[point].map((value) => recorder.momentsOf(value, p))),
          ),
        ]),
      ),
    );
  } finally {
    recorder.dispose();
    tf.dispose([...parameters.values()]);
  }
}

/** Models whose activations are recorded, and where. */
interface Recorded {
  network: Network;
  groups: readonly Pick<RecordedUnits, 'size'>[];
  /** Per group the values that hold its units' activations. */
  wanted: readonly (readonly GroupValue[])[];
  /** Of the models, stacked. */
  parameters: ReadonlyMap<string, Tensor>;
  /** Models. */
  count: number;
  edges?: Edges | undefined;
}

/**
 * Runs all models over the inputs once, some examples at a time.
 * @param use is called for every value with activations [models, rows, n], which are disposed of afterwards
 * @param between called between chunks with the share of the work just done; throw there to stop
 */
export async function eachActivations(
  backend: Backend,
  { network, groups, wanted, parameters, count: models, edges }: Recorded,
  x: Tensor,
  use: (value: GroupValue, activations: Tensor3D) => void,
  between: (share: number) => Promise<void>,
): Promise<void> {
  const { tf } = backend;
  const count = x.shape[0]!;
  const pixels = Math.max(...wanted.flat().map((value) => pixelsOf(network, value)));
  const summed = Math.min(
    ...[mostRows, rowsPerCall(network, models, 'eager')],
    Math.max(1, Math.floor(mostPixels / pixels)),
  );
  const rows = edges ? count : summed;
  for (let start = 0; start < count; start += rows) {
    const size = Math.min(rows, count - start);
    const recorded = tf.tidy(() => {
      const batch = tf.reshape(x.slice([start], [size]), [1, size, ...network.graph.inputs[0]!.shape]);
      const taps = wanted.flat().map(({ node }) => node);
      const found = forward(mathsOf(backend), network, parameters, batch, {
        taps,
        edges: edges && edgeTensors(tf, edges),
      }).taps;
      return wanted.map((values, g) =>
        values.map((value) => unitsOf(tf, found.get(value.node)!, value, groups[g]!)),
      );
    });
    recorded.forEach((ofGroup, g) => {
      ofGroup.forEach((activations, v) => {
        byRows(activations, edges ? summed : Infinity, (part) => {
          use(wanted[g]![v]!, part);
        });
        activations.dispose();
      });
    });
    await between(size / count);
  }
}

/** At most `rows` rows at a time. */
function byRows(activations: Tensor3D, rows: number, use: (part: Tensor3D) => void): void {
  const [models, count, n] = activations.shape;
  if (count <= rows) {
    use(activations);
    return;
  }
  for (let start = 0; start < count; start += rows) {
    const part = activations.slice([0, start, 0], [models, Math.min(rows, count - start), n]);
    use(part);
    part.dispose();
  }
}

/** Rows that one example gives at a place. */
function pixelsOf({ shapes }: Network, value: GroupValue): number {
  const own = axesOfValue(value);
  const others = shapes.get(value.node)!.filter((_, i) => !own.includes(i));
  return value.block * sizeOf(others);
}

/**
 * A node's value [M, B, ...shape] as the activations of units, [M, rows, n]: every example, every entry of the other axes
 * and, where a unit stands in several places, each of these is a row.
 */
function unitsOf(tf: Tf, value: Tensor, held: GroupValue, { size }: Pick<RecordedUnits, 'size'>): Tensor3D {
  const { places, block } = held;
  const models = value.shape[0]!;
  const own = axesOfValue(held).map((axis) => axis + 2);
  const all = value.shape.map((_, i) => i);
  const order = [...all.filter((i) => !own.includes(i)), ...own];
  const behind = order.every((axis, i) => axis === i) ? value : tf.transpose(value, order);
  const length = sizeOf(own.map((axis) => value.shape[axis]!));
  const flat = tf.reshape(behind, [models, -1, length]) as Tensor3D;
  if (block === 1 && places.length === length && places.every((place, i) => place === i)) return flat;
  const some = tf.gather(flat, tf.tensor1d(places, 'int32'), 2);
  return tf.reshape(tf.transpose(tf.reshape(some, [models, -1, size, block]), [0, 1, 3, 2]), [
    models,
    -1,
    size,
  ]) as Tensor3D;
}

interface Place {
  /** [models, 1, n]: the means of the first chunk. */
  shift: Tensor;
  accumulators: MomentAccumulator[];
  /** No unit of any model is constant: seen in an earlier chunk. */
  allVary: boolean;
}

/**
 * The models in an order in which the first ones of all pairs stand together, as do the second ones, if no model is in two
 * pairs: their parts of a tensor are then read where they lie.
 */
function orderOf(count: number, pairs: readonly (readonly [number, number])[]): number[] {
  const paired = [0, 1].flatMap((side) => pairs.map((pair) => pair[side]!));
  const all = Array.from({ length: count }, (_, m) => m);
  if (new Set(paired).size < paired.length) return all;
  return [...paired, ...all.filter((m) => !paired.includes(m))];
}

class Recorder {
  readonly #backend: Backend;
  /** Places of the two models of each pair. */
  readonly #pairs: readonly (readonly [number, number])[];
  readonly #places = new Map<GroupValue, Place>();

  constructor(backend: Backend, pairs: readonly (readonly [number, number])[]) {
    this.#backend = backend;
    this.#pairs = pairs;
  }

  /** @param activations [models, rows, n], left alone */
  add(value: GroupValue, activations: Tensor3D): void {
    const { tf } = this.#backend;
    const place = this.#placeOf(value, activations);
    const [, rows, n] = activations.shape;
    const sums = tf.tidy(() => {
      const shifted = tf.sub(activations, place.shift);
      const [a, b] = ([0, 1] as const).map((side) => this.#side(shifted, side));
      return [
        tf.matMul(a!, b!, true, false), // [pairs, n, n]
        tf.sum(shifted, 1), // [models, n], as all below
        tf.sum(tf.square(shifted), 1),
        ...(place.allVary ? [] : [tf.min(shifted, 1), tf.max(shifted, 1)]),
      ];
    });
    const [products, sum, squares, smallest, largest] = sums.map((t) => t.dataSync() as Float32Array);
    tf.dispose(sums);
    place.allVary ||= smallest!.every((least, j) => least < largest![j]!);
    const sumsOf = (model: number): ColumnSums => {
      const of = (values: Float32Array): Float32Array => values.subarray(model * n, (model + 1) * n);
      return {
        ...{ sum: of(sum!), squares: of(squares!) },
        ...(smallest && { extremes: { smallest: of(smallest), largest: of(largest!) } }),
      };
    };
    this.#pairs.forEach(([a, b], p) => {
      const part = products!.subarray(p * n * n, (p + 1) * n * n);
      place.accumulators[p]!.add({ rows, cross: part, a: sumsOf(a), b: sumsOf(b) });
    });
  }

  /** Of all pairs the first or the second model's part of [models, rows, n]. */
  #side(values: Tensor, side: 0 | 1): Tensor {
    const { tf } = this.#backend;
    const models = this.#pairs.map((pair) => pair[side]);
    const [first] = models as [number];
    return models.every((model, p) => model === first + p)
      ? tf.slice(values, [first], [models.length])
      : tf.gather(values, tf.tensor1d(models, 'int32'), 0);
  }

  momentsOf(value: GroupValue, pair: number): CrossMoments {
    return this.#places.get(value)!.accumulators[pair]!.finish();
  }

  dispose(): void {
    const shifts = [...this.#places.values()].map(({ shift }) => shift);
    this.#backend.tf.dispose(shifts);
  }

  #placeOf(value: GroupValue, activations: Tensor3D): Place {
    const known = this.#places.get(value);
    if (known) return known;
    const n = activations.shape[2];
    const shift = this.#backend.tf.mean(activations, 1, true);
    const means = shift.dataSync() as Float32Array;
    const of = (model: number): Float32Array => means.subarray(model * n, (model + 1) * n);
    const accumulators = this.#pairs.map(([a, b]) => new MomentAccumulator(of(a), of(b)));
    const place = { shift, accumulators, allVary: false };
    this.#places.set(value, place);
    return place;
  }
}
