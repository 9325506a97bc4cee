/** How far apart two models are in weight space, and whether their scales can be compared at all. */
import { namedArrays } from '../alignment/parameters.ts';
import type { EffectiveLayer, EffectiveNetwork } from '../models/index.ts';

/** Integer counters that batch norm keeps beside its statistics: no coordinate of weight space. */
const isCounter = (name: string): boolean => name.endsWith('num_batches_tracked');

type ByName = ReadonlyMap<string, { readonly data: Float32Array }>;

/** Euclidean distance over all entries of two state dicts, buffers included. (src/utils/interpolation.py:25) */
export function stateDistance(a: ByName, b: ByName): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    if (!isCounter(name)) sum += squaredDistance(data, b.get(name)!.data);
  }
  return Math.sqrt(sum);
}

/** The same over the arrays of effective networks: of the non-asymmetric models that compute the same functions. */
export function networkDistance(a: EffectiveNetwork, b: EffectiveNetwork): number {
  const others = namedArrays(b);
  const sum = namedArrays(a).reduce(
    (total, { data }, i) => total + squaredDistance(data, others[i]!.data),
    0,
  );
  return Math.sqrt(sum);
}

/** Numbers that training moves in the non-asymmetric model. */
export function networkParameters(network: EffectiveNetwork): number {
  return namedArrays(network)
    .filter(({ role }) => role === 'parameter')
    .reduce((count, { data }) => count + data.length, 0);
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return sum;
}

/** Above this, two models' hidden units are called differently scaled. */
export const largeRescaling = 2;

export interface Rescaling {
  /** At least 1: the factor by which scales typically differ, in the worst layer and kind. */
  ratio: number;
  /** Where: "incoming weights of hidden layer 1". */
  where: string;
}

/**
 * How differently the hidden units of two networks are scaled. A ReLU unit's incoming weights may be multiplied by c and
 * its outgoing ones divided by c without changing the function, a normalised layer's incoming weights by any c: such
 * networks are the same in function, far apart in weights, and a barrier between them says nothing.
 *
 * Per hidden layer the norms of incoming weights, of the norm's affine part and of outgoing weights are compared as
 * sorted lists, since neuron i of one network need not be neuron i of the other: the root mean square of the log ratios.
 */
export function rescalingOf(a: EffectiveNetwork, b: EffectiveNetwork): Rescaling {
  let worst: Rescaling = { ratio: 1, where: 'nowhere' };
  for (let layer = 0; layer + 1 < a.layers.length; layer++) {
    const [scalesA, scalesB] = [unitScales(a, layer), unitScales(b, layer)];
    for (const kind of Object.keys(scalesA) as (keyof UnitScales)[]) {
      const ratio = typicalRatio(scalesA[kind], scalesB[kind]);
      if (ratio > worst.ratio) worst = { ratio, where: `${kind} of hidden layer ${layer}` };
    }
  }
  return worst;
}

interface UnitScales {
  'incoming weights': Float64Array;
  'affine norm': Float64Array;
  'outgoing weights': Float64Array;
}

function unitScales(network: EffectiveNetwork, index: number): UnitScales {
  const layer = network.layers[index]!;
  const next = network.layers[index + 1]!;
  const { norm } = layer;
  return {
    'incoming weights': Float64Array.from({ length: layer.outputs }, (_, j) => rowNorm(layer, j)),
    'affine norm': Float64Array.from({ length: layer.outputs }, (_, j) => Math.abs(norm?.weight?.[j] ?? 1)),
    'outgoing weights': Float64Array.from({ length: layer.outputs }, (_, j) => columnNorm(next, j)),
  };
}

function rowNorm({ weight, inputs }: EffectiveLayer, row: number): number {
  let sum = 0;
  for (let k = row * inputs; k < (row + 1) * inputs; k++) sum += weight[k]! ** 2;
  return Math.sqrt(sum);
}

function columnNorm({ weight, inputs, outputs }: EffectiveLayer, column: number): number {
  let sum = 0;
  for (let i = 0; i < outputs; i++) sum += weight[i * inputs + column]! ** 2;
  return Math.sqrt(sum);
}

function typicalRatio(a: Float64Array, b: Float64Array): number {
  // A dead unit's norm may be 0 or nearly so: floored beside its own layer's, or it alone would decide.
  const floored = (norms: Float64Array): Float64Array => {
    const sorted = norms.slice().sort();
    const floor = Math.max(1e-3 * sorted[sorted.length >> 1]!, Number.MIN_VALUE);
    return sorted.map((norm) => Math.max(norm, floor));
  };
  const [x, y] = [floored(a), floored(b)];
  const squares = x.reduce((sum, value, i) => sum + Math.log(value / y[i]!) ** 2, 0);
  return Math.exp(Math.sqrt(squares / x.length));
}
