/**
 * Images varied at random: flipped left to right, then moved inside a black border. How an image is varied follows from
 * its number, an epoch and a seed alone, whatever batch or run of models it is part of.
 */
import type { Augmentation } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { draws32 } from '../random.ts';
import { pixelExamples } from './dataset.ts';
import type { Examples, ImageShape } from './dataset.ts';

/** One image's variation: whether it is flipped, and where its window begins in the image with its border. */
export interface Move {
  flip: boolean;
  /** 0 to 2 * pad. */
  top: number;
  left: number;
}

/** @param epoch from 1; 0 for evaluations */
export function moveOf({ flip, pad }: Augmentation, seed: number, epoch: number, image: number): Move {
  const [a, b, c] = draws32(seed, epoch, image);
  const places = 2 * pad + 1;
  // 2^32 is so much more than the places there are that one is not likelier than another by more than 1e-7.
  return { flip: flip && (a & 1) === 1, top: b % places, left: c % places };
}

/** @throws UserError for data that are no images, or whose black is not the same all over a channel */
export function requireImages({ shape, black }: Examples, name: string): ImageShape {
  if (!shape) {
    throw new UserError(
      `dataset.augmentation: the examples of ${name} are rows of numbers; only images are flipped and moved.`,
      { hint: 'Leave the section out: ~dataset.augmentation.' },
    );
  }
  if (!black) {
    throw new UserError(
      `dataset.augmentation: the images of ${name} are normalised pixel by pixel; black is not one number there.`,
      { hint: 'Add the data set again with one mean and deviation per channel.' },
    );
  }
  return shape;
}

/**
 * A varied copy of examples.
 * @param images their numbers in the train file, which decide how they are varied
 */
export function augmented(
  examples: Examples,
  images: Int32Array,
  { augmentation, seed, epoch }: { augmentation: Augmentation; seed: number; epoch: number },
): Examples {
  const shape = requireImages(examples, 'the data set');
  const { features, labels, pixels, black, count, targets } = examples;
  const moves = Array.from({ length: count }, (_, row) => moveOf(augmentation, seed, epoch, images[row]!));
  const { pad } = augmentation;
  if (pixels) {
    const bytes = new Uint8Array(count * features);
    for (const [row, move] of moves.entries()) vary(pixels.bytes, bytes, { row, shape, move, pad });
    return pixelExamples(features, { ...pixels, bytes }, labels, shape, targets);
  }
  const x = new Float32Array(count * features);
  const plane = features / shape[0];
  for (let i = 0; i < x.length; i++) x[i] = black![Math.floor((i % features) / plane)]!;
  for (const [row, move] of moves.entries()) vary(examples.x, x, { row, shape, move, pad });
  return { ...examples, x };
}

interface Place {
  row: number;
  shape: ImageShape;
  move: Move;
  pad: number;
}

/** Copies what is left of the image inside its window; the rest of `to` stays black. */
function vary<T extends Uint8Array | Float32Array>(from: T, to: T, { row, shape, move, pad }: Place): void {
  const [channels, height, width] = shape;
  for (let c = 0; c < channels; c++) {
    const start = (row * channels + c) * height * width;
    for (let y = 0; y < height; y++) {
      const sourceY = y + move.top - pad;
      if (sourceY < 0 || sourceY >= height) continue;
      for (let x = 0; x < width; x++) {
        const inFlipped = x + move.left - pad;
        if (inFlipped < 0 || inFlipped >= width) continue;
        const sourceX = move.flip ? width - 1 - inFlipped : inFlipped;
        to[start + y * width + x] = from[start + sourceY * width + sourceX]!;
      }
    }
  }
}
