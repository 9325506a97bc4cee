/** Epochs over a run's models, stacked. */
import { tracksAt } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import type { Backend } from '../backend/index.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext, ProgressMeter } from '../context.ts';
import type { Dataset, Examples, SplitIndices } from '../data/index.ts';
import type { Scores } from '../networks/scores.ts';
import { moveOf } from '../data/augment.ts';
import type { HeldOut } from './held-out.ts';
import { RandomStream } from '../random.ts';
import type { Tracking } from '../tracking/tracking.ts';
import type { TrainingPlan } from './plan.ts';
import type { StepInput, TrainingSession } from './session.ts';

export interface Training {
  plan: TrainingPlan;
  backend: Backend;
  dataset: Dataset;
  split: SplitIndices;
  session: TrainingSession;
  heldOut: HeldOut;
  /** If the config asks for anything to be tracked. */
  tracking?: Tracking | undefined;
  context: ComputeContext;
}

/** Milliseconds spent in optimizer steps, and how many there were. */
export interface Pace {
  milliseconds: number;
  steps: number;
}

export function stepsPerEpoch(training: Pick<Training, 'plan' | 'split'>): number {
  // All nodes of a graph together.
  if (training.plan.spec.architecture === 'gnn') return 1;
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
  const { plan, session, context } = training;
  const rate = plan.schedule(epoch - 1);
  const sums = new Float64Array(session.models);
  const inputs = epochInputs(training, epoch, rate);
  if (session.compilesNext) {
    meter.advance(0, 'compiling the training step');
    await checkpointCancel(context);
  }
  let looked = performance.now();
  for (let step = 0; step < inputs.length; step += session.stepsPerCall) {
    const call = inputs.slice(step, step + session.stepsPerCall);
    const began = performance.now();
    const all = session.run(call);
    pace.milliseconds += performance.now() - began;
    pace.steps += call.length;
    for (const [i, losses] of all.entries()) {
      const model = losses.findIndex((loss) => !Number.isFinite(loss));
      if (model >= 0)
        throw diverged(model, losses[model]!, {
          step: step + i + 1,
          epoch,
          rate,
          all: session.steps - call.length + i + 1,
        });
      losses.forEach((loss, m) => (sums[m]! += loss));
    }
    meter.advance(call.length, `epoch ${epoch} of ${plan.epochs}`);
    if (performance.now() - looked < patience) continue;
    await checkpointCancel(context);
    looked = performance.now();
  }
  return Array.from(sums, (sum) => sum / inputs.length);
}

/** The steps of one epoch. */
function epochInputs({ plan, split }: Training, epoch: number, learningRate: number): StepInput[] {
  if (plan.spec.architecture === 'gnn') return [{ rows: [], learningRate }];
  const orders = plan.seeds.optimization.map((seed) => batchOrder(seed, epoch, split.train));
  const steps = stepsPerEpoch({ plan, split });
  const { augmentation, seeds } = plan;
  return Array.from({ length: steps }, (_, step) => {
    const rows = orders.map((order) => order.subarray(step * plan.batchSize, (step + 1) * plan.batchSize));
    if (!augmentation) return { rows, learningRate };
    const moves = rows.map((own, m) =>
      Array.from(own, (row) => moveOf(augmentation, seeds.optimization[m]!, epoch, row)),
    );
    return { rows, moves, learningRate };
  });
}

function diverged(
  model: number,
  loss: number,
  at: { step: number; epoch: number; rate: number; all: number },
): UserError {
  return new UserError(
    `training stopped: the loss of model ${model + 1} is ${loss} at step ${at.step} of epoch ${at.epoch} (step ${at.all} in all).`,
    {
      hint: `Lower optimizer.lr (${at.rate} at that step) and train again; checkpoints saved before are unharmed.`,
    },
  );
}

function refuseNonFinite({ loss, accuracy }: Scores, steps: number): void {
  const bad = loss.findIndex(
    (value, m) => !Number.isFinite(value) || (accuracy && !Number.isFinite(accuracy[m])),
  );
  if (bad < 0) return;
  throw new UserError(
    `training stopped: the loss of model ${bad + 1} on held-out examples is ${loss[bad]} after step ${steps}: it, or a logit, is not finite.`,
    { hint: 'Lower optimizer.lr and train again; checkpoints saved before are unharmed.' },
  );
}

/** Exact loss and accuracy of all models as they are now. @throws UserError if a model's are not finite */
export async function evaluate(
  { session, heldOut, context }: Training,
  examples: Examples,
  meter: ProgressMeter,
): Promise<Scores> {
  if (heldOut.compilesNext) {
    meter.advance(0, 'compiling the evaluation');
    await checkpointCancel(context);
  }
  const scores = await heldOut.scores(session, examples, () => checkpointCancel(context));
  refuseNonFinite(scores, session.steps);
  return scores;
}

/** Validates where the plan says so, as neuron-identifiability's trainer does: every n-th epoch from the first, and the last. */
export function validatesAt(plan: TrainingPlan, epoch: number): boolean {
  if (plan.valEvery === 0) return false;
  return epoch === 0 || epoch === plan.epochs || (epoch - 1) % plan.valEvery === 0;
}

export function savesAt(plan: TrainingPlan, epoch: number): boolean {
  // What is tracked is measured on checkpoints.
  const tracked = plan.tracking !== undefined && tracksAt(plan.tracking, epoch, 0);
  return tracked || epoch % plan.saveEvery === 0 || epoch === plan.epochs;
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
