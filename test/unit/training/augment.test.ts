/** Images varied at random: as the published transform varies them, drawn per image, the same in every way of computing. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { augmented, moveOf } from '../../../src-main/compute/data/augment.ts';
import type { Move } from '../../../src-main/compute/data/augment.ts';
import {
  evaluationExamples,
  loadDataset,
  rowsOf,
  selectExamples,
  splitIndices,
  uploadExamples,
} from '../../../src-main/compute/data/index.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { augmentedRows } from '../../../src-main/compute/training/augmented-rows.ts';
import { readNpy } from '../../../src-main/formats/npy.ts';
import { configWith, defaultConfig, readConfig, resolveData } from '../../../src-shared/config.ts';
import type { Augmentation } from '../../../src-shared/config.ts';
import { fixturePath } from '../../support/fixtures.ts';
import golden from '../../fixtures/cifar/augmentation.json' with { type: 'json' };

const root = mkdtempSync(join(tmpdir(), 'basin-augment-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
for (const name of ['data_batch_1.bin', 'test_batch.bin'])
  copyFileSync(fixturePath(`cifar/${name}`), join(root, name));
const cifar = await loadDataset({ name: 'cifar10', dataDir: root });
const backend = await loadBackend();
const maths = mathsOf(backend);
const both: Augmentation = { flip: true, pad: 4, evaluation: 'none' };

/** The images of `rows`, moved so, as a step gathers them. */
function gathered(rows: number[], moves: Move[]): Float32Array {
  const { tf } = backend;
  return tf.tidy(() => {
    const inputs = uploadExamples(backend, cifar.test);
    const numbers = [
      ...moves.map(({ flip }) => Number(flip)),
      ...moves.map(({ top }) => top),
      ...moves.map(({ left }) => left),
    ];
    const out = augmentedRows(
      maths,
      {
        inputs,
        rows: tf.tensor([rows], [1, rows.length], 'int32'),
        moves: tf.tensor(numbers, [3, 1, rows.length], 'int32'),
      },
      { shape: [3, 32, 32], pad: 4, black: [...cifar.test.black!] },
    );
    return out.dataSync() as Float32Array;
  });
}

describe('the published transform', () => {
  it.each(golden.cases)('$file', ({ file, flip, crop_i: top, crop_j: left }) => {
    const wanted = readNpy(fixturePath(`cifar/${file}`)).data as Float32Array;
    const move = { flip: flip === 1, top, left };
    // PyTorch divides where Basin looks up a table: bit for bit the same numbers.
    expect(gathered([0], [move])).toEqual(wanted);
  });
});

describe('varied copies', () => {
  const images = Int32Array.of(5, 0, 7, 5);
  const few = selectExamples(cifar.test, images);
  const how = { augmentation: both, seed: 11, epoch: 3 };

  it('are what a step gathers, of bytes and of numbers', () => {
    const moves = Array.from(images, (image) => moveOf(both, 11, 3, image));
    expect(moves.some(({ flip, top, left }) => flip || top !== 4 || left !== 4)).toBe(true);
    const wanted = gathered([...images], moves);
    expect(augmented(few, images, how).x).toEqual(wanted);
    const { count, features, x, labels, shape, black } = few;
    expect(augmented({ count, features, x, labels, shape, black }, images, how).x).toEqual(wanted);
  });

  it('of one image are equal wherever it stands, and change with epoch and seed', () => {
    const rows = (epoch: number, seed: number): Float32Array =>
      augmented(few, images, { augmentation: both, seed, epoch }).x;
    const [a, b] = [rows(3, 11), rows(3, 11)];
    expect(a).toEqual(b);
    expect(a.subarray(0, 3072)).toEqual(a.subarray(3 * 3072));
    expect(rows(4, 11)).not.toEqual(a);
    expect(rows(3, 12)).not.toEqual(a);
  });

  it('without a border are flipped or not, and nothing else', () => {
    const only = { ...both, pad: 0 };
    const { x } = augmented(few, images, { ...how, augmentation: only });
    images.forEach((image, row) => {
      const own = rowsOf(few, row, row + 1);
      const { flip, top, left } = moveOf(only, 11, 3, image);
      expect([top, left]).toEqual([0, 0]);
      const wanted = flip ? own.map((_, i) => own[i - (i % 32) + 31 - (i % 32)]!) : own;
      expect(x.slice(row * 3072, (row + 1) * 3072)).toEqual(wanted);
    });
  });
});

it('every flip and place is drawn, about equally often', () => {
  const seen = new Map<string, number>();
  const draws = 162 * 200;
  for (let image = 0; image < draws; image++) {
    const { flip, top, left } = moveOf(both, 42, 1 + (image % 3), image);
    const key = `${flip} ${top} ${left}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  expect(seen.size).toBe(162);
  // Chi squared with 161 degrees of freedom: mean 161, deviation 18.
  const chi = [...seen.values()].reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0);
  expect(chi).toBeGreaterThan(161 - 5 * 18);
  expect(chi).toBeLessThan(161 + 5 * 18);
});

describe('evaluations', () => {
  const split = splitIndices(cifar);
  it('see varied images only if it is said, the test split never', () => {
    const on: Augmentation = { ...both, evaluation: 'train-and-val' };
    for (const which of ['train', 'val', 'test'] as const) {
      const plain = evaluationExamples(cifar, split, which, { augmentation: both, seed: 42 });
      const varied = evaluationExamples(cifar, split, which, { augmentation: on, seed: 42 });
      if (which === 'test') expect(varied).toBe(plain);
      else expect(varied.x).not.toEqual(plain.x);
      expect(varied.labels).toEqual(plain.labels);
    }
  });
});

describe('the setting', () => {
  const planOf = (...overrides: string[]) =>
    resolveData(readConfig(configWith(defaultConfig(), overrides))).augmentation;

  it('is off unless the data are CIFAR, and each part is a setting', () => {
    expect(planOf()).toBeUndefined();
    expect(planOf('dataset=cifar10')).toEqual(both);
    expect(planOf('dataset=cifar100', 'dataset.augmentation.pad=2')).toMatchObject({ flip: true, pad: 2 });
    expect(planOf('dataset=cifar10', 'dataset.augmentation=null')).toBeUndefined();
    expect(planOf('+dataset.augmentation.flip=true')).toEqual({ flip: true, pad: 0, evaluation: 'none' });
  });

  it('of evaluations without anything to vary is refused', () => {
    expect(() => planOf('+dataset.augmentation.evaluation=train-and-val')).toThrow(/nothing is varied/);
    expect(() => planOf('+dataset.augmentation.evaluation=val')).toThrow(/dataset\.augmentation\.evaluation/);
  });
});
