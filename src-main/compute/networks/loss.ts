/** Losses of logits, row by row. */
import type { Objective } from '../../../src-shared/objective.ts';
import type { Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';

/**
 * -log softmax(logits)[label] for every row. Pure.
 * @param logits [M, ..., classes] @param hot [M or 1, ..., classes], one-hot
 * @returns [M, ...]; gradient softmax - hot
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

/**
 * The loss of an objective for every row. Pure.
 * @param logits [M, B, K], or [M, B, T, classes] of tokens
 * @param labels as the logits: one-hot; 0 and 1 if an example has several labels; or the numbers to be predicted
 * @returns [M, B], or [M, B, T]
 */
export function lossOf(
  maths: Maths,
  objective: Objective | undefined,
  logits: Tensor,
  labels: Tensor,
): Tensor {
  switch (objective?.loss) {
    case undefined:
    case 'next-token':
      return crossEntropy(maths, logits, labels);
    case 'soft-labels':
      return softLabels(maths, logits, labels);
    case 'binary-cross-entropy':
      return binaryCrossEntropy(maths, logits, labels);
    case 'mean-squared-error':
      return squaredError(maths, logits, labels);
  }
}

/** Mean of (z - y)^2 over the numbers of an example; gradient 2 (z - y) / K. */
function squaredError({ tf }: Maths, outputs: Tensor, numbers: Tensor): Tensor {
  const shape = numbers.shape.length === outputs.shape.length ? outputs.shape : [...outputs.shape, 1];
  return tf.mean(tf.square(tf.sub(tf.reshape(outputs, shape), numbers)), -1);
}

/** -sum y log softmax(z); gradient sum(y) softmax - y. */
function softLabels({ tf }: Maths, logits: Tensor, labels: Tensor): Tensor {
  const rows = tf.customGrad((z, save) => {
    const at = z as Tensor;
    const shifted = tf.sub(at, tf.max(at, -1, true));
    const logs = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    (save as (tensors: Tensor[]) => void)([logs, labels]);
    return {
      value: tf.neg(tf.sum(tf.mul(logs, labels), -1)),
      gradFunc: (dy: Tensor, [saved, y]: Tensor[]) =>
        tf.mul(tf.expandDims(dy, -1), tf.sub(tf.mul(tf.sum(y!, -1, true), tf.exp(saved!)), y!)),
    };
  });
  return rows(logits);
}

/** Mean of max(z, 0) - z y + log(1 + exp(-|z|)), which no large logit overflows; gradient (sigmoid - y) / K. */
function binaryCrossEntropy({ tf, number, relu }: Maths, logits: Tensor, labels: Tensor): Tensor {
  const rows = tf.customGrad((z, save) => {
    const at = z as Tensor;
    (save as (tensors: Tensor[]) => void)([at, labels]);
    const each = tf.add(tf.sub(relu(at), tf.mul(at, labels)), tf.log1p(tf.exp(tf.neg(tf.abs(at)))));
    return {
      value: tf.mean(each, -1),
      gradFunc: (dy: Tensor, [saved, y]: Tensor[]) =>
        tf.mul(tf.expandDims(dy, -1), tf.div(tf.sub(tf.sigmoid(saved!), y!), number(saved!.shape.at(-1)!))),
    };
  });
  return rows(logits);
}
