/**
 * One rule per call of an exported network. Every rule says which orders of the entries of what goes in leave what comes out
 * as it was, up to the order of its entries; if a rule does not know, axes are held, with the reason.
 */
import type { TorchCall } from '../operations/torch.ts';
import { sizeAt } from '../sizes.ts';
import { contracted, heldValue, met, together } from './rule.ts';
import type { CallRules } from './rule.ts';
import { imageRules } from './rules-image.ts';
import type { UnitValue } from './value.ts';

const plain = (sizes: readonly number[]): UnitValue => ({ sizes, parts: [], held: new Map() });

/** The last axes, which a norm goes over. */
const lastAxes = ({ sizes }: UnitValue, count: number): number[] =>
  Array.from({ length: count }, (_, i) => sizes.length - count + i);

const entries: CallRules<
  'unary' | 'binary' | 'clamp' | 'leaky' | 'where' | 'cast' | 'parameter' | 'full' | 'range'
> = {
  ...{ unary: ([x]) => withoutName(x!), clamp: ([x]) => withoutName(x!), leaky: ([x]) => withoutName(x!) },
  cast: ([x]) => withoutName(x!),
  binary: (inputs, _settings, context) => met(inputs, context),
  where: (inputs, _settings, context) => met(inputs, context),
  parameter: (_inputs, _settings, { node, parameters }) => parameters.value(node.parameters['value']!.name),
  full: (_inputs, { sizes }) => plain(sizes.map((size) => sizeAt(size, 1))),
  range: (_inputs, { count }, { node }) => heldValue([sizeAt(count, 1)], `${node.id} counts places`),
};

const withoutName = ({ sizes, parts, held }: UnitValue): UnitValue => ({ sizes, parts, held });

const moves: CallRules<
  'reshape' | 'permute' | 'expand' | 'slice' | 'concat' | 'flip' | 'pad' | 'embedding' | 'index'
> = {
  reshape: ([x], { sizes }, { rules }) =>
    rules.reshape(
      withoutName(x!),
      sizes.map((size) => sizeAt(size, 1)),
    ),
  permute: ([x], { order }, { rules }) => rules.permute(x!, order),
  expand: ([x], { sizes }, { rules }) =>
    rules.combine(
      [x!],
      sizes.map((size) => sizeAt(size, 1)),
    ),
  slice: ([x], { axis, start, count, step }, { rules }) =>
    rules.pick(
      withoutName(x!),
      axis,
      Array.from({ length: sizeAt(count, 1) }, (_, i) => sizeAt(start, 1) + i * step),
    ),
  concat: (inputs, { axis }, { rules }) => rules.concat(inputs, axis),
  flip: ([x], { axes }, { rules }) =>
    axes.reduce(
      (value, axis) => rules.pick(value, axis, [...Array(value.sizes[axis]!).keys()].toReversed()),
      withoutName(x!),
    ),
  pad([x], { pads, mode }, { node, rules }) {
    const padded = pads.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
    const sizes = x!.sizes.map((size, axis) => size + (pads[axis]?.[0] ?? 0) + (pads[axis]?.[1] ?? 0));
    const around = `${node.id} pads`;
    if (mode === 'constant')
      return padded.reduce((value, axis) => {
        const zeros = (count: number): UnitValue => heldAlong(value.sizes.with(axis, count), axis, around);
        const [before, after] = pads[axis]!;
        const pieces = [...(before > 0 ? [zeros(before)] : []), value, ...(after > 0 ? [zeros(after)] : [])];
        return rules.concat(pieces, axis);
      }, withoutName(x!));
    for (const part of x!.parts) rules.hold(part, padded, x!.sizes, around);
    const left = rules.reduce(x!, padded, true);
    const why = padded.map((axis) => [axis, around] as const);
    return { sizes, parts: left.parts, held: new Map([...left.held, ...why]) };
  },
  embedding([table, indices], _settings, { node, rules }) {
    const [rows, units] = table!.sizes as [number, number];
    const reason = `${node.id} looks up rows by number`;
    for (const part of table!.parts) rules.hold(part, [0], [rows, units], reason);
    rules.holdAll(indices!, reason);
    const held = heldValue(indices!.sizes, reason).held;
    const at = indices!.sizes.length;
    const found = rules.reduce(table!, [0], false);
    const parts = found.parts.map(({ labels }) => ({ axes: [at], labels }));
    const why = found.held.get(0);
    return rules.tidy({
      sizes: [...indices!.sizes, units],
      parts,
      held: why === undefined ? held : new Map([...held, [at, why]]),
    });
  },
  index([x, ...indices], { axis }, { node, rules }) {
    const reason = `${node.id} picks entries by number`;
    const picked = indices.map((_, i) => axis + i);
    for (const part of x!.parts) rules.hold(part, picked, x!.sizes, reason);
    for (const given of indices) rules.holdAll(given, reason);
    const taken = together(indices);
    const left = rules.reduce(x!, picked, false);
    const shift = (own: number): number => (own < axis ? own : own + taken.length);
    const sizes = [...left.sizes.slice(0, axis), ...taken, ...left.sizes.slice(axis)];
    return rules.tidy({
      sizes,
      parts: left.parts.map(({ axes, labels }) => ({ axes: axes.map(shift), labels })),
      held: new Map([
        ...[...left.held].map(([own, why]) => [shift(own), why] as const),
        ...taken.map((_, i) => [axis + i, reason] as const),
      ]),
    });
  },
};

const heldAlong = (sizes: readonly number[], axis: number, reason: string): UnitValue => ({
  sizes,
  parts: [],
  held: new Map([[axis, reason]]),
});

const whole: CallRules<'reduce' | 'softmax' | 'matmul' | 'layer_norm' | 'rms_norm' | 'attention'> = {
  reduce: ([x], { axes, keep }, { rules }) => rules.reduce(withoutName(x!), axes, keep),
  softmax([x], { axis }, { rules }) {
    rules.separate(x!, [axis]);
    return withoutName(x!);
  },
  matmul: ([a, b], _settings, context) => contracted(a!, b!, context.rules),
  layer_norm([x, ...affine], { axes }, context) {
    context.rules.separate(x!, lastAxes(x!, axes));
    return met([x!, ...affine], context);
  },
  rms_norm([x, ...affine], { axes }, context) {
    context.rules.separate(x!, lastAxes(x!, axes));
    return met([x!, ...affine], context);
  },
  attention([query, key, value, mask], { causal }, context) {
    const { rules, node } = context;
    const rank = key!.sizes.length;
    const order = [...Array(rank).keys()];
    const turned = rules.permute(key!, [...order.slice(0, -2), rank - 1, rank - 2]);
    const scores = contracted(query!, turned, rules);
    if (causal)
      for (const part of scores.parts)
        rules.hold(part, [rank - 2, rank - 1], scores.sizes, `${node.id} hides what comes later`);
    const masked = mask ? met([scores, mask], context) : scores;
    rules.separate(masked, [rank - 1]);
    return contracted(masked, value!, rules);
  },
};

export type TorchRules = CallRules<TorchCall['call']>;

export const callRules: TorchRules = { ...entries, ...moves, ...whole, ...imageRules };
