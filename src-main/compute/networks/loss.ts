/** Cross entropy of logits, row by row. */
import type { Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';

/**
 * -log softmax(logits)[label] for every row. Pure.
 * @param logits [M, B, classes] @param hot [M or 1, B, classes], one-hot
 * @returns [M, B]; gradient softmax - hot
 */
export function crossEntropy({ tf }: Maths, logits: Tensor, hot: Tensor): Tensor {
  const rows = tf.customGrad((z, save) => {
    const at = z as Tensor;
    const shifted = tf.sub(at, tf.max(at, -1, true));
    const logs = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    (save as (tensors: Tensor[]) => void)([logs, hot]);
    return {
      value: tf.neg(tf.sum(tf.mul(logs, hot), -1)),
      gradFunc: (dy: Tensor, saved: Tensor[]) =>
        tf.mul(tf.expandDims(dy, -1), tf.sub(tf.exp(saved[0]!), saved[1]!)),
    };
  });
  return rows(logits);
}
