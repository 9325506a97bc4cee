/** The subspace in which the inputs of a layer lie, from sums over the data: an N x d matrix is never decomposed. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Doubles } from '../backend/doubles.ts';
import { GramAccumulator } from '../linalg/gram.ts';
import { symmetricEigen } from '../linalg/symmetric-eigen.ts';
import { taskOf } from '../threads/tasks.ts';
import type { Patches } from './patches.ts';

/** Where a vector is recorded: the input of a layer, or the model's output. */
export interface Place {
  layer: string;
  hookMode: 'RecordInput' | 'RecordOutput';
  width: number;
  /** Of the input of a convolution: the vectors are patches of `width` numbers, several per example. */
  patches?: Patches;
  /** The layer whose neurons they are; absent: the data, or none. */
  from?: string;
}

export const modelOutput = 'model-output';

/** Sums over a split at one place. */
export interface Moments {
  place: Place;
  /** Vectors: examples, or patches of all examples. */
  count: number;
  /** Column means, [width]. */
  mean: Float64Array;
  /** Sum of (x - mean)(x - mean)^T, [width, width]. */
  scatter: Float64Array;
}

export interface Subspace {
  place: Place;
  /** As in `Moments`. */
  count: number;
  /** d, the width of the vectors. */
  full: number;
  /** k. */
  dimension: number;
  /** [d, k] row-major, orthonormal columns, by falling variance. */
  basis: Float64Array;
  /** Share of the variance within the subspace. */
  explained: number;
  /** Of the centred data matrix, falling, min(N, d) of them. */
  singularValues: Float64Array;
}

/**
 * Adds up the moments of vectors that arrive in blocks, about the mean of the first block, so that a large mean costs
 * no digits.
 */
export class HostSums {
  readonly #place: Place;
  readonly #gram: GramAccumulator;
  #shift: Float64Array | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.#gram = new GramAccumulator(place.width);
  }

  /** @param rows [count, width] */
  add(rows: Float32Array | Float64Array): void {
    const { width } = this.#place;
    const shift = (this.#shift ??= columnMeans(rows, width));
    const shifted = new Float64Array(rows.length);
    for (let at = 0; at < rows.length; at += width) {
      for (let j = 0; j < width; j++) shifted[at + j] = rows[at + j]! - shift[j]!;
    }
    this.#gram.add(shifted);
  }

  finish(): Moments {
    const count = this.#gram.rows;
    const sums = this.#gram.mean().map((mean) => mean * count);
    return finishMoments(this.#place, count, this.#shift ?? sums, sums, this.#gram.gram());
  }
}

function columnMeans(rows: Float32Array | Float64Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  const count = rows.length / width;
  for (let at = 0; at < rows.length; at += width) for (let j = 0; j < width; j++) sums[j]! += rows[at + j]!;
  return sums.map((sum) => sum / count);
}

/**
 * Moments about the mean from sums over x - shift.
 * @param gram sum (x - shift)(x - shift)^T, overwritten
 * @throws UserError naming layer and neuron where a value was not finite; where there were fewer than two vectors
 */
export function finishMoments(
  place: Place,
  count: number,
  shift: Float64Array,
  sums: Float64Array,
  gram: Float64Array,
): Moments {
  const { width } = place;
  if (count < 2) {
    throw new UserError(
      `${describe(place)}: ${count} ${vectors(place)} have no variance; at least two are needed.`,
    );
  }
  const bad = sums.findIndex((sum, j) => !Number.isFinite(sum) || !Number.isFinite(gram[j * width + j]!));
  if (bad >= 0) throw notFinite(place, bad);
  const offset = sums.map((sum) => sum / count);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) gram[i * width + j]! -= count * offset[i]! * offset[j]!;
  }
  return { place, count, mean: offset.map((value, j) => value + shift[j]!), scatter: gram };
}

const describe = ({ layer, hookMode }: Place): string =>
  hookMode === 'RecordOutput' ? 'output of the model' : `input of layer ${layer}`;

const vectors = ({ patches }: Place): string => (patches ? 'patches' : 'examples');

function notFinite(place: Place, entry: number): UserError {
  // In the sums of patches channels run fastest.
  const neuron = place.patches ? entry % place.patches.image[2] : entry;
  const what = place.patches ? 'channel' : place.from === undefined ? 'feature' : 'neuron';
  const from =
    place.hookMode === 'RecordOutput'
      ? `output ${neuron} of the model`
      : place.from === undefined
        ? `${what} ${neuron} of the data (input of ${place.layer})`
        : `${what} ${neuron} of layer ${place.from} (input ${neuron} of ${place.layer})`;
  return new UserError(
    `${from} is not a finite number for every example, so its subspace cannot be measured.`,
    {
      hint: 'Training diverged, or the data contain such values; choose an earlier epoch or another data set.',
    },
  );
}

/**
 * The smallest leading subspace that holds at least `target` of the variance: the first count k of singular values
 * with sum_{j <= k} s_j^2 / sum s^2 >= target, at most min(N, d) (neuron-identifiability, subspace_coherence.py:25).
 * A neuron that never changes has no variance and no part in it. Variances below d x 2^-52 of the largest are rounding
 * errors and count as zero; `target` 1 therefore gives the numerical rank.
 *
 * @param doubles float64 kernels for the eigenproblem; without them it is solved here, some six times as slowly
 * @throws UserError if nothing varies at all
 */
export function subspaceOf(moments: Moments, target: number, doubles?: Doubles): Subspace {
  const { place, count, scatter } = moments;
  const full = place.width;
  const varying = varyingEntries(scatter, full);
  const size = varying.length;
  const { values, vectors } = symmetricEigen(picked(scatter, full, varying), size, doubles);
  const largest = values[size - 1]!;
  if (!(largest > 0)) throw nothingVaries(place, count);
  const floor = full * Number.EPSILON * largest;
  const variances = new Float64Array(Math.min(count, full));
  for (let k = 0; k < Math.min(size, count); k++) {
    const value = values[size - 1 - k]!;
    if (value > floor) variances[k] = value;
  }
  const { dimension, explained } = dimensionFor(variances, target);
  const basis = new Float64Array(full * dimension);
  varying.forEach((row, j) => {
    for (let k = 0; k < dimension; k++) basis[row * dimension + k] = vectors[j * size + size - 1 - k]!;
  });
  return { place, count, full, dimension, basis, explained, singularValues: variances.map(Math.sqrt) };
}

export const subspaceTask = taskOf(import.meta.url, subspaceOf);

/** Entries whose variance is above the rounding error of the eigenvalues; the others have no part in the subspace. */
function varyingEntries(scatter: Float64Array, full: number): Int32Array {
  const variance = (j: number): number => scatter[j * full + j]!;
  const all = Int32Array.from({ length: full }, (_, j) => j);
  const largest = all.reduce((most, j) => Math.max(most, variance(j)), 0);
  const varying = all.filter((j) => variance(j) > Number.EPSILON ** 2 * largest);
  return varying.length > 0 ? varying : all;
}

function picked(matrix: Float64Array, n: number, places: Int32Array): Float64Array {
  const { length } = places;
  if (length === n) return matrix;
  const out = new Float64Array(length * length);
  places.forEach((row, i) => {
    for (let j = 0; j < length; j++) out[i * length + j] = matrix[row * n + places[j]!]!;
  });
  return out;
}

const nothingVaries = (place: Place, count: number): UserError =>
  new UserError(
    `${describe(place)}: no entry varies over the ${count} ${vectors(place)}, so it spans no subspace.`,
    {
      hint: 'All neurons before it are dead (constant); choose another epoch or another model.',
    },
  );

/** @param variances falling */
function dimensionFor(variances: Float64Array, target: number): { dimension: number; explained: number } {
  const total = variances.reduce((sum, value) => sum + value, 0);
  const rank = variances.findIndex((value) => value === 0);
  const most = rank < 0 ? variances.length : rank;
  let sum = 0;
  for (let k = 1; k <= most; k++) {
    sum += variances[k - 1]!;
    if (target < 1 && sum / total >= target) return { dimension: k, explained: Math.min(1, sum / total) };
  }
  return { dimension: most, explained: Math.min(1, sum / total) };
}

/** nu: the largest squared length of a row of the basis, between k / d and 1 (subspace_coherence.py:75). */
export function coherenceOf({
  basis,
  full,
  dimension,
}: Pick<Subspace, 'basis' | 'full' | 'dimension'>): number {
  let most = 0;
  for (let r = 0; r < full; r++) {
    let sum = 0;
    for (let j = 0; j < dimension; j++) sum += basis[r * dimension + j]! ** 2;
    if (sum > most) most = sum;
  }
  return most;
}
