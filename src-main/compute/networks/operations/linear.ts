import { alongLastAxis, needed } from './context.ts';
import type { RunOperation } from './context.ts';

/** x [M or 1, B, inputs] -> x W^T + b, [M, B, outputs] */
export const linear: RunOperation = ([x], context) => {
  const { maths, parameter } = context;
  const product = maths.tf.matMul(x!, needed(context, 'weight'), false, true);
  const bias = parameter('bias');
  return bias ? maths.tf.add(product, alongLastAxis(maths, bias, product)) : product;
};
