/** Images: CIFAR as the published code normalises it, digits made larger, and rows as networks take them. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import {
  loadDataset,
  orderedRows,
  rowOrder,
  selectExamples,
  uploadExamples,
} from '../../../src-main/compute/data/index.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { fixturePath } from '../../support/fixtures.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-images-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const folder = join(root, 'cifar');
mkdirSync(folder);
for (const name of ['data_batch_1.bin', 'test_batch.bin'])
  copyFileSync(fixturePath(`cifar/${name}`), join(folder, name));

const cifar = await loadDataset({ name: 'cifar10', dataDir: folder });
const [mean, std] = [
  [0.4917, 0.4823, 0.4467],
  [0.2471, 0.2435, 0.2616],
];

describe('CIFAR-10', () => {
  it('of other images than the published ones is named after its contents, and found again by that name', async () => {
    expect(cifar.name).toMatch(/^cifar10-[0-9a-f]{8}$/);
    expect([cifar.train.count, cifar.test.count, cifar.classes, cifar.shape]).toEqual([
      24,
      8,
      10,
      [3, 32, 32],
    ]);
    expect((await loadDataset({ name: cifar.name, dataDir: folder })).sha256).toEqual(cifar.sha256);
    await expect(loadDataset({ name: 'cifar10-00000000', dataDir: folder })).rejects.toThrow(
      /other contents now/,
    );
    expect((await loadDataset({ dataDir: folder })).name).toBe(cifar.name);
  });

  it('is normalised channel by channel, in float32', () => {
    const { bytes } = cifar.test.pixels!;
    const { fround } = Math;
    for (const i of [0, 1023, 1024, 2048, 3071, 3072 + 1500]) {
      const c = Math.floor((i % 3072) / 1024);
      const wanted = fround(fround(fround(bytes[i]! / 255) - fround(mean[c]!)) / fround(std[c]!));
      expect([i, cifar.test.x[i]]).toEqual([i, wanted]);
    }
    for (const c of [0, 1, 2]) expect(cifar.test.black![c]).toBeCloseTo(-mean[c]! / std[c]!, 6);
  });

  it('that is nowhere is refused with what was looked for', async () => {
    await expect(loadDataset({ name: 'cifar100', dataDir: root })).rejects.toThrow(
      /CIFAR-100 are train\.bin, test\.bin .* cifar-100-binary\.tar\.gz/,
    );
    await expect(loadDataset({ name: 'cifar10' })).rejects.toThrow(/no data folder is given/);
  });

  it('is read again when a file was overwritten in its place', async () => {
    const other = join(root, 'other');
    mkdirSync(other);
    for (const name of ['data_batch_1.bin', 'test_batch.bin'])
      copyFileSync(fixturePath('cifar/test_batch.bin'), join(other, name));
    const before = await loadDataset({ name: 'cifar10', dataDir: other });
    copyFileSync(fixturePath('cifar/data_batch_1.bin'), join(other, 'data_batch_1.bin'));
    const after = await loadDataset({ name: 'cifar10', dataDir: other });
    expect([before.train.count, after.train.count]).toEqual([8, 24]);
    writeFileSync(join(other, 'test_batch.bin'), 'short');
    await expect(loadDataset({ name: 'cifar10', dataDir: other })).rejects.toThrow(
      /test_batch\.bin: 5 bytes, but/,
    );
  });
});

describe('rows for a network', () => {
  it('are flat as the file has them, or have the channels last', () => {
    const flat = orderedRows(cifar.test, 'flat', [2, 4]);
    const last = orderedRows(cifar.test, 'channels-last', [2, 4]);
    expect(flat).toEqual(cifar.test.x.subarray(2 * 3072, 4 * 3072));
    for (const [row, y, x, c] of [
      [0, 0, 0, 0],
      [0, 5, 31, 2],
      [1, 31, 7, 1],
    ] as const)
      expect(last[row * 3072 + (y * 32 + x) * 3 + c]).toBe(flat[row * 3072 + c * 1024 + y * 32 + x]);
  });

  it('are the same of images that are kept as numbers', () => {
    const { count, features, x, labels, shape } = cifar.test;
    const plain = { count, features, x, labels, shape };
    expect(orderedRows(plain, 'channels-last', [1, 3])).toEqual(
      orderedRows(cifar.test, 'channels-last', [1, 3]),
    );
    expect(selectExamples(plain, Int32Array.of(3)).shape).toEqual([3, 32, 32]);
    expect(selectExamples(cifar.test, Int32Array.of(3)).black).toEqual(cifar.test.black);
  });

  it('reach the back end in either order', async () => {
    const backend = await loadBackend();
    for (const order of ['flat', 'channels-last'] as const) {
      const tensor = uploadExamples(backend, cifar.test, order);
      expect(tensor.dataSync()).toEqual(orderedRows(cifar.test, order, [0, 8]));
      tensor.dispose();
    }
  });

  it('are refused where the network takes others', () => {
    expect(rowOrder(cifar.test, [3072])).toBe('flat');
    expect(rowOrder(cifar.test, [32, 32, 3])).toBe('channels-last');
    expect(rowOrder(cifar.test, [3, 32, 32])).toBe('flat');
    // A shape that is both is the file's.
    expect(rowOrder({ features: 27, shape: [3, 3, 3] }, [3, 3, 3])).toBe('flat');
    const refused = (input: number[]): string => {
      try {
        rowOrder(cifar.test, input);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return (error as UserError).message;
      }
      throw new Error('it was accepted');
    };
    expect(refused([784])).toMatch(/have 3072 numbers, but the network takes 784/);
    expect(refused([32, 3, 32])).toMatch(
      /images of 3 x 32 x 32, but the network takes images of 32 x 3 x 32/,
    );
    expect(refused([1, 48, 64])).toMatch(
      /images of 3 x 32 x 32, but the network takes images of 1 x 48 x 64/,
    );
    expect(() => rowOrder({ features: 3072 }, [3, 32, 32])).toThrow(
      /rows of 3072 numbers instead of images, but the network takes images of 3 x 32 x 32/,
    );
  });
});

it('the embedded digits come with a black border, for networks that take 32 x 32', async () => {
  const [small, large] = [
    await loadDataset({ name: 'mnist-10k' }),
    await loadDataset({ name: 'mnist-10k-32' }),
  ];
  expect([large.shape, large.train.count, large.test.count]).toEqual([[1, 32, 32], 8000, 2000]);
  const [black] = large.test.black!;
  expect(black).toBe(Math.fround(Math.fround(0 - Math.fround(0.1307)) / Math.fround(0.3081)));
  const row = orderedRows(large.test, 'channels-last', [7, 8]);
  const digit = orderedRows(small.test, 'flat', [7, 8]);
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      const inside = y >= 2 && y < 30 && x >= 2 && x < 30;
      expect(row[y * 32 + x]).toBe(inside ? digit[(y - 2) * 28 + x - 2] : black);
    }
  }
});
