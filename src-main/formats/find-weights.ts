/** Where in a value that was given to torch.save the weights are: the dict of tensors that a trainer saved. */
import { UserError } from '../../src-shared/errors.ts';
import { LazyTensor } from './tensor.ts';
import { isOpaqueTensor, Opaque } from './torch/opaque.ts';
import { isTreeMap } from './torch/tree.ts';
import type { Tree, TreeMap } from './torch/tree.ts';

export interface FoundWeights {
  /** By name, in the order of the file; nothing but tensors. */
  tensors: Map<string, LazyTensor>;
  /** The key of the dict they lie under; undefined if the file holds nothing else. */
  under: string | undefined;
  /** Keys of other dicts of tensors, which are not read, such as a moving average of the weights. */
  besides: string[];
}

/** If a file has several dicts of tensors, the first of these lists with one of them decides. */
const knownKeys = [
  ['model_state_dict', 'state_dict', 'model'],
  ['net', 'network', 'model_state', 'net_state_dict', 'model_weights', 'weights', 'params', 'parameters'],
];

const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype']);

/** @throws UserError naming the file: no dict of tensors, several of which none is the usual one, or one with other values */
export function findWeights(root: Tree, path: string): FoundWeights {
  if (isStateDict(root)) return { tensors: tensorsOf(root, path, ''), under: undefined, besides: [] };
  const candidates = isTreeMap(root) ? stateDictsIn(root) : new Map<string, TreeMap>();
  const under = choose(candidates, path);
  if (under === undefined) throw noWeights(root, path);
  const chosen = candidates.get(under)!;
  const besides = [...candidates].filter(([, dict]) => dict !== chosen).map(([key]) => key);
  return { tensors: tensorsOf(chosen, path, `"${under}": `), under, besides };
}

/** True for what `findWeights` takes for weights, sound or not. */
export function holdsWeights(root: Tree): boolean {
  if (isStateDict(root)) return true;
  return isTreeMap(root) && (stateDictsIn(root).size > 0 || usualKey(root) !== undefined);
}

function choose(candidates: ReadonlyMap<string, TreeMap>, path: string): string | undefined {
  const keys = [...candidates.keys()];
  for (const known of [...knownKeys, keys]) {
    const found = known.filter((key) => candidates.has(key));
    // One dict may be there under two names.
    if (new Set(found.map((key) => candidates.get(key))).size <= 1) {
      if (found.length > 0) return found[0];
      continue;
    }
    const shown = listSome(found);
    throw new UserError(
      `${path}: it has several dicts of tensors: ${shown}. Basin cannot tell which one to use.`,
      {
        hint: `Save only the one you need: torch.save(torch.load("FILE")["${found[0]}"], "weights.pt").`,
      },
    );
  }
  return undefined;
}

/** By key. Under a usual key a dict is taken as weights even if something else is in it, so that it is not passed over. */
function stateDictsIn(root: TreeMap): Map<string, TreeMap> {
  const found = new Map<string, TreeMap>();
  for (const [key, value] of root) {
    if (typeof key !== 'string' || !isTreeMap(value)) continue;
    const isUsual = knownKeys.flat().includes(key);
    if (isUsual ? [...value.values()].some(isTensor) : isStateDict(value) && hasWeights(value))
      found.set(key, value);
  }
  return found;
}

/** A dict of tensors by name, as `state_dict()` returns it, with at least one tensor. */
function isStateDict(value: Tree | undefined): value is TreeMap {
  if (!isTreeMap(value)) return false;
  let tensors = 0;
  for (const [key, item] of value) {
    if (typeof key !== 'string') return false;
    if (isTensor(item)) tensors++;
    else if (!isNoWeight(key)) return false;
  }
  return tensors > 0;
}

/** Metrics by name, and the states of random generators, may be dicts of tensors too. */
function hasWeights(dict: TreeMap): boolean {
  return [...dict.values()].some(
    (item) =>
      item instanceof Opaque || (item instanceof LazyTensor && item.size > 1 && item.dtype !== 'uint8'),
  );
}

function isTensor(value: Tree): value is LazyTensor | Opaque {
  return value instanceof LazyTensor || isOpaqueTensor(value);
}

/**
 * What modules keep beside their weights: whatever get_extra_state() gives, and how many models were averaged
 * (torch.optim.swa_utils.AveragedModel).
 */
function isNoWeight(name: string): boolean {
  return /(^|\.)(_extra_state|n_averaged)$/.test(name);
}

function tensorsOf(dict: TreeMap, path: string, place: string): Map<string, LazyTensor> {
  const tensors = new Map<string, LazyTensor>();
  for (const [key, value] of dict) {
    if (typeof key === 'string' && value instanceof LazyTensor) tensors.set(key, value);
    else if (typeof key === 'string' && isNoWeight(key)) continue;
    else throw wrongEntry(key, value, `${path}: ${place}`);
  }
  return plainTensors(tensors, path);
}

function wrongEntry(key: Tree, value: Tree, place: string): UserError {
  const entry = `${place}entry ${JSON.stringify(String(key)).slice(0, 120)} is ${kindOf(value)}`;
  if (!isOpaqueTensor(value)) return new UserError(`${entry}; tensors by name were expected.`);
  return new UserError(`${entry}; Basin reads ordinary tensors only.`, {
    hint: `Convert it in Python before saving: ${value.advice}.`,
  });
}

/**
 * Without what is no weight, and with counters (`num_batches_tracked`) as the scalars they are. Counters of more than
 * one element are left out: no computation needs them.
 * @throws UserError for a name that could change an object's nature where it becomes a key of one
 */
export function plainTensors(
  tensors: ReadonlyMap<string, LazyTensor>,
  path: string,
): Map<string, LazyTensor> {
  const plain = new Map<string, LazyTensor>();
  for (const [name, tensor] of tensors) {
    const part = name.split('.').find((piece) => forbiddenNames.has(piece));
    if (part !== undefined)
      throw new UserError(
        `${path}: a tensor is named ${JSON.stringify(name.slice(0, 120))}; "${part}" is not allowed in a name.`,
      );
    const counter = /(^|\.)num_batches_tracked$/.test(name);
    if (isNoWeight(name) || (counter && tensor.size !== 1)) continue;
    const { dtype, storage, storageOffset } = tensor;
    plain.set(name, counter ? new LazyTensor(dtype, storage, [], [], storageOffset) : tensor);
  }
  return plain;
}

/** Of those that nearly every trainer uses. */
function usualKey(root: TreeMap): string | undefined {
  return knownKeys[0]!.find((key) => root.has(key));
}

function noWeights(root: Tree, path: string): UserError {
  const expected = 'a dict of tensors by name, or a dict with one under any key, was expected';
  if (!isTreeMap(root)) return new UserError(`${path}: found ${kindOf(root)}; ${expected}.`);
  const usual = usualKey(root);
  const value = usual === undefined ? undefined : root.get(usual);
  if (usual !== undefined && isTreeMap(value)) {
    const [first] = value;
    if (first) return wrongEntry(...first, `${path}: "${usual}": `);
    return new UserError(`${path}: "${usual}" is empty; tensors by name were expected.`);
  }
  if (usual !== undefined)
    return new UserError(`${path}: "${usual}" is ${kindOf(value ?? null)}; a dict of tensors was expected.`);
  const tensors = [...root].filter(([, item]) => isTensor(item)).map(([key]) => String(key));
  const other = [...root.keys()].map(String).filter((key) => !tensors.includes(key));
  const mixed =
    tensors.length > 0
      ? ` (tensors such as ${listSome(tensors.slice(0, 3))} mixed with other values such as ${listSome(other.slice(0, 3))})`
      : '';
  return new UserError(
    `${path}: found a dict with the keys ${listSome([...root.keys()].map(String))}${mixed}; ${expected}.`,
    { hint: 'Save only the weights: torch.save(model.state_dict(), "weights.pt").' },
  );
}

/** With an article. */
function kindOf(value: Tree): string {
  if (value === null) return 'None';
  if (value instanceof LazyTensor) return 'a tensor';
  if (value instanceof Opaque) return value.what;
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return Object.isFrozen(value) ? 'a tuple' : 'a list';
  return isTreeMap(value) ? 'a dict' : `a ${typeof value}`;
}

function listSome(names: readonly string[]): string {
  const shown = names.slice(0, 12).map((name) => JSON.stringify(name.slice(0, 60)));
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - shown.length} more` : '');
}
