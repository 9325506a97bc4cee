import type { z } from 'zod';
import type {
  activation as activationOperation,
  ActivationKind,
  gate as gateOperation,
} from '../../../../src-shared/networks/operations/activation.ts';
import type { Tensor } from '../../backend/index.ts';
import type { Maths } from '../maths.ts';
import { needed, overLastAxis } from './context.ts';
import type { RunOperation } from './context.ts';

type Attributes = z.output<typeof activationOperation.attributes>;

export const activation: RunOperation = ([x], { maths, node }) =>
  byKind[(node.attributes as Attributes).kind](maths, x!);

const byKind: Record<ActivationKind, (maths: Maths, x: Tensor) => Tensor> = {
  identity: (_maths, x) => x,
  relu: (maths, x) => maths.relu(x),
  gelu,
  tanh: ({ tf }, x) => tf.tanh(x),
  sigmoid: ({ tf }, x) => tf.sigmoid(x),
  silu: ({ tf }, x) => tf.mul(x, tf.sigmoid(x)),
};

/**
 * x P(x) with P the normal distribution function; derivative P(x) + x p(x). Written out, because tfjs's derivative of erf
 * has a constant that is rounded to float32.
 */
function gelu({ tf, number }: Maths, x: Tensor): Tensor {
  const value = tf.customGrad((z, save) => {
    const at = z as Tensor;
    const distribution = tf.add(tf.mul(tf.erf(tf.mul(at, number(Math.SQRT1_2))), number(0.5)), number(0.5));
    (save as (tensors: Tensor[]) => void)([at, distribution]);
    return {
      value: tf.mul(at, distribution),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [input, below] = saved as [Tensor, Tensor];
        const density = tf.mul(
          tf.exp(tf.mul(tf.square(input), number(-0.5))),
          number(1 / Math.sqrt(2 * Math.PI)),
        );
        return tf.mul(dy, tf.add(below, tf.mul(input, density)));
      },
    };
  });
  return value(x);
}

/** x * sigmoid(C x), or gelu(gelu(x) C). */
export const gate: RunOperation = ([x], context) => {
  const { maths } = context;
  const { tf } = maths;
  const { kind } = context.node.attributes as z.output<typeof gateOperation.attributes>;
  if (kind === 'gelu') {
    const transposed = tf.transpose(needed(context, 'C'), [0, 2, 1]);
    return gelu(maths, overLastAxis(maths, gelu(maths, x!), transposed));
  }
  return tf.mul(x!, tf.sigmoid(overLastAxis(maths, x!, needed(context, 'C'))));
};
