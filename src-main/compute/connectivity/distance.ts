/** How far apart two models are in weight space, and whether their scales can be compared at all. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { GroupAxis, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { readParameters } from '../networks/parameters.ts';
import { groupLabel } from '../alignment/permutation.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import type { NamedArray, NamedArrays } from '../networks/permute.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

type ByName = ReadonlyMap<string, { readonly data: Float32Array }>;

/** Euclidean distance over all entries of two state dicts, buffers but for counters included. (src/utils/interpolation.py:25) */
export function stateDistance(a: ByName, b: ByName): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    if (!isCounter(name)) sum += squaredDistance(data, b.get(name)!.data);
  }
  return Math.sqrt(sum);
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return sum;
}

/** Above this, two models' hidden units are called differently scaled. */
export const largeRescaling = 2;

export interface ScaleDifference {
  /** At least 1: the factor by which scales typically differ, in the worst group and kind. */
  ratio: number;
  /** Where: "incoming weights of hidden layer 1", "outgoing weights of stream". */
  where: string;
}

/**
 * How differently the hidden units of two networks are scaled. A ReLU unit's incoming weights may be multiplied by c and
 * its outgoing ones divided by c without changing the function, a normalised layer's incoming weights by any c: such
 * networks are the same in function, far apart in weights, and a barrier between them says nothing.
 *
 * For every permutation group the norms of incoming weights, of norms' affine parts and of outgoing weights are compared
 * as sorted lists, since unit i of one network need not be unit i of the other: the root mean square of the log ratios.
 * @param a parameters as they act, by name; those of `b` have the same names and shapes
 */
export function rescalingOf(network: Network, a: NamedArrays, b: NamedArrays): ScaleDifference {
  let worst: ScaleDifference = { ratio: 1, where: 'nowhere' };
  for (const group of symmetriesOf(network).groups) {
    for (const [kind, axes] of Object.entries(scaledAxes(network, group))) {
      if (axes.length === 0) continue;
      const ratio = typicalRatio(normsOf(a, group, axes), normsOf(b, group, axes));
      if (ratio > worst.ratio) worst = { ratio, where: `${kind} of ${groupLabel(group.name)}` };
    }
  }
  return worst;
}

/** Where factors of a group's units would show: in trained weights only, the C of a gate is given. */
function scaledAxes(network: Network, { axes }: PermutationGroup): Record<string, GroupAxis[]> {
  const read = new Map(readParameters(network).map((parameter) => [parameter.name, parameter]));
  // Not the weights of grouped convolutions by their inputs, of which each group has its own.
  const trained = axes.filter(
    ({ parameter, within }) => read.get(parameter)?.role === 'trained' && within === undefined,
  );
  const isWeight = ({ parameter }: GroupAxis): boolean => read.get(parameter)!.shape.length > 1;
  const isGain = ({ parameter }: GroupAxis): boolean => {
    const { node, word } = read.get(parameter)!;
    return node.op === 'norm' && word === 'weight';
  };
  return {
    'incoming weights': trained.filter((axis) => isWeight(axis) && axis.axis === 0),
    'affine norm': trained.filter(isGain),
    'outgoing weights': trained.filter((axis) => isWeight(axis) && axis.axis > 0),
  };
}

/** For each unit the Euclidean norm of what it owns along these axes. */
function normsOf(arrays: NamedArrays, { size }: PermutationGroup, axes: readonly GroupAxis[]): Float64Array {
  const squares = new Float64Array(size);
  for (const axis of axes) addSquares(squares, arrays.get(axis.parameter)!, axis);
  return squares.map(Math.sqrt);
}

function addSquares(
  squares: Float64Array,
  { shape, data }: NamedArray,
  { axis, places, block }: GroupAxis,
): void {
  const stride = sizeOf(shape.slice(axis + 1));
  const unitOf = new Int32Array(shape[axis]!).fill(-1);
  places.forEach((place, k) => (unitOf[place] = Math.floor(k / block)));
  for (let k = 0; k < data.length; k++) {
    const unit = unitOf[Math.floor(k / stride) % unitOf.length]!;
    if (unit >= 0) squares[unit]! += data[k]! ** 2;
  }
}

function typicalRatio(a: Float64Array, b: Float64Array): number {
  // A dead unit's norm may be 0 or nearly so: floored beside its own group's, or it alone would decide.
  const floored = (norms: Float64Array): Float64Array => {
    const sorted = norms.slice().sort();
    const floor = Math.max(1e-3 * sorted[sorted.length >> 1]!, Number.MIN_VALUE);
    return sorted.map((norm) => Math.max(norm, floor));
  };
  const [x, y] = [floored(a), floored(b)];
  const squares = x.reduce((sum, value, i) => sum + Math.log(value / y[i]!) ** 2, 0);
  return Math.exp(Math.sqrt(squares / x.length));
}
