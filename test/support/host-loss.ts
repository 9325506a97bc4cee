/** The training loss of one small network in plain float64, written from the definitions: the oracle for gradients. */
import type { MlpSpec } from '../../src-shared/model.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { erf } from '../../src-main/compute/networks/erf.ts';

export type State64 = Map<string, Float64Array>;

export function toFloat64(state: StateDict): State64 {
  return new Map([...state].map(([name, { data }]) => [name, Float64Array.from(data)]));
}

/** Mean cross entropy over a batch, batch norm in training mode. x: [B][inputs] */
export function hostLoss(spec: MlpSpec, state: State64, x: number[][], labels: number[]): number {
  let rows = x;
  for (const { index, inputs, outputs } of spec.layers) {
    const weight = effective(spec, state, index);
    const bias = general(spec, state, index, 'bias');
    rows = rows.map((row) =>
      Array.from({ length: outputs }, (_, o) => {
        let sum = bias[o]!;
        for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i]! * row[i]!;
        return sum;
      }),
    );
    if (index === spec.layers.length - 1) break;
    rows = normalise(spec, state, index, rows);
    rows = rows.map((row) => activate(spec, state, index, row));
  }
  const losses = rows.map((row, b) => {
    const top = Math.max(...row);
    return Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0)) + top - row[labels[b]!]!;
  });
  return mean(losses);
}

function effective(spec: MlpSpec, state: State64, index: number): Float64Array {
  const raw = state.get(`lins.${index}.weight`)!;
  const sigma = spec.layers[index]!.sigmaF;
  const family = spec.asymInitOnly ? 'standard' : spec.family;
  if (family === 'syre') return raw.map((w, i) => w + sigma * state.get(`lins.${index}.noise`)![i]!);
  if (family !== 'w-asymmetric') return general(spec, state, index, 'weight');
  const mask = state.get(`lins.${index}.mask`)!;
  const fixed = state.get(`lins.${index}.normal_mask`)!;
  return raw.map((w, i) => mask[i]! * w + (1 - mask[i]!) * sigma * fixed[i]!);
}

/** F + D * W of the families of `model.family`, each as docs/families.md defines it; the stored tensor for others. */
function general(spec: MlpSpec, state: State64, index: number, word: 'weight' | 'bias'): Float64Array {
  const name = `lins.${index}.${word}`;
  const raw = state.get(name)!;
  const { inputs, outputs, sigmaF } = spec.layers[index]!;
  const hidden = index < spec.layers.length - 1;
  const f = (i: number): number => state.get(`${name}.F`)?.[i] ?? 0;
  const d = (i: number): number => state.get(`${name}.D`)?.[i] ?? 1;
  switch (spec.general?.name) {
    case 'linear-residual': {
      const { alpha } = spec.general;
      const isSquare = word === 'weight' && hidden && inputs === outputs;
      return raw.map((w, i) => (isSquare && i % (inputs + 1) === 0 ? w + alpha : w));
    }
    case 'sparse':
      return raw.map((w, i) => d(i) * w);
    case 'bias-only':
      return word === 'bias' ? raw.map((b, i) => b + sigmaF * f(i)) : raw;
    case 'given':
      return raw.map((w, i) => f(i) + d(i) * w);
    default:
      return raw;
  }
}

function normalise(spec: MlpSpec, state: State64, index: number, rows: number[][]): number[][] {
  const name = `norms.${index}`;
  const affine = (row: number[]): number[] =>
    row.map((z, i) => z * (state.get(`${name}.weight`)?.[i] ?? 1) + (state.get(`${name}.bias`)?.[i] ?? 0));
  switch (spec.norm) {
    case 'none':
      return rows;
    case 'layer':
      return rows.map((row) => {
        const centre = mean(row);
        const deviation = Math.sqrt(mean(row.map((z) => (z - centre) ** 2)) + 1e-5);
        return affine(row.map((z) => (z - centre) / deviation));
      });
    case 'rms':
      return rows.map((row) => affine(row.map((z) => z / Math.sqrt(mean(row.map((v) => v * v)) + 2 ** -23))));
    case 'batch': {
      const columns = rows[0]!.map((_, i) => rows.map((row) => row[i]!));
      const centres = columns.map(mean);
      const deviations = columns.map((c, i) => Math.sqrt(mean(c.map((z) => (z - centres[i]!) ** 2)) + 1e-5));
      return rows.map((row) => affine(row.map((z, i) => (z - centres[i]!) / deviations[i]!)));
    }
    case 'layer_linear':
      return rows.map((row) => affine(row.map((z) => (z - mean(row)) * state.get(`${name}.scale`)![0]!)));
    case 'batch_linear':
      return rows.map((row) => affine(row.map((z, i) => z * state.get(`${name}.inv_std`)![i]!)));
  }
}

function activate(spec: MlpSpec, state: State64, index: number, row: number[]): number[] {
  const gate = state.get(`activations.${index}.C`);
  if (gate) {
    return row.map((x, i) => {
      const pre = row.reduce((sum, z, j) => sum + gate[i * row.length + j]! * z, 0);
      return x / (1 + Math.exp(-pre));
    });
  }
  switch (spec.activation) {
    case 'identity':
      return row;
    case 'relu':
      return row.map((x) => Math.max(x, 0));
    case 'tanh':
      return row.map(Math.tanh);
    case 'silu':
      return row.map((x) => x / (1 + Math.exp(-x)));
    case 'gelu':
      return row.map((x) => (x * (1 + erf(x / Math.SQRT2))) / 2);
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
