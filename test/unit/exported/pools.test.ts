/** Pools of exported networks where values are no numbers. */
import { expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { calls } from '../../../src-main/compute/networks/torch/index.ts';
import type { CallNamed } from '../../../src-shared/networks/operations/torch.ts';

const settings: CallNamed<'pool'> = {
  ...({ call: 'pool', name: 'max', kernel: [2, 2], stride: [2, 2], dilation: [1, 1] } as const),
  padding: [
    [0, 0],
    [0, 0],
  ],
  ...{ countPadding: false, counted: [0, 0], shape: [1, 3, 1] },
};

it('a largest value is NaN if one of its window is, and gradients go to the largest', async () => {
  const backend = await loadBackend();
  const { tf } = backend;
  const maths = mathsOf(backend);
  // One channel, 2 x 6 pixels: three windows.
  const pixels = [1, NaN, 5, -Infinity, -2, -3, 2, 3, 6, 7, -4, -1];
  const found = tf.tidy(() => {
    const x = tf.tensor(pixels, [1, 2, 6, 1]);
    const pool = (value: typeof x) => calls.pool([value], settings, { maths, examples: 1 });
    const whole = tf.tensor([1, 9, 5, 0, -2, -3, 2, 3, 6, 7, -4, -1], [1, 2, 6, 1]);
    const gradient = tf.grad((value) => tf.sum(pool(value as typeof x)))(whole);
    return { values: [...pool(x).dataSync()], gradient: [...gradient.dataSync()] };
  });
  expect(found.values).toEqual([NaN, 7, -1]);
  expect(found.gradient).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
});
