/** Where compiled programs run: what is pinned to a GPU never runs elsewhere, and state held as GPUs need it is the same state. */
import { afterAll, describe, expect, test } from 'vitest';
import { loadBackend, tensorCount, types } from '../../../src-main/compute/backend/index.ts';
import { roundsProducts } from '../../../src-main/compute/backend/exact-product.ts';
import { compilerOf } from '../../../src-main/compute/backend/graph/compile.ts';
import { firstGpu } from '../../../src-main/compute/backend/graph/placement.ts';
import type { Tensor } from '../../../src-main/compute/backend/index.ts';
import { roundingFactors } from '../../support/rounding.ts';

const backend = await loadBackend();
const { tf } = backend;
const onCpu = backend.native && backend.device === 'cpu';
const before = tensorCount(backend);
afterAll(() => {
  expect(tensorCount(backend)).toEqual(before);
});

describe.skipIf(!onCpu).each(['xla', 'graph'] as const)('%s', (mode) => {
  test('a program for a GPU does not run on the CPU of a machine without one', () => {
    expect(compilerOf(tf, firstGpu).shortfall(mode)).toMatch(/device:GPU:0 but available devices are/);
  });

  test('pinned, with int32 state held as int64, the numbers are the same', () => {
    const pinned = compilerOf(tf, { device: '/device:CPU:0', wideState: true });
    expect(pinned.shortfall(mode)).toBeUndefined();
    const settings = { mode, args: [], state: [{ dtype: types.int32, shape: [3] }] };
    const program = pinned.compile(settings, (_, [numbers]) => ({
      outputs: [tf.sum(numbers!)],
      state: [tf.mul(numbers!, tf.scalar(-2, 'int32'))],
    }));
    const start = tf.tensor1d([1, 2_000_000_000, -7], 'int32');
    program.set(0, start);
    const read = (tensor: Tensor): number[] => {
      const values = Array.from(tensor.dataSync());
      expect(tensor.dtype).toBe('int32');
      tensor.dispose();
      return values;
    };
    expect(read(program.get(0))).toEqual([1, 2_000_000_000, -7]);
    expect(program.run([]).flatMap(read)).toEqual([1_999_999_994]);
    // int32 wraps round, as it does where state is held as int32.
    expect(read(program.get(0))).toEqual([-2, 294_967_296, 14]);
    program.dispose();
    start.dispose();
  });
});

test('products that round their factors are found out', () => {
  expect(roundsProducts(tf)).toBe(false);
  expect(roundsProducts(roundingFactors(tf))).toBe(true);
});
