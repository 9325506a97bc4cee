/** Activations of one layer's neurons on data, in float64. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import { rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { valuesOf } from '../networks/doubles.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

const chunkRows = 1024;

/**
 * The nodes at which a linear layer's neurons are recorded: its own value, the norm and the activation right behind it.
 * Without one of these the point is the one before.
 */
export function pointsOfLayer(network: Network, layer: string): Record<RecordingPoint, string> {
  const next = (id: string, ...ops: string[]): string => {
    const readers = network.nodes.filter(({ takes }) => takes.includes(id));
    const [only] = readers;
    return readers.length === 1 && ops.includes(only!.op) ? only!.id : id;
  };
  const post_norm = next(layer, 'norm');
  return { post_linear: layer, post_norm, post_activation_function: next(post_norm, 'activation', 'gate') };
}

/**
 * Outputs of a layer for every example.
 * @param between called between chunks with the share of the work just done; throw there to stop
 * @returns [examples, neurons]
 */
export async function layerActivations(
  backend: Backend,
  { run: { graph: network }, state }: LoadedNetwork,
  { layer, point }: { layer: string; point: RecordingPoint },
  examples: Examples,
  between: (share: number) => Promise<void>,
): Promise<Float64Array> {
  const { count } = examples;
  const node = pointsOfLayer(network, layer)[point];
  const width = sizeOf(network.shapes.get(node)!);
  const out = new Float64Array(count * width);
  const rows = Math.min(chunkRows, count);
  const values = valuesOf(backend, { network, state }, [node], { rows, count });
  try {
    for (let start = 0; start < count; start += rows) {
      const end = Math.min(count, start + rows);
      values.each(rowsOf(examples, start, end), (value) => {
        out.set(value instanceof Float64Array ? value : backend.native!.doubles.read(value), start * width);
      });
      await between((end - start) / count);
    }
    return out;
  } finally {
    values.dispose();
  }
}

/** Column `neuron` of [rows, width]. */
export function columnOf(values: Float64Array, width: number, neuron: number): Float64Array {
  return Float64Array.from({ length: values.length / width }, (_, row) => values[row * width + neuron]!);
}

/** Mean and standard deviation (divided by the count). */
export function meanAndStd(values: Float64Array): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / values.length) };
}

/** Pearson correlation; null where one of them never changes. */
export function correlationOf(a: Float64Array, b: Float64Array): number | null {
  const constant = (values: Float64Array): boolean => values.every((value) => value === values[0]);
  if (constant(a) || constant(b)) return null;
  const [inA, inB] = [meanAndStd(a), meanAndStd(b)];
  const products = a.reduce((sum, value, i) => sum + (value - inA.mean) * (b[i]! - inB.mean), 0);
  return Math.max(-1, Math.min(1, products / a.length / (inA.std * inB.std)));
}

/** How many values lie in each of `bins` equal parts of [low, high]. */
export function binCounts(values: Float64Array, low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = high > low ? Math.floor(((value - low) / (high - low)) * bins) : 0;
    counts[Math.max(0, Math.min(bins - 1, bin))]!++;
  }
  return counts;
}

/** Places of the largest values, falling; ties by place. */
export function largestPlaces(values: Float64Array, most: number): number[] {
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
  return order.slice(0, most);
}
