/** Checkpoints in float64: the effective network, widened, with its loss on a data set. */
import { UserError } from '../../../src-shared/errors.ts';
import { erf } from '../networks/erf.ts';
import type { Examples } from '../data/index.ts';
import { multiplyTransposedRight } from '../linalg/multiply.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import type { NamedArrays } from '../networks/permute.ts';

export interface WideNorm {
  readonly kind: 'layer' | 'batch' | 'layer_linear' | 'batch_linear';
  readonly weight: Float64Array | undefined;
  readonly bias: Float64Array | undefined;
  readonly runningMean: Float64Array | undefined;
  readonly runningVar: Float64Array | undefined;
  readonly initialVariance: Float64Array | undefined;
}

export interface WideLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs, inputs], fixed entries included. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly norm: WideNorm | undefined;
  readonly activation: 'gelu' | 'relu' | 'tanh' | 'identity' | 'swiglu' | undefined;
  /** [outputs, outputs] of x * sigmoid(C x). */
  readonly gate: Float64Array | undefined;
}

export interface WideNetwork {
  readonly layers: readonly WideLayer[];
}

export function widened(network: EffectiveNetwork): WideNetwork {
  const wide = (data: Float32Array | undefined) => (data === undefined ? undefined : Float64Array.from(data));
  return {
    layers: network.layers.map(({ inputs, outputs, weight, bias, norm, activation }) => ({
      inputs,
      outputs,
      weight: Float64Array.from(weight),
      bias: Float64Array.from(bias),
      norm: norm && {
        kind: norm.kind,
        weight: wide(norm.weight),
        bias: wide(norm.bias),
        runningMean: wide(norm.runningMean),
        runningVar: wide(norm.runningVar),
        initialVariance: wide(norm.initialVariance),
      },
      activation: typeof activation === 'object' ? 'swiglu' : activation,
      gate: typeof activation === 'object' ? Float64Array.from(activation.gate) : undefined,
    })),
  };
}

/** The weights by the names of the network's parameters, in float32: what weight matching compares. */
export function narrowed({ layers }: WideNetwork): NamedArrays<Float32Array> {
  const named = layers.flatMap(({ inputs, outputs, weight, bias, norm, gate }, i) => [
    [`lins.${i}.weight`, [outputs, inputs], weight] as const,
    [`lins.${i}.bias`, [outputs], bias] as const,
    [`norms.${i}.weight`, [outputs], norm?.weight] as const,
    [`norms.${i}.bias`, [outputs], norm?.bias] as const,
    [`activations.${i}.C`, [outputs, outputs], gate] as const,
  ]);
  return new Map(
    named.flatMap(([name, shape, data]) => (data ? [[name, { shape, data: Float32Array.from(data) }]] : [])),
  );
}

/** Neuron r of hidden layer i is what was neuron perms[i][r]: the same function. */
export function permutedNeurons(network: WideNetwork, perms: readonly Int32Array[]): WideNetwork {
  return {
    layers: network.layers.map((layer, i) => {
      const { inputs, outputs, norm } = layer;
      const row = (r: number) => perms[i]?.[r] ?? r;
      const column = (c: number) => perms[i - 1]?.[c] ?? c;
      const vector = (data: Float64Array) => data.map((_, r) => data[row(r)]!);
      const maybe = (data: Float64Array | undefined) => data && vector(data);
      return {
        ...layer,
        weight: layer.weight.map(
          (_, k) => layer.weight[row(Math.floor(k / inputs)) * inputs + column(k % inputs)]!,
        ),
        bias: vector(layer.bias),
        gate: layer.gate?.map(
          (_, k) => layer.gate![row(Math.floor(k / outputs)) * outputs + row(k % outputs)]!,
        ),
        norm: norm && {
          kind: norm.kind,
          weight: maybe(norm.weight),
          bias: maybe(norm.bias),
          runningMean: maybe(norm.runningMean),
          runningVar: maybe(norm.runningVar),
          initialVariance: maybe(norm.initialVariance),
        },
      };
    }),
  };
}

/** Every array of every layer combined with the other network's: for straight lines and distances. */
export function combined(
  a: WideNetwork,
  b: WideNetwork,
  combine: (x: number, y: number) => number,
): WideNetwork {
  const both = (x: Float64Array, y: Float64Array) => x.map((value, k) => combine(value, y[k]!));
  const maybe = (x: Float64Array | undefined, y: Float64Array | undefined) => (x && y ? both(x, y) : x);
  return {
    layers: a.layers.map((layer, i) => {
      const other = b.layers[i]!;
      const norm = layer.norm && {
        ...layer.norm,
        weight: maybe(layer.norm.weight, other.norm?.weight),
        bias: maybe(layer.norm.bias, other.norm?.bias),
        runningMean: maybe(layer.norm.runningMean, other.norm?.runningMean),
        runningVar: maybe(layer.norm.runningVar, other.norm?.runningVar),
      };
      return { ...layer, weight: both(layer.weight, other.weight), bias: both(layer.bias, other.bias), norm };
    }),
  };
}

/** Euclidean distance over weights, biases and norm parameters. */
export function wideDistance(a: WideNetwork, b: WideNetwork): number {
  let sum = 0;
  combined(a, b, (x, y) => {
    sum += (x - y) ** 2;
    return 0;
  });
  return Math.sqrt(sum);
}

/** Exact mean cross entropy over the examples. */
export function crossEntropy(network: WideNetwork, examples: Examples): number {
  const { count, features, labels, x: all } = examples;
  const first = network.layers[0]!;
  if (features !== first.inputs) {
    throw new UserError(`the data have ${features} numbers per example, the network takes ${first.inputs}`);
  }
  const classes = network.layers.at(-1)!.outputs;
  let sum = 0;
  const rowsPerPass = 1000;
  for (let start = 0; start < count; start += rowsPerPass) {
    const rows = Math.min(rowsPerPass, count - start);
    const x = Float64Array.from(all.subarray(start * features, (start + rows) * features));
    const logits = forward(network, x, rows);
    for (let r = 0; r < rows; r++) sum += rowLoss(logits, r * classes, classes, labels[start + r]!);
  }
  return sum / count;
}

function rowLoss(logits: Float64Array, at: number, classes: number, label: number): number {
  let top = -Infinity;
  for (let c = 0; c < classes; c++) top = Math.max(top, logits[at + c]!);
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp(logits[at + c]! - top);
  return Math.log(sum) + top - logits[at + label]!;
}

function forward(network: WideNetwork, inputs: Float64Array, rows: number): Float64Array {
  let values = inputs;
  for (const layer of network.layers) {
    const z = multiplyTransposedRight(values, layer.weight, rows, layer.inputs, layer.outputs);
    for (let k = 0; k < z.length; k++) z[k]! += layer.bias[k % layer.outputs]!;
    if (layer.norm !== undefined) normalise(layer.norm, z, layer.outputs);
    values = activated(layer, z, rows);
  }
  return values;
}

function normalise(norm: WideNorm, z: Float64Array, n: number): void {
  const expected =
    norm.initialVariance === undefined ? 1 : norm.initialVariance.reduce((sum, v) => sum + v, 0) / n;
  for (let at = 0; at < z.length; at += n) {
    let mean = 0;
    for (let j = 0; j < n; j++) mean += z[at + j]! / n;
    let variance = 0;
    for (let j = 0; j < n; j++) variance += (z[at + j]! - mean) ** 2 / n;
    for (let j = 0; j < n; j++) {
      const [centre, spread] =
        norm.kind === 'layer'
          ? [mean, variance + 1e-5]
          : norm.kind === 'batch'
            ? [norm.runningMean![j]!, norm.runningVar![j]! + 1e-5]
            : norm.kind === 'layer_linear'
              ? [mean, (1 - 1 / n) * expected + 1e-12]
              : [0, norm.initialVariance![j]! + 1e-12];
      z[at + j] =
        ((z[at + j]! - centre) / Math.sqrt(spread)) * (norm.weight?.[j] ?? 1) + (norm.bias?.[j] ?? 0);
    }
  }
}

function activated(layer: WideLayer, z: Float64Array, rows: number): Float64Array {
  switch (layer.activation) {
    case 'relu':
      return z.map((x) => Math.max(0, x));
    case 'tanh':
      return z.map(Math.tanh);
    case 'gelu':
      return z.map((x) => 0.5 * x * (1 + erf(x / Math.SQRT2)));
    case 'swiglu': {
      const gate = multiplyTransposedRight(z, layer.gate!, rows, layer.outputs, layer.outputs);
      return z.map((x, k) => x / (1 + Math.exp(-gate[k]!)));
    }
    default:
      return z;
  }
}
