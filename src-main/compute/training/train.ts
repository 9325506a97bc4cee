import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { requireSameRotation } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { executionText, trainingExecutionText } from '../../../src-shared/execution.ts';
import { fixedPartText } from '../../../src-shared/networks/general-family.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { trainJob, TrainResult } from '../../../src-shared/jobs/train.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import { readRunDirectory, type RunDirectory } from '../../formats/run-directory.ts';
import { accounted } from '../accounted.ts';
import type { Backend } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { givenTensors } from '../../formats/given-family.ts';
import type { GivenTensors } from '../../formats/given-family.ts';
import {
  evaluationExamples,
  scoredCount,
  trainingExamples,
  loadDataset,
  splitIndices,
  splitToJson,
} from '../data/index.ts';
import type { Dataset, SplitIndices } from '../data/index.ts';
import { freshModels, numParameters } from '../models/index.ts';
import type { StateDict } from '../models/index.ts';
import { lastCompleteEpoch, readSaved, restoreOptimizer, saveCheckpoints } from './saved-state.ts';
import { reasonToStop, requireMetrics } from './early-stopping.ts';
import { checkFit } from './fit.ts';
import { forkRecord, planFork, planForkAgain } from './fork.ts';
import type { Fork } from './fork.ts';
import { withHeldApart } from '../models/held-entries.ts';
import { HeldOut } from './held-out.ts';
import { evaluate, metricsOf, savesAt, stepsPerEpoch, trainEpoch, validatesAt } from './loop.ts';
import type { Pace, Training } from './loop.ts';
import type { Scores } from '../networks/scores.ts';
import { planTraining } from './plan.ts';
import { recordData } from './record-data.ts';
import type { TrainingPlan } from './plan.ts';
import { createRunFolder, readMetrics, splitFileName, writeMetrics } from '../../formats/run-files.ts';
import { TrainingSession } from './session.ts';
import { openTracking, track, trackedEpochs, untracked } from './track.ts';

type Params = ParamsOf<typeof trainJob>;

/** All that is settled before the first tensor is made. */
interface Start {
  directory: string;
  plan: TrainingPlan;
  dataset: Dataset;
  split: SplitIndices;
  /** F and D, if the config names a file of them and models begin. */
  given?: GivenTensors | undefined;
  /** Undefined for a run that begins with weights of its own. */
  from?: Origin;
}

/** The checkpoints that training goes on from. */
interface Origin {
  epoch: number;
  /** Where they are: the run itself, or the parent of a fork. */
  run: RunDirectory;
  forked: boolean;
}

/**
 * Trains a run: writes config.yaml (with the seeds used), split.json, a checkpoint per model at epoch 0, every
 * `save_every` epochs and at the end, and metrics.json after every epoch. Resumed, it goes on from the last epoch that
 * all models have a checkpoint of, and ends with the same weights as an uninterrupted run on the same back end.
 * @throws UserError for a config, data set or folder that cannot be used, and for a loss that is no longer finite
 */
export const train: Compute<Params, TrainResult> = async (params, context) => {
  const start = await prepare(params, context);
  for (const note of start.plan.notes) context.emit({ type: 'log', level: 'warning', line: note });
  const backend = await context.backend();
  return accounted(backend, 'training', () => trainFrom(start, backend, context));
};

function prepare(params: Params, context: ComputeContext): Promise<Start> {
  if (params.resume) return prepareResume(params, context);
  return params.fork ? prepareFork(params.run, params.fork, context) : prepareFresh(params, context);
}

async function prepareFork(
  run: string,
  asked: NonNullable<Params['fork']>,
  context: ComputeContext,
): Promise<Start> {
  const directory = resolve(run);
  const fork = planFork({ ...asked, parent: resolve(asked.parent) });
  const start = await forkStart(directory, fork);
  const recorded = join(fork.parent.directory, splitFileName);
  const split = existsSync(recorded)
    ? readFileSync(recorded, 'utf8')
    : splitToJson(start.dataset, start.split);
  createRunFolder(directory, fork.plan.config, split);
  const line = `${directory}: forked from epoch ${fork.epoch} of ${fork.parent.directory}, batches ${fork.plan.seeds.optimization.join(' ')} (recorded in config.yaml)`;
  context.emit({ type: 'log', level: 'info', line });
  return start;
}

/** On the parent's split. */
async function forkStart(directory: string, { plan, parent, epoch }: Fork): Promise<Start> {
  requireSameRotation(parent.config, parent.configPath);
  if (readMetrics(parent.directory, epoch).at(-1)?.stopped !== undefined)
    throw new UserError(
      `${parent.directory} cannot be forked from epoch ${epoch}: training stopped early there.`,
      {
        hint: 'Choose an earlier epoch.',
      },
    );
  requireHistory(plan, readMetrics(parent.directory, epoch), epoch, parent.directory);
  const dataset = await loadDataset(plan.data);
  const split = splitOf(parent.directory, plan, dataset);
  checkFit(plan, dataset, split);
  return { directory, plan, dataset, split, from: { epoch, run: parent, forked: true } };
}

/** @throws UserError if an early stop depends on a validation up to the epoch that is not recorded */
function requireHistory(
  plan: TrainingPlan,
  metrics: readonly EpochMetrics[],
  epoch: number,
  directory: string,
): void {
  if (!plan.earlyStopping) return;
  const before = Array.from({ length: epoch + 1 }, (_, each) => each);
  requireMetrics(
    metrics,
    before.filter((each) => validatesAt(plan, each)),
    directory,
  );
}

/** The recorded split, or that of the seed where none is recorded. */
function splitOf(directory: string, plan: TrainingPlan, dataset: Dataset): SplitIndices {
  const recorded = join(directory, splitFileName);
  return splitIndices(dataset, existsSync(recorded) ? { splitFile: recorded } : plan.data);
}

async function prepareFresh(params: Params, context: ComputeContext): Promise<Start> {
  const directory = resolve(params.run);
  const asked = planTraining(params.config ?? {}, 'config');
  const fork = forkRecord(asked.config);
  if (fork)
    throw new UserError(`config: fork: this is the config of a fork of ${fork.path}.`, {
      hint: 'Fork that run again (basin train --fork), or take the section "fork" out to begin with fresh weights.',
    });
  const dataset = await loadDataset(asked.data);
  const plan = recordData(asked, dataset, context);
  const split = splitIndices(dataset, plan.data);
  checkFit(plan, dataset, split);
  const given = givenTensors(plan.config);
  createRunFolder(directory, plan.config, splitToJson(dataset, split));
  const { seed, init, optimization, mask } = plan.seeds;
  const seeds = `seed ${seed}, init ${init.join(' ')}, optimization ${optimization.join(' ')}, mask ${mask}`;
  context.emit({ type: 'log', level: 'info', line: `${directory}: ${seeds} (recorded in config.yaml)` });
  return { directory, plan, dataset, split, given };
}

async function prepareResume(params: Params, context: ComputeContext): Promise<Start> {
  const run = readRunDirectory(resolve(params.run));
  const { directory } = run;
  const config = run.configPath;
  const plan = planTraining(run.config, config);
  requireSameRotation(run.config, config);
  for (const key of ['init_seed', 'optimization_seed', 'mask_seed'] as const) {
    if (run.config[key] != null) continue;
    throw new UserError(`${config}: ${key} is not recorded, so this run cannot be resumed exactly.`);
  }
  const models = plan.seeds.init.length;
  const epoch = lastCompleteEpoch(run, models);
  const foreign = run.checkpoints.find((file) => file.format === 'pt');
  if (epoch === undefined && foreign) {
    throw new UserError(`${directory}: there is no optimizer state to resume from, only ${foreign.path}.`, {
      hint: 'Runs trained by Basin can be resumed; train this config again in another folder.',
    });
  }
  const fork = forkRecord(plan.config, config);
  if (epoch === undefined && fork) {
    const line = `${directory}: forking again from ${fork.path}`;
    context.emit({ type: 'log', level: 'info', line });
    return forkStart(directory, planForkAgain(plan, config));
  }
  const dataset = await loadDataset(plan.data);
  const split = splitOf(directory, plan, dataset);
  checkFit(plan, dataset, split);
  if (epoch === undefined) {
    // Stopped before the first checkpoints were whole: the recorded seeds make the same start again.
    context.emit({
      type: 'log',
      level: 'info',
      line: `${directory}: starting over from the recorded seeds`,
    });
    return { directory, plan, dataset, split, given: givenTensors(plan.config, config) };
  }
  context.emit({ type: 'log', level: 'info', line: `${directory}: resuming from epoch ${epoch}` });
  return { directory, plan, dataset, split, from: { epoch, run, forked: false } };
}

async function trainFrom(start: Start, backend: Backend, context: ComputeContext): Promise<TrainResult> {
  const { plan, dataset, split } = start;
  const session = await openSession(start, backend, context);
  const heldOut = new HeldOut(backend, session, heldOutPasses(plan, dataset, split));
  const ways = [trainingExecutionText(session.execution), executionText(heldOut.execution)];
  const line = `computed: steps ${ways[0]}; validation ${ways[1]}`;
  context.emit({ type: 'log', level: 'info', line });
  try {
    await checkpointCancel(context);
    for (const _ of session.uploading()) await checkpointCancel(context);
    const tracking = await openTracking(start, backend, context);
    return await runEpochs(start, { plan, backend, dataset, split, session, heldOut, tracking, context });
  } finally {
    heldOut.dispose();
    session.dispose();
  }
}

/** Images that each model is evaluated on in the whole training, resumed or not. */
function heldOutPasses(plan: TrainingPlan, dataset: Dataset, split: SplitIndices): number {
  const epochs = Array.from({ length: plan.epochs + 1 }, (_, epoch) => epoch);
  const validations = epochs.filter((epoch) => validatesAt(plan, epoch)).length;
  // All nodes of a graph go through the network for each split.
  const { edges, count } = dataset.train;
  return edges ? (validations + 1) * count : validations * split.val.length + dataset.test.count;
}

/** A function of its own: what the session starts from (hundreds of megabytes) is not held while it trains. */
async function openSession(
  { plan, dataset, split, given, from }: Start,
  backend: Backend,
  context: ComputeContext,
): Promise<TrainingSession> {
  const { spec, optimizer, batchSize, epochs, seeds, augmentation } = plan;
  const examples = trainingExamples(dataset, split);
  const settings = {
    ...{ spec, optimizer, batchSize, augmentation },
    totalSteps: epochs * stepsPerEpoch({ plan, split }),
    dropoutSeeds: seeds.optimization,
    objective: plan.objective,
    ...plan.step,
  };
  const between = (): Promise<void> => checkpointCancel(context);
  if (!from) {
    const states: StateDict[] = [];
    for (const state of freshModels(spec, { ...seeds, given })) {
      states.push(state);
      await between();
    }
    return new TrainingSession(backend, settings, withHeldApart(spec, states, seeds.mask), examples);
  }
  const wanted = { epoch: from.epoch, models: seeds.init.length };
  const saved = await readSaved(from.run, spec, wanted, between);
  const nameOf = (place: number): string => `${from.run.directory}: model ${place + 1}`;
  const states = withHeldApart(spec, saved.states, seeds.mask, nameOf);
  const session = new TrainingSession(backend, settings, states, examples);
  try {
    // At epoch 0 an optimizer has kept nothing yet, whoever trained the run.
    if (from.epoch > 0) restoreOptimizer(session, saved, from.run.directory);
    return session;
  } catch (error) {
    session.dispose();
    throw error;
  }
}

async function runEpochs(start: Start, training: Training): Promise<TrainResult> {
  const { plan, context, dataset, split } = training;
  const { directory, from } = start;
  const began = performance.now();
  const validation = evaluationExamples(dataset, split, 'val', {
    ...{ augmentation: plan.augmentation, seed: plan.data.splitSeed },
  });
  const known = from ? readMetrics(from.run.directory, from.epoch) : [];
  // What was tracked and not yet told when a training was killed is in its own file.
  const metrics = known.map((entry) => training.tracking?.summarised(entry) ?? untracked(entry, from));
  const pace: Pace = { milliseconds: 0, steps: 0 };
  const first = from ? from.epoch + 1 : 0;
  const trained = Math.max(plan.epochs + 1 - Math.max(first, 1), 0);
  const meter = new ProgressMeter(
    context,
    (trained + trackedEpochs(plan, from?.epoch ?? 0)) * stepsPerEpoch(training),
  );
  const watched = plan.earlyStopping;
  if (from) requireHistory(plan, metrics, from.epoch, from.run.directory);
  if (from?.forked) await saveFork(start, training, metrics);
  let stopped = metrics.at(-1)?.stopped;
  if (from) {
    const at = { directory, meter, epoch: from.epoch, last: stopped !== undefined };
    // What a training left out that was cancelled, or killed.
    for (const entry of await track(training, metrics, at)) context.emit({ type: 'epoch', metrics: entry });
  }
  for (let epoch = first; epoch <= plan.epochs && stopped === undefined; epoch++) {
    const trainLoss = epoch === 0 ? null : await trainEpoch(training, epoch, meter, pace);
    const scores =
      scoredCount(validation) > 0 && validatesAt(plan, epoch)
        ? await evaluate(training, validation, meter)
        : null;
    const rate = epoch === 0 ? undefined : plan.schedule(epoch - 1);
    const scored = { ...metricsOf(epoch, trainLoss, scores, rate), ...lossNameOf(plan) };
    // At the last epoch there is nothing to stop.
    stopped = watched && epoch < plan.epochs ? reasonToStop([...metrics, scored], watched) : undefined;
    const entry = { ...scored, ...(stopped !== undefined && { stopped }) };
    metrics.push(entry);
    // First: what is resumed from a checkpoint has the metrics up to there.
    writeMetrics(directory, metrics);
    if (savesAt(plan, epoch) || stopped !== undefined) await save(directory, training, entry);
    await track(training, metrics, { directory, meter, epoch, last: stopped !== undefined });
    context.emit({ type: 'epoch', metrics: metrics.at(-1)! });
    if (stopped === undefined) continue;
    meter.advance(Infinity, 'stopped early');
    const line = `stopped early after epoch ${epoch} of ${plan.epochs}: ${stopped}`;
    context.emit({ type: 'log', level: 'info', line });
  }
  const test = await evaluate(training, dataset.test, meter);
  return resultOf(start, training, metrics.at(-1), test, pace, (performance.now() - began) / 1000);
}

/** The parent's weights, optimizer state and metrics as the fork's own, so that it no longer needs its parent. */
async function saveFork(
  { directory, from }: Start,
  training: Training,
  metrics: readonly EpochMetrics[],
): Promise<void> {
  const { epoch } = from!;
  const known = metrics.find((entry) => entry.epoch === epoch);
  writeMetrics(directory, metrics);
  await save(directory, training, known ?? metricsOf(epoch, null, null, undefined));
}

function save(
  directory: string,
  { session, plan, context }: Training,
  { epoch, valAccuracy }: EpochMetrics,
): Promise<void> {
  const moment = { epoch, nextLearningRate: plan.schedule(epoch), valAccuracy };
  return saveCheckpoints(directory, session, moment, context);
}

/** Nothing if every example has one class. */
const lossNameOf = ({ objective }: TrainingPlan) => objective && { lossName: objective.loss };

function resultOf(
  { directory, from, dataset }: Start,
  { plan, backend, session, heldOut, tracking }: Training,
  last: EpochMetrics | undefined,
  test: Scores,
  pace: Pace,
  seconds: number,
): TrainResult {
  const models = plan.seeds.init.length;
  const fork = forkRecord(plan.config);
  const { seed, init, optimization, mask } = plan.seeds;
  const fixedPart = fixedPartText(plan.spec);
  return {
    run_directory: directory,
    family: plan.spec.family,
    sigma_f: plan.spec.layers.map((layer) => layer.sigmaF),
    num_fixed: plan.spec.layers.map((layer) => layer.numFixed),
    ...(fixedPart !== undefined && { fixed_part: fixedPart }),
    ...(plan.objective && { loss_name: plan.objective.loss }),
    data: { name: dataset.name, origin: dataset.origin, sha256: dataset.sha256 },
    models,
    epochs: last?.epoch ?? plan.epochs,
    ...(last?.stopped !== undefined && { stopped_early: last.stopped }),
    parameters: numParameters(plan.spec).free,
    seeds: { seed, init_seed: init, optimization_seed: optimization, mask_seed: mask },
    train_loss: last?.trainLoss ?? null,
    val_loss: last?.valLoss ?? null,
    val_accuracy: last?.valAccuracy ?? null,
    test_loss: test.loss,
    test_accuracy: test.accuracy,
    seconds,
    ms_per_model_step: pace.steps === 0 ? null : pace.milliseconds / (pace.steps * models),
    resumed_from: from && !from.forked ? from.epoch : null,
    ...(fork && { forked_from: fork }),
    ...(tracking && { tracking: tracking.done }),
    backend: backendInfo(backend),
    execution: session.execution,
    evaluation: heldOut.execution,
  };
}
