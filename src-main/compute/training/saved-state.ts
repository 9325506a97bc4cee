/** Saving a run under way, and going on from what was saved. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { TrainableSpec } from '../../../src-shared/model.ts';
import { openCheckpoint, writeCheckpoint } from '../../formats/checkpoint.ts';
import type { Checkpoint, WritableCheckpoint } from '../../formats/checkpoint.ts';
import { findCheckpoint } from '../../formats/run-directory.ts';
import type { RunDirectory } from '../../formats/run-directory.ts';
import type { TensorValue } from '../../formats/tensor.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { stateDictFromCheckpoint, withTied } from '../models/index.ts';
import type { HostTensor, StateDict } from '../models/index.ts';
import { withHeldInside } from '../models/held-entries.ts';
import type { OptimizerSettings } from './optimizer.ts';
import { slotNames } from './optimizer.ts';
import type { Snapshot, TrainingSession } from './session.ts';

/** Epoch, learning rate of the step that follows, and accuracies on the validation split in percent. */
export interface Moment {
  epoch: number;
  nextLearningRate: number;
  valAccuracy: readonly number[] | null;
}

/**
 * Writes one checkpoint and one optimizer file per model, model 1 first. It looks for a cancel before each: what was written
 * of this epoch then stays, and is written again by a resumed run.
 */
export async function saveCheckpoints(
  directory: string,
  session: TrainingSession,
  at: Moment,
  context: ComputeContext,
): Promise<void> {
  let model = 0;
  for (const snapshot of session.snapshots()) {
    await checkpointCancel(context);
    model += 1;
    const path = writeCheckpoint(directory, checkpointOf(session, snapshot, model, at));
    context.emit({ type: 'checkpoint', path, epoch: at.epoch, model });
  }
}

function checkpointOf(
  { trainedNames: parameters, steps, optimizer, network, spec }: TrainingSession,
  { state, slots }: Snapshot,
  model: number,
  { epoch, nextLearningRate, valAccuracy }: Moment,
): WritableCheckpoint {
  const optimizerState = new Map<string, Map<string, TensorValue>>();
  for (const name of parameters) {
    const entries = [...slots].map(([slot, values]) => [slot, stored(values.get(name)!)] as const);
    optimizerState.set(name, new Map<string, TensorValue>([['step', scalar(steps)], ...entries]));
  }
  return {
    ...{ epoch, model, step: steps },
    ...(valAccuracy && { valAccuracy: valAccuracy[model - 1]! / 100 }),
    trainable: parameters,
    tensors: withTied(storedState(withoutConstants(withHeldInside(spec, network, state), network)), spec),
    optimizer: {
      groups: [{ parameters, settings: settingsOf(optimizer, nextLearningRate) }],
      state: optimizerState,
    },
  };
}

/** As torch.optim names them. */
function settingsOf(
  settings: OptimizerSettings,
  lr: number,
): Record<string, number | number[] | string | boolean> {
  const shared = { name: settings.name, lr, weight_decay: settings.weightDecay };
  if (settings.name === 'sgd')
    return {
      ...{ ...shared, momentum: settings.momentum },
      ...(settings.nesterov === true && { nesterov: true }),
    };
  if (settings.name === 'rmsprop') {
    const { alpha, eps, momentum, centered } = settings;
    return { ...shared, alpha, eps, momentum, centered };
  }
  return { ...shared, betas: [...settings.betas], eps: settings.eps };
}

const scalar = (value: number): TensorValue => ({
  dtype: 'float32',
  shape: [],
  data: Float32Array.of(value),
});

function stored({ shape, data }: HostTensor): TensorValue {
  return { dtype: 'float32', shape, data: data as Float32Array<ArrayBuffer> };
}

/** What is part of an exported network's code is in no file of weights. */
const withoutConstants = (state: StateDict, { parameters }: Network): StateDict =>
  new Map([...state].filter(([name]) => parameters.get(name)?.packed === undefined));

function storedState(state: StateDict): Map<string, TensorValue> {
  return new Map(
    [...state].map(([name, tensor]) => [
      name,
      name.endsWith('num_batches_tracked')
        ? { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(tensor.data[0] ?? 0)) }
        : stored(tensor),
    ]),
  );
}

/** The last epoch for which every model has a checkpoint and an optimizer state; undefined if there is none. */
export function lastCompleteEpoch(run: RunDirectory, models: number): number | undefined {
  const epochs = [...new Set(run.checkpoints.map((file) => file.epoch))].sort((a, b) => b - a);
  return epochs.find((epoch) => hasOptimizers(run, epoch, models));
}

const everyModel = (models: number, has: (model: number) => boolean): boolean =>
  Array.from({ length: models }, (_, m) => m + 1).every(has);

/** Every model has a checkpoint of that epoch, in whatever format. */
export const hasCheckpoints = ({ checkpoints }: RunDirectory, epoch: number, models: number): boolean =>
  everyModel(models, (model) => checkpoints.some((file) => file.epoch === epoch && file.model === model));

/** Every model has a checkpoint and an optimizer state of that epoch in files of Basin's. */
export function hasOptimizers(run: RunDirectory, epoch: number, models: number): boolean {
  const has = (files: RunDirectory['checkpoints'], model: number): boolean =>
    files.some((file) => file.epoch === epoch && file.model === model && file.format === 'safetensors');
  return everyModel(models, (model) => has(run.checkpoints, model) && has(run.optimizers, model));
}

export interface Saved {
  states: StateDict[];
  /** By model: slot, then parameter name. */
  slots: Map<string, Map<string, Float32Array>>[];
  steps: number;
}

/**
 * What the models share is in memory once, as it is when they are initialised.
 * @param between called between models; throw there to stop
 * @throws UserError naming the file that does not fit the run's config
 */
export async function readSaved(
  run: RunDirectory,
  spec: TrainableSpec,
  { epoch, models }: { epoch: number; models: number },
  between: () => Promise<void>,
): Promise<Saved> {
  const saved: Saved = { states: [], slots: [], steps: 0 };
  for (let m = 1; m <= models; m++) {
    const checkpoint = openCheckpoint(findCheckpoint(run, epoch, m).path);
    try {
      saved.states.push(readState(checkpoint, spec, saved.states[0]));
      saved.slots.push(readSlots(checkpoint));
      saved.steps = Math.max(saved.steps, checkpoint.step ?? 0);
    } finally {
      checkpoint.close();
    }
    await between();
  }
  return saved;
}

function readState(
  { tensors, path }: Checkpoint,
  spec: TrainableSpec,
  first: StateDict | undefined,
): StateDict {
  const state = stateDictFromCheckpoint(tensors, spec, path);
  for (const [name, { data }] of state) {
    const other = first?.get(name);
    if (other && bytesOf(other.data).equals(bytesOf(data))) state.set(name, other);
  }
  return state;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

function readSlots(checkpoint: Checkpoint): Map<string, Map<string, Float32Array>> {
  const slots = new Map<string, Map<string, Float32Array>>();
  for (const [parameter, tensors] of checkpoint.readOptimizer()?.state ?? []) {
    for (const [slot, tensor] of tensors) {
      const bySlot = slots.get(slot) ?? new Map<string, Float32Array>();
      slots.set(slot, bySlot.set(parameter, tensor.readFloat32()));
    }
  }
  return slots;
}

/** Puts a saved optimizer state back. @throws UserError if it lacks what the optimizer needs */
export function restoreOptimizer(session: TrainingSession, saved: Saved, directory: string): void {
  for (const slot of slotNames(session.optimizer)) {
    for (const [m, slots] of saved.slots.entries()) {
      const values = slots.get(slot);
      const missing = session.trainedNames.find((name) => !values?.has(name));
      if (missing === undefined) continue;
      throw new UserError(
        `${directory}: the optimizer state of model ${m + 1} lacks "${slot}" of ${values ? missing : 'every parameter'}; training cannot resume from it.`,
      );
    }
  }
  session.restore(saved.steps, saved.slots);
}
