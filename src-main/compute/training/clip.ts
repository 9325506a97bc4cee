/** Gradient clipping by the norm of all gradients of a model together, as torch.nn.utils.clip_grad_norm_ does it. */
import type { Tensor } from '../backend/index.ts';
import type { Maths } from '../networks/maths.ts';

/** PyTorch's, in the denominator. */
const epsilon = 1e-6;

/**
 * Every model's gradients times min(1, longest / (norm + 1e-6)). Pure.
 * @param gradients [M, ...shape] each
 */
export function clipped(maths: Maths, gradients: readonly Tensor[], longest: number): Tensor[] {
  const { tf, number } = maths;
  const squares = gradients.map((gradient) => {
    const models = gradient.shape[0]!;
    return tf.sum(tf.square(tf.reshape(gradient, [models, -1])), 1);
  });
  const norms = tf.sqrt(squares.reduce((sum, each) => tf.add(sum, each)));
  const factors = tf.minimum(tf.div(number(longest), tf.add(norms, number(epsilon))), number(1));
  return gradients.map((gradient) => {
    const [models, ...shape] = gradient.shape as [number, ...number[]];
    return tf.mul(gradient, tf.reshape(factors, [models, ...shape.map(() => 1)]));
  });
}
