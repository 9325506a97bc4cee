/** The section `model` of a residual network, as neuron-identifiability's create_resnet reads it (src/models/resnet.py). */
import { familyOfSymmetry } from '../domain.ts';
import { UserError } from '../errors.ts';
import type { FixedEntries, ResnetSpec } from '../model.ts';
import { resnetBlocks, resnetModules } from '../networks/resnet-sizes.ts';
import type { ResnetDepth, ResnetSizes } from '../networks/resnet-sizes.ts';
import { isPlainObject, maskParamsSchema } from './schema.ts';
import type { RunConfig } from './schema.ts';
import { sizeOf } from '../shapes.ts';

type ModelConfig = NonNullable<RunConfig['model']>;

/** [channels, height, width], if `model.input_shape` does not say it. */
export const defaultInputShape: [number, number, number] = [3, 32, 32];

export const resnetNorms = ['group', 'batch'] as const;

/** By the name, or if there is none by the function that makes it. */
export function isResnet({ name, _target_: target }: { readonly [key: string]: unknown }): boolean {
  const told = name ?? target;
  return typeof told === 'string' && /resnet/i.test(told.split('.').at(-1)!);
}

/**
 * `mask_params`: `default`, and `conv_f` (the first convolution), `conv_1` to `conv_3` (the three layers, each with `conv`
 * and `skip`) and `linear`, which win over it key by key; `n_mul` multiplies every num_fixed, truncated. Where that leaves
 * no entry to train, all are fixed, as in the published code; training refuses such a network.
 * @throws UserError naming the key
 */
export function resolveResnet(model: ModelConfig, where: string): ResnetSpec {
  refuseFamily(model, where);
  const family = familyOfSymmetry(required(model.symmetry, 'symmetry', where));
  if (family === 'sigma-asymmetric')
    throw new UserError(`${where}: model.symmetry is 2; there are no sigma-asymmetric residual networks.`, {
      hint: 'Expected 0 (standard), 1 (W-asymmetric) or 3 (SYRE).',
    });
  const sizes = sizesOf(model, where);
  return {
    architecture: 'resnet',
    ...sizes,
    family,
    norm: normOf(model, where),
    asymInitOnly: model.asym_init_only === true && family !== 'standard',
    layers: resnetModules(sizes).map(({ module, shape }) => ({
      ...{ module, shape },
      ...fixedEntries(model, { family, module, fanIn: sizeOf(shape.slice(1)) }, where),
    })),
  };
}

/** The families of `model.family` are of multilayer perceptrons. */
function refuseFamily({ family }: ModelConfig, where: string): void {
  const written = Object.entries(family ?? {}).find(([, value]) => value !== null && value !== undefined);
  if (!written) return;
  throw new UserError(
    `${where}: model.family.${written[0]} is ${JSON.stringify(written[1])}; a residual network can have none of these families.`,
    { hint: 'Take model.family out, and set model.symmetry to 0 (standard), 1 (W-asymmetric) or 3 (SYRE).' },
  );
}

function sizesOf(model: ModelConfig, where: string): ResnetSizes {
  const depth = required(model.depth, 'depth', where);
  if (!isDepth(depth))
    throw new UserError(
      `${where}: model.depth is ${depth}; expected one of ${Object.keys(resnetBlocks).join(', ')}.`,
    );
  return {
    depth,
    width: model.w ?? 1,
    input: model.input_shape ?? defaultInputShape,
    classes: required(model.num_classes, 'num_classes', where),
  };
}

const isDepth = (depth: number): depth is ResnetDepth => Object.hasOwn(resnetBlocks, depth);

function normOf({ norm }: ModelConfig, where: string): ResnetSpec['norm'] {
  if (norm == null) return 'group';
  const found = resnetNorms.find((known) => known === norm);
  if (found) return found;
  throw new UserError(
    `${where}: model.norm is ${JSON.stringify(norm)}; a residual network has one of ${resnetNorms.join(', ')}.`,
    {
      hint: '"group" is GroupNorm over all channels at once, as in the published code; "batch" is BatchNorm.',
    },
  );
}

interface Layer {
  family: ResnetSpec['family'];
  module: string;
  fanIn: number;
}

function fixedEntries(model: ModelConfig, { family, module, fanIn }: Layer, where: string): FixedEntries {
  if (family === 'standard') return { sigmaF: 0, numFixed: 0, normalMask: true };
  const path = resnetMaskPath(module);
  const at = `model.mask_params of ${module} (default and ${path.join('.')})`;
  const own = path.reduce<unknown>(
    (inner, key) => (isPlainObject(inner) ? inner[key] : undefined),
    model.mask_params,
  );
  const merged = { ...pick(model.mask_params?.['default']), ...pick(own) };
  const parsed = maskParamsSchema.safeParse(merged);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${where}: ${at}: ${issue.path.join('.')}: ${issue.message}.`);
  }
  const params = parsed.data;
  const missing = (key: string): UserError =>
    new UserError(`${where}: ${at}: ${key} is missing; symmetry ${model.symmetry} needs it.`);
  if (params.mask_constant == null) throw missing('mask_constant');
  if (family === 'syre') return { sigmaF: params.mask_constant, numFixed: 0, normalMask: true };
  if (params.mask_type != null && params.mask_type !== 'random_subsets')
    throw new UserError(`${where}: ${at}: mask_type is "${params.mask_type}"; expected random_subsets.`);
  if (params.num_fixed == null) throw missing('num_fixed');
  const numFixed = Math.min(Math.trunc(params.num_fixed * (model.n_mul ?? 1)), fanIn);
  return { sigmaF: params.mask_constant, numFixed, normalMask: params.do_normal_mask ?? true };
}

/** Where `mask_params` speaks of a layer. */
export function resnetMaskPath(module: string): [string] | [string, 'conv' | 'skip'] {
  if (module === 'conv1') return ['conv_f'];
  const layer = /^layer(\d)\./.exec(module)?.[1];
  if (layer === undefined) return ['linear'];
  return [`conv_${layer}`, module.includes('.shortcut.') ? 'skip' : 'conv'];
}

const pick = (value: unknown): Record<string, unknown> => (isPlainObject(value) ? value : {});

function required<T>(value: T | null | undefined, key: string, where: string): T {
  if (value == null)
    throw new UserError(`${where}: model.${key} is missing; it is needed to build the residual network.`);
  return value;
}
