/** Where a step of ResNet20 spends its time: its convolutions alone, every one forward and backward, by their sizes. */
import type { Backend, Tensor } from '../../../src-main/compute/backend/index.ts';
import { types } from '../../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { median } from './torch-turns.ts';

/** [how many, input side, inputs, outputs, kernel, stride] */
const convolutions = [
  [1, 32, 3, 16, 3, 1],
  [6, 32, 16, 16, 3, 1],
  [1, 32, 16, 32, 3, 2],
  [1, 32, 16, 32, 1, 2],
  [5, 16, 32, 32, 3, 1],
  [1, 16, 32, 64, 3, 2],
  [1, 16, 32, 64, 1, 2],
  [5, 8, 64, 64, 3, 1],
] as const;

/** Lines of text: milliseconds of all convolutions of a size together, and of all. Only on the back end `tensorflow`. */
export function convolutionProfile(backend: Backend, batch: number): string[] {
  let whole = 0;
  const lines = convolutions.map(([count, side, inputs, outputs, kernel, stride]) => {
    const own = count * timeOf(backend, batch, { side, inputs, outputs, kernel, stride });
    whole += own;
    const size = `${side} x ${side} x ${inputs} to ${outputs}, kernel ${kernel}, stride ${stride}`;
    return `${count} x ${size}: ${own.toFixed(0)}`;
  });
  return [...lines, `all: ${whole.toFixed(0)}; the rest is norms, activations, sums and the optimizer`];
}

interface Convolution {
  side: number;
  inputs: number;
  outputs: number;
  kernel: number;
  stride: number;
}

function timeOf(
  backend: Backend,
  batch: number,
  { side, inputs, outputs, kernel, stride }: Convolution,
): number {
  const { tf } = backend;
  const maths = mathsOf(backend);
  const padding = kernel === 3 ? 1 : 0;
  const settings = {
    stride: [stride, stride] as [number, number],
    padding: [padding, padding] as [number, number],
  };
  const after = Math.floor((side + 2 * padding - kernel) / stride) + 1;
  const shapes = [
    [batch, side, side, inputs],
    [kernel, kernel, inputs, outputs],
    [batch, after, after, outputs],
  ];
  const program = backend.native!.compiler.compile(
    { mode: 'graph', args: shapes.map((shape) => ({ dtype: types.float32, shape })), state: [] },
    (args) => {
      const [x, filter, along] = args as [Tensor, Tensor, Tensor];
      const gradients = tf.grads((image: Tensor, weight: Tensor) =>
        tf.sum(tf.mul(maths.convolve(image, weight, settings), along)),
      )([x, filter]);
      // One number each: handing over an image costs more than making it.
      return { outputs: gradients.map((gradient) => tf.sum(gradient)), state: [] };
    },
  );
  const feeds = shapes.map((shape) => tf.randomNormal(shape, 0, 1, 'float32', 1));
  const times = Array.from({ length: 8 }, () => {
    const began = performance.now();
    tf.dispose(program.run(feeds));
    return performance.now() - began;
  });
  program.dispose();
  tf.dispose(feeds);
  return median(times.slice(2));
}
