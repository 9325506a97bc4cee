/** Which tensors a model's state dict holds: names, shapes and order as PyTorch writes them . */
import type { Family } from '../../../src-shared/domain.ts';
import { fixedLayers } from '../../../src-shared/model.ts';
import type { ModelSpec, TrainableSpec } from '../../../src-shared/model.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';

export interface TensorPlace {
  name: string;
  shape: number[];
  /** Parameters are trained; buffers are fixed or bookkeeping. */
  role: 'parameter' | 'buffer';
}

/** What the state dict looks like: a model that was only initialised asymmetrically is a standard one. */
export function storedFamily(spec: TrainableSpec): Family {
  return spec.asymInitOnly ? 'standard' : spec.family;
}

/**
 * Every tensor of the state dict, in PyTorch's order; of a declared network in the order in which they are used.
 * `num_batches_tracked` (batch norm) is an integer counter.
 */
export const stateLayout = (spec: ModelSpec): TensorPlace[] =>
  graphOf(spec).parameters.map(({ name, shape, role }) => ({
    ...{ name, shape },
    role: role === 'trained' ? 'parameter' : 'buffer',
  }));

/** The tensors that all models of a run share: mask and F, noise, or C. */
export function fixedPartNames(spec: ModelSpec): string[] {
  if (spec.architecture !== 'mlp')
    return graphOf(spec).parameters.flatMap(({ name, role }) => (role === 'fixed' ? [name] : []));
  const family = storedFamily(spec);
  if (family === 'sigma-asymmetric')
    return spec.layers.slice(0, -1).map(({ index }) => `activations.${index}.C`);
  return spec.layers.flatMap(({ index }) => fixedNames(family, index));
}

function fixedNames(family: Family, index: number): string[] {
  if (family === 'w-asymmetric') return [`lins.${index}.mask`, `lins.${index}.normal_mask`];
  return family === 'syre' ? [`lins.${index}.noise`] : [];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Trainable numbers of one model; `free` leaves out W-asymmetric entries that are fixed. */
export function numParameters(spec: ModelSpec): { total: number; free: number } {
  let total = 0;
  for (const { role, shape } of stateLayout(spec)) if (role === 'parameter') total += sizeOf(shape);
  if (spec.architecture === 'declared' || storedFamily(spec) !== 'w-asymmetric')
    return { total, free: total };
  return {
    total,
    free: total - fixedLayers(spec).reduce((sum, layer) => sum + layer.numFixed * layer.outputs, 0),
  };
}
