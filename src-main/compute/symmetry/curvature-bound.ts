/**
 * The bound of arXiv 2505.23681, Theorem 6.2, with explicit constants (derived in docs/symmetry.md): where a symmetry
 * curve is short and bends little, its chord stays near it, and a Lipschitz constant of the loss bounds the barrier.
 */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { curvatureBoundJob } from '../../../src-shared/jobs/curvature-bound.ts';
import { checkpointCancel } from '../context.ts';
import type { Compute } from '../context.ts';
import { multiply } from '../linalg/multiply.ts';
import { singularValues } from '../linalg/svd.ts';
import { RandomStream } from '../random.ts';
import { blended, denseLoss, weightDistance } from './dense.ts';
import type { DenseTask, DenseWeights } from './dense.ts';
import { exponential } from './group-path.ts';
import { moved } from './orbit.ts';
import { trainedNetworks } from './trained-networks.ts';

type Params = ParamsOf<typeof curvatureBoundJob>;
type Result = ResultOf<typeof curvatureBoundJob>;
type Row = Result['rows'][number];

const statement =
  'barrier <= Lip d with d = kappa S^2 / 8 and Lip = (2 e + G x d) G x / divisor, where S is the length and kappa the ' +
  'largest curvature of the curve, x the largest singular value of the inputs, e = |f(X) - Y| on the curve, ' +
  'G^2 = sum_i prod_(j != i) B_j^2, and B_j = d + the largest spectral norm of W_j along the curve.';

export const curvatureBound: Compute<Params, Result> = async (params, context) => {
  const { task, networks } = await trainedNetworks(params, 1, context);
  const weights = networks[0]!;
  const directions = Array.from({ length: params.layers - 1 }, (_, i) => direction(params, i));
  const input_norm = spectralNorm(task.inputs, task.samples, task.dims[0]!);
  const residual = Math.sqrt(denseLoss(task, weights) * task.divisor);
  const rows: Row[] = [];
  for (const scale of params.scales) {
    const generator = new Generator(
      directions.map((log) => log.map((x) => scale * x)),
      task.dims,
    );
    const curve: DenseWeights[] = [];
    for (let k = 0; k <= params.steps; k++) {
      curve.push(generator.at(weights, k / params.steps));
      if (k % 50 === 0) await checkpointCancel(context);
    }
    rows.push({ scale, ...measure(task, curve, generator, input_norm, residual) });
    await checkpointCancel(context);
  }
  return {
    rows,
    holds: rows.every(
      (row) => row.barrier_bound >= row.measured_barrier && row.deviation_bound >= row.chord_deviation,
    ),
    constants: { input_norm, residual, divisor: task.divisor, statement },
    seed: params.seed,
  };
};

/** log g at scale 1: Gaussian with entries N(0, 1 / width); diagonal for ReLU. */
function direction({ width: h, activation, seed }: Params, i: number): Float64Array {
  const stream = new RandomStream(seed, 'group', i);
  const matrix = Float64Array.from({ length: h * h }, () => stream.normal() / Math.sqrt(h));
  return activation === 'linear' ? matrix : matrix.map((x, k) => (k % (h + 1) === 0 ? x * Math.sqrt(h) : 0));
}

/** The vector field W_i -> L_i W_i - W_i L_(i-1), whose flow is the symmetry curve. */
class Generator {
  readonly logs: readonly Float64Array[];
  readonly dims: readonly number[];
  /** |L_i| + |L_(i-1)| for layer i: in a time tau the flow changes norms of that layer by at most exp(tau x this). */
  readonly layerRates: readonly number[];
  readonly rate: number;

  constructor(logs: readonly Float64Array[], dims: readonly number[]) {
    this.logs = logs;
    this.dims = dims;
    const norms = logs.map((log, i) => spectralNorm(log, dims[i + 1]!, dims[i + 1]!));
    this.layerRates = dims.slice(1).map((_, i) => (norms[i] ?? 0) + (norms[i - 1] ?? 0));
    this.rate = Math.max(...this.layerRates);
  }

  at(weights: DenseWeights, t: number): Float64Array[] {
    const elements = this.logs.map((log, i) => {
      const n = this.dims[i + 1]!;
      return { left: exponential(log, t, n), right: exponential(log, -t, n) };
    });
    return moved(weights, elements, this.dims);
  }

  velocity(weights: DenseWeights): Float64Array[] {
    return weights.map((w, i) => {
      const [rows, cols] = [this.dims[i + 1]!, this.dims[i]!];
      const out = new Float64Array(w.length);
      const [left, right] = [this.logs[i], this.logs[i - 1]];
      if (left !== undefined) multiply(left, w, rows, rows, cols).forEach((x, k) => (out[k]! += x));
      if (right !== undefined) multiply(w, right, rows, cols, cols).forEach((x, k) => (out[k]! -= x));
      return out;
    });
  }
}

function measure(
  task: DenseTask,
  curve: readonly DenseWeights[],
  generator: Generator,
  inputNorm: number,
  residual: number,
): Omit<Row, 'scale'> {
  const steps = curve.length - 1;
  const start = curve[0]!;
  const speeds: number[] = [];
  let max_curvature = 0;
  for (const point of curve) {
    const velocity = generator.velocity(point);
    const acceleration = generator.velocity(velocity);
    const speedSquared = inner(velocity, velocity);
    const along = inner(velocity, acceleration);
    const across = Math.max(0, inner(acceleration, acceleration) - along ** 2 / speedSquared);
    speeds.push(Math.sqrt(speedSquared));
    max_curvature = Math.max(max_curvature, Math.sqrt(across) / speedSquared);
  }
  const arc = arcLengths(speeds, steps);
  const length = arc[steps]!;
  const end = curve[steps]!;
  const chord_deviation = curve.reduce(
    (worst, point, k) => Math.max(worst, weightDistance(point, blended(start, end, arc[k]! / length))),
    0,
  );
  // Between two samples, half a step from one of them, the flow is linear: speeds grow by at most exp(rate tau), the
  // area of velocity and acceleration by exp(2 rate tau), so the curvature by exp(5 rate tau).
  const tau = 1 / (2 * steps);
  const growth = Math.exp(generator.rate * tau);
  const deviation_bound = (max_curvature * growth ** 5 * (length * growth) ** 2) / 8;
  const norms = start.map((_, i) => layerNorm(curve, i, generator, tau) + deviation_bound);
  const g = Math.sqrt(norms.reduce((sum, _, i) => sum + productWithout(norms, i) ** 2, 0));
  const lipschitz = ((2 * residual + g * inputNorm * deviation_bound) * g * inputNorm) / task.divisor;
  const base = denseLoss(task, start);
  let highest = base;
  for (let k = 1; k < 200; k++) highest = Math.max(highest, denseLoss(task, blended(start, end, k / 200)));
  return {
    length,
    max_curvature,
    chord_deviation,
    deviation_bound,
    lipschitz,
    barrier_bound: lipschitz * deviation_bound,
    measured_barrier: highest - base,
  };
}

/** Cumulative arc length by Hermite's rule: the trapezium with the end correction of the speeds' differences. */
function arcLengths(speeds: readonly number[], steps: number): number[] {
  const slope = (k: number) => {
    const [before, after] = [Math.max(0, k - 1), Math.min(steps, k + 1)];
    return (speeds[after]! - speeds[before]!) / (after - before);
  };
  const arc = [0];
  for (let k = 0; k < steps; k++) {
    const area = (speeds[k]! + speeds[k + 1]!) / 2 + (slope(k) - slope(k + 1)) / 12;
    arc.push(arc[k]! + area / steps);
  }
  return arc;
}

function layerNorm(curve: readonly DenseWeights[], i: number, generator: Generator, tau: number): number {
  const [rows, cols] = [generator.dims[i + 1]!, generator.dims[i]!];
  const largest = curve.reduce((most, point) => Math.max(most, spectralNorm(point[i]!, rows, cols)), 0);
  return largest * Math.exp(generator.layerRates[i]! * tau);
}

function productWithout(values: readonly number[], skip: number): number {
  return values.reduce((product, value, i) => (i === skip ? product : product * value), 1);
}

function inner(a: DenseWeights, b: DenseWeights): number {
  let sum = 0;
  a.forEach((w, i) => w.forEach((x, k) => (sum += x * b[i]![k]!)));
  return sum;
}

/** Largest singular value of a [rows, cols]. */
const spectralNorm = (a: Float64Array, rows: number, cols: number): number =>
  singularValues(a, rows, cols)[0] ?? 0;
