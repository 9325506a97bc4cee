/** Activations of one layer's neurons on data, in float64. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import type { Backend } from '../backend/index.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import type { Examples } from '../data/index.ts';
import { hostLayer, NativeLayer } from './forward64.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { network64 } from './network64.ts';
import type { Layer64 } from './network64.ts';

const chunkRows = 1024;

/** The layer as far as the recording point. */
function upTo(layer: Layer64, point: RecordingPoint): Layer64 {
  const { norm, activation, ...linear } = layer;
  if (point === 'post_linear') return linear;
  if (point === 'post_norm') return { ...linear, ...(norm && { norm }) };
  return { ...linear, ...(norm && { norm }), ...(activation && { activation }) };
}

/**
 * Outputs of layer `index` for every example.
 * @param between called between chunks with the share of the work just done; throw there to stop
 * @returns [examples, neurons]
 */
export async function layerActivations(
  backend: Backend,
  model: LoadedNetwork,
  index: number,
  point: RecordingPoint,
  { x, features, count }: Examples,
  between: (share: number) => Promise<void>,
): Promise<Float64Array> {
  const layers = network64(model).slice(0, index + 1);
  layers[index] = upTo(layers[index]!, point);
  const width = layers[index].outputs;
  const out = new Float64Array(count * width);
  const doubles = backend.native?.doubles;
  const native = doubles && layers.map((layer) => new NativeLayer(doubles, layer));
  try {
    for (let start = 0; start < count; start += chunkRows) {
      const rows = Math.min(chunkRows, count - start);
      const chunk = x.subarray(start * features, (start + rows) * features);
      const found = native
        ? forwardNative(doubles, native, chunk, rows)
        : layers.reduce<Float64Array>((at, layer) => hostLayer(layer, at, rows), Float64Array.from(chunk));
      out.set(found, start * width);
      await between(rows / count);
    }
    return out;
  } finally {
    for (const layer of native ?? []) layer.dispose();
  }
}

function forwardNative(
  doubles: Doubles,
  layers: readonly NativeLayer[],
  x: Float32Array,
  rows: number,
): Float64Array {
  let at: Double = doubles.put(x, [rows, x.length / rows]);
  for (const layer of layers) {
    const next = layer.forward(at);
    doubles.free(at);
    at = next;
  }
  const out = doubles.read(at);
  doubles.free(at);
  return out;
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
