/**
 * A run directory, in the layout of neuron-identifiability's train.py: `config.yaml` and
 * `checkpoint_epoch_{E}_model_{M}.pt`, or the same with `.safetensors` as Basin writes it. `run-layout.ts` says where else
 * they may lie.
 */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../../src-shared/errors.ts';
import { accuracyUnit } from './accuracy.ts';
import type { AccuracyUnit } from './accuracy.ts';
import { checkpointHeader } from './checkpoint.ts';
import { parseCheckpointName } from './checkpoint-name.ts';
import { readRunConfig } from './run-config.ts';
import { checkpointFilesIn, configFileOf, configPlaces, runFolderOf } from './run-layout.ts';
import { fileError } from './source.ts';

export { checkpointHeader, openCheckpoint, writeCheckpoint } from './checkpoint.ts';
export type { Checkpoint, CheckpointHeader, WritableCheckpoint } from './checkpoint.ts';
export { findRunDirectories } from './find-runs.ts';

export interface CheckpointFile {
  path: string;
  epoch: number;
  /** From 1. */
  model: number;
  format: 'pt' | 'safetensors';
}

export interface RunDirectory {
  /** Absolute path. */
  directory: string;
  /** Absolute path of the file that `config` was read from. */
  configPath: string;
  /** What the config says, interpolations resolved; keys that Basin does not know are kept. */
  config: Record<string, unknown>;
  /** Sorted by epoch, then model; one per pair. */
  checkpoints: CheckpointFile[];
  /** Optimizer states in files of their own (a .pt checkpoint holds its own). */
  optimizers: CheckpointFile[];
  /** What a person should know, e.g. a .pt that is passed over because the same checkpoint exists as .safetensors. */
  notes: string[];
}

/**
 * Reads a run directory's config and the names of its checkpoints.
 * @param directory the run's folder, or its folder `checkpoints`
 * @throws UserError if the folder or its config cannot be read
 */
export function readRunDirectory(directory: string): RunDirectory {
  const absolute = runFolderOf(resolve(directory));
  requireFolder(absolute);
  const configPath = configFileOf(absolute);
  if (configPath === undefined) {
    throw new UserError(`${absolute} is not a run folder: it has no ${configPlaces}.`, {
      hint: 'Give the folder that holds the config and the files checkpoint_epoch_E_model_M.pt (or .safetensors).',
    });
  }
  const { config, assumptions } = readRunConfig(configPath);
  const listed = listCheckpoints(absolute);
  return { directory: absolute, configPath, config, ...listed, notes: [...listed.notes, ...assumptions] };
}

/**
 * The checkpoint of one model at one epoch.
 * @throws UserError that lists the models and epochs there are.
 */
export function findCheckpoint(run: RunDirectory, epoch: number, model: number): CheckpointFile {
  const found = run.checkpoints.find((file) => file.epoch === epoch && file.model === model);
  if (found) return found;
  if (run.checkpoints.length === 0)
    throw new UserError(
      `${run.directory} has no checkpoints (checkpoint_epoch_E_model_M.pt or .safetensors).`,
    );
  const ofModel = run.checkpoints.filter((file) => file.model === model).map((file) => file.epoch);
  if (ofModel.length > 0) {
    throw new UserError(
      `${run.directory}: model ${model} has no checkpoint of epoch ${epoch}; it has epochs ${listNumbers(ofModel)}.`,
    );
  }
  const models = run.checkpoints.map((file) => file.model);
  throw new UserError(
    `${run.directory}: there is no model ${model}; the run has models ${listNumbers(models)}.`,
  );
}

/** The unit of the validation accuracies that checkpoints of one run store; files that cannot be read do not say. */
export function accuracyUnitOf(files: readonly CheckpointFile[]): AccuracyUnit {
  return accuracyUnit(storedAccuracies(files));
}

function* storedAccuracies(files: readonly CheckpointFile[]): Generator<number | undefined> {
  // From the end, where accuracies are highest and the first may tell.
  for (const { path } of files.toReversed()) {
    try {
      yield checkpointHeader(path).storedAccuracy;
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
    }
  }
}

/** Checkpoints and optimizer states of a run's folder, whether or not it has a config. */
export function listCheckpoints(
  directory: string,
): Pick<RunDirectory, 'checkpoints' | 'optimizers' | 'notes'> {
  const notes: string[] = [];
  const byKind = {
    checkpoint: new Map<string, CheckpointFile>(),
    optimizer: new Map<string, CheckpointFile>(),
  };
  for (const name of filesIn(directory)) {
    const parsed = parseCheckpointName(name);
    if (!parsed) continue;
    const { kind, epoch, model, extension } = parsed;
    const file: CheckpointFile = { path: join(directory, name), epoch, model, format: extension };
    const key = `${epoch}/${model}`;
    const other = byKind[kind].get(key);
    if (!other) byKind[kind].set(key, file);
    else {
      // What Basin wrote wins; of two files of one format, the one beside the config, which comes first.
      const better = other.format === 'pt' && file.format === 'safetensors' ? file : other;
      if (kind === 'checkpoint') notes.push(twice(file, other, better));
      byKind[kind].set(key, better);
    }
  }
  const sorted = (files: Map<string, CheckpointFile>): CheckpointFile[] =>
    [...files.values()].sort((a, b) => a.epoch - b.epoch || a.model - b.model);
  return { checkpoints: sorted(byKind.checkpoint), optimizers: sorted(byKind.optimizer), notes };
}

function twice(a: CheckpointFile, b: CheckpointFile, used: CheckpointFile): string {
  const how =
    a.format === b.format
      ? `under two names; ${used.path} is used`
      : 'as .pt and as .safetensors; the .safetensors file is used';
  return `epoch ${a.epoch}, model ${a.model} exists ${how}.`;
}

function filesIn(directory: string): string[] {
  try {
    return checkpointFilesIn(directory);
  } catch (thrown) {
    throw fileError(directory, 'read the folder', thrown);
  }
}

function requireFolder(directory: string): void {
  try {
    if (!statSync(directory).isDirectory())
      throw new UserError(`${directory} is a file; a run folder was expected.`);
  } catch (thrown) {
    throw thrown instanceof UserError ? thrown : fileError(directory, 'read the folder', thrown);
  }
}

/** Sorted, distinct, at most 30 of them. */
function listNumbers(numbers: readonly number[]): string {
  const distinct = [...new Set(numbers)].sort((a, b) => a - b);
  const shown = distinct.length <= 30 ? distinct : [...distinct.slice(0, 15), '...', ...distinct.slice(-5)];
  return shown.join(', ');
}
