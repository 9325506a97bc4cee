/** What a training config asks for, with nothing left to decide. */
import { randomInt } from 'node:crypto';
import {
  notesOnConfig,
  objectiveFor,
  recordSeeds,
  refuseUnknownKeys,
  readConfig,
  resolveData,
  resolveSeeds,
  resolveTracking,
  resolveTrainable,
  axisSigns,
  requireSameRotation,
} from '../../../src-shared/config.ts';
import type {
  Augmentation,
  GeometryPlan,
  RunConfig,
  Seeds,
  TrackingPlan,
} from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { withGivenFamily } from '../../formats/given-family.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import { fewestPerExample } from '../networks/batch-statistics.ts';
import { isExportedSpec, isMixed } from '../../../src-shared/model.ts';
import type { TrainableSpec } from '../../../src-shared/model.ts';
import { resolveEarlyStopping } from './early-stopping.ts';
import type { EarlyStopping } from './early-stopping.ts';
import { resolveOptimizer } from './optimizer.ts';
import type { OptimizerSettings } from './optimizer.ts';
import { resolveSchedule } from '../../../src-shared/config/schedule.ts';
import type { Schedule } from '../../../src-shared/config/schedule.ts';
import type { StepOptions } from './step.ts';
import { targetsOf, targetsText } from '../../../src-shared/objective.ts';
import type { Objective, Task } from '../../../src-shared/objective.ts';

export interface TrainingPlan {
  /** The config with seeds, split seed and absolute paths filled in: what config.yaml will say. */
  config: RunConfig;
  spec: TrainableSpec;
  seeds: Seeds;
  data: {
    name: string;
    dataDir?: string;
    geometry?: GeometryPlan;
    contents?: string;
    task?: Task;
    splitFile?: string;
    splitSeed: number;
    valFraction: number;
  };
  /** How images are varied; absent: not at all. */
  augmentation?: Augmentation | undefined;
  optimizer: OptimizerSettings;
  step: StepOptions;
  /** If examples have other labels than one class each. */
  objective?: Objective | undefined;
  schedule: Schedule;
  earlyStopping?: EarlyStopping;
  batchSize: number;
  epochs: number;
  /** Validate after every n-th epoch; 0: never. */
  valEvery: number;
  /** Save every n-th epoch; the first and the last are always saved. */
  saveEvery: number;
  /** What is measured while the models train; absent: nothing. */
  tracking?: TrackingPlan;
  /** What the config asks for and this job does not do. */
  notes: string[];
}

/**
 * @param value a config.yaml's contents
 * @param where names it in messages
 * @throws UserError naming the dotted key
 */
export function planTraining(value: Record<string, unknown>, where = 'config'): TrainingPlan {
  refuseUnknownKeys(value, where);
  // What is trained has weights of its own, wherever those of its config were from.
  const {
    adopted_from: _from,
    adopted_as: _as,
    ...config
  } = withGivenFamily(readConfig(value, where), where);
  const spec = resolveTrainable(config, where);
  if (spec.architecture === 'mlp' && (isMixed(spec) || spec.fileNames)) {
    throw new UserError(
      `${where}: model.${isMixed(spec) ? 'layers' : 'parameter_names'}: a network of adopted weights is measured, not trained.`,
    );
  }
  const data = resolveData(config, where);
  if (config.dataset?.coherence_rotation?.axis_signs != null) requireSameRotation(config, where);
  const seeds = resolveSeeds(config, () => randomInt(2 ** 32), where);
  const optimizer = resolveOptimizer(config, where);
  const epochs = config.training?.num_epochs ?? 100;
  const valEvery = config.training?.val_every ?? 1;
  const earlyStopping = resolveEarlyStopping(config, valEvery, where);
  const objective = objectiveFor(data, readNetwork(trainedGraphOf(spec)));
  const targets = targetsOf(objective);
  const isSmoothed = (config.training?.label_smoothing ?? 0) > 0;
  if (targets && targets.kind !== 'tokens' && isSmoothed)
    throw new UserError(
      `${where}: training.label_smoothing is for classes and tokens; examples of ${data.name} have ${targetsText(targets)}.`,
      { hint: 'Remove it, or set it to 0.' },
    );
  const facts = {
    ...{ models: seeds.init.length, overGraph: spec.architecture === 'gnn' },
    targets: targets && targetsText(targets),
  };
  const tracking = resolveTracking(config, facts, where);
  const paths = {
    ...(data.dataDir !== null && { dataDir: typedPath(data.dataDir) }),
    ...(data.splitFile !== null && { splitFile: typedPath(data.splitFile) }),
  };
  const dataset = {
    ...config.dataset,
    ...(paths.dataDir !== undefined && { data_dir: paths.dataDir }),
    ...(paths.splitFile !== undefined && { split_file: paths.splitFile }),
    // Graphs bring their split.
    ...(paths.splitFile === undefined && spec.architecture !== 'gnn' && { split_seed: data.splitSeed }),
    ...(data.geometry?.kind === 'mnist-coherence' && {
      coherence_rotation: { ...config.dataset?.coherence_rotation, axis_signs: axisSigns },
    }),
  };
  return {
    config: recordSeeds({ ...config, dataset }, seeds),
    spec,
    seeds,
    data: {
      name: data.name,
      ...(data.geometry && { geometry: data.geometry }),
      ...(data.contents !== undefined && { contents: data.contents }),
      ...(data.task !== undefined && { task: data.task }),
      splitSeed: data.splitSeed,
      valFraction: data.valFraction,
      ...paths,
    },
    augmentation: data.augmentation,
    optimizer,
    step: stepOptions(config),
    objective,
    schedule: resolveSchedule(config, optimizer.lr, where),
    batchSize: data.batchSize,
    ...{ epochs, valEvery },
    ...(earlyStopping && { earlyStopping }),
    saveEvery: config.training?.save_every ?? Math.max(epochs, 1),
    ...(tracking && { tracking }),
    notes: notesOnConfig(value),
  };
}

/** Smoothing of 0 is none. */
function stepOptions({ training }: RunConfig): StepOptions {
  const { label_smoothing: smoothing, clip_grad_norm: clipNorm } = training ?? {};
  return {
    ...(smoothing != null && smoothing > 0 && { labelSmoothing: smoothing }),
    ...(clipNorm != null && { clipNorm }),
  };
}

/** @throws UserError where batch norm would see a batch of one example */
export function checkBatches(plan: TrainingPlan, count: number): void {
  const { spec } = plan;
  if (spec.architecture === 'gnn') return;
  const rest = count % plan.batchSize;
  // The last maps of a residual network have more than one pixel, unless its images are tiny.
  const manyPixels = spec.architecture === 'resnet' && Math.max(...spec.input.slice(1)) > 4;
  const isAlone = isExportedSpec(spec)
    ? fewestPerExample(readNetwork(spec.graph)) === 1
    : spec.norm === 'batch' && !manyPixels;
  if (!isAlone || (rest !== 1 && plan.batchSize !== 1)) return;
  throw new UserError(
    `dataset.batch_size is ${plan.batchSize}: of ${count} training examples the last batch has 1, too few for batch norm.`,
    { hint: 'Choose another dataset.batch_size.' },
  );
}
