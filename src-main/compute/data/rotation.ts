/**
 * Rotations that spread a data set's principal subspace over the coordinates until its coherence is a wanted one
 * (neuron-identifiability, src/utils/rebasin/subspace_coherence.py:165-228).
 */
import { UserError } from '../../../src-shared/errors.ts';
import { multiply, multiplyTransposedRight, transpose } from '../linalg/multiply.ts';
import { GramAccumulator } from '../linalg/gram.ts';
import { symmetricEigen } from '../linalg/symmetric-eigen.ts';
import type { Examples } from './dataset.ts';

const tolerance = 1e-5;
const mostTurns = 5000;

/**
 * An orthogonal V [D, D] whose first k columns span a subspace of coherence max_r sum_(j < k) V_rj^2 <= target (to
 * 1e-5). Starts from the identity (coherence 1) and turns the longest of the cut rows against the shortest, so far that
 * the longest gets the wanted square or both get the same.
 * @throws UserError for a target below k / D, which no subspace reaches
 */
export function coherenceRotation(full: number, subspace: number, target: number): Float64Array {
  if (target < subspace / full - tolerance) {
    throw new UserError(
      `target_subspace_coherence is ${target}, but a subspace of ${subspace} in ${full} dimensions has a coherence of at least ${(subspace / full).toFixed(4)}.`,
      { hint: 'Set a higher coherence, or a lower target_explained_variance_ratio.' },
    );
  }
  const v = new Float64Array(full * full);
  for (let i = 0; i < full; i++) v[i * full + i] = 1;
  const squares = Float64Array.from({ length: full }, (_, i) => (i < subspace ? 1 : 0));
  for (let turn = 0; turn < mostTurns; turn++) {
    const { most, least } = extremes(squares);
    const [x, y] = [squares[most]!, squares[least]!];
    if (x <= target + tolerance || x - y < 1e-7) return v;
    let inner = 0;
    for (let j = 0; j < subspace; j++) inner += v[most * full + j]! * v[least * full + j]!;
    // |cos t r_i - sin t r_j|^2 = mean + radius cos(2 t - phase), to become `wanted`.
    const mean = (x + y) / 2;
    const wanted = Math.max(target, mean);
    const cosine = (wanted - mean) / Math.hypot((x - y) / 2, inner);
    const angle = 0.5 * (Math.atan2(-inner, (x - y) / 2) + Math.acos(Math.min(1, Math.max(-1, cosine))));
    turnRows(v, full, most, least, angle);
    squares[most] = cutSquare(v, full, subspace, most);
    squares[least] = cutSquare(v, full, subspace, least);
  }
  return v;
}

function extremes(values: Float64Array): { most: number; least: number } {
  let most = 0;
  let least = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i]! > values[most]!) most = i;
    if (values[i]! < values[least]!) least = i;
  }
  return { most, least };
}

function turnRows(v: Float64Array, full: number, i: number, j: number, angle: number): void {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  for (let k = 0; k < full; k++) {
    const [a, b] = [v[i * full + k]!, v[j * full + k]!];
    v[i * full + k] = c * a - s * b;
    v[j * full + k] = s * a + c * b;
  }
}

function cutSquare(v: Float64Array, full: number, subspace: number, row: number): number {
  let sum = 0;
  for (let j = 0; j < subspace; j++) sum += v[row * full + j]! ** 2;
  return sum;
}

export interface CoherentRotation {
  /** [D, D], orthogonal: an example x becomes matrix x. */
  matrix: Float64Array;
  /** Dimension of the principal subspace at the explained variance asked for. */
  dimension: number;
  /** Of that subspace after the rotation. */
  coherence: number;
}

/** The rotation that gives these examples' principal subspace the wanted coherence. */
export function rotationFor(examples: Examples, explained: number, target: number): CoherentRotation {
  const full = examples.features;
  const { values, vectors } = principalAxes(examples);
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  let dimension = 0;
  for (let sum = 0; dimension < full && sum < explained * total; dimension++)
    sum += Math.max(values[dimension]!, 0);
  const v = coherenceRotation(full, dimension, target);
  let coherence = 0;
  for (let row = 0; row < full; row++) coherence = Math.max(coherence, cutSquare(v, full, dimension, row));
  return { matrix: multiply(v, vectors, full, full, full), dimension, coherence };
}

/**
 * Eigenvalues of the covariance, falling, and its eigenvectors as rows [D, D], the largest entry of each positive. Always
 * found here, not by the back end: the data must not depend on it.
 */
function principalAxes(examples: Examples): { values: Float64Array; vectors: Float64Array } {
  const { count, features, x } = examples;
  const mean = new Float64Array(features);
  for (let i = 0; i < x.length; i++) mean[i % features]! += x[i]! / count;
  const gram = new GramAccumulator(features);
  for (let start = 0; start < count; start += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, count - start);
    const part = new Float64Array(rows * features);
    for (let i = 0; i < part.length; i++) part[i] = x[start * features + i]! - mean[i % features]!;
    gram.add(part);
  }
  const { values, vectors } = symmetricEigen(gram.gram(), features);
  const rows = transpose(vectors, features, features);
  const falling = new Float64Array(features * features);
  for (let k = 0; k < features; k++) {
    const axis = rows.subarray((features - 1 - k) * features, (features - k) * features);
    const longest = axis.reduce((most, entry) => (Math.abs(entry) > Math.abs(most) ? entry : most), 0);
    falling.set(longest < 0 ? axis.map((entry) => -entry) : axis, k * features);
  }
  return { values: values.reverse(), vectors: falling };
}

const rowsAtOnce = 1024;

/** The examples with every x replaced by matrix x. */
export function rotated(examples: Examples, matrix: Float64Array): Examples {
  const { count, features, x: all } = examples;
  const x = new Float32Array(all.length);
  for (let start = 0; start < count; start += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, count - start);
    const part = Float64Array.from(all.subarray(start * features, (start + rows) * features));
    x.set(multiplyTransposedRight(part, matrix, rows, features, features), start * features);
  }
  return { count, features, x, labels: examples.labels };
}
