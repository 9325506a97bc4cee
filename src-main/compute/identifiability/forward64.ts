/** One layer of the forward pass in float64: by TensorFlow's double kernels, or in plain TypeScript without them. */
import type { Double, Doubles } from '../backend/doubles.ts';
import { erf } from '../networks/erf.ts';
import { multiplyTransposedRight } from '../linalg/multiply.ts';
import { normEpsilon } from '../models/effective.ts';
import type { Layer64, Norm64 } from './network64.ts';

/** @param x [rows, inputs] @returns [rows, outputs] */
export function hostLayer(layer: Layer64, x: Float64Array, rows: number): Float64Array {
  const { inputs, outputs, weight, bias, norm, activation } = layer;
  const out = multiplyTransposedRight(x, weight, rows, inputs, outputs);
  for (let r = 0; r < rows; r++) {
    const z = out.subarray(r * outputs, (r + 1) * outputs);
    for (let j = 0; j < outputs; j++) z[j]! += bias[j]!;
    if (norm) hostNorm(norm, z);
  }
  if (activation instanceof Float64Array) {
    const open = multiplyTransposedRight(out, activation, rows, outputs, outputs);
    return out.map((value, k) => value / (1 + Math.exp(-open[k]!)));
  }
  if (activation === 'gelu') return out.map((value) => 0.5 * value * (1 + erf(value * Math.SQRT1_2)));
  if (activation === 'relu') return out.map((value) => Math.max(value, 0));
  if (activation === 'tanh') return out.map(Math.tanh);
  return out;
}

function hostNorm({ over, scale, shift }: Norm64, z: Float64Array): void {
  const n = z.length;
  const mean = over === 'none' ? 0 : z.reduce((sum, value) => sum + value, 0) / n;
  const variance =
    over === 'layer' ? z.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n : 1 - normEpsilon;
  const factor = 1 / Math.sqrt(variance + normEpsilon);
  for (let j = 0; j < n; j++) z[j] = (z[j]! - mean) * factor * scale[j]! + shift[j]!;
}

/**
 * A layer's numbers inside TensorFlow. Passes over the data are dear, so what is linear in the outputs is folded into
 * the weights: centring over the neurons, and the factor 1/sqrt 2 of gelu's argument where no norm comes between.
 */
export class NativeLayer {
  readonly #d: Doubles;
  readonly #layer: Layer64;
  readonly #owned = new Map<string, Double>();

  constructor(doubles: Doubles, layer: Layer64) {
    this.#d = doubles;
    this.#layer = folded(layer);
  }

  /** @param x [rows, inputs], left alone @returns [rows, outputs], the caller's */
  forward(x: Double): Double {
    const { weight, bias, norm, activation, inputs, outputs } = this.#layer;
    const product = this.#d.matMul(x, this.#held('weight', weight, [outputs, inputs]), false, true);
    let z = this.#then('AddV2', product, this.#held('bias', bias, [1, outputs]));
    if (norm) z = this.#norm(norm, z);
    return this.#activate(activation, z);
  }

  dispose(): void {
    this.#d.free(...this.#owned.values());
  }

  /** `z` is centred already. */
  #norm({ over, scale, shift }: Norm64, z: Double): Double {
    const row = [1, scale.length];
    let current = z;
    if (over === 'layer') {
      const squares = this.#d.op('Square', [current]);
      const variance = this.#d.reduce('Mean', squares, 1);
      this.#d.free(squares);
      const factor = this.#then('Rsqrt', this.#then('AddV2', variance, this.#constant(normEpsilon)));
      current = this.#then('Mul', current, factor);
      this.#d.free(factor);
    }
    current = this.#then('Mul', current, this.#held('scale', scale, row));
    return this.#then('AddV2', current, this.#held('shift', shift, row));
  }

  #activate(activation: Layer64['activation'], z: Double): Double {
    const n = this.#layer.outputs;
    if (activation instanceof Float64Array) {
      const gate = this.#then(
        'Sigmoid',
        this.#d.matMul(z, this.#held('gate', activation, [n, n]), false, true),
      );
      return this.#times(z, gate);
    }
    if (activation === 'relu') return this.#then('Relu', z);
    if (activation === 'tanh') return this.#then('Tanh', z);
    if (activation !== 'gelu') return z;
    // u = z / sqrt 2 comes in: gelu(z) = z (1 + erf u) / 2 = (u + u erf u) / sqrt 2.
    const bent = this.#then('Mul', this.#d.op('Erf', [z]), z);
    const sum = this.#then('AddV2', bent, z);
    this.#d.free(z);
    return this.#then('Mul', sum, this.#constant(Math.SQRT1_2));
  }

  /** Consumes both. */
  #times(a: Double, b: Double): Double {
    const out = this.#then('Mul', a, b);
    this.#d.free(b);
    return out;
  }

  /** Consumes its first input. */
  #then(name: string, first: Double, ...rest: Double[]): Double {
    const out = this.#d.op(name, [first, ...rest]);
    this.#d.free(first);
    return out;
  }

  #constant(value: number): Double {
    return this.#held(`constant ${value}`, Float64Array.of(value), []);
  }

  #held(name: string, values: Float64Array, shape: readonly number[]): Double {
    const held = this.#owned.get(name) ?? this.#d.put(values, shape);
    this.#owned.set(name, held);
    return held;
  }
}

function folded(layer: Layer64): Layer64 {
  const { norm, outputs, inputs } = layer;
  const centred = norm !== undefined && norm.over !== 'none';
  const weight = centred ? withoutMean(layer.weight, outputs, inputs) : layer.weight;
  const bias = centred ? withoutMean(layer.bias, outputs, 1) : layer.bias;
  if (layer.activation !== 'gelu') return { ...layer, weight, bias };
  const halved = (values: Float64Array): Float64Array => values.map((value) => value * Math.SQRT1_2);
  if (!norm) return { ...layer, weight: halved(weight), bias: halved(bias) };
  return { ...layer, weight, bias, norm: { ...norm, scale: halved(norm.scale), shift: halved(norm.shift) } };
}

/** Each column of [rows, cols] less its mean. */
function withoutMean(values: Float64Array, rows: number, cols: number): Float64Array {
  const sums = new Float64Array(cols);
  for (let at = 0; at < values.length; at += cols) {
    for (let j = 0; j < cols; j++) sums[j]! += values[at + j]!;
  }
  const out = values.slice();
  for (let at = 0; at < out.length; at += cols) {
    for (let j = 0; j < cols; j++) out[at + j]! -= sums[j]! / rows;
  }
  return out;
}
