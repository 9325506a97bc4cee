/** Activations with their derivatives written out, for descents that need no other gradient. */
import type { Activation } from '../../../src-shared/domain.ts';
import type { Tensor } from '../backend/index.ts';
import type { Maths } from '../networks/maths.ts';

/** The activation and its derivative at z; inside a tidy or a trace. */
export function activated(maths: Maths, z: Tensor, kind: Activation): { value: Tensor; slope: Tensor } {
  const { tf, number } = maths;
  switch (kind) {
    case 'identity':
      return { value: z, slope: tf.onesLike(z) };
    case 'relu':
      return { value: maths.relu(z), slope: tf.step(z) };
    case 'tanh': {
      const value = tf.tanh(z);
      return { value, slope: tf.sub(number(1), tf.square(value)) };
    }
    case 'silu': {
      const open = tf.sigmoid(z);
      const value = tf.mul(z, open);
      return { value, slope: tf.add(open, tf.mul(value, tf.sub(number(1), open))) };
    }
    case 'gelu': {
      const normal = tf.mul(tf.add(tf.erf(tf.mul(z, number(Math.SQRT1_2))), number(1)), number(0.5));
      const density = tf.mul(tf.exp(tf.mul(tf.square(z), number(-0.5))), number(1 / Math.sqrt(2 * Math.PI)));
      return { value: tf.mul(z, normal), slope: tf.add(normal, tf.mul(z, density)) };
    }
  }
}
