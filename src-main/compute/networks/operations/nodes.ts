import type { RunOperation } from './context.ts';

/** x [1, N, units]; the interpreter runs networks over a graph model by model. */
export const neighbours: RunOperation = ([x], { maths, node, edges }) => {
  const { tf } = maths;
  if (!edges) throw new Error(`${node.id}: which nodes are neighbours was not said`);
  if (x!.shape[0] !== 1) throw new Error(`${node.id}: one model at a time was expected`);
  const values = tf.reshape(x!, x!.shape.slice(1));
  return tf.expandDims(tf.add(values, maths.neighbourMean(values, edges)), 0);
};

/** Gradient dy - softmax(x) sum(dy). */
export const log_softmax: RunOperation = ([x], { maths: { tf } }) => {
  const logs = tf.customGrad((z, save) => {
    const at = z as Parameters<RunOperation>[0][number];
    const shifted = tf.sub(at, tf.max(at, -1, true));
    const value = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    (save as (tensors: unknown[]) => void)([value]);
    return {
      value,
      gradFunc: (dy: typeof value, saved: (typeof value)[]) =>
        tf.sub(dy, tf.mul(tf.exp(saved[0]!), tf.sum(dy, -1, true))),
    };
  });
  return logs(x!);
};
