/** What the axes of an array of examples are. */
import { UserError } from '../../../src-shared/errors.ts';
import type { ImageShape } from '../../../src-shared/images.ts';
import type { ExampleArray } from '../../formats/examples/arrays.ts';

export type Layout = 'channels-first' | 'channels-last';

export interface Shaped {
  count: number;
  features: number;
  /** Of images; undefined: rows of numbers. */
  shape: ImageShape | undefined;
  /** [count, features]; images with the channels first. */
  data: ExampleArray['data'];
}

/** Numbers of channels by which an axis is known. */
const usual = [1, 3, 4];

/** @throws UserError if the sizes of the axes do not tell which axis holds the channels */
export function shapedExamples(
  { shape: sizes, data, source, layout: known }: ExampleArray,
  layout: Layout | undefined,
): Shaped {
  const [count = 0] = sizes;
  const features = data.length / count;
  if (layout !== undefined && sizes.length !== 4) {
    throw new UserError(
      `layout has no effect: ${source} has the shape [${sizes.join(', ')}], and only arrays of four axes have channels.`,
    );
  }
  if (layout !== undefined && known !== undefined) {
    throw new UserError(
      `layout has no effect: ${source} is a folder of images, and the order of their axes is known.`,
      { hint: 'Leave layout out.' },
    );
  }
  if (sizes.length === 2) return { count, features, shape: undefined, data };
  if (sizes.length === 3) return { count, features, shape: [1, sizes[1]!, sizes[2]!], data };
  const [, a, b, c] = sizes as [number, number, number, number];
  if ((known ?? layout ?? layoutOf(sizes, source)) === 'channels-first')
    return { count, features, shape: [a, b, c], data };
  return { count, features, shape: [c, a, b], data: channelsFirst(data, count, c) };
}

function layoutOf(sizes: readonly number[], source: string): Layout {
  const [first, last] = [usual.includes(sizes[1]!), usual.includes(sizes[3]!)];
  if (first !== last) return first ? 'channels-first' : 'channels-last';
  throw new UserError(
    `${source}: the shape [${sizes.join(', ')}] does not tell which axis holds the channels.`,
    { hint: 'Set layout to channels-first or channels-last.' },
  );
}

function channelsFirst<T extends ExampleArray['data']>(data: T, count: number, channels: number): T {
  const out = data.slice() as T;
  const features = data.length / count;
  const plane = features / channels;
  for (let row = 0; row < data.length; row += features) {
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < channels; c++) out[row + c * plane + i] = data[row + i * channels + c]!;
    }
  }
  return out;
}
