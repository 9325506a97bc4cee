/** Varied images inside a training step: gathered pixel by pixel, so that no varied copy is ever kept. */
import type { ImageShape } from '../../../src-shared/images.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Tensor } from '../backend/index.ts';
import { requireImages } from '../data/augment.ts';
import type { Move } from '../data/augment.ts';
import { requireFitting } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import type { Maths } from '../networks/maths.ts';

export interface AugmentedRows {
  shape: ImageShape;
  pad: number;
  /** By channel, what a black pixel is. */
  black: readonly number[];
}

/** @throws UserError for data that are no images, or none that the network takes */
export function augmentedPlan(network: Network, examples: Examples, pad: number): AugmentedRows {
  const shape = requireImages(examples, 'the data set');
  requireFitting(examples, network.graph.inputs[0]!.shape);
  return { shape, pad, black: [...examples.black!] };
}

/** The moves of several steps as numbers, [steps, 3, M, B]; what fills up a batch or a call stays 0. */
export function packedMoves(
  inputs: readonly { moves?: readonly (readonly Move[])[] }[],
  [steps, models, batch]: readonly [number, number, number],
): Int32Array {
  const each = models * batch;
  const numbers = new Int32Array(steps * 3 * each);
  inputs.forEach(({ moves }, i) => {
    if (moves?.length !== models) throw new Error('the moves of a step with varied images are missing');
    moves.forEach((own, m) => {
      own.forEach(({ flip, top, left }, row) => {
        const at = i * 3 * each + m * batch + row;
        numbers[at] = flip ? 1 : 0;
        numbers[at + each] = top;
        numbers[at + 2 * each] = left;
      });
    });
  });
  return numbers;
}

/**
 * The images of these rows, each moved in its own way.
 * @param inputs [N, ...], as the state has them
 * @param rows [M, B] int32
 * @param moves [3, M, B] int32: flipped or not, and where the window begins, from the top and from the left
 * @returns [M, B, ...] as in `inputs`
 */
export function augmentedRows(
  maths: Maths,
  { inputs, rows, moves }: { inputs: Tensor; rows: Tensor; moves: Tensor },
  plan: AugmentedRows,
): Tensor {
  const { tf } = maths;
  const [channels, height, width] = plan.shape;
  const { pixels, inside } = sources(maths, moves, plan);
  const [models, batch] = rows.shape as [number, number];
  const black = tf.tensor1d([...plan.black]);
  const each = inputs.shape.slice(1);
  const size = channels * height * width;
  const starts = tf.mul(tf.reshape(rows, [models, batch, 1, 1, 1]), tf.scalar(size, 'int32'));
  const planes = Int32Array.from({ length: channels }, (_, c) => c * height * width);
  const places = tf.add(starts, tf.tensor(planes, [1, 1, channels, 1, 1], 'int32'));
  const found = maths.gather(
    tf.reshape(inputs, [inputs.shape[0]! * size]),
    tf.add(tf.expandDims(pixels, 2), places),
  );
  const border = tf.reshape(black, [channels, 1, 1]);
  return tf.reshape(filled(maths, found, tf.expandDims(inside, 2), border), [models, batch, ...each]);
}

/** Of each pixel of the window [M, B, H, W]: the pixel of the image that it shows, and 1 if there is one, else 0. */
function sources(
  { tf }: Maths,
  moves: Tensor,
  { shape: [, height, width], pad }: AugmentedRows,
): { pixels: Tensor; inside: Tensor } {
  const [flip, top, left] = tf.unstack(moves) as [Tensor, Tensor, Tensor];
  const along = (size: number, start: Tensor): Tensor => {
    const steps = tf.tensor(
      Int32Array.from({ length: size }, (_, i) => i - pad),
      [1, 1, size],
      'int32',
    );
    return tf.add(tf.expandDims(start, 2), steps);
  };
  const within = (place: Tensor, size: number): Tensor =>
    tf.cast(
      tf.logicalAnd(tf.greaterEqual(place, tf.scalar(0, 'int32')), tf.less(place, tf.scalar(size, 'int32'))),
      'int32',
    );
  const [y, straight] = [along(height, top), along(width, left)];
  const [insideY, insideX] = [within(y, height), within(straight, width)];
  const turned = tf.sub(tf.scalar(width - 1, 'int32'), tf.mul(straight, tf.scalar(2, 'int32')));
  const x = tf.add(straight, tf.mul(tf.expandDims(flip, 2), turned));
  // What lies outside points at the first pixel, and is filled afterwards.
  const rowsOf = tf.expandDims(tf.mul(tf.mul(y, insideY), tf.scalar(width, 'int32')), 3);
  const pixels = tf.add(rowsOf, tf.expandDims(tf.mul(x, insideX), 2));
  const inside = tf.mul(tf.expandDims(insideY, 3), tf.expandDims(insideX, 2));
  return { pixels, inside: tf.cast(inside, 'float32') };
}

/** Exact: each number is multiplied by 1 and has 0 added to it, or is 0 and has the border added. */
function filled({ tf, number }: Maths, found: Tensor, inside: Tensor, border: Tensor): Tensor {
  return tf.add(tf.mul(found, inside), tf.mul(border, tf.sub(number(1), inside)));
}
