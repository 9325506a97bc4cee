/** Epochs over a run's models, stacked. */
import { UserError } from '../../../src-shared/errors.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import type { Backend } from '../backend/index.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext, ProgressMeter } from '../context.ts';
import { examplesTensor } from '../data/index.ts';
import type { Dataset, Examples, SplitIndices } from '../data/index.ts';
import { evaluateStacked } from '../models/index.ts';
import type { Scores } from '../models/index.ts';
import { kernelsOf } from '../models/kernels.ts';
import { RandomStream } from '../random.ts';
import type { Optimizer } from './optimizer.ts';
import type { TrainingPlan } from './plan.ts';
import type { Network } from './step.ts';

export interface Training {
  plan: TrainingPlan;
  backend: Backend;
  dataset: Dataset;
  split: SplitIndices;
  network: Network;
  optimizer: Optimizer;
  context: ComputeContext;
}

/** Milliseconds spent in optimizer steps, and how many there were. */
export interface Pace {
  milliseconds: number;
  steps: number;
}

export function stepsPerEpoch(training: Pick<Training, 'plan' | 'split'>): number {
  return Math.ceil(training.split.train.length / training.plan.batchSize);
}

/**
 * The order in which a model sees the training rows in one epoch: it depends on nothing but seed and epoch, so that a
 * resumed run goes on exactly.
 */
export function batchOrder(optimizationSeed: number, epoch: number, rows: Int32Array): Int32Array {
  return new RandomStream(optimizationSeed, 'batches', epoch).shuffle(rows.slice());
}

/** Longest stretch without looking for a cancel, in milliseconds. */
const patience = 100;

/**
 * Trains one epoch, counted from 1.
 * @returns per model, the mean over batches of the batch mean
 * @throws UserError naming step, epoch and model where a loss is no longer finite
 */
export async function trainEpoch(
  training: Training,
  epoch: number,
  meter: ProgressMeter,
  pace: Pace,
): Promise<number[]> {
  const { plan, optimizer, split, context } = training;
  const models = plan.seeds.init.length;
  const rows = split.train.length;
  const orders = plan.seeds.optimization.map((seed) => batchOrder(seed, epoch, split.train));
  const rate = plan.schedule(epoch - 1);
  const sums = new Float64Array(models);
  const steps = stepsPerEpoch(training);
  let looked = performance.now();
  for (let step = 0; step < steps; step++) {
    const began = performance.now();
    const size = Math.min(plan.batchSize, rows - step * plan.batchSize);
    const losses = trainStep(training, orders, step * plan.batchSize, size, rate);
    pace.milliseconds += performance.now() - began;
    pace.steps += 1;
    for (let m = 0; m < models; m++) {
      if (!Number.isFinite(losses[m])) throw diverged(m, optimizer.steps, step + 1, epoch, losses[m]!, rate);
      sums[m]! += losses[m]!;
    }
    meter.advance(1, `epoch ${epoch} of ${plan.epochs}`);
    if (performance.now() - looked < patience) continue;
    await checkpointCancel(context);
    looked = performance.now();
  }
  return Array.from(sums, (sum) => sum / steps);
}

function trainStep(
  training: Training,
  orders: Int32Array[],
  start: number,
  size: number,
  rate: number,
): Float32Array {
  const { backend, dataset, network, optimizer } = training;
  const { tf } = backend;
  const rows = new Int32Array(orders.length * size);
  for (const [m, order] of orders.entries()) rows.set(order.subarray(start, start + size), m * size);
  const indices = tf.tensor2d(rows, [orders.length, size], 'int32');
  const labels = tf.tensor1d(
    rows.map((row) => dataset.train.labels[row]!),
    'int32',
  );
  const x = kernelsOf(backend).gather(examplesTensor(backend, dataset.train), indices);
  const losses = network.step(x, labels, optimizer, rate);
  tf.dispose([indices, labels, x]);
  return losses;
}

function diverged(
  model: number,
  steps: number,
  step: number,
  epoch: number,
  loss: number,
  rate: number,
): UserError {
  return new UserError(
    `training stopped: the loss of model ${model + 1} is ${loss} at step ${step} of epoch ${epoch} (step ${steps} in all).`,
    {
      hint: `Lower optimizer.lr (${rate} at that step) and train again; checkpoints saved before are unharmed.`,
    },
  );
}

function refuseNonFinite({ loss, accuracy }: Scores, steps: number): void {
  const bad = loss.findIndex((value, m) => !Number.isFinite(value) || !Number.isFinite(accuracy[m]));
  if (bad < 0) return;
  throw new UserError(
    `training stopped: the loss of model ${bad + 1} on held-out images is ${loss[bad]} after step ${steps}: not a finite number, or with logits that are none.`,
    { hint: 'Lower optimizer.lr and train again; checkpoints saved before are unharmed.' },
  );
}

/** Exact loss and accuracy of all models as they are now. @throws UserError if a model's are not finite */
export async function evaluate(training: Training, examples: Examples): Promise<Scores> {
  const stacked = training.network.evaluation();
  try {
    const scores = await evaluateStacked(training.backend, stacked, examples, () =>
      checkpointCancel(training.context),
    );
    refuseNonFinite(scores, training.optimizer.steps);
    return scores;
  } finally {
    stacked.dispose();
  }
}

/** Validates where the plan says so, as neuron-identifiability's trainer does: every n-th epoch from the first, and the last. */
export function validatesAt(plan: TrainingPlan, epoch: number): boolean {
  if (plan.valEvery === 0) return false;
  return epoch === 0 || epoch === plan.epochs || (epoch - 1) % plan.valEvery === 0;
}

export function savesAt(plan: TrainingPlan, epoch: number): boolean {
  return epoch % plan.saveEvery === 0 || epoch === plan.epochs;
}

export function metricsOf(
  epoch: number,
  trainLoss: number[] | null,
  scores: Scores | null,
  learningRate: number | undefined,
): EpochMetrics {
  return {
    epoch,
    trainLoss,
    valLoss: scores?.loss ?? null,
    valAccuracy: scores?.accuracy ?? null,
    ...(learningRate !== undefined && { learningRate }),
  };
}
