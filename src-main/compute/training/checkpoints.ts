/** Saving a run under way, and going on from what was saved. */
import { UserError } from '../../../src-shared/errors.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { openCheckpoint, writeCheckpoint } from '../../formats/checkpoint.ts';
import type { Checkpoint } from '../../formats/checkpoint.ts';
import { findCheckpoint } from '../../formats/run-directory.ts';
import type { RunDirectory } from '../../formats/run-directory.ts';
import type { TensorValue } from '../../formats/tensor.ts';
import { stateDictFromCheckpoint } from '../models/index.ts';
import type { HostTensor, StateDict } from '../models/index.ts';
import type { OptimizerSettings } from './optimizer.ts';
import { slotNames } from './optimizer.ts';
import type { TrainingSession } from './session.ts';

/** Writes one checkpoint and one optimizer file per model. @returns the checkpoints' paths, model 1 first */
export function saveCheckpoints(
  directory: string,
  session: TrainingSession,
  at: { epoch: number; nextLearningRate: number; valAccuracy: readonly number[] | null },
): string[] {
  const { trainedNames: parameters, steps, optimizer } = session;
  const slots = [...session.slots()];
  return session.states().map((state, m) => {
    const optimizerState = new Map<string, Map<string, TensorValue>>();
    for (const name of parameters) {
      const entries = slots.map(([slot, models]) => [slot, stored(models[m]!.get(name)!)] as const);
      optimizerState.set(name, new Map<string, TensorValue>([['step', scalar(steps)], ...entries]));
    }
    return writeCheckpoint(directory, {
      epoch: at.epoch,
      model: m + 1,
      step: steps,
      ...(at.valAccuracy && { valAccuracy: at.valAccuracy[m]! / 100 }),
      trainable: parameters,
      tensors: storedState(state),
      optimizer: {
        groups: [{ parameters, settings: settingsOf(optimizer, at.nextLearningRate) }],
        state: optimizerState,
      },
    });
  });
}

/** As torch.optim names them. */
function settingsOf(settings: OptimizerSettings, lr: number): Record<string, number | number[] | string> {
  const shared = { name: settings.name, lr, weight_decay: settings.weightDecay };
  if (settings.name === 'sgd') return { ...shared, momentum: settings.momentum };
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
  const has = (files: RunDirectory['checkpoints'], epoch: number, model: number): boolean =>
    files.some((file) => file.epoch === epoch && file.model === model && file.format === 'safetensors');
  const epochs = [...new Set(run.checkpoints.map((file) => file.epoch))].sort((a, b) => b - a);
  return epochs.find((epoch) =>
    Array.from({ length: models }, (_, m) => m + 1).every(
      (model) => has(run.checkpoints, epoch, model) && has(run.optimizers, epoch, model),
    ),
  );
}

export interface Saved {
  states: StateDict[];
  /** By model: slot, then parameter name. */
  slots: Map<string, Map<string, Float32Array>>[];
  steps: number;
}

/** @throws UserError naming the file that does not fit the run's config */
export function readSaved(run: RunDirectory, spec: MlpSpec, epoch: number, models: number): Saved {
  const opened = Array.from({ length: models }, (_, m) =>
    openCheckpoint(findCheckpoint(run, epoch, m + 1).path),
  );
  try {
    const steps = opened.map((checkpoint) => checkpoint.step ?? 0);
    return {
      states: opened.map((checkpoint) => stateDictFromCheckpoint(checkpoint.tensors, spec, checkpoint.path)),
      slots: opened.map(readSlots),
      steps: Math.max(...steps),
    };
  } finally {
    for (const checkpoint of opened) checkpoint.close();
  }
}

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
        `${directory}: the optimizer state of model ${m + 1} lacks "${slot}" of ${values ? missing : 'every parameter'}; training cannot go on from it.`,
      );
    }
  }
  session.restore(saved.steps, saved.slots);
}
