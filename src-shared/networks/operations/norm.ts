/**
 * Norms over the last axis, of n units: neurons, or the channels of an image.
 *
 * `layer`: (x - mean) / sqrt(biased variance + epsilon) over the n units of one row (of an image: of one pixel). `group`:
 * the same over all pixels and the units of one of `groups` parts of the axis. `batch`: every unit over the batch and all
 * pixels (training) or by its running statistics (evaluation). `layer_linear`: x minus its mean over the units, times `scale`, a
 * number known from initialisation; `batch_linear`: times `scale` [n]. `rms`: x / sqrt(mean of x^2 + epsilon) over the n units of
 * one row. Then times `weight`, plus `bias`, where present.
 */
import { z } from 'zod';
import { defineOperation, lastAxis, requireShape } from '../operation.ts';
import type { NodeFacts } from '../operation.ts';

export const normKinds = ['layer', 'group', 'batch', 'layer_linear', 'batch_linear', 'rms'] as const;

/** One positive factor of all that the norm reads changes nothing but the part of its epsilon. */
export const takesOutFactors = (kind: (typeof normKinds)[number]): boolean =>
  kind === 'layer' || kind === 'group' || kind === 'batch' || kind === 'rms';

/** PyTorch's default of LayerNorm and BatchNorm. */
export const usualEpsilon = 1e-5;
/** That of RMSNorm: torch.finfo(torch.float32).eps. */
export const rmsEpsilon = 2 ** -23;

export const usualEpsilonOf = (kind: (typeof normKinds)[number]): number =>
  kind === 'rms' ? rmsEpsilon : usualEpsilon;

function neededBy(kind: (typeof normKinds)[number]): string[] {
  if (kind === 'batch') return ['running_mean', 'running_var'];
  return kind === 'layer_linear' || kind === 'batch_linear' ? ['scale'] : [];
}

const attributes = z.strictObject({
  kind: z.enum(normKinds),
  epsilon: z.number().nonnegative().default(usualEpsilon),
  /** Of a `group` norm; one, if it does not say. */
  groups: z.int().positive().optional(),
  /** Of a `batch` norm: the batch's share in the next running statistics; absent: as the training has it. */
  momentum: z.number().min(0).max(1).optional(),
});
export type NormAttributes = z.output<typeof attributes>;

export const norm = defineOperation({
  attributes,
  parameters: {
    weight: 'optional',
    bias: 'optional',
    running_mean: 'optional',
    running_var: 'optional',
    num_batches_tracked: 'optional',
    scale: 'optional',
  },
  inputs: [1, 1],
  shape(node) {
    const shape = node.inputs[0]!;
    const units = shape.at(-1) ?? 0;
    const { kind } = node.attributes;
    requireGroups(node, units);
    for (const word of ['weight', 'bias', 'running_mean', 'running_var']) requireShape(node, word, [units]);
    requireShape(node, 'scale', kind === 'layer_linear' ? [] : [units]);
    const needed = neededBy(kind);
    const missing = needed.find((word) => !node.parameters[word]);
    if (missing !== undefined) throw new Error(`${node.id}: a ${kind} norm needs ${missing}`);
    return shape;
  },
  axes({ id, attributes }, inputs, rules) {
    const units = lastAxis(inputs);
    const { groups = 1 } = attributes;
    // Units could change places within a part, and parts as a whole; labels know no such blocks.
    if (groups > 1 && groups < units.length) rules.fix(units, `${id} normalises them in ${groups} groups`);
    for (const word of ['weight', 'bias', 'running_mean', 'running_var']) rules.parameter(word, [units]);
    if (attributes.kind === 'batch_linear') rules.parameter('scale', [units]);
    return inputs[0]!;
  },
  /** A norm takes out factors (or mixes units of different factors); its own weight and bias can carry new ones. */
  scales(node, inputs, rules) {
    const units = lastAxis(inputs);
    const { kind } = node.attributes;
    if (takesOutFactors(kind)) rules.normalise(units);
    else rules.close(units, `${node.id} normalises by what was expected at initialisation`);
    rules.parameter('running_mean', 0, units, 1);
    rules.parameter('running_var', 0, units, 2);
    const out = rules.open(units.length);
    rules.parameter('weight', 0, out, 1);
    rules.parameter('bias', 0, out, 1);
    if (node.parameters['weight']?.role !== 'trained') rules.close(out, `${node.id} has no weight`);
    return [...inputs[0]!.slice(0, -1), out];
  },
});

function requireGroups({ id, attributes }: NodeFacts<NormAttributes>, units: number): void {
  const { kind, groups } = attributes;
  if (groups === undefined) return;
  if (kind !== 'group') throw new Error(`${id}: only a group norm has groups; this is a ${kind} norm`);
  if (units % groups !== 0)
    throw new Error(`${id}: ${units} units cannot be split into ${groups} equal groups`);
}
