/** Rules for images [batch, height, width, channels], and norms over groups of channels. */
import type { Axis } from '../axes.ts';
import { heldValue } from './rule.ts';
import type { CallRules, RuleContext } from './rule.ts';
import type { Part, Rules, UnitValue } from './value.ts';

const pixel = 'a place in an image';
const channels = 3;

/** Along one axis by itself: labels, or why there are none; undefined if all entries are alike. */
function alone(value: UnitValue, axis: number, rules: Rules): { labels?: Axis; why?: string } {
  const part = value.parts.find(({ axes }) => axes.includes(axis));
  const labels = part && rules.project(part, [axis], value.sizes)?.labels;
  if (labels) return { labels };
  const why = value.held.get(axis);
  return why === undefined ? {} : { why };
}

/** Entries along two axes are the same ones. @returns what is known of them */
function tied(
  a: ReturnType<typeof alone>,
  b: ReturnType<typeof alone>,
  rules: Rules,
): ReturnType<typeof alone> {
  if (a.labels && b.labels) rules.blocks.unify(a.labels, b.labels);
  const why = a.why ?? b.why;
  const labels = a.labels ?? b.labels;
  if (labels && why !== undefined) rules.blocks.mark(labels, [...labels.keys()], why);
  return labels ? { labels } : why === undefined ? {} : { why };
}

/** The image as its channels alone; pixels stay where they are. */
function channelsOf(value: UnitValue, rules: Rules): ReturnType<typeof alone> {
  for (const part of value.parts) rules.hold(part, [1, 2], value.sizes, pixel);
  return alone(value, channels, rules);
}

function image(shape: readonly number[], found: ReturnType<typeof alone>, rules: Rules): UnitValue {
  const sizes = shape.length === 4 ? shape : [1, ...shape];
  const held = new Map([1, 2].map((axis) => [axis, pixel]));
  if (!found.labels && found.why !== undefined) held.set(channels, found.why);
  const parts: Part[] = found.labels ? [{ axes: [channels], labels: found.labels }] : [];
  return rules.tidy({ sizes, parts, held });
}

/** Blocks of as many labels each. */
const blocksIn = (labels: Axis, count: number): Axis[] => {
  const size = labels.length / count;
  return Array.from({ length: count }, (_, i) => labels.slice(i * size, (i + 1) * size));
};

function refuse(inputs: readonly UnitValue[], { node, rules }: RuleContext, why: string): UnitValue {
  for (const value of inputs) rules.holdAll(value, why);
  const { shape } = node;
  return heldValue(shape.length === 4 ? shape : [1, ...shape], why);
}

/** Kernels have places, too. */
function holdKernel(weight: UnitValue, rules: Rules): void {
  for (const part of weight.parts) rules.hold(part, [2, 3], weight.sizes, 'a place in a kernel');
}

/** Each group of channels makes its own outputs: groups are blocks, with orders of their own inside. */
function grouped(
  inputs: readonly UnitValue[],
  groups: number,
  context: RuleContext,
): ReturnType<typeof alone> | undefined {
  const { rules, parameters, node } = context;
  const { blocks } = rules;
  const [x, weight] = inputs as [UnitValue, UnitValue];
  const [own, out] = [channelsOf(x, rules), alone(weight, 0, rules)];
  const [outputs, each] = weight.sizes as [number, number];
  if (each === 1 && outputs === groups) return tied(own, out, rules);
  const why = `${node.id} has ${groups} groups`;
  if (!out.labels) {
    if (own.labels) blocks.mark(own.labels, [...own.labels.keys()], why);
    return out;
  }
  const made = blocksIn(out.labels, groups);
  if (!own.labels) {
    const ofGroups = blocks.blocksOf(made, node.id);
    blocks.mark(ofGroups, [...ofGroups.keys()], own.why ?? why);
    // Which channel of its group a weight reads cannot change.
    if (weight.parameter === undefined) return undefined;
    const inner = parameters.axesOf(weight.parameter)[1]!;
    blocks.fix(inner, own.why ?? why);
    return out;
  }
  if (each === 1) {
    made.forEach((block, group) => {
      for (const label of block) blocks.nest(label, own.labels![group]!);
    });
    return out;
  }
  if (weight.parameter === undefined) return undefined;
  const read = blocks.blocksOf(blocksIn(own.labels, groups), node.id);
  blocks.unify(read, blocks.blocksOf(made, node.id));
  parameters.group(weight.parameter, own.labels, groups);
  return out;
}

export const imageRules: CallRules<
  'conv' | 'conv_transpose' | 'pool' | 'adaptive_average' | 'upsample' | 'group_norm'
> = {
  conv(inputs, { groups }, context) {
    const { rules, node } = context;
    const [x, weight, bias] = inputs as [UnitValue, UnitValue, UnitValue?];
    holdKernel(weight, rules);
    let out: ReturnType<typeof alone> | undefined;
    if (groups === 1) {
      tied(channelsOf(x, rules), alone(weight, 1, rules), rules);
      out = alone(weight, 0, rules);
    } else out = grouped(inputs, groups, context);
    if (!out) return refuse(inputs, context, `${node.id}: its weight in ${groups} groups is computed`);
    return image(node.shape, bias ? tied(out, alone(bias, 0, rules), rules) : out, rules);
  },
  conv_transpose(inputs, { groups }, context) {
    const { rules, node } = context;
    const [x, weight, bias] = inputs as [UnitValue, UnitValue, UnitValue?];
    holdKernel(weight, rules);
    const each = weight.sizes[1]!;
    if (groups > 1 && (each > 1 || weight.sizes[0] !== groups))
      return refuse(
        inputs,
        context,
        `${node.id}: no rule is known for a transposed convolution in ${groups} groups`,
      );
    const read = tied(channelsOf(x, rules), alone(weight, 0, rules), rules);
    const out = groups === 1 ? alone(weight, 1, rules) : read;
    return image(node.shape, bias ? tied(out, alone(bias, 0, rules), rules) : out, rules);
  },
  pool: ([x], _settings, { node, rules }) => image(node.shape, channelsOf(x!, rules), rules),
  adaptive_average: ([x], _settings, { node, rules }) => image(node.shape, channelsOf(x!, rules), rules),
  upsample: ([x], _settings, { node, rules }) => image(node.shape, channelsOf(x!, rules), rules),
  group_norm(inputs, { groups }, { node, rules }) {
    const [x, ...affine] = inputs as [UnitValue, ...UnitValue[]];
    const { blocks } = rules;
    const part = x.parts.find(({ axes }) => axes.includes(1));
    const labels = part && rules.project(part, [1], x.sizes)?.labels;
    if (labels && groups < labels.length && groups > 1) blocks.blocksOf(blocksIn(labels, groups), node.id);
    else if (!labels || groups === 1) rules.separate(x, [...x.sizes.keys()].slice(1));
    const inside = x.sizes.slice(2).map(() => 1);
    const shaped = affine.map(({ sizes, parts, held }) => ({
      sizes: [...sizes, ...inside],
      ...{ parts, held },
    }));
    return rules.combine([x, ...shaped], x.sizes);
  },
};
