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

export const activation: RunOperation = ([x], { maths, node, edges }) => {
  const { kind } = node.attributes as Attributes;
  return kind === 'gelu' ? gelu(maths, x!, edges !== undefined) : byKind[kind](maths, x!);
};

const byKind: Record<Exclude<ActivationKind, 'gelu'>, (maths: Maths, x: Tensor) => Tensor> = {
  identity: (_maths, x) => x,
  relu: (maths, x) => maths.relu(x),
  tanh: ({ tf }, x) => tf.tanh(x),
  sigmoid: ({ tf }, x) => tf.sigmoid(x),
  silu: ({ tf }, x) => tf.mul(x, tf.sigmoid(x)),
};

/**
 * x P(x) with P the normal distribution function; derivative P(x) + x p(x). Written out, because tfjs's derivative of erf
 * has a constant that is rounded to float32.
 * @param lean the gradient finds P(x) again instead of keeping it: the values of a whole graph are large
 */
export function gelu({ tf, number }: Maths, x: Tensor, lean = false): Tensor {
  const distributionAt = (at: Tensor): Tensor =>
    tf.add(tf.mul(tf.erf(tf.mul(at, number(Math.SQRT1_2))), number(0.5)), number(0.5));
  const value = tf.customGrad((z, save) => {
    const at = z as Tensor;
    const distribution = distributionAt(at);
    (save as (tensors: Tensor[]) => void)(lean ? [at] : [at, distribution]);
    return {
      value: tf.mul(at, distribution),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [input] = saved as [Tensor];
        const below = saved[1] ?? distributionAt(input);
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
    const lean = context.edges !== undefined;
    return gelu(maths, overLastAxis(maths, gelu(maths, x!, lean), transposed), lean);
  }
  return tf.mul(x!, tf.sigmoid(overLastAxis(maths, x!, needed(context, 'C'))));
};
