/**
 * The forward pass of an effective network in plain float64. Slow and simple: it serves to check permutation specs,
 * where float32 noise (about 5e-6 in the logits of a trained network) would leave no room below the threshold.
 */
import type { EffectiveLayer, EffectiveNetwork, NormParameters } from '../models/network.ts';
import { erf } from '../networks/erf.ts';

/** @param inputs [rows, layers[0].inputs] @returns logits [rows, outputs of the last layer]. */
export function hostForward(network: EffectiveNetwork, inputs: Float64Array, rows: number): Float64Array {
  let values = inputs;
  for (const layer of network.layers) values = forwardLayer(layer, values, rows);
  return values;
}

function forwardLayer(layer: EffectiveLayer, x: Float64Array, rows: number): Float64Array {
  const { inputs, outputs, weight, bias, norm } = layer;
  const out = new Float64Array(rows * outputs);
  for (let r = 0; r < rows; r++) {
    const z = out.subarray(r * outputs, (r + 1) * outputs);
    for (let j = 0; j < outputs; j++) {
      let sum = bias[j]!;
      for (let k = 0; k < inputs; k++) sum += weight[j * inputs + k]! * x[r * inputs + k]!;
      z[j] = sum;
    }
    if (norm) normalise(norm, z);
    activate(layer, z);
  }
  return out;
}

function normalise(norm: NormParameters, z: Float64Array): void {
  const n = z.length;
  const { kind, weight, bias, runningMean, runningVar, initialVariance } = norm;
  const perRow = kind === 'layer' || kind === 'layer_linear';
  const rowMean = perRow ? z.reduce((s, v) => s + v, 0) / n : 0;
  const rowVariance = z.reduce((s, v) => s + (v - rowMean) ** 2, 0) / n;
  const expected = initialVariance ? initialVariance.reduce((s, v) => s + v, 0) / n : 1;
  for (let j = 0; j < n; j++) {
    const [mean, variance] = {
      layer: [rowMean, rowVariance + 1e-5],
      batch: [runningMean?.[j] ?? 0, (runningVar?.[j] ?? 1) + 1e-5],
      layer_linear: [rowMean, (1 - 1 / n) * expected + 1e-12],
      batch_linear: [0, (initialVariance?.[j] ?? 1) + 1e-12],
    }[kind] as [number, number];
    z[j] = ((z[j]! - mean) / Math.sqrt(variance)) * (weight?.[j] ?? 1) + (bias?.[j] ?? 0);
  }
}

function activate(layer: EffectiveLayer, z: Float64Array): void {
  const { activation } = layer;
  if (activation === undefined || activation === 'identity') return;
  if (typeof activation === 'object') {
    gate(activation.gate, z);
    return;
  }
  for (let j = 0; j < z.length; j++) {
    const v = z[j]!;
    if (activation === 'relu') z[j] = Math.max(v, 0);
    else if (activation === 'tanh') z[j] = Math.tanh(v);
    else z[j] = 0.5 * v * (1 + erf(v / Math.SQRT2));
  }
}

function gate(c: Float32Array, z: Float64Array): void {
  const n = z.length;
  const input = z.slice();
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += c[j * n + k]! * input[k]!;
    z[j] = input[j]! / (1 + Math.exp(-sum));
  }
}
