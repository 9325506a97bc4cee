/** Rows of examples as a network takes them: as the file has them, images channel by channel. */
import { UserError } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import type { Backend, Tensor2D } from '../backend/index.ts';
import { rowsOf } from './dataset.ts';
import type { Examples } from './dataset.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** @throws UserError if a network whose input has this shape, [features] or [channels, height, width], cannot take them */
export function requireFitting(
  { features, shape }: Pick<Examples, 'features' | 'shape'>,
  input: readonly number[],
): void {
  if (input.length !== 3) {
    if (sizeOf(input) === features) return;
    throw new UserError(`examples have ${features} numbers, but the network takes ${shapeText(input)}.`);
  }
  if (shape?.every((size, axis) => size === input[axis])) return;
  const found = shape ? `images of ${shapeText(shape)}` : `rows of ${features} numbers instead of images`;
  throw new UserError(`the data set has ${found}, but the network takes images of ${shapeText(input)}.`);
}

/** Numbers made at a time. */
const numbersAtOnce = 2 ** 22;

/** The inputs as a new tensor [count, features]; the caller's to dispose of. */
export function uploadExamples({ tf, native }: Backend, examples: Examples): Tensor2D {
  const { count, features, pixels } = examples;
  const rows = Math.min(count, Math.max(1, Math.floor(numbersAtOnce / features)));
  // The other back ends keep the array itself.
  if (!native || !pixels) return tf.tensor2d(examples.x, [count, features]);
  const made = new Float32Array(rows * features);
  return tf.tidy(() => {
    const parts: Tensor2D[] = [];
    for (let start = 0; start < count; start += rows) {
      const size = Math.min(rows, count - start);
      const x = rowsOf(examples, start, start + size, made.subarray(0, size * features));
      const shared = tf.tensor2d(x, [size, features]);
      // A tensor may lie in the array's own memory, the result of an operation never: `made` is free again.
      parts.push(tf.mul(shared, 1));
      shared.dispose();
    }
    return tf.concat(parts, 0);
  });
}
