/** Operations on images in plain doubles, on values [rows, ...shape] in C order. */
import type { z } from 'zod';
import type {
  ConvolutionSettings,
  transpose as transposeOperation,
} from '../../../../src-shared/networks/operations/image.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { HostOperation } from './host-operation.ts';
import { need } from './host-operation.ts';

export const conv2d: HostOperation = ([x], node, parameter) => {
  const [height, width, inputs] = node.inputs[0] as [number, number, number];
  const [high, wide, outputs] = node.shape as [number, number, number];
  const [, , tall, broad] = node.parameters['weight']!.shape as [number, number, number, number];
  const { stride, padding } = node.attributes as ConvolutionSettings;
  const weight = need(parameter, 'weight');
  // [tall, broad, inputs, outputs]: outputs run fastest.
  const filter = new Float64Array(weight.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let at = 0; at < tall * broad; at++)
        filter[(at * inputs + i) * outputs + o] = weight[(o * inputs + i) * tall * broad + at]!;
  const bias = parameter('bias');
  const images = x!.length / (height * width * inputs);
  const y = new Float64Array(images * high * wide * outputs);
  for (let pixel = 0; pixel < images * high * wide; pixel++) {
    const image = Math.floor(pixel / (high * wide));
    const top = (Math.floor(pixel / wide) % high) * stride[0] - padding[0];
    const left = (pixel % wide) * stride[1] - padding[1];
    const to = pixel * outputs;
    if (bias) y.set(bias, to);
    for (let at = 0; at < tall * broad; at++) {
      const [row, column] = [top + Math.floor(at / broad), left + (at % broad)];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      const from = ((image * height + row) * width + column) * inputs;
      for (let i = 0; i < inputs; i++) {
        const value = x![from + i]!;
        const start = (at * inputs + i) * outputs;
        for (let o = 0; o < outputs; o++) y[to + o]! += value * filter[start + o]!;
      }
    }
  }
  return y;
};

export const pool: HostOperation = ([x], node) => {
  const [height, width, channels] = node.inputs[0] as [number, number, number];
  const pixels = height * width;
  const y = new Float64Array(x!.length / pixels);
  x!.forEach((value, i) => {
    y[Math.floor(i / (pixels * channels)) * channels + (i % channels)]! += value / pixels;
  });
  return y;
};

export const flatten: HostOperation = ([x], node) => {
  const [height, width, channels] = node.inputs[0] as [number, number, number];
  return reordered(x!, [height, width, channels], [2, 0, 1]);
};

export const transpose: HostOperation = ([x], node) => {
  const { order } = node.attributes as z.output<typeof transposeOperation.attributes>;
  return reordered(x!, node.inputs[0]!, order);
};

/** Axis k of the result, of every example, is axis order[k] of `x`. */
function reordered(
  x: Float64Array<ArrayBufferLike>,
  shape: readonly number[],
  order: readonly number[],
): Float64Array {
  const size = sizeOf(shape);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const sizes = order.map((axis) => shape[axis]!);
  const from = Int32Array.from({ length: size }, (_, place) => {
    let [rest, source] = [place, 0];
    for (let k = order.length - 1; k >= 0; k--) {
      source += (rest % sizes[k]!) * strides[order[k]!]!;
      rest = Math.floor(rest / sizes[k]!);
    }
    return source;
  });
  return Float64Array.from(x, (_, i) => x[i - (i % size) + from[i % size]!]!);
}
