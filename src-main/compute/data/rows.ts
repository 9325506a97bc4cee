/** Rows of examples as a network takes them: flat in the order of the file, or images with the channels last. */
import { UserError } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import type { Backend, Tensor2D } from '../backend/index.ts';
import { rowsOf } from './dataset.ts';
import type { Examples } from './dataset.ts';

/** `channels-last`: a row is [height, width, channels]; `flat`: as the file has it, [channels, height, width] of images. */
export type RowOrder = 'flat' | 'channels-last';

/**
 * How a network whose input has this shape takes the examples: [features] and [channels, height, width] flat, as the file
 * has them; [height, width, channels] with the channels last. A shape that is both is the file's.
 * @throws UserError if it cannot take them
 */
export function rowOrder(examples: Pick<Examples, 'features' | 'shape'>, input: readonly number[]): RowOrder {
  const { features, shape } = examples;
  if (input.length !== 3) {
    if (input.reduce((a, b) => a * b, 1) === features) return 'flat';
    throw new UserError(`examples have ${features} numbers, but the network takes ${shapeText(input)}.`);
  }
  const [height, width, channels] = input as [number, number, number];
  const isShape = (wanted: readonly number[]): boolean =>
    shape?.every((size, axis) => size === wanted[axis]) === true;
  if (isShape(input)) return 'flat';
  if (isShape([channels, height, width])) return 'channels-last';
  const found = shape ? `images of ${shapeText(shape)}` : `rows of ${features} numbers instead of images`;
  throw new UserError(`the data set has ${found}, but the network takes images of ${shapeText(input)}.`);
}

/**
 * The rows from `start` up to `end`, normalised, in this order; not to be written to.
 * @param into takes numbers that have to be made, instead of a new array; of this many
 */
export function orderedRows(
  examples: Examples,
  order: RowOrder,
  [start, end]: readonly [number, number],
  into?: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const { shape } = examples;
  if (order === 'flat' || !shape || shape[0] === 1) return rowsOf(examples, start, end, into);
  return channelsLast(rowsOf(examples, start, end), shape[0], examples.features, into);
}

function channelsLast(
  rows: Float32Array,
  channels: number,
  features: number,
  into = new Float32Array(rows.length),
): Float32Array<ArrayBuffer> {
  const plane = features / channels;
  for (let row = 0; row < rows.length; row += features) {
    for (let c = 0; c < channels; c++) {
      const from = row + c * plane;
      for (let i = 0; i < plane; i++) into[row + i * channels + c] = rows[from + i]!;
    }
  }
  return into;
}

/** Numbers made at a time. */
const numbersAtOnce = 2 ** 22;

/** The inputs as a new tensor [count, features]; the caller's to dispose of. */
export function uploadExamples(
  { tf, native }: Backend,
  examples: Examples,
  order: RowOrder = 'flat',
): Tensor2D {
  const { count, features, pixels } = examples;
  const rows = Math.min(count, Math.max(1, Math.floor(numbersAtOnce / features)));
  // The other back ends keep the array itself.
  if (!native || !pixels) {
    const x = order === 'flat' ? examples.x : orderedRows(examples, order, [0, count]);
    return tf.tensor2d(x, [count, features]);
  }
  const made = new Float32Array(rows * features);
  return tf.tidy(() => {
    const parts: Tensor2D[] = [];
    for (let start = 0; start < count; start += rows) {
      const size = Math.min(rows, count - start);
      const x = orderedRows(examples, order, [start, start + size], made.subarray(0, size * features));
      const shared = tf.tensor2d(x, [size, features]);
      // A tensor may lie in the array's own memory, the result of an operation never: `made` is free again.
      parts.push(tf.mul(shared, 1));
      shared.dispose();
    }
    return tf.concat(parts, 0);
  });
}
