/**
 * Operations on images. Inside a network an image is [height, width, channels], so that what works on the last axis (norms,
 * activations, gates, sums) works on channels; parameters keep the shapes of PyTorch's files.
 */
import { z } from 'zod';
import type { Axis } from '../axes.ts';
import { defineOperation, requireShape } from '../operation.ts';
import type { Axes, NodeFacts } from '../operation.ts';

const size = z.int().positive();

interface Places {
  open(size: number): Axis;
}

/** Rows and columns of pixels or of a kernel: their order is part of the data. */
function placesIn<Rules extends Places>(
  rules: Rules,
  sizes: readonly number[],
  keep: (axis: Axis) => void,
): Axis[] {
  return sizes.map((length) => {
    const axis = rules.open(length);
    keep(axis);
    return axis;
  });
}

function requireImage({ id, inputs }: NodeFacts<unknown>): [height: number, width: number, channels: number] {
  const [shape] = inputs;
  if (shape?.length === 3) return shape as [number, number, number];
  throw new Error(`${id}: an image [height, width, channels] was expected, found [${shape?.join(', ')}]`);
}

const convolution = z.strictObject({
  stride: z.tuple([size, size]),
  padding: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
export type ConvolutionSettings = z.output<typeof convolution>;

/** [height, width, channels] of what comes out. @throws Error saying which sizes do not fit */
function convolved(node: NodeFacts<ConvolutionSettings>): [height: number, width: number, channels: number] {
  const [height, width, channels] = requireImage(node);
  const { stride, padding } = node.attributes;
  const weight = node.parameters['weight']!.shape;
  const [outputs = 0, , rows = 0, columns = 0] = weight;
  requireShape(node, 'weight', [outputs, channels, rows, columns]);
  requireShape(node, 'bias', [outputs]);
  const along = (length: number, kernel: number, k: 0 | 1): number =>
    Math.floor((length + 2 * padding[k] - kernel) / stride[k]) + 1;
  const [high, wide] = [along(height, rows, 0), along(width, columns, 1)];
  if (high >= 1 && wide >= 1) return [high, wide, outputs];
  throw new Error(
    `${node.id}: a kernel of ${rows} x ${columns} does not fit into an image of ${height} x ${width} with padding ${padding.join(' x ')}`,
  );
}

/**
 * Convolution (cross-correlation, as PyTorch's Conv2d): weight [outputs, inputs, height, width], bias [outputs]. `padding`
 * zeros are put on every side, rows and columns; kernels that would reach over the end are left out.
 */
export const conv2d = defineOperation({
  attributes: convolution,
  parameters: { weight: 'needed', bias: 'optional' },
  inputs: [1, 1],
  shape: convolved,
  axes(node, inputs, rules) {
    const [outputs, , ...kernel] = node.parameters['weight']!.shape as [number, ...number[]];
    const out = rules.open(outputs);
    const fix = (axis: Axis): void => {
      rules.fix(axis, 'a place in an image');
    };
    rules.parameter('weight', [out, inputs[0]!.at(-1)!, ...placesIn(rules, kernel, fix)]);
    rules.parameter('bias', [out]);
    return [...placesIn(rules, convolved(node).slice(0, 2), fix), out];
  },
  scales(node, inputs, rules) {
    const out = rules.open(node.parameters['weight']!.shape[0]!);
    rules.parameter('weight', 0, out, 1);
    rules.parameter('bias', 0, out, 1);
    rules.parameter('weight', 1, inputs[0]!.at(-1)!, -1);
    const close = (axis: Axis): void => {
      rules.close(axis, 'a place in an image');
    };
    return [...placesIn(rules, convolved(node).slice(0, 2), close), out];
  },
});

/** The mean over all pixels: [height, width, channels] -> [channels]. */
export const pool = defineOperation({
  attributes: z.strictObject({ kind: z.literal('global_average') }),
  parameters: {},
  inputs: [1, 1],
  shape: (node) => [requireImage(node)[2]],
  axes: (_node, inputs) => [inputs[0]!.at(-1)!],
  scales: (_node, inputs) => [inputs[0]!.at(-1)!],
});

/** One number after the other, in PyTorch's order: channel by channel, row by row. */
export const flatten = defineOperation({
  attributes: z.strictObject({}),
  parameters: {},
  inputs: [1, 1],
  shape(node) {
    const [height, width, channels] = requireImage(node);
    return [height * width * channels];
  },
  axes(_node, inputs, rules) {
    const [rows, columns] = inputs[0] as [Axis, Axis];
    for (const axis of [rows, columns]) rules.fix(axis, 'a place in an image');
    return blocks(inputs);
  },
  scales(_node, inputs, rules) {
    const [rows, columns] = inputs[0] as [Axis, Axis];
    for (const axis of [rows, columns]) rules.close(axis, 'a place in an image');
    return blocks(inputs);
  },
});

/** A channel becomes a block of pixels. */
function blocks(inputs: readonly Axes[]): Axes {
  const [rows, columns, channels] = inputs[0] as [Axis, Axis, Axis];
  const pixels = rows.length * columns.length;
  return [channels.flatMap((label) => new Array<number>(pixels).fill(label))];
}

/** Axis i of the value is axis order[i] of what it takes: [1, 2, 0] puts the channels of an image last. */
export const transpose = defineOperation({
  attributes: z.strictObject({ order: z.array(z.int().nonnegative()).min(1) }),
  parameters: {},
  inputs: [1, 1],
  shape({ id, attributes: { order }, inputs }) {
    const [shape] = inputs as [readonly number[]];
    if (order.toSorted((a, b) => a - b).join() !== [...shape.keys()].join())
      throw new Error(
        `${id}: order [${order.join(', ')}] does not name each axis of [${shape.join(', ')}] once`,
      );
    return order.map((axis) => shape[axis]!);
  },
  axes: ({ attributes: { order } }, inputs) => order.map((axis) => inputs[0]![axis]!),
  scales: ({ attributes: { order } }, inputs) => order.map((axis) => inputs[0]![axis]!),
});
