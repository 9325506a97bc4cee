/** Networks trained on the spot for the experiments on symmetry curves. */
import { UserError } from '../../../src-shared/errors.ts';
import { ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { cholesky } from '../linalg/solve.ts';
import { multiplyTransposedRight, transpose } from '../linalg/multiply.ts';
import { RandomStream } from '../random.ts';
import { drawRegression, drawWeights, trainDense } from './dense.ts';
import type { DenseTask, DenseWeights } from './dense.ts';
import { zeroLoss } from './zero-loss-paths.ts';
import { drawLinearTask, linearLoss } from './linear-task.ts';
import type { LinearTask } from './linear-task.ts';
import { trainLinear } from './train-linear.ts';

export interface TrainedNetworks {
  task: DenseTask;
  networks: DenseWeights[];
}

/** `count` networks of layers of one width, trained on one task. */
export function trainedNetworks(
  { activation, layers, width, seed }: Wish,
  count: number,
  context: ComputeContext,
): Promise<TrainedNetworks> {
  if (activation === 'linear') return trainedLinear(layers, width, count, seed, context);
  const dims = Array.from({ length: layers + 1 }, () => width);
  return trainedRelu(dims, 1, count, 1500, seed, context);
}

interface Wish {
  activation: 'linear' | 'relu';
  layers: number;
  width: number;
  seed: number;
}

/**
 * Deep linear networks at zero loss, `count` of them on one task: more starts are trained than needed.
 * @throws UserError where too few starts reached zero loss.
 */
async function trainedLinear(
  layers: number,
  width: number,
  count: number,
  seed: number,
  context: ComputeContext,
): Promise<TrainedNetworks> {
  const linear = drawLinearTask(layers, width, 0, new RandomStream(seed, 'task'));
  const starts = count + 7;
  const steps = 4000;
  const meter = new ProgressMeter(context, steps);
  const stream = new RandomStream(seed, 'weights');
  const all = await trainLinear(linear, { starts, steps, learningRate: 0.02 }, stream, context, meter);
  const networks = all.filter((weights) => linearLoss(linear, weights) < zeroLoss * linear.targetNorm);
  if (networks.length < count) {
    throw new UserError(
      `only ${networks.length} of ${starts} linear networks of ${layers} layers and width ${width} reached zero loss, ${count} are needed`,
      { hint: 'Try another seed, fewer layers or a smaller width.' },
    );
  }
  return { task: denseTask(linear), networks: networks.slice(0, count) };
}

/** The same task in the form of samples: the columns of L with L L^T = X X^T stand for all inputs. */
function denseTask(linear: LinearTask): DenseTask {
  const { width: h, layers, inputGram, target } = linear;
  const inputs = transpose(cholesky(inputGram, h), h, h);
  return {
    dims: Array.from({ length: layers + 1 }, () => h),
    activation: 'linear',
    power: 1,
    inputs,
    targets: multiplyTransposedRight(inputs, target, h, h, h),
    samples: h,
    divisor: 1,
  };
}

/** Bias-free ReLU networks trained from `count` starts on one regression task. */
export async function trainedRelu(
  dims: readonly number[],
  power: number,
  count: number,
  steps: number,
  seed: number,
  context: ComputeContext,
): Promise<TrainedNetworks> {
  const task = drawRegression(dims, 16 * Math.max(4, dims[0]!), power, new RandomStream(seed, 'task'));
  const meter = new ProgressMeter(context, count);
  const networks: DenseWeights[] = [];
  for (let k = 0; k < count; k++) {
    const start = drawWeights(dims, new RandomStream(seed, 'weights', k), Math.SQRT2);
    const training = { steps, learningRate: 0.02, optimizer: 'adamw', weightDecay: 0 } as const;
    networks.push(await trainDense(task, start, training, new RandomStream(seed, 'order', k), context));
    meter.advance(1, `trained network ${k + 1} of ${count}`);
  }
  return { task, networks };
}
