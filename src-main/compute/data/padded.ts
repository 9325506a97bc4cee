/** Images made larger by a black border. */
import { pixelExamples } from './dataset.ts';
import type { Dataset, Examples, ImageShape } from './dataset.ts';

/** Every image in the middle of a black one of `size` x `size`. Of images that are kept as bytes, one channel each. */
export function padded(dataset: Dataset, name: string, size: number): Dataset {
  const [train, test] = [padExamples(dataset.train, size), padExamples(dataset.test, size)];
  const origin = `${dataset.origin}, with a black border to ${size} x ${size}`;
  return { ...dataset, name, origin, folder: undefined, train, test, shape: train.shape };
}

function padExamples({ count, pixels, shape, labels }: Examples, size: number): Examples {
  if (!pixels || shape?.[0] !== 1) throw new Error('only grey images that are kept as bytes are padded');
  const [, height, width] = shape;
  const [top, left] = [Math.floor((size - height) / 2), Math.floor((size - width) / 2)];
  const bytes = new Uint8Array(count * size * size);
  for (let row = 0; row < count * height; row++) {
    const [image, y] = [Math.floor(row / height), row % height];
    const line = pixels.bytes.subarray(row * width, (row + 1) * width);
    bytes.set(line, (image * size + top + y) * size + left);
  }
  const wide: ImageShape = [1, size, size];
  return pixelExamples(size * size, { bytes, table: pixels.table, plane: size * size }, labels, wide);
}
