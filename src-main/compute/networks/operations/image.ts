import type { z } from 'zod';
import type {
  ConvolutionSettings,
  transpose as transposeOperation,
} from '../../../../src-shared/networks/operations/image.ts';
import type { Tensor } from '../../backend/index.ts';
import { alongLastAxis, needed } from './context.ts';
import type { RunOperation } from './context.ts';

/** x [1, B, height, width, channels]; the interpreter runs networks with convolutions model by model. */
export const conv2d: RunOperation = ([x], context) => {
  const { maths, node, parameter } = context;
  const { tf } = maths;
  const weight = needed(context, 'weight');
  if (x!.shape[0] !== 1 || weight.shape[0] !== 1)
    throw new Error(`${node.id}: a convolution of one model at a time was expected`);
  const filter = tf.transpose(withoutModel(weight), [2, 3, 1, 0]);
  const settings = node.attributes as ConvolutionSettings;
  const value = tf.expandDims(maths.convolve(withoutModel(x!), filter, settings), 0);
  const bias = parameter('bias');
  return bias ? tf.add(value, alongLastAxis(maths, bias, value)) : value;

  function withoutModel(tensor: Tensor): Tensor {
    return tf.reshape(tensor, tensor.shape.slice(1));
  }
};

export const pool: RunOperation = ([x], { maths: { tf } }) => tf.mean(x!, [2, 3]);

export const flatten: RunOperation = ([x], { maths: { tf } }) => {
  const [models, rows] = x!.shape as [number, number];
  return tf.reshape(tf.transpose(x!, [0, 1, 4, 2, 3]), [models, rows, -1]);
};

export const transpose: RunOperation = ([x], { maths: { tf }, node }) => {
  const { order } = node.attributes as z.output<typeof transposeOperation.attributes>;
  return tf.transpose(x!, [0, 1, ...order.map((axis) => axis + 2)]);
};
