/** W_eff = F + D * W: from stored tensors to those that act. */
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Tensor } from '../backend/index.ts';
import type { HostTensor } from '../models/tensors.ts';
import type { Maths } from './maths.ts';
import { readParameters } from './parameters.ts';
import type { NamedArray } from './permute.ts';
import type { Parameters } from './run.ts';

type Stored = ReadonlyMap<string, HostTensor>;

/** F as it acts, and D, in ordinary memory; absent where F is 0 or D ones. */
export interface FixedPart {
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly offset: Float32Array | undefined;
  readonly mask: Float32Array | undefined;
}

/** The fixed parts of a run's parameters; all its models share them. Rounds as PyTorch's float32 arithmetic does. */
export function fixedParts(network: Network, stored: Stored): FixedPart[] {
  return [...network.parameters.values()].flatMap(({ name, shape, family }) => {
    if (!family) return [];
    const mask = family.mask === undefined ? undefined : stored.get(family.mask)!.data;
    const scale = Math.fround(family.fixed?.scale ?? 0);
    const drawn = family.fixed && stored.get(family.fixed.tensor)!.data;
    const offset = drawn && offsetOf(drawn, scale, family.support === 'all' ? 'all' : mask);
    const plain = mask?.every((value) => value !== 0) ?? true;
    const none = offset?.every((value) => value === 0) ?? true;
    return [{ parameter: name, shape, offset: none ? undefined : offset, mask: plain ? undefined : mask }];
  });
}

/** A loop of its own, as below: `Float32Array.from` with a function takes many times as long. */
function offsetOf(drawn: Float32Array, scale: number, acts: 'all' | Float32Array | undefined): Float32Array {
  const offset = new Float32Array(drawn.length);
  for (let i = 0; i < offset.length; i++) {
    if (acts === 'all' || acts?.[i] === 0) offset[i] = Math.fround(scale * drawn[i]!);
  }
  return offset;
}

function actingOf(weight: Float32Array, { mask, offset }: FixedPart): Float32Array<ArrayBuffer> {
  const acting = new Float32Array(weight.length);
  for (let i = 0; i < acting.length; i++) {
    const kept = mask ? weight[i]! * mask[i]! : weight[i]!;
    acting[i] = offset ? kept + offset[i]! : kept;
  }
  return acting;
}

/**
 * Acting parameters of one model in ordinary memory: what the nodes read, as they read it. Where a parameter has a family
 * part it is new, everything else is shared with `stored`. Rounds as PyTorch's float32 arithmetic does.
 */
export function actingArrays(network: Network, stored: Stored): Map<string, NamedArray<Float32Array>> {
  const read = new Set(readParameters(network).map(({ name }) => name));
  // Old files lack counters of batches, which no operation needs.
  const acts = new Map([...stored].filter(([name]) => read.has(name)));
  for (const part of fixedParts(network, stored)) {
    const data = actingOf(stored.get(part.parameter)!.data, part);
    acts.set(part.parameter, { shape: [...part.shape], data });
  }
  return acts;
}

/**
 * sigma_F of a parameter; 0 if it has no F, null if its F is no draw (alpha I, or given), which no scale describes.
 */
export function sigmaOf({ parameters }: Network, { family }: Parameter): number | null {
  if (!family?.fixed) return 0;
  const initial = parameters.get(family.fixed.tensor)?.initial?.kind;
  return initial === 'identity' || initial === 'file' ? null : family.fixed.scale;
}

/** F as it acts on a parameter, in float64: sigma_F as the config writes it. Undefined if there is none. */
export function fixedDoubles({ family }: Parameter, stored: Stored): Float64Array | undefined {
  if (!family?.fixed) return undefined;
  const { tensor, scale } = family.fixed;
  const mask = family.mask === undefined ? undefined : stored.get(family.mask)!.data;
  const drawn = stored.get(tensor)!.data;
  const fixed = new Float64Array(drawn.length);
  for (let k = 0; k < fixed.length; k++) {
    if (family.support === 'all' || mask?.[k] === 0) fixed[k] = scale * drawn[k]! + 0; // -0 becomes 0
  }
  return fixed;
}

/** A parameter as it acts, put together in float64 from the file's float32 tensors. */
export function parameterDoubles(parameter: Parameter, stored: Stored): Float64Array {
  const { name, family } = parameter;
  const fixed = fixedDoubles(parameter, stored);
  const mask = family?.mask === undefined ? undefined : stored.get(family.mask)!.data;
  const weight = stored.get(name)!.data;
  const acting = fixed ?? new Float64Array(weight.length);
  for (let k = 0; k < acting.length; k++) acting[k]! += mask ? mask[k]! * weight[k]! : weight[k]!;
  return acting;
}

/** Acting parameters in float64. */
export function actingDoubles(network: Network, stored: Stored): Map<string, NamedArray<Float64Array>> {
  const read = new Map(readParameters(network).map((parameter) => [parameter.name, parameter]));
  return new Map(
    [...stored].flatMap(([name, { shape }]) => {
      const parameter = read.get(name);
      return parameter ? [[name, { shape, data: parameterDoubles(parameter, stored) }]] : [];
    }),
  );
}

/** Fixed parts as tensors [1, ...shape]. */
export type FixedTensors = ReadonlyMap<string, { offset: Tensor | undefined; mask: Tensor | undefined }>;

/** Acting parameters from stored ones. Pure; differentiable in the stored ones: the gradient of W is that of W_eff times D. */
export function acting({ tf }: Maths, stored: Parameters, fixed: FixedTensors): Parameters {
  const all = new Map(stored);
  for (const [name, { offset, mask }] of fixed) {
    const weight = stored.get(name)!;
    const masked = mask ? tf.mul(weight, mask) : weight;
    all.set(name, offset ? tf.add(masked, offset) : masked);
  }
  return all;
}
