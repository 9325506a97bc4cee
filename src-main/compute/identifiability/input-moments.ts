/** One pass over a split in float64: the moments at every layer's input and at the model's output. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import type { Backend } from '../backend/index.ts';
import { rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { valuesOf } from '../networks/doubles.ts';
import { varyingFeatures } from './constant-features.ts';
import { linearLayers } from './layer-weights.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { finishMoments, HostSums, modelOutput } from './subspace.ts';
import type { Moments, Place } from './subspace.ts';

/** Rows per chunk at most, 12 MiB at 784 numbers; more are no faster. Plain TypeScript keeps the values of all nodes. */
const mostRows = { native: 2048, host: 512 };

/** A place, and the node whose value it is. */
export type NodePlace = Place & { node: string };

/** Every place where a network's vectors are recorded, in the order of the forward pass. */
export function placesOf(network: Network): NodePlace[] {
  const { output } = network.graph;
  const inputs = linearLayers(network).map(({ id, takes }): NodePlace => {
    const [node] = takes as [string];
    const from = sourceOf(network, node);
    return {
      ...{ layer: id, hookMode: 'RecordInput', node, width: widthOf(network, node) },
      ...(from !== undefined && { from }),
    };
  });
  const width = widthOf(network, output);
  return [...inputs, { layer: modelOutput, hookMode: 'RecordOutput', node: output, width }];
}

const widthOf = ({ shapes }: Network, node: string): number => shapes.get(node)!.reduce((a, b) => a * b, 1);

/** Whether a place is the data themselves. */
export const isData = ({ graph }: Network, { node }: NodePlace): boolean =>
  graph.inputs.some(({ id }) => id === node);

/** The layer whose neurons a value holds, behind norms and activations; undefined: the data. */
function sourceOf(network: Network, node: string): string | undefined {
  const found = network.nodes.find(({ id }) => id === node);
  if (!found) return undefined;
  const passesOn = found.takes.length === 1 && found.op !== 'linear';
  return passesOn ? sourceOf(network, found.takes[0]!) : found.id;
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
  const { graph: network } = model.run;
  const places = placesOf(network).filter(({ layer }) => wanted.includes(layer));
  const deeper = places.filter((place) => !isData(network, place));
  const nodes = [...new Set(deeper.map(({ node }) => node))];
  const ofData = places.find((place) => isData(network, place));
  const data = ofData && new DataSums(backend, examples, ofData);
  const sums = nodes.map((node) =>
    sumsOf(
      backend,
      deeper.find((place) => place.node === node)!,
    ),
  );
  const rows = chunkRows(backend, examples.count);
  const values =
    nodes.length > 0
      ? valuesOf(backend, { network, state: model.state }, nodes, { rows, count: examples.count })
      : undefined;
  try {
    for (let start = 0; start < examples.count; start += rows) {
      const end = Math.min(examples.count, start + rows);
      const x = rowsOf(examples, start, end);
      data?.add(x);
      values?.each(x, (value, i) => {
        sums[i]!.add(value);
      });
      await between((end - start) / examples.count);
    }
    const found = sums.map((each) => each.finish());
    return places.map((place) =>
      isData(network, place) ? data!.finish(place) : { ...found[nodes.indexOf(place.node)]!, place },
    );
  } finally {
    values?.dispose();
    for (const each of [...sums, ...(data ? [data] : [])]) each.dispose?.();
  }
}

function chunkRows({ native }: Backend, count: number): number {
  const most = native ? mostRows.native : mostRows.host;
  return Math.ceil(count / Math.ceil(count / most));
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

interface Sums {
  /** @param x [rows, width], left alone */
  add(x: Double | Float32Array | Float64Array): void;
  finish(): Moments;
  dispose?(): void;
}

const sumsOf = ({ native }: Backend, place: Place): Sums =>
  native ? new NativeSums(native.doubles, place) : new HostSums(place);

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
