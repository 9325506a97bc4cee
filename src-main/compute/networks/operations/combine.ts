import type { RunOperation } from './context.ts';

export const add: RunOperation = (inputs, { maths: { tf } }) => inputs.reduce((sum, x) => tf.add(sum, x));

export const multiply: RunOperation = ([x, y], { maths: { tf } }) => tf.mul(x!, y!);

/** Values that models share are repeated for each, if others are not shared. */
export const concat: RunOperation = (inputs, { maths: { tf } }) => {
  const models = Math.max(...inputs.map((x) => x.shape[0]!));
  const repeated = inputs.map((x) =>
    x.shape[0] === models ? x : tf.tile(x, [models, ...x.shape.slice(1).map(() => 1)]),
  );
  return tf.concat(repeated, -1);
};
