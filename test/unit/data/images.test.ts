/** Images: CIFAR as the published code normalises it, digits made larger, and rows as networks take them. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import {
  loadDataset,
  requireFitting,
  rowsOf,
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
  it('are as the file has them, of images that are kept as numbers too', () => {
    const { count, features, x, labels, shape } = cifar.test;
    const plain = { count, features, x, labels, shape };
    for (const examples of [cifar.test, plain])
      expect(rowsOf(examples, 2, 4)).toEqual(x.subarray(2 * 3072, 4 * 3072));
    expect(selectExamples(plain, Int32Array.of(3)).shape).toEqual([3, 32, 32]);
    expect(selectExamples(cifar.test, Int32Array.of(3)).black).toEqual(cifar.test.black);
  });

  it('reach the back end', async () => {
    const backend = await loadBackend();
    const tensor = uploadExamples(backend, cifar.test);
    expect(tensor.dataSync()).toEqual(cifar.test.x);
    tensor.dispose();
  });

  it('are refused where the network takes others', () => {
    for (const input of [[3072], [3, 32, 32]])
      expect(() => {
        requireFitting(cifar.test, input);
      }).not.toThrow();
    const refused = (input: number[]): string => {
      try {
        requireFitting(cifar.test, input);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return (error as UserError).message;
      }
      throw new Error('it was accepted');
    };
    expect(refused([784])).toMatch(/have 3072 numbers, but the network takes 784/);
    expect(refused([32, 32, 3])).toMatch(
      /images of 3 x 32 x 32, but the network takes images of 32 x 32 x 3/,
    );
    expect(refused([1, 48, 64])).toMatch(
      /images of 3 x 32 x 32, but the network takes images of 1 x 48 x 64/,
    );
    expect(() => {
      requireFitting({ features: 3072 }, [3, 32, 32]);
    }).toThrow(/rows of 3072 numbers instead of images, but the network takes images of 3 x 32 x 32/);
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
  const row = rowsOf(large.test, 7, 8);
  const digit = rowsOf(small.test, 7, 8);
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      const inside = y >= 2 && y < 30 && x >= 2 && x < 30;
      expect(row[y * 32 + x]).toBe(inside ? digit[(y - 2) * 28 + x - 2] : black);
    }
  }
});
