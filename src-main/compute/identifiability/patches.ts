/**
 * What a convolution multiplies with its weight, seen as [outputs, fan-in]: the patches of its input. At each position its
 * kernel covers one patch, fan-in numbers of all channels, zeros of the padding included (PyTorch's `unfold`).
 */
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { CheckedNode } from '../../../src-shared/networks/network.ts';
import type { ConvolutionSettings } from '../../../src-shared/networks/operations/image.ts';
import type { Windows } from '../backend/doubles.ts';

/** How a convolution cuts images into patches. */
export interface Patches extends Windows {
  /** Of the kernel on one image: rows and columns of the output. */
  positions: readonly [number, number];
}

/** Undefined for a layer that multiplies whole vectors. */
export function patchesOf({ op, inputs, shape, parameters, attributes }: CheckedNode): Patches | undefined {
  if (op !== 'conv2d') return undefined;
  const { stride, padding } = attributes as ConvolutionSettings;
  return {
    image: inputs[0] as [number, number, number],
    kernel: parameters['weight']!.shape.slice(2) as [number, number],
    positions: shape.slice(0, 2) as [number, number],
    ...{ stride, padding },
  };
}

/** Patches of one image. */
export const patchCount = ({ positions }: Patches): number => sizeOf(positions);

/** Numbers of one patch. */
export const patchSize = ({ image, kernel }: Patches): number => sizeOf(kernel) * image[2];

/**
 * `Doubles.windows` in plain TypeScript.
 * @param images [count, height, width, channels]
 * @returns [count * positions, kernel height * kernel width * channels]
 */
export function hostWindows(images: Float64Array, patches: Patches): Float64Array {
  const { image, kernel, stride, padding, positions } = patches;
  const [height, width, channels] = image;
  const size = patchSize(patches);
  const rows = (images.length / sizeOf(image)) * patchCount(patches);
  const out = new Float64Array(rows * size);
  for (let row = 0; row < rows; row++) {
    const of = Math.floor(row / patchCount(patches)) * height;
    const top = (Math.floor(row / positions[1]) % positions[0]) * stride[0] - padding[0];
    const left = (row % positions[1]) * stride[1] - padding[1];
    for (let at = 0; at < sizeOf(kernel); at++) {
      const [y, x] = [top + Math.floor(at / kernel[1]), left + (at % kernel[1])];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const from = ((of + y) * width + x) * channels;
      out.set(images.subarray(from, from + channels), row * size + at * channels);
    }
  }
  return out;
}
