/**
 * Operations on whole tensors, as PyTorch has them: what the graph of an exported network (docs/pytorch.md) is lowered to. A
 * value may have any shape, also one in which examples and other axes are mixed ([T, batch * heads, d]); axes are counted
 * as in PyTorch, examples included. Which units can change places is not said here but in networks/exported, because units may
 * stand along several axes together; scales are not followed.
 */
import { z } from 'zod';
import { defineOperation } from '../operation.ts';
import type { Axes, NodeFacts } from '../operation.ts';
import { sizeSchema } from '../sizes.ts';

export const valueKinds = ['float', 'int', 'bool'] as const;
export type ValueKind = (typeof valueKinds)[number];

export const unaryNames = [
  ...(['relu', 'gelu', 'gelu_tanh', 'sigmoid', 'tanh', 'silu', 'softplus', 'elu', 'selu', 'mish'] as const),
  ...(['hardsigmoid', 'hardswish', 'exp', 'log', 'log1p', 'expm1', 'sqrt', 'rsqrt', 'square'] as const),
  ...(['abs', 'neg', 'sign', 'sin', 'cos', 'erf', 'floor', 'reciprocal', 'not', 'stop', 'softsign'] as const),
] as const;
export type UnaryName = (typeof unaryNames)[number];

export const binaryNames = [
  ...(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'fmod', 'floor_div', 'trunc_div'] as const),
  ...(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'and', 'or', 'xor'] as const),
] as const;
export type BinaryName = (typeof binaryNames)[number];

export const reductionNames = ['sum', 'mean', 'max', 'min', 'prod', 'any', 'all'] as const;

const kind = z.enum(valueKinds);
const axis = z.int().nonnegative();
const pair = z.tuple([z.int().nonnegative(), z.int().nonnegative()]);
const positive = z.tuple([z.int().positive(), z.int().positive()]);

const common = {
  /** Of one example; of the whole value, as for one example, if it is not one value for each of them. */
  shape: z.array(z.int().nonnegative()),
  /** Module that it stands in, for messages. */
  module: z.string().optional(),
};
const call = <Name extends string, Shape extends z.ZodRawShape>(name: Name, shape: Shape) =>
  z.strictObject({ call: z.literal(name), ...shape, ...common });

/** NaN and infinities, which JSON has not. */
export const numberSchema = z.union([z.number(), z.enum(['Infinity', '-Infinity', 'NaN'])]);
export const numberOf = (written: z.output<typeof numberSchema>): number => Number(written);
export const writtenNumber = (value: number): z.output<typeof numberSchema> =>
  Number.isFinite(value) ? value : (String(value) as 'NaN');

export const torchCallSchema = z.discriminatedUnion('call', [
  /** The parameter `value` as it acts. */
  call('parameter', { kind }),
  call('full', { kind, sizes: z.array(sizeSchema), value: numberSchema }),
  call('range', { kind, start: z.number(), step: z.number(), count: sizeSchema }),
  call('unary', { name: z.enum(unaryNames) }),
  /** A number stands for the operand that is no value; `kind`: that of both operands. */
  call('binary', {
    name: z.enum(binaryNames),
    kind,
    left: numberSchema.optional(),
    right: numberSchema.optional(),
  }),
  call('clamp', { least: numberSchema.optional(), most: numberSchema.optional(), kind }),
  call('leaky', { slope: z.number() }),
  call('where', {}),
  call('cast', { kind }),
  call('reshape', { sizes: z.array(sizeSchema) }),
  call('permute', { order: z.array(axis) }),
  call('expand', { sizes: z.array(sizeSchema), kind }),
  call('slice', { axis, start: sizeSchema, count: sizeSchema, step: z.int().positive() }),
  call('concat', { axis }),
  call('flip', { axes: z.array(axis) }),
  call('pad', {
    pads: z.array(pair),
    mode: z.enum(['constant', 'reflect', 'replicate']),
    value: numberSchema,
  }),
  call('reduce', { name: z.enum(reductionNames), axes: z.array(axis), keep: z.boolean() }),
  call('softmax', { axis, log: z.boolean() }),
  /** Of matrices, with equal or no axes in front. */
  call('matmul', {}),
  /** Images [batch, height, width, channels]; weight as in PyTorch's files; bias optional. Padding before and after. */
  call('conv', {
    ...{ stride: positive, dilation: positive, groups: z.int().positive() },
    padding: z.tuple([pair, pair]),
  }),
  call('conv_transpose', {
    ...{ stride: positive, dilation: positive, groups: z.int().positive() },
    padding: z.tuple([z.int(), z.int()]),
    outputPadding: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
  /** Images as of `conv`. `countPadding`: zeros around count in an average. `divisor`: what it divides by instead. */
  call('pool', {
    ...{ name: z.enum(['max', 'average']), kernel: positive, stride: positive, dilation: positive },
    ...{ padding: z.tuple([pair, pair]), countPadding: z.boolean(), divisor: z.number().optional() },
    /** Padding of each side that PyTorch counts as such; the rest is what `ceil_mode` adds. */
    counted: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
  call('adaptive_average', { size: positive }),
  /** Images as of `conv`. `scale`: of what comes out to what goes in, as PyTorch uses it to find its places. */
  call('upsample', {
    ...{ name: z.enum(['nearest', 'bilinear']), size: positive, align: z.boolean() },
    scale: z.tuple([z.number().positive(), z.number().positive()]),
  }),
  /** Rows of a table. */
  call('embedding', { padding: z.int().optional() }),
  /** Entries along neighbouring axes, from `axis` on, at places of as many values. */
  call('index', { axis }),
  /** Over the last `axes` axes; weight and bias optional. */
  call('layer_norm', {
    axes: z.int().positive(),
    epsilon: z.number(),
    weight: z.boolean(),
    bias: z.boolean(),
  }),
  call('rms_norm', { axes: z.int().positive(), epsilon: z.number(), weight: z.boolean() }),
  /** Values [batch, channels, ...]. */
  call('group_norm', {
    groups: z.int().positive(),
    epsilon: z.number(),
    weight: z.boolean(),
    bias: z.boolean(),
  }),
  call('attention', { scale: z.number(), causal: z.boolean(), mask: z.enum(['none', 'bool', 'float']) }),
]);
export type TorchCall = z.output<typeof torchCallSchema>;
export type CallNamed<Name extends TorchCall['call']> = Extract<TorchCall, { call: Name }>;
/** What of a call is not said by where it stands. */
export type CallSettings = TorchCall extends infer Call
  ? Call extends TorchCall
    ? Omit<Call, 'shape' | 'module'>
    : never
  : never;

const reason = ({ id }: NodeFacts<TorchCall>): string => `${id} is an operation of an exported network`;

/** No units change places, or scales, as far as such operations go. */
function closedAxes(
  node: NodeFacts<TorchCall>,
  inputs: readonly Axes[],
  rules: { open(size: number): Axes[number]; shut(axis: Axes[number]): void },
): Axes {
  for (const axis of inputs.flat()) rules.shut(axis);
  return node.attributes.shape.map((size) => {
    const opened = rules.open(size);
    rules.shut(opened);
    return opened;
  });
}

export const torch = defineOperation({
  attributes: torchCallSchema,
  parameters: { value: 'optional' },
  inputs: [0, Infinity],
  shape: ({ attributes }) => attributes.shape,
  axes(node, inputs, rules) {
    const shut = (axis: Axes[number]): void => {
      rules.fix(axis, reason(node));
    };
    const axes = closedAxes(node, inputs, { open: (size) => rules.open(size), shut });
    if (node.attributes.call === 'parameter') rules.parameter('value', axes);
    return axes;
  },
  scales(node, inputs, rules) {
    const shut = (axis: Axes[number]): void => {
      rules.close(axis, reason(node));
    };
    return closedAxes(node, inputs, { open: (size) => rules.open(size), shut });
  },
});
