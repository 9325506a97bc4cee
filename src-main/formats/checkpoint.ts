/** One checkpoint, read the same way from a file of torch.save and from safetensors, told apart by their bytes. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../src-shared/errors.ts';
import { readFacts } from './checkpoint-facts.ts';
import type { CheckpointFacts } from './checkpoint-facts.ts';
import { checkpointName, parseCheckpointName } from './checkpoint-name.ts';
import { findWeights, plainTensors } from './find-weights.ts';
import { kindOfFile, refuseForeign } from './kind-of-file.ts';
import { groupsSchema, optimizerFromTree } from './optimizer-state.ts';
import type { OptimizerState, WritableOptimizerState } from './optimizer-state.ts';
import { openSafetensors, openSafetensorsSource, writeSafetensors } from './safetensors.ts';
import { openSource } from './source.ts';
import type { ByteSource } from './source.ts';
import { LazyTensor } from './tensor.ts';
import type { DType, TensorValue } from './tensor.ts';
import { openTorchSource } from './torch/torch-file.ts';
import { isTreeMap } from './torch/tree.ts';
import type { Tree, TreeMap } from './torch/tree.ts';

export interface Checkpoint extends CheckpointFacts {
  /** Parameters and buffers by name, in the order of the file; nothing is read before `read()`. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** The key that the weights lie under; undefined if the file holds nothing else. */
  readonly under: string | undefined;
  /** Keys of other dicts of tensors in the file, which are not read. */
  readonly besides: readonly string[];
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
  /** Fraction, 0 to 1. */
  valAccuracy?: number;
  trainable?: readonly string[];
  tensors: ReadonlyMap<string, LazyTensor | TensorValue>;
  optimizer?: WritableOptimizerState;
}

/**
 * Opens a checkpoint: safetensors; or of torch.save a state dict, or a dict with one under any key (find-weights.ts).
 * @throws UserError naming the file and what is wrong in it, or what else it is.
 */
export function openCheckpoint(path: string): Checkpoint {
  const source = openSource(path);
  try {
    const kind = kindOfFile(source);
    refuseForeign(source, kind);
    // Where the bytes do not tell, the name says which reader finds out what is wrong with them.
    const isSafetensors = kind ? kind.kind === 'safetensors' : /\.safetensors$/i.test(path);
    return isSafetensors ? openSafetensorsCheckpoint(source) : openTorchCheckpoint(source);
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

/** Names, dtypes, shapes and facts; reads no elements and leaves nothing open. @throws UserError as openCheckpoint */
export function checkpointHeader(path: string): CheckpointHeader {
  const checkpoint = openCheckpoint(path);
  checkpoint.close();
  const { epoch, epochInside, step, storedAccuracy, trainable, notes } = checkpoint;
  const tensors = new Map(
    [...checkpoint.tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]),
  );
  return { path, epoch, epochInside, step, storedAccuracy, trainable, notes, tensors };
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

function openTorchCheckpoint(source: ByteSource): Checkpoint {
  const { name: path } = source;
  const file = openTorchSource(source);
  const { root } = file;
  const found = findWeights(root, path);
  const top: TreeMap = isTreeMap(root) && found.under !== undefined ? root : new Map();
  const facts = readFacts(path, (key) => plain(top.get(key)));
  const optimizer = top.get('optimizer_state_dict') ?? top.get('optimizer');
  return {
    ...facts,
    ...found,
    readOptimizer: () =>
      isTreeMap(optimizer) ? optimizerFromTree(optimizer, facts.trainable ?? [], path) : undefined,
    close: () => file.close(),
  };
}

function openSafetensorsCheckpoint(source: ByteSource): Checkpoint {
  const { name: path } = source;
  const file = openSafetensorsSource(source);
  let optimizerFile: { close(): void } | undefined;
  return {
    ...readFacts(path, (key) => valueOf(file.metadata.get(key))),
    ...{ tensors: plainTensors(file.tensors, path), under: undefined, besides: [] },
    readOptimizer() {
      const name = parseCheckpointName(path);
      const beside = name && join(dirname(path), checkpointName({ ...name, kind: 'optimizer' }));
      if (!beside || !existsSync(beside)) return undefined;
      optimizerFile?.close();
      const opened = openSafetensors(beside);
      optimizerFile = opened;
      return optimizerFromSafetensors(beside, opened.tensors, opened.metadata);
    },
    close() {
      file.close();
      optimizerFile?.close();
    },
  };
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
  const text = metadata.get('groups');
  const groups = groupsSchema.safeParse(text === undefined ? [] : valueOf(text));
  if (!groups.success)
    throw new UserError(
      `${path}: metadata field "groups": ${groups.error.issues[0]?.message ?? 'not as expected'}.`,
    );
  const state: OptimizerState['state'] = new Map();
  for (const [name, tensor] of tensors) {
    const cut = name.lastIndexOf('/');
    const parameter = name.slice(0, Math.max(cut, 0));
    const slots = state.get(parameter) ?? new Map<string, LazyTensor>();
    state.set(parameter, slots.set(name.slice(cut + 1), tensor));
  }
  return { groups: groups.data, state };
}

/** Basin writes JSON; other people's text is taken as it is. */
function valueOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** One-element tensors, which some trainers save in place of numbers, as numbers. */
function plain(value: Tree | undefined): unknown {
  if (!(value instanceof LazyTensor) || value.size !== 1) return value;
  const [element] = value.read();
  return typeof element === 'bigint' ? Number(element) : element;
}
