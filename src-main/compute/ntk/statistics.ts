/** Numbers of kernels and of linearised networks (neuron-identifiability, src/utils/ntk.py). All in float64. */
import type { NtkComparison, NtkLinearisation, NtkStats } from '../../../src-shared/jobs/ntk.ts';
import type { Doubles } from '../backend/doubles.ts';
import { symmetricEigenvalues } from '../linalg/symmetric-eigen.ts';

/** Below this the published code divides no further. */
const guard = 1e-10;

/** @param kernel [n, n], symmetric @returns the numbers, and the eigenvalues, falling */
export function kernelStats(
  kernel: Float64Array,
  n: number,
  doubles: Doubles | undefined,
): { stats: NtkStats; eigenvalues: Float64Array } {
  const rising = symmetricEigenvalues(kernel, n, doubles);
  const [smallest, largest] = [rising[0]!, rising.at(-1)!];
  const sum = rising.reduce((a, b) => a + b, 0);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += kernel[i * n + i]!;
  return {
    stats: {
      trace,
      frobenius_norm: Math.sqrt(dot(kernel, kernel)),
      max_eigenvalue: largest,
      min_eigenvalue: smallest,
      mean_eigenvalue: sum / n,
      median_eigenvalue: (rising[Math.floor((n - 1) / 2)]! + rising[Math.floor(n / 2)]!) / 2,
      condition_number: largest / (smallest + guard),
      effective_rank: sum / (largest + guard),
    },
    eigenvalues: rising.toReversed(),
  };
}

/** @param before, now [n, n] */
export function compareKernels(
  { kernel: before, epoch }: { kernel: Float64Array; epoch: number },
  now: Float64Array,
  n: number,
): NtkComparison {
  const difference = now.map((value, i) => value - before[i]!);
  const norm = Math.sqrt(dot(before, before));
  const moved = Math.sqrt(dot(difference, difference));
  const squared = ckaSquared(centered(before, n), centered(now, n));
  return {
    since_epoch: epoch,
    diff_frobenius: moved,
    cosine_sim: cosine(before, now),
    relative_change: norm > 0 ? moved / norm : null,
    ...{ cka_squared: squared, cka: squared === null ? null : Math.sqrt(squared) },
  };
}

/** H K H with H = I - 11^T / n. */
function centered(kernel: Float64Array, n: number): Float64Array {
  const means = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += kernel[i * n + j]!;
    return sum / n;
  });
  const mean = means.reduce((a, b) => a + b, 0) / n;
  return kernel.map((value, at) => value - means[Math.floor(at / n)]! - means[at % n]! + mean);
}

/** Null if either is 0: kernels of examples that all have the same gradients. @param a, b centered and symmetric */
function ckaSquared(a: Float64Array, b: Float64Array): number | null {
  const [aa, bb] = [dot(a, a), dot(b, b)];
  return aa > 0 && bb > 0 ? dot(a, b) ** 2 / (aa * bb) : null;
}

/** @param f, linear [examples, outputs] */
export function linearisationError(f: Float64Array, linear: Float64Array, outputs: number): NtkLinearisation {
  const errors = f.map((value, i) => value - linear[i]!);
  const [norm, examples] = [Math.sqrt(dot(f, f)), f.length / outputs];
  let [absolute, largest, equal] = [0, 0, 0];
  for (const error of errors) {
    absolute += Math.abs(error);
    largest = Math.max(largest, Math.abs(error));
  }
  for (let row = 0; row < examples; row++) {
    const at = row * outputs;
    if (largestPlace(f, at, outputs) === largestPlace(linear, at, outputs)) equal++;
  }
  return {
    mse: dot(errors, errors) / f.length,
    mean_abs_error: absolute / f.length,
    max_error: largest,
    relative_error: norm > 0 ? Math.sqrt(dot(errors, errors)) / norm : null,
    cosine_sim: cosine(f, linear),
    accuracy_agreement: equal / examples,
  };
}

function largestPlace(values: Float64Array, start: number, count: number): number {
  let best = 0;
  for (let c = 1; c < count; c++) if (values[start + c]! > values[start + best]!) best = c;
  return best;
}

function cosine(a: Float64Array, b: Float64Array): number | null {
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms > 0 ? dot(a, b) / norms : null;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
