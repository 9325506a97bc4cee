/** One checkpoint, read the same way from a .pt file (of PyTorch) and a .safetensors file (of Basin). */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { checkpointName, parseCheckpointName } from './checkpoint-name.ts';
import { groupsSchema, optimizerFromTree } from './optimizer-state.ts';
import type { OptimizerState, WritableOptimizerState } from './optimizer-state.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';
import { LazyTensor } from './tensor.ts';
import type { DType, TensorValue } from './tensor.ts';
import { openTorchFile } from './torch/torch-file.ts';
import { isStateDict, isTreeMap } from './torch/tree.ts';
import type { Tree, TreeMap } from './torch/tree.ts';

export interface CheckpointFacts {
  readonly path: string;
  /** From the file, else from its name; undefined for a plain state dict under another name. */
  readonly epoch: number | undefined;
  /** Optimizer steps, as the writer counted them. */
  readonly step: number | undefined;
  /** Fraction, 0 to 1. */
  readonly valAccuracy: number | undefined;
  /** Names of the parameters that the optimizer changes, in its order. */
  readonly trainable: readonly string[] | undefined;
}

export interface Checkpoint extends CheckpointFacts {
  /** Parameters and buffers by name, in the order of the file; nothing is read before `read()`. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** The optimizer's state, or undefined if none was saved. Its tensors are lazy too. */
  readOptimizer(): OptimizerState | undefined;
  /** Closes the files; tensors not read before cannot be read after. */
  close(): void;
}

/** What an import needs of a checkpoint. */
export interface CheckpointHeader extends CheckpointFacts {
  readonly tensors: ReadonlyMap<string, { readonly dtype: DType; readonly shape: readonly number[] }>;
}

export interface WritableCheckpoint {
  epoch: number;
  /** From 1. */
  model: number;
  step?: number;
  valAccuracy?: number;
  trainable?: readonly string[];
  tensors: ReadonlyMap<string, LazyTensor | TensorValue>;
  optimizer?: WritableOptimizerState;
}

const stateDictKeys = ['model_state_dict', 'state_dict', 'model'];
const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype']);
const natural = z.number().int().nonnegative();

/**
 * Opens a checkpoint: the dict of the reference's trainer, a dict with a state dict under `model_state_dict`,
 * `state_dict` or `model`, or a plain state dict.
 * @throws UserError naming the file and what is wrong in it.
 */
export function openCheckpoint(path: string): Checkpoint {
  return path.endsWith('.safetensors') ? openSafetensorsCheckpoint(path) : openTorchCheckpoint(path);
}

/** Names, dtypes, shapes and facts; reads no elements and leaves nothing open. @throws UserError as openCheckpoint */
export function checkpointHeader(path: string): CheckpointHeader {
  const checkpoint = openCheckpoint(path);
  checkpoint.close();
  const { epoch, step, valAccuracy, trainable } = checkpoint;
  const tensors = new Map(
    [...checkpoint.tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]),
  );
  return { path, epoch, step, valAccuracy, trainable, tensors };
}

/**
 * Writes `checkpoint_epoch_{E}_model_{M}.safetensors` into a run directory, and first, if an optimizer is given,
 * `optimizer_epoch_{E}_model_{M}.safetensors`: a checkpoint that is there has all it needs for resuming.
 * @returns the checkpoint's path.
 */
export function writeCheckpoint(directory: string, checkpoint: WritableCheckpoint): string {
  const { epoch, model, step, valAccuracy, trainable, tensors, optimizer } = checkpoint;
  if (optimizer)
    writeOptimizer(join(directory, checkpointName({ kind: 'optimizer', epoch, model })), optimizer);
  const facts = { epoch, step, val_accuracy: valAccuracy, trainable };
  const metadata = new Map<string, string>();
  for (const [key, value] of Object.entries(facts))
    if (value !== undefined) metadata.set(key, JSON.stringify(value));
  const path = join(directory, checkpointName({ kind: 'checkpoint', epoch, model }));
  writeSafetensors(path, tensors, metadata);
  return path;
}

function openTorchCheckpoint(path: string): Checkpoint {
  const file = openTorchFile(path);
  try {
    const { root } = file;
    const tensors = findStateDict(root, path);
    const top: TreeMap = isTreeMap(root) && !isStateDict(root) ? root : new Map();
    const trainable = fact(path, 'trainable', z.array(z.string()), plain(top.get('trainable')));
    const optimizer = top.get('optimizer_state_dict') ?? top.get('optimizer');
    return {
      path,
      epoch: fact(path, 'epoch', natural, plain(top.get('epoch'))) ?? parseCheckpointName(path)?.epoch,
      step: fact(path, 'step', natural, plain(top.get('step'))),
      valAccuracy: accuracy(path, plain(top.get('val_accuracy'))),
      trainable,
      tensors,
      readOptimizer: () =>
        isTreeMap(optimizer) ? optimizerFromTree(optimizer, trainable ?? [], path) : undefined,
      close: () => file.close(),
    };
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

function findStateDict(root: Tree, path: string): Map<string, LazyTensor> {
  if (isStateDict(root)) return checkNames(root, path);
  const under = isTreeMap(root) ? stateDictKeys.find((key) => root.has(key)) : undefined;
  if (!isTreeMap(root) || under === undefined) {
    const keys = isTreeMap(root)
      ? `a dict with the keys ${listSome([...root.keys()].map(String))}`
      : `a ${kindOf(root)}`;
    throw new UserError(
      `${path}: found ${keys}; a state dict, or a dict with one under ${stateDictKeys.join(', ')}, was expected.`,
    );
  }
  const dict = root.get(under);
  if (isStateDict(dict)) return checkNames(dict, path);
  if (!isTreeMap(dict))
    throw new UserError(`${path}: "${under}" is a ${kindOf(dict ?? null)}; a dict of tensors was expected.`);
  for (const [key, value] of dict) {
    if (typeof key === 'string' && value instanceof LazyTensor) continue;
    throw new UserError(
      `${path}: "${under}": entry ${JSON.stringify(String(key)).slice(0, 120)} is a ${kindOf(value)}; tensors by name were expected.`,
    );
  }
  throw new UserError(`${path}: "${under}" is empty; tensors by name were expected.`);
}

/** Names become keys of objects in many places; those that could change an object's nature are refused here. */
function checkNames(tensors: Map<string, LazyTensor>, path: string): Map<string, LazyTensor> {
  for (const name of tensors.keys()) {
    const part = name.split('.').find((piece) => forbiddenNames.has(piece));
    if (part !== undefined)
      throw new UserError(
        `${path}: a tensor is named ${JSON.stringify(name.slice(0, 120))}; "${part}" is not allowed in a name.`,
      );
  }
  return tensors;
}

function openSafetensorsCheckpoint(path: string): Checkpoint {
  const file = openSafetensors(path);
  let optimizerFile: { close(): void } | undefined;
  const close = (): void => {
    file.close();
    optimizerFile?.close();
  };
  try {
    const value = (key: string): unknown => parseMetadata(path, key, file.metadata.get(key));
    return {
      path,
      epoch: fact(path, 'epoch', natural, value('epoch')) ?? parseCheckpointName(path)?.epoch,
      step: fact(path, 'step', natural, value('step')),
      valAccuracy: accuracy(path, value('val_accuracy')),
      trainable: fact(path, 'trainable', z.array(z.string()), value('trainable')),
      tensors: checkNames(file.tensors, path),
      readOptimizer() {
        const name = parseCheckpointName(path);
        const beside = name && join(dirname(path), checkpointName({ ...name, kind: 'optimizer' }));
        if (!beside || !existsSync(beside)) return undefined;
        optimizerFile?.close();
        const opened = openSafetensors(beside);
        optimizerFile = opened;
        return optimizerFromSafetensors(beside, opened.tensors, opened.metadata);
      },
      close,
    };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** Tensors are named `{parameter}/{slot}`; the groups are JSON in the metadata. */
function writeOptimizer(path: string, optimizer: WritableOptimizerState): void {
  const tensors = new Map<string, LazyTensor | TensorValue>();
  for (const [parameter, slots] of optimizer.state) {
    for (const [slot, tensor] of slots) tensors.set(`${parameter}/${slot}`, tensor);
  }
  writeSafetensors(path, tensors, new Map([['groups', JSON.stringify(optimizer.groups)]]));
}

function optimizerFromSafetensors(
  path: string,
  tensors: ReadonlyMap<string, LazyTensor>,
  metadata: ReadonlyMap<string, string>,
): OptimizerState {
  const groups =
    fact(path, 'groups', groupsSchema, parseMetadata(path, 'groups', metadata.get('groups'))) ?? [];
  const state: OptimizerState['state'] = new Map();
  for (const [name, tensor] of tensors) {
    const cut = name.lastIndexOf('/');
    const parameter = name.slice(0, Math.max(cut, 0));
    const slots = state.get(parameter) ?? new Map<string, LazyTensor>();
    state.set(parameter, slots.set(name.slice(cut + 1), tensor));
  }
  return { groups, state };
}

function parseMetadata(path: string, key: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(
      `${path}: metadata field "${key}": JSON was expected, found ${JSON.stringify(text.slice(0, 80))}.`,
    );
  }
}

function fact<T>(path: string, field: string, schema: z.ZodType<T>, value: unknown): T | undefined {
  if (value === undefined || value === null) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError(`${path}: field "${field}": ${result.error.issues[0]?.message ?? 'not as expected'}.`);
}

/** A run that diverged may have stored NaN: no accuracy is known then. */
function accuracy(path: string, value: unknown): number | undefined {
  return Number.isNaN(value) ? undefined : fact(path, 'val_accuracy', z.number(), value);
}

/** One-element tensors, which some trainers save in place of numbers, as numbers. */
function plain(value: Tree | undefined): unknown {
  return value instanceof LazyTensor && value.size === 1 ? value.readFloat64()[0] : value;
}

function kindOf(value: Tree): string {
  if (value === null) return 'None';
  if (value instanceof LazyTensor) return 'tensor';
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return Object.isFrozen(value) ? 'tuple' : 'list';
  return isTreeMap(value) ? 'dict' : typeof value;
}

function listSome(names: readonly string[]): string {
  const shown = names.slice(0, 12).map((name) => JSON.stringify(name.slice(0, 60)));
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - shown.length} more` : '');
}
