/** Which tensors a model's state dict holds: names, shapes and order as PyTorch writes them (src/models/mlp.py). */
import type { Family } from '../../../src-shared/domain.ts';
import { normOf } from '../../../src-shared/model.ts';
import type { LayerSpec, MlpSpec, ModelSpec } from '../../../src-shared/model.ts';

export interface TensorPlace {
  name: string;
  shape: number[];
  /** Parameters are trained; buffers are fixed or bookkeeping. */
  role: 'parameter' | 'buffer';
}

/** What the state dict looks like: a model that was only initialised asymmetrically is a standard one. */
export function storedFamily(spec: MlpSpec): Family {
  return spec.asymInitOnly ? 'standard' : spec.family;
}

/**
 * Every tensor of the state dict, in PyTorch's order; of a declared network in the order in which they are used.
 * `num_batches_tracked` (batch norm) is an integer counter.
 */
export function stateLayout(spec: ModelSpec): TensorPlace[] {
  return spec.architecture === 'declared'
    ? spec.graph.parameters.map(({ name, shape, role }) => ({
        ...{ name, shape },
        role: role === 'trained' ? 'parameter' : 'buffer',
      }))
    : mlpLayout(spec);
}

function mlpLayout(spec: MlpSpec): TensorPlace[] {
  const family = storedFamily(spec);
  const linear = spec.layers.flatMap(({ index, inputs, outputs }) => [
    parameter(`lins.${index}.weight`, [outputs, inputs]),
    parameter(`lins.${index}.bias`, [outputs]),
    ...fixedNames(family, index).map((name) => buffer(name, [outputs, inputs])),
  ]);
  const hidden = spec.layers.slice(0, -1);
  const gates =
    family === 'sigma-asymmetric'
      ? hidden.map(({ index, outputs }) => buffer(`activations.${index}.C`, [outputs, outputs]))
      : [];
  const places = [...linear, ...gates, ...hidden.flatMap((layer) => normPlaces(spec, layer))];
  const { constants } = spec;
  // What the user's network does not have is neither trained nor counted.
  return constants
    ? places.map((place) => (place.name in constants ? { ...place, role: 'buffer' } : place))
    : places;
}

/** The tensors that all models of a run share: mask and F, noise, or C. */
export function fixedPartNames(spec: ModelSpec): string[] {
  if (spec.architecture === 'declared')
    return spec.graph.parameters.flatMap(({ name, role }) => (role === 'fixed' ? [name] : []));
  const family = storedFamily(spec);
  if (family === 'sigma-asymmetric')
    return spec.layers.slice(0, -1).map(({ index }) => `activations.${index}.C`);
  return spec.layers.flatMap(({ index }) => fixedNames(family, index));
}

function fixedNames(family: Family, index: number): string[] {
  if (family === 'w-asymmetric') return [`lins.${index}.mask`, `lins.${index}.normal_mask`];
  return family === 'syre' ? [`lins.${index}.noise`] : [];
}

function normPlaces(spec: MlpSpec, layer: LayerSpec): TensorPlace[] {
  const { index, outputs: width } = layer;
  const name = `norms.${index}`;
  const affine = [`${name}.weight`, `${name}.bias`];
  const asParameters = affine.map((n) => parameter(n, [width]));
  switch (normOf(spec, layer)) {
    case 'none':
      return [];
    case 'rms':
      return spec.elementwiseAffine ? [parameter(`${name}.weight`, [width])] : [];
    case 'layer':
      return spec.elementwiseAffine ? asParameters : [];
    case 'batch':
      return [
        ...(spec.elementwiseAffine ? asParameters : []),
        buffer(`${name}.running_mean`, [width]),
        buffer(`${name}.running_var`, [width]),
        buffer(`${name}.num_batches_tracked`, []),
      ];
    case 'layer_linear':
      // Without affine the linearised norms keep ones and zeros as buffers.
      return spec.elementwiseAffine
        ? [...asParameters, buffer(`${name}.scale`, [])]
        : [buffer(`${name}.scale`, []), ...affine.map((n) => buffer(n, [width]))];
    case 'batch_linear':
      return spec.elementwiseAffine
        ? [...asParameters, buffer(`${name}.inv_std`, [width])]
        : [buffer(`${name}.inv_std`, [width]), ...affine.map((n) => buffer(n, [width]))];
  }
}

const parameter = (name: string, shape: number[]): TensorPlace => ({ name, shape, role: 'parameter' });
const buffer = (name: string, shape: number[]): TensorPlace => ({ name, shape, role: 'buffer' });

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Trainable numbers of one model; `free` leaves out W-asymmetric entries that are fixed. */
export function numParameters(spec: ModelSpec): { total: number; free: number } {
  let total = 0;
  for (const { role, shape } of stateLayout(spec)) if (role === 'parameter') total += sizeOf(shape);
  const fixed = spec.architecture === 'mlp' && storedFamily(spec) === 'w-asymmetric' ? spec.layers : [];
  return { total, free: total - fixed.reduce((sum, layer) => sum + layer.numFixed * layer.outputs, 0) };
}
