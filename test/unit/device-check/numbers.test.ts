/** The work that a GPU is compared by, on this machine: the ways agree far within the tolerance, TF32 is found. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import { deviceNumbers, evaluated } from '../../../src-main/compute/device-check/numbers.ts';
import {
  examplesOf,
  features,
  networkOf,
  specOf,
  statesOf,
} from '../../../src-main/compute/device-check/networks.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { compareItems } from '../../../src-shared/device-check.ts';
import type { DeviceNumbers } from '../../../src-shared/device-check.ts';
import { roundingFactors } from '../../support/rounding.ts';

const backend = await loadBackend();
const onCpu = backend.native !== undefined && backend.device === 'cpu';

describe.skipIf(!onCpu)('on the processor', () => {
  let numbers: DeviceNumbers;
  beforeAll(async () => {
    numbers = await deviceNumbers(backend);
  });
  const of = (from: DeviceNumbers, way: string) =>
    from.items.filter((item) => item.way === way && item.precision !== 'float64');

  test('every norm with every activation, training, evaluation and doubles, in every way', () => {
    expect(numbers.missing).toEqual([]);
    expect(numbers.items.filter(({ name }) => name.startsWith('logits'))).toHaveLength(3 * 6 * 5);
    expect(numbers.items.filter(({ name }) => name.startsWith('training'))).toHaveLength(3 * 4);
    expect(new Set(numbers.items.map(({ way }) => way))).toEqual(new Set(['eager', 'xla', 'graph']));
    for (const { values, name } of numbers.items) {
      expect(values.length, name).toBeGreaterThan(1);
      expect(values.every(Number.isFinite), name).toBe(true);
    }
  });

  test.each(['xla', 'graph'])(
    '%s and operation by operation differ by a tenth of the tolerance at most',
    (way) => {
      const compared = compareItems(
        of(numbers, way).map((item) => ({ ...item, way: 'eager' })),
        of(numbers, 'eager'),
      );
      expect(compared).toHaveLength(37);
      for (const { item, difference, tolerance } of compared)
        expect(difference, item).toBeLessThanOrEqual(tolerance / 10);
    },
  );

  test('with factors rounded to TF32 products, logits and gradients are outside', async () => {
    const native = {
      ...backend.native!,
      compiler: { ...backend.native!.compiler, shortfall: () => 'not in this test' },
    };
    const rounded: Backend = { ...backend, tf: roundingFactors(backend.tf), native };
    const found = await deviceNumbers(rounded);
    expect(found.missing.map(({ way }) => way)).toEqual(['xla', 'graph']);
    const compared = compareItems(of(found, 'eager'), of(numbers, 'eager'));
    expect(compared).toHaveLength(37);
    for (const { item, ok } of compared.filter((each) => !/loss|accuracy/.test(each.item)))
      expect(ok, item).toBe(false);
  });

  test('which class is the largest does not hang on the last digits', () => {
    const network = networkOf(specOf('layer', 'gelu'));
    const { tf } = backend;
    for (const state of statesOf(network)) {
      const logits = tf.tidy(() => {
        const stored = new Map(
          [...state].map(([name, { shape, data }]) => [name, tf.tensor(data, [1, ...shape])]),
        );
        const x = tf.tensor(examplesOf(evaluated).x, [1, evaluated, features]);
        return forward(mathsOf(backend), network, stored, x).output.dataSync();
      });
      const rows = Array.from({ length: evaluated }, (_, i) => [...logits.slice(10 * i, 10 * i + 10)]);
      const margins = rows.map((row) => row.sort((a, b) => b - a)[0]! - row[1]!);
      expect(Math.min(...margins)).toBeGreaterThan(1e-3);
    }
  });
});

test('a back end without TensorFlow has nothing to compare', async () => {
  const wasm = await loadBackend({ prefer: 'wasm' });
  await expect(deviceNumbers(wasm)).rejects.toThrow('the wasm back end computes on the processor only');
  await loadBackend();
});
