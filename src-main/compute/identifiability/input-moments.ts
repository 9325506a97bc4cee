/**
 * One pass over a split in float64: the moments at every layer's input and at the model's output. Patches of convolutions
 * are cut and summed chunk by chunk: memory does not grow with the number of images.
 */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import type { Backend } from '../backend/index.ts';
import { rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { valuesOf } from '../networks/doubles.ts';
import type { Values } from '../networks/doubles.ts';
import { isExported } from '../networks/parameters.ts';
import { varyingFeatures } from './constant-features.ts';
import { valuesPerExample } from '../networks/execution.ts';
import { measuredLayers } from './layer-weights.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { hostWindows, patchCount, patchSize } from './patches.ts';
import type { Patches } from './patches.ts';
import { finishMoments, HostSums, modelOutput } from './subspace.ts';
import type { Moments, Place } from './subspace.ts';

/** Rows per chunk at most, 12 MiB at 784 numbers; more are no faster. Plain TypeScript keeps the values of all nodes. */
const mostRows = { native: 2048, host: 512 };
/** Numbers of a chunk of images at most, with patches: 256 MiB. */
const mostNumbers = 2 ** 25;

/** A place, and the node whose value it is. */
export type NodePlace = Place & { node: string };

/** Every place where a network's vectors are recorded, in the order of the forward pass. */
export function placesOf(network: Network): NodePlace[] {
  const { output } = network.graph;
  const inputs = measuredLayers(network).map((layer): NodePlace => {
    const { id, width, patches } = layer;
    const [node] = layer.node.takes as [string];
    const from = sourceOf(network, node);
    return {
      ...{ layer: id, hookMode: 'RecordInput', node, width },
      ...(patches && { patches }),
      ...(from !== undefined && { from }),
    };
  });
  // Every token is a row.
  const isSequence = isExported(network) && network.shapes.get(output)!.length === 2;
  const width = isSequence ? network.shapes.get(output)!.at(-1)! : widthOf(network, output);
  return [...inputs, { layer: modelOutput, hookMode: 'RecordOutput', node: output, width }];
}

const widthOf = ({ shapes }: Network, node: string): number => sizeOf(shapes.get(node)!);

/** Whether a place is the data themselves, example by example. */
export const isData = ({ graph }: Network, { node, patches, width }: NodePlace): boolean =>
  !patches && graph.inputs.some(({ id, shape }) => id === node && sizeOf(shape) === width);

/** The layer whose neurons a value holds, behind norms and activations; undefined: the data. */
function sourceOf(network: Network, node: string): string | undefined {
  const layer = measuredLayers(network).find((each) => each.node.id === node);
  if (layer) return layer.id;
  const found = network.nodes.find(({ id }) => id === node);
  if (!found) return undefined;
  const [taken, ...others] = found.takes.filter((id) => !isParameter(network, id));
  return taken !== undefined && others.length === 0 ? sourceOf(network, taken) : found.id;
}

/** Of exported networks parameters are nodes. */
const isParameter = ({ nodes }: Network, id: string): boolean => {
  const found = nodes.find((node) => node.id === id);
  return found?.op === 'torch' && (found.attributes as TorchCall).call === 'parameter';
};

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
  const { graph: network } = model.run;
  const places = placesOf(network).filter(({ layer }) => wanted.includes(layer));
  const deeper = places.filter((place) => !isData(network, place));
  const nodes = [...new Set(deeper.map(({ node }) => node))];
  const ofData = places.find((place) => isData(network, place));
  const data = ofData && new DataSums(backend, examples, ofData);
  const sums = new Map(
    deeper.map((place) => [readingOf(place), { node: place.node, of: sumsOf(backend, place) }] as const),
  );
  const rows = chunkRows(backend, network, deeper, examples.count);
  // In values of exported networks examples need not come first: a part of a chunk cannot be cut off.
  const known = new Map<number, Values>();
  const valuesAt = (size: number): Values => {
    const amount = { rows: isExported(network) ? size : rows, count: examples.count };
    const own = known.get(amount.rows) ?? valuesOf(backend, { network, state: model.state }, nodes, amount);
    known.set(amount.rows, own);
    return own;
  };
  try {
    for (let start = 0; start < examples.count; start += rows) {
      const end = Math.min(examples.count, start + rows);
      const x = rowsOf(examples, start, end);
      data?.add(x);
      if (nodes.length > 0)
        valuesAt(end - start).each(x, (value, i) => {
          for (const { node, of } of sums.values()) if (node === nodes[i]) of.add(value);
        });
      await between((end - start) / examples.count);
    }
    const found = new Map([...sums].map(([reading, { of }]) => [reading, of.finish()] as const));
    return places.map((place) =>
      isData(network, place) ? data!.finish(place) : { ...found.get(readingOf(place))!, place },
    );
  } finally {
    for (const values of known.values()) values.dispose();
    for (const { of } of sums.values()) of.dispose?.();
    data?.dispose();
  }
}

/** Equal for places that read the same vectors, in whatever layer. */
const readingOf = ({ node, patches }: NodePlace): string => JSON.stringify([node, patches]);

function chunkRows(
  { native }: Backend,
  network: Network,
  places: readonly NodePlace[],
  count: number,
): number {
  const most = Math.min(
    native ? mostRows.native : mostRows.host,
    mostImages(native !== undefined, network, places),
  );
  return Math.ceil(count / Math.ceil(count / most));
}

/** Images whose values at the places (in plain TypeScript: of all nodes) and patches, twice, are held at once. */
function mostImages(native: boolean, network: Network, places: readonly NodePlace[]): number {
  const patches = places.flatMap((place) => place.patches ?? []);
  if (patches.length === 0) return Infinity;
  const largest = Math.max(...patches.map((each) => patchCount(each) * patchSize(each)));
  const nodes = new Set(places.map(({ node }) => node));
  const values = native
    ? [...nodes].reduce((sum, node) => sum + widthOf(network, node), 0)
    : valuesPerExample(network);
  return Math.max(1, Math.floor(mostNumbers / (values + 2 * largest)));
}

/** Sums of the data: features that never vary are left out of the products. */
class DataSums {
  readonly #varying: ReturnType<typeof varyingFeatures>;
  readonly #doubles: Doubles | undefined;
  readonly #sums: Sums;

  constructor(backend: Backend, examples: Examples, place: Place) {
    this.#varying = varyingFeatures(examples);
    this.#doubles = backend.native?.doubles;
    this.#sums = sumsOf(backend, { ...place, width: this.#varying.count });
  }

  add(x: Float32Array): void {
    const { features, places } = this.#varying;
    const doubles = this.#doubles;
    if (!doubles) {
      this.#sums.add(Float64Array.from(this.#varying.of(x)));
      return;
    }
    const columns = doubles.putColumns(x, features, places);
    this.#sums.add(columns);
    doubles.free(columns);
  }

  finish(place: Place): Moments {
    return this.#varying.moments(place, this.#sums.finish());
  }

  dispose(): void {
    this.#sums.dispose?.();
  }
}

/** Moments of windows (channels last) in the order of the weights: channel by channel, and each row by row. */
function inWeightOrder({ place, count, mean, scatter }: Moments, { image, kernel }: Patches): Moments {
  const [cells, channels] = [sizeOf(kernel), image[2]];
  const from = Int32Array.from(
    { length: cells * channels },
    (_, j) => (j % cells) * channels + Math.floor(j / cells),
  );
  const { length } = from;
  const ordered = new Float64Array(length * length);
  for (let i = 0; i < length; i++)
    for (let j = 0; j < length; j++) ordered[i * length + j] = scatter[from[i]! * length + from[j]!]!;
  return { place, count, mean: Float64Array.from(from, (at) => mean[at]!), scatter: ordered };
}

interface Sums {
  /** @param x [rows, width], left alone */
  add(x: Double | Float32Array | Float64Array): void;
  finish(): Moments;
  dispose?(): void;
}

function sumsOf({ native }: Backend, place: Place): Sums {
  const sums = native ? new NativeSums(native.doubles, place) : new HostSums(place);
  if (place.patches) return new PatchSums(native?.doubles, place.patches, sums);
  return native ? new RowSums(native.doubles, place.width, sums) : sums;
}

/** Sums over vectors of which an example has several (tokens). */
class RowSums implements Sums {
  readonly #doubles: Doubles;
  readonly #width: number;
  readonly #sums: Sums;

  constructor(doubles: Doubles, width: number, sums: Sums) {
    this.#doubles = doubles;
    this.#width = width;
    this.#sums = sums;
  }

  add(x: Double): void {
    if (x.shape[1] === this.#width) {
      this.#sums.add(x);
      return;
    }
    const rows = this.#doubles.rows(x, this.#width);
    this.#sums.add(rows);
    this.#doubles.free(rows);
  }

  finish(): Moments {
    return this.#sums.finish();
  }

  dispose(): void {
    this.#sums.dispose?.();
  }
}

/** Sums over the patches of images. */
class PatchSums implements Sums {
  readonly #doubles: Doubles | undefined;
  readonly #patches: Patches;
  readonly #sums: Sums;

  constructor(doubles: Doubles | undefined, patches: Patches, sums: Sums) {
    this.#doubles = doubles;
    this.#patches = patches;
    this.#sums = sums;
  }

  add(images: Double | Float32Array | Float64Array): void {
    if (!this.#doubles) {
      this.#sums.add(hostWindows(images as Float64Array, this.#patches));
      return;
    }
    const windows = this.#doubles.windows(images as Double, this.#patches);
    this.#sums.add(windows);
    this.#doubles.free(windows);
  }

  finish(): Moments {
    return inWeightOrder(this.#sums.finish(), this.#patches);
  }

  dispose(): void {
    this.#sums.dispose?.();
  }
}

/** Sums at one place, inside TensorFlow. */
class NativeSums implements Sums {
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

  add(x: Double): void {
    const [rows = 0] = x.shape;
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
