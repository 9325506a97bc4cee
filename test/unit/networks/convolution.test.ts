/** TensorFlow's convolutions and their gradients, beside the sums that define them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Tensor } from '../../../src-main/compute/backend/index.ts';
import { convolutionOf } from '../../../src-main/compute/networks/convolution.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';

const backend = await loadBackend();
const { tf } = backend;
const convolve = convolutionOf(backend);

interface Case {
  rows: number;
  size: [number, number];
  kernel: [number, number];
  channels: [number, number];
  stride: [number, number];
  padding: [number, number];
  seed: number;
}

const along = ({ size, kernel, stride, padding }: Case, axis: 0 | 1): number =>
  Math.floor((size[axis] + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;

const pair = (min: number, max: number) =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })) as fc.Arbitrary<[number, number]>;

const cases: fc.Arbitrary<Case> = fc
  .record({
    rows: fc.integer({ min: 1, max: 5 }),
    size: pair(1, 6),
    kernel: pair(1, 4),
    channels: pair(1, 4),
    stride: pair(1, 3),
    padding: pair(0, 2),
    seed: fc.nat(),
  })
  .filter((each) => along(each, 0) > 0 && along(each, 1) > 0);

/** Each product in the sum: places in x, in the filter and in the result. */
function* products(each: Case): Generator<[number, number, number]> {
  const [height, width] = each.size;
  const [inputs, outputs] = each.channels;
  const [high, wide] = [along(each, 0), along(each, 1)];
  for (let place = 0; place < each.rows * high * wide; place++) {
    const [b, i, j] = [Math.floor(place / (high * wide)), Math.floor(place / wide) % high, place % wide];
    for (let tap = 0; tap < each.kernel[0] * each.kernel[1]; tap++) {
      const row = i * each.stride[0] + Math.floor(tap / each.kernel[1]) - each.padding[0];
      const column = j * each.stride[1] + (tap % each.kernel[1]) - each.padding[1];
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      for (let k = 0; k < inputs * outputs; k++) {
        const [c, o] = [Math.floor(k / outputs), k % outputs];
        yield [
          ((b * height + row) * width + column) * inputs + c,
          tap * inputs * outputs + k,
          place * outputs + o,
        ];
      }
    }
  }
}

function check(each: Case): void {
  const [inputs, outputs] = each.channels;
  const shapes = [
    [each.rows, ...each.size, inputs],
    [...each.kernel, inputs, outputs],
    [each.rows, along(each, 0), along(each, 1), outputs],
  ];
  const stream = new RandomStream(each.seed, 'convolution');
  const [x, filter, dy] = shapes.map((shape) =>
    Float32Array.from(stream.normals(shape.reduce((product, size) => product * size, 1))),
  ) as [Float32Array, Float32Array, Float32Array];
  const expected = [x, filter, dy].map(({ length }) => new Float64Array(length));
  for (const [at, tap, to] of products(each)) {
    expected[0]![at]! += dy[to]! * filter[tap]!;
    expected[1]![tap]! += dy[to]! * x[at]!;
    expected[2]![to]! += x[at]! * filter[tap]!;
  }
  tf.tidy(() => {
    const tensors = [x, filter, dy].map((data, i) => tf.tensor(data, shapes[i]));
    const run = (image: Tensor, weight: Tensor): Tensor =>
      convolve(image, weight, { stride: each.stride, padding: each.padding });
    const weighted = (...[image, weight]: Tensor[]): Tensor =>
      tf.sum(tf.mul(run(image!, weight!), tensors[2]!));
    const found = [...tf.grads(weighted)(tensors.slice(0, 2)), run(tensors[0]!, tensors[1]!)];
    found.forEach((tensor, k) => {
      expect(tensor.shape).toEqual(shapes[k]);
      const far = Array.from(tensor.dataSync(), (value, i) => Math.abs(value - expected[k]![i]!));
      expect(Math.max(...far), ['by the image', 'by the filter', 'the result'][k]).toBeLessThan(1e-4);
    });
  });
}

test('any size, stride and padding', () => {
  fc.assert(fc.property(cases, check), { numRuns: 300 });
});

// TensorFlow 2 takes wrong pixels of these if they are not turned.
test.each<Pick<Case, 'size' | 'kernel' | 'padding' | 'stride'>>([
  { size: [2, 1], kernel: [1, 3], padding: [0, 1], stride: [1, 2] },
  { size: [4, 3], kernel: [1, 2], padding: [0, 0], stride: [1, 3] },
  { size: [4, 3], kernel: [2, 2], padding: [1, 0], stride: [1, 2] },
])('one channel, one pixel wide: %o', (each) => check({ rows: 6, channels: [1, 3], seed: 1, ...each }));
