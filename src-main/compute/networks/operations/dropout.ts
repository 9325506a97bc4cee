import type { RunOperation } from './context.ts';

/** The mask of this step, if it is one of training. */
export const dropout: RunOperation = ([x], { maths: { tf }, node, training }) => {
  const mask = training?.mask(node.id);
  return mask ? tf.mul(x!, mask) : x!;
};
