/** The state of an optimizer, keyed by parameter name; the same whether it came from a .pt or a .safetensors file. */
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { LazyTensor, inMemory } from './tensor.ts';
import type { TensorValue } from './tensor.ts';
import { isTreeMap } from './torch/tree.ts';
import type { Tree, TreeMap } from './torch/tree.ts';

export type Setting = null | boolean | number | string | number[];

/** One group of parameters with its settings, e.g. lr, betas, eps, weight_decay. */
export interface ParameterGroup {
  parameters: string[];
  settings: Record<string, Setting>;
}

/** `state` holds, for each parameter, e.g. exp_avg, exp_avg_sq (shaped like it) and step (a scalar). */
export interface OptimizerState<Tensor = LazyTensor> {
  groups: ParameterGroup[];
  state: Map<string, Map<string, Tensor>>;
}

export type WritableOptimizerState = OptimizerState<LazyTensor | TensorValue>;

export const settingSchema = z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(z.number())]);
export const groupsSchema = z.array(
  z.object({ parameters: z.array(z.string()), settings: z.record(z.string(), settingSchema) }),
);

/**
 * Reads `optimizer.state_dict()`, which knows parameters by position only.
 * @param names the parameters' names in the order the optimizer was given them; positions without a name keep their
 * number as the name.
 * @throws UserError naming the file and the field that is not as torch.optim writes it.
 */
export function optimizerFromTree(tree: Tree, names: readonly string[], file: string): OptimizerState {
  const bad = (field: string, expected: string): UserError =>
    new UserError(`${file}: optimizer_state_dict${field}: ${expected} was expected.`);
  if (!isTreeMap(tree)) throw bad('', 'a dict');
  const stateTree = tree.get('state');
  const groupTrees = tree.get('param_groups');
  if (!isTreeMap(stateTree)) throw bad('.state', 'a dict by parameter number');
  if (!Array.isArray(groupTrees)) throw bad('.param_groups', 'a list');
  const nameOf = (key: Tree): string => (typeof key === 'number' ? (names[key] ?? String(key)) : String(key));
  const groups = (groupTrees as readonly Tree[]).map((group, i) => {
    if (!isTreeMap(group)) throw bad(`.param_groups[${i}]`, 'a dict');
    const members = group.get('params');
    if (!Array.isArray(members)) throw bad(`.param_groups[${i}].params`, 'a list of parameter numbers');
    return { parameters: (members as Tree[]).map(nameOf), settings: settingsOf(group) };
  });
  const state = new Map<string, Map<string, LazyTensor>>();
  for (const [key, slots] of stateTree) {
    if (!isTreeMap(slots)) throw bad(`.state[${String(key)}]`, 'a dict');
    state.set(nameOf(key), tensorsOf(slots));
  }
  return { groups, state };
}

function settingsOf(group: TreeMap): Record<string, Setting> {
  const entries: [string, Setting][] = [];
  for (const [key, value] of group) {
    const setting = settingSchema.safeParse(value);
    if (key !== 'params' && typeof key === 'string' && setting.success) entries.push([key, setting.data]);
  }
  return Object.fromEntries(entries);
}

function tensorsOf(slots: TreeMap): Map<string, LazyTensor> {
  const tensors = new Map<string, LazyTensor>();
  for (const [name, value] of slots) {
    if (typeof name !== 'string') continue;
    if (value instanceof LazyTensor) tensors.set(name, value);
    // Before PyTorch 1.12 the step was a plain number.
    else if (typeof value === 'number')
      tensors.set(name, inMemory({ dtype: 'float32', shape: [], data: Float32Array.of(value) }));
  }
  return tensors;
}
