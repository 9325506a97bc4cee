/**
 * How regularisation picks a point on the orbit. Under gradient flow with L2 the difference |in_j|^2 - |out_j|^2 of a
 * ReLU neuron decays like exp(-2 decay t), since the loss itself conserves it (S. Du, W. Hu, J. Lee, "Algorithmic
 * regularization in learning deep homogeneous models", NeurIPS 2018); AdamW's decoupled decay has no such theorem.
 */
import { maxEndsBarrier } from '../../../src-shared/barriers.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { weightDecayStudyJob } from '../../../src-shared/jobs/weight-decay-study.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { RandomStream } from '../random.ts';
import { denseLoss, drawRegression, drawWeights, lineLosses, trainDense, weightDistance } from './dense.ts';
import type { DenseTask, DenseWeights } from './dense.ts';
import { matchRelu, neuronNorms } from './match-relu.ts';

type Params = ParamsOf<typeof weightDecayStudyJob>;
type Result = ResultOf<typeof weightDecayStudyJob>;
type Row = Result['rows'][number];

export const weightDecayStudy: Compute<Params, Result> = async (params, context) => {
  const { inputs, width, outputs, seed } = params;
  const dims = [inputs, width, outputs];
  const task = drawRegression(dims, 256, 1, new RandomStream(seed, 'task'));
  const starts = Array.from({ length: 2 * params.pairs }, (_, k) => unbalancedStart(params, dims, k));
  const meter = new ProgressMeter(context, params.optimizers.length * params.decays.length * starts.length);
  const rows: Row[] = [];
  for (const optimizer of params.optimizers) {
    for (const decay of params.decays) {
      const networks: DenseWeights[] = [];
      for (let k = 0; k < starts.length; k++) {
        networks.push(await trainOne(task, starts[k]!, optimizer, decay, k, params, context));
        meter.advance(1, `${optimizer}, decay ${decay}: network ${k + 1} of ${starts.length}`);
      }
      rows.push({ optimizer, decay, ...(await summary(task, networks, seed, context)) });
    }
  }
  return { rows, initial_imbalance: mean(starts.map((weights) => imbalanceOf(weights, dims))), seed };
};

function unbalancedStart({ seed, imbalance }: Params, dims: readonly number[], k: number): DenseWeights {
  const [lower, upper] = drawWeights(dims, new RandomStream(seed, 'weights', k), Math.SQRT2);
  return [lower!.map((x) => x * imbalance), upper!.map((x) => x / imbalance)];
}

function trainOne(
  task: DenseTask,
  start: DenseWeights,
  optimizer: 'sgd' | 'adamw',
  weightDecay: number,
  k: number,
  params: Params,
  context: ComputeContext,
): Promise<Float64Array[]> {
  const { steps, batch, seed } = params;
  const learningRate = optimizer === 'sgd' ? params.learningRateSgd : params.learningRateAdamw;
  const training = { steps, learningRate, optimizer, weightDecay, batch };
  return trainDense(task, start, training, new RandomStream(seed, 'order', k), context);
}

async function summary(
  task: DenseTask,
  networks: readonly DenseWeights[],
  seed: number,
  context: ComputeContext,
): Promise<Omit<Row, 'optimizer' | 'decay'>> {
  const { dims } = task;
  const pairs = [];
  for (let k = 0; k < networks.length / 2; k++) {
    const [a, b] = [networks[2 * k]!, networks[2 * k + 1]!];
    const stream = new RandomStream(seed, 'matching', k);
    const match = await matchRelu(a, b, dims, 3, stream, () => checkpointCancel(context));
    pairs.push({
      distance: weightDistance(a, b),
      residual: match.residual,
      rescaling: Math.sqrt(mean(Array.from(match.factors[0]!, (c) => Math.log(c) ** 2))),
      before: maxEndsBarrier(lineLosses(task, a, b, 40)),
      after: maxEndsBarrier(lineLosses(task, match.image, b, 40)),
    });
  }
  const norm = (w: Float64Array) => Math.sqrt(w.reduce((sum, x) => sum + x * x, 0));
  return {
    loss: mean(networks.map((weights) => denseLoss(task, weights))),
    imbalance: mean(networks.map((weights) => imbalanceOf(weights, dims))),
    lower_norm: mean(networks.map(([lower]) => norm(lower!))),
    upper_norm: mean(networks.map(([, upper]) => norm(upper!))),
    distance: mean(pairs.map(({ distance }) => distance)),
    residual: mean(pairs.map(({ residual }) => residual)),
    rescaling_distance: mean(pairs.map(({ rescaling }) => rescaling)),
    barrier_before: mean(pairs.map(({ before }) => before)),
    barrier_after: mean(pairs.map(({ after }) => after)),
  };
}

/** Mean over hidden neurons; a neuron whose weights are all zero is balanced. */
function imbalanceOf(weights: DenseWeights, dims: readonly number[]): number {
  const { incoming, outgoing } = neuronNorms(weights, dims, 0);
  return mean(
    Array.from(incoming, (a, j) => {
      const [p, q] = [a * a, outgoing[j]! ** 2];
      return p + q === 0 ? 0 : Math.abs(p - q) / (p + q);
    }),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
