/**
 * The barrier between a network and its rescaled copy (arXiv 2505.23681, Proposition 5.3): on the segment from (W_1, W_2)
 * to (c W_1, c^-k W_2) the outputs of a bias-free network with sigma(z) = max(0, z)^k are multiplied by
 * s(lambda) = (1 + lambda (c - 1))^k (1 + lambda (c^-k - 1)), which is 1 + lambda (1 - lambda) (c + 1/c - 2) for k = 1.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { rescalingBarrierJob } from '../../../src-shared/jobs/rescaling-barrier.ts';
import { loadModels } from '../load-models.ts';
import { logSlope } from '../chord/measure.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { arrayDistance, blendNotes } from '../networks/lines.ts';
import { RandomStream } from '../random.ts';
import { lossesOnLine, rescalable, withLoss } from './checkpoint-loss.ts';
import { drawLogs, rescaled } from './checkpoint-rescaling.ts';
import { blended, denseLoss, denseOutputs } from './dense.ts';
import type { DenseTask, DenseWeights } from './dense.ts';
import { moved, rescalingElement } from './orbit.ts';
import { trainedRelu } from './trained-networks.ts';

type Params = ParamsOf<typeof rescalingBarrierJob>;
type Result = ResultOf<typeof rescalingBarrierJob>;
type Row = Result['rows'][number];

export const rescalingBarrier: Compute<Params, Result> = async (params, context) => {
  const bad = params.factors.findIndex((c) => !(c > 0) || c === Infinity);
  if (bad >= 0)
    throw new UserError(`factors: entry ${bad} is ${params.factors[bad]}, a positive number was expected`);
  return params.run === undefined ? trainedBarrier(params, context) : checkpointBarrier(params, context);
};

async function trainedBarrier(params: Params, context: ComputeContext): Promise<Result> {
  const { inputs, width, outputs, power, seed, steps } = params;
  const dims = [inputs, width, outputs];
  const { task, networks } = await trainedRelu(dims, power, 1, params.trainSteps, seed, context);
  const weights = networks[0]!;
  const moments = momentsOf(task, weights);
  const rows: Row[] = [];
  for (const factor of params.factors) {
    const factors = new Float64Array(width).fill(factor);
    rows.push({ factor, ...measured(task, weights, factors, moments, steps) });
    await checkpointCancel(context);
  }
  const stream = new RandomStream(seed, 'factors');
  const factors = Float64Array.from({ length: width }, () => Math.exp(params.spread * stream.normal()));
  const { measured_loss, closed_form_loss } = measured(task, weights, factors, moments, steps);
  const base_loss = denseLoss(task, weights);
  return {
    rows,
    random: { factors: Array.from(factors), measured_loss, closed_form_loss },
    base_loss,
    growth_exponent: growthExponent(rows),
    expected_exponent: 2 * power,
    notes: [],
    seed,
  };
}

/** With a_j(x) = W_2[:, j] sigma(W_1[j] x) the part of neuron j: E<a_i, a_j>, E<a_j, y> and E|y|^2. */
interface Moments {
  readonly parts: Float64Array;
  readonly targets: Float64Array;
  readonly square: number;
}

function momentsOf(task: DenseTask, weights: DenseWeights): Moments {
  const { dims, divisor, targets } = task;
  const width = dims[1]!;
  const contributions = Array.from({ length: width }, (_, j) => {
    const only = weights[1]!.map((x, k) => (k % width === j ? x : 0));
    return denseOutputs(task, [weights[0]!, only]);
  });
  const inner = (a: Float64Array, b: Float64Array) => {
    let sum = 0;
    for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
    return sum / divisor;
  };
  return {
    parts: Float64Array.from({ length: width * width }, (_, k) =>
      inner(contributions[Math.floor(k / width)]!, contributions[k % width]!),
    ),
    targets: Float64Array.from(contributions, (a) => inner(a, targets)),
    square: inner(targets, targets),
  };
}

/** E|sum_j s_j a_j - y|^2; with all s_j equal this is s^2 E|f|^2 - 2 s E<f, y> + E|y|^2. */
function closedForm(moments: Moments, factors: Float64Array, power: number, lambda: number): number {
  const n = factors.length;
  const s = factors.map((c) => (1 + lambda * (c - 1)) ** power * (1 + lambda * (c ** -power - 1)));
  let sum = moments.square;
  for (let i = 0; i < n; i++) {
    sum -= 2 * s[i]! * moments.targets[i]!;
    for (let j = 0; j < n; j++) sum += s[i]! * s[j]! * moments.parts[i * n + j]!;
  }
  return sum;
}

function measured(
  task: DenseTask,
  weights: DenseWeights,
  factors: Float64Array,
  moments: Moments,
  steps: number,
): Omit<Row, 'factor'> {
  const end = moved(weights, [rescalingElement(factors, task.power)], task.dims);
  let worst = { loss: -Infinity, lambda: 0 };
  let closed = -Infinity;
  let relative = 0;
  for (let k = 0; k <= steps; k++) {
    const lambda = k / steps;
    const loss = denseLoss(task, blended(weights, end, lambda));
    const formula = closedForm(moments, factors, task.power, lambda);
    if (loss > worst.loss) worst = { loss, lambda };
    closed = Math.max(closed, formula);
    relative = Math.max(relative, Math.abs(loss - formula) / Math.abs(formula));
  }
  return {
    norm: Math.sqrt(end.reduce((sum, w) => sum + w.reduce((s, x) => s + x * x, 0), 0)),
    measured_loss: worst.loss,
    closed_form_loss: closed,
    lambda: worst.lambda,
    barrier: Math.max(0, worst.loss - denseLoss(task, weights)),
    relative_error: relative,
  };
}

/** Least-squares slope in logarithms; the constant part of the loss is taken out as the barrier. */
function growthExponent(rows: readonly Row[]): number | null {
  const points = rows.filter(({ factor, barrier }) => factor >= 100 && barrier > 0);
  const slope = logSlope(
    points.map(({ factor }) => factor),
    points.map(({ barrier }) => barrier),
  );
  // Fewer than two factors give none.
  return Number.isNaN(slope) ? null : slope;
}

/** A checkpoint: every neuron that can be rescaled takes c; only measured. */
async function checkpointBarrier(params: Params, context: ComputeContext): Promise<Result> {
  const { factors, steps, seed, spread } = params;
  const model = loadModels(params.run!, [params.model], params.epoch!)[0]!;
  const { arrays: start, plan } = rescalable(model, 'neuron');
  const rows: Row[] = [];
  const randomLogs = drawLogs(plan, spread, (i) => new RandomStream(seed, 'factors', i));
  let random = { loss: NaN };
  let base_loss = NaN;
  const evaluations = (factors.length + 1) * (steps + 1) + 1;
  const about = await withLoss(model, { ...params, evaluations }, context, async (loss) => {
    const meter = new ProgressMeter(context, evaluations - 1);
    const highest = async (logs: readonly Float64Array[]) => {
      const end = rescaled(start, plan, logs, 1);
      const losses = await lossesOnLine(loss, [start, end], steps, async (lambda, here) => {
        if (!Number.isFinite(here))
          throw new UserError(
            `factors: at lambda = ${lambda} of a segment the loss is ${here}: weights overflow.`,
            { hint: 'Choose smaller factors.' },
          );
        meter.advance(1, `loss on the segment, lambda = ${lambda.toFixed(2)}`);
        await checkpointCancel(context);
      });
      const worst = Math.max(...losses);
      const norm = arrayDistance(model.run.graph, end);
      return { norm, loss: worst, lambda: losses.indexOf(worst) / steps };
    };
    base_loss = loss(start);
    for (const factor of factors) {
      const logs = plan.allowed.map((units) => new Float64Array(units.length).fill(Math.log(factor)));
      const { norm, loss: measured_loss, lambda } = await highest(logs);
      const barrier = Math.max(0, measured_loss - base_loss);
      rows.push({
        factor,
        norm,
        measured_loss,
        closed_form_loss: null,
        lambda,
        barrier,
        relative_error: null,
      });
    }
    random = await highest(randomLogs);
  });
  return {
    rows,
    random: {
      factors: randomLogs.flatMap((units) => Array.from(units, Math.exp)),
      measured_loss: random.loss,
      closed_form_loss: null,
    },
    base_loss,
    growth_exponent: growthExponent(rows),
    expected_exponent: null,
    notes: [model.name, about, ...plan.notes, ...blendNotes(model.run.graph)],
    seed,
  };
}
