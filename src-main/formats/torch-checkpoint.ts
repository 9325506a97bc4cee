/** A checkpoint as neuron-identifiability's trainer saves it (trainer.py:250-259), for its own scripts and torch.load. */
import { UserError } from '../../src-shared/errors.ts';
import type { WritableCheckpoint } from './checkpoint.ts';
import type { ParameterGroup, Setting, WritableOptimizerState } from './optimizer-state.ts';
import { PythonFloat, tuple } from './torch/tree.ts';
import type { WritableTree } from './torch/tree.ts';
import { writeTorchFile } from './torch/write-torch.ts';

/** A checkpoint with nothing left open: every key that the reference's scripts may ask for has a value. */
export interface FullCheckpoint extends WritableCheckpoint {
  step: number;
  trainable: readonly string[];
}

/**
 * Writes epoch, step, model_state_dict, trainable, optimizer_state_dict and val_accuracy (a fraction, NaN where none is
 * known) with `torch.save`'s layout. Without an optimizer its dict has no state and one group without settings.
 * @throws UserError if the optimizer holds a parameter that its groups do not name, or the file cannot be written
 */
export function writeTorchCheckpoint(path: string, checkpoint: FullCheckpoint): void {
  const { epoch, step, tensors, trainable, optimizer, valAccuracy } = checkpoint;
  const state = optimizer ?? { groups: [{ parameters: [...trainable], settings: {} }], state: new Map() };
  writeTorchFile(
    path,
    new Map<string, WritableTree>([
      ['epoch', epoch],
      ['step', step],
      ['model_state_dict', tensors],
      ['trainable', [...trainable]],
      ['optimizer_state_dict', optimizerTree(state, path)],
      ['val_accuracy', new PythonFloat(valAccuracy ?? Number.NaN)],
    ]),
  );
}

/** `optimizer.state_dict()`: parameters are known by their place in the groups. */
function optimizerTree({ groups, state }: WritableOptimizerState, path: string): WritableTree {
  const places = new Map(groups.flatMap((group) => group.parameters).map((name, place) => [name, place]));
  const states = new Map<WritableTree, WritableTree>();
  const isSgd = groups.some(({ settings }) => settings['name'] === 'sgd');
  for (const [name, slots] of state) {
    const place = places.get(name);
    if (place === undefined)
      throw new UserError(
        `${path}: the optimizer has a state for "${name}", which is in none of its groups.`,
      );
    // torch.optim.SGD counts no steps.
    const kept = isSgd ? [...slots].filter(([slot]) => slot !== 'step') : [...slots];
    if (kept.length > 0) states.set(place, new Map(kept));
  }
  const byPlace = new Map([...states].sort(([a], [b]) => Number(a) - Number(b)));
  return new Map<string, WritableTree>([
    ['state', byPlace],
    ['param_groups', groups.map((group) => groupTree(group, places))],
  ]);
}

/** Settings that Python code takes as floats, whole or not. */
const floats = new Set(['lr', 'eps', 'weight_decay', 'momentum', 'dampening', 'initial_lr']);

function groupTree(
  { parameters, settings }: ParameterGroup,
  places: ReadonlyMap<string, number>,
): WritableTree {
  const { name, ...own } = settings;
  const all: Record<string, Setting> = { ...own, ...missingSettings(name, own) };
  const tree = new Map<string, WritableTree>();
  for (const [key, value] of Object.entries(all)) {
    if (Array.isArray(value)) tree.set(key, tuple(...value.map((item) => new PythonFloat(item))));
    else tree.set(key, typeof value === 'number' && floats.has(key) ? new PythonFloat(value) : value);
  }
  return tree.set(
    'params',
    parameters.map((parameter) => places.get(parameter)!),
  );
}

const shared = { maximize: false, foreach: null, differentiable: false, fused: null };
const adam = { amsgrad: false, ...shared, capturable: false };
/** What torch.optim keeps per group besides what Basin's optimizers have, at its defaults. */
const torchDefaults: Record<string, Record<string, Setting>> = {
  adamw: { ...adam, decoupled_weight_decay: true },
  adam: { ...adam, decoupled_weight_decay: false },
  sgd: { dampening: 0, nesterov: false, ...shared },
};

function missingSettings(name: Setting | undefined, own: Record<string, Setting>): Record<string, Setting> {
  const defaults = typeof name === 'string' ? (torchDefaults[name] ?? {}) : {};
  return Object.fromEntries(Object.entries(defaults).filter(([key]) => !(key in own)));
}
