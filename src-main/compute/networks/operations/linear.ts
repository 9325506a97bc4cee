import { alongLastAxis, needed, overLastAxis } from './context.ts';
import type { RunOperation } from './context.ts';

/** x [M or 1, B, ..., inputs] -> x W^T + b, [M, B, ..., outputs] */
export const linear: RunOperation = ([x], context) => {
  const { maths, parameter } = context;
  const product = overLastAxis(maths, x!, needed(context, 'weight'));
  const bias = parameter('bias');
  return bias ? maths.tf.add(product, alongLastAxis(maths, bias, product)) : product;
};
