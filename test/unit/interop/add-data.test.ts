/** `basin data add`: from files to a data set that trains, and everything that does not fit refused by name. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { loadDataset } from '../../../src-main/compute/data/index.ts';
import { add, fresh, home, name, npy, refusal, text } from '../../support/add-data.ts';

const bytes = Uint8Array.from({ length: 4 * 2 * 2 * 3 }, (_, i) => (i * 37) % 256);
const four = npy('int64', [4], BigInt64Array.of(0n, 1n, 2n, 0n));

describe('a data set of one’s own', () => {
  it('of bytes is normalised per channel by the training images, and read with the channels first', async () => {
    const inputs = npy('uint8', [4, 2, 2, 3], bytes);
    const set = name();
    const added = await add({ name: set, inputs, labels: four, testInputs: inputs, testLabels: four });
    expect(added).toMatchObject({
      train: 4,
      test: 4,
      features: 12,
      shape: [3, 2, 2],
      classes: 3,
      dtype: 'uint8',
    });
    const channel = (c: number): number[] => [...bytes].filter((_, i) => i % 3 === c).map((b) => b / 255);
    for (const c of [0, 1, 2]) {
      const values = channel(c);
      const mean = values.reduce((a, b) => a + b) / values.length;
      const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
      expect(added.mean[c]).toBeCloseTo(mean, 12);
      expect(added.std[c]).toBeCloseTo(std, 12);
    }
    const { train, shape, name: called, contents } = await loadDataset({ name: set });
    expect([called, shape, contents]).toEqual([set, [3, 2, 2], added.contents]);
    // Second pixel of the first image, green.
    expect(train.x[4 + 1]).toBeCloseTo((bytes[4]! / 255 - added.mean[1]!) / added.std[1]!, 5);
  });

  it('of numbers is normalised column by column; what is constant becomes 0', async () => {
    const inputs = npy('float64', [4, 2], Float64Array.of(1, 5, 2, 5, 3, 5, 6, 5));
    const set = name();
    const added = await add({ name: set, inputs, labels: four, testInputs: inputs, testLabels: four });
    expect(added).toMatchObject({ features: 2, shape: null, mean: [3, 5], std: [Math.sqrt(3.5), 1] });
    expect(added.notes).toEqual([
      expect.stringMatching(/^1 of 2 numbers of a row are the same .* 1 is used instead/),
    ]);
    const { train } = await loadDataset({ name: set });
    expect([...train.x].filter((_, i) => i % 2 === 1)).toEqual([0, 0, 0, 0]);
  });

  it('takes a mean and a deviation that are given, and none if none is wanted', async () => {
    const inputs = npy('float32', [4, 2], Float32Array.of(1, 5, 2, 5, 3, 5, 6, 5));
    const files = { inputs, labels: four, testInputs: inputs, testLabels: four };
    expect(await add({ name: name(), ...files, mean: [0.5], std: [2] })).toMatchObject({
      mean: [0.5],
      std: [2],
    });
    const set = name();
    await add({ name: set, ...files, normalisation: 'none' });
    expect([...(await loadDataset({ name: set })).test.x]).toEqual([1, 5, 2, 5, 3, 5, 6, 5]);
  });

  it('without test files sets some examples aside, the same ones each time; all come back exactly', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (labels, width) => {
          // One to test with must be left when one of each class is kept.
          const classes = new Set(labels).size;
          fc.pre(classes > 1 && labels.length > classes);
          const rows = Float32Array.from({ length: labels.length * width }, (_, i) => i - 0.5);
          const files = {
            inputs: npy('float32', [labels.length, width], rows),
            labels: npy('int32', [labels.length], Int32Array.from(labels)),
          };
          const settings = { ...files, testShare: 0.2, normalisation: 'none' };
          const [one, two] = [name(), name()];
          const tried = await add({ name: one, ...settings });
          const again = await add({ name: two, ...settings });
          expect(again.contents).toBe(tried.contents);
          const { train, test } = await loadDataset({ name: one });
          const all = [train, test].flatMap((part) =>
            [...part.labels].map((label, i) => [label, ...part.x.subarray(i * width, (i + 1) * width)]),
          );
          const wanted = labels.map((label, i) => [label, ...rows.subarray(i * width, (i + 1) * width)]);
          expect(new Set(train.labels)).toEqual(new Set(labels));
          expect(test.count).toBeGreaterThan(0);
          const ordered = (list: number[][]): number[][] => list.toSorted((a, b) => a[1]! - b[1]!);
          expect(ordered(all)).toEqual(wanted);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('of a table takes the column of labels out of it; names become numbers in their order', async () => {
    const table = text('t.csv', 'x,kind,y\n1,cat,2\n3,ant,4\n5,cat,6\n7,bee,8\n');
    const added = await add({ name: name(), inputs: table, labelColumn: 'kind', testInputs: table });
    expect(added).toMatchObject({ features: 2, classes: 3, class_names: ['ant', 'bee', 'cat'] });
  });

  it('of images has the folders as classes', async () => {
    const folder = fresh('images');
    for (const [i, kind] of ['up', 'down'].entries()) {
      mkdirSync(join(folder, kind), { recursive: true });
      const image = new PNG({ width: 2, height: 2 });
      image.data.fill(255).set([10 * i], 0);
      writeFileSync(join(folder, kind, 'a.png'), PNG.sync.write(image, { colorType: 2 }));
    }
    const added = await add({ name: name(), inputs: folder, testInputs: folder });
    expect(added).toMatchObject({ shape: [3, 2, 2], class_names: ['down', 'up'], train: 2, test: 2 });
  });

  it('is not replaced unless it is said, and leaves nothing behind if it fails', async () => {
    const files = {
      inputs: npy('float32', [4, 1], Float32Array.of(1, 2, 3, 4)),
      labels: four,
      testShare: 0.3,
    };
    const set = name();
    const first = await add({ name: set, ...files });
    expect(await refusal({ ...files, name: set })).toMatch(/there is a data set .* already/);
    const second = await add({ name: set, ...files, replace: true, mean: [1], std: [1] });
    expect(second.contents).not.toBe(first.contents);
    expect((await loadDataset({ name: set })).contents).toBe(second.contents);
    expect(readdirSync(home).filter((entry) => entry.startsWith('.'))).toEqual([]);
  });
});

describe('what does not fit', () => {
  const two = npy(
    'float32',
    [4, 2],
    new Float32Array(8).map((_, i) => i),
  );
  const images = npy('uint8', [4, 2, 2, 3], bytes);

  it.each<[string, object, RegExp]>([
    [
      'too few labels',
      { inputs: two, labels: npy('int32', [3], Int32Array.of(0, 1, 0)) },
      /3 labels for the 4 examples of .*npy/,
    ],
    [
      'labels of one class',
      { inputs: two, labels: npy('int32', [4], new Int32Array(4)) },
      /all 4 labels are the same \(0\)/,
    ],
    [
      'labels of one class that is not 0',
      { inputs: two, labels: npy('int32', [4], Int32Array.of(3, 3, 3, 3)) },
      /all 4 labels are the same \(3\)/,
    ],
    ['no labels', { inputs: two }, /labels is missing/],
    [
      'a name that is taken',
      { name: 'cifar10', inputs: two, labels: four },
      /"cifar10" is the name of another data set/,
    ],
    [
      'test rows of another length',
      {
        inputs: two,
        labels: four,
        testInputs: npy('float32', [4, 3], new Float32Array(12)),
        testLabels: four,
      },
      /rows of 3 numbers, .* rows of 2 numbers/,
    ],
    [
      'test images of another kind',
      {
        inputs: images,
        labels: four,
        testInputs: npy('float32', [4, 2, 2, 3], new Float32Array(48)),
        testLabels: four,
      },
      /numbers with fractions, .* has bytes/,
    ],
    [
      'a class that only the test has',
      {
        inputs: two,
        labels: four,
        testInputs: two,
        testLabels: npy('int32', [4], Int32Array.of(0, 1, 9, 0)),
      },
      /row 2 .*label is 9; the training examples have 0 to 2/,
    ],
    [
      'an unclear order of axes',
      { inputs: npy('uint8', [4, 2, 2, 2], new Uint8Array(32)), labels: four },
      /which axis holds the channels/,
    ],
    [
      'test labels without inputs',
      { inputs: two, labels: four, testLabels: four },
      /testLabels has no effect/,
    ],
    [
      'a share besides test files',
      { inputs: two, labels: four, testInputs: two, testLabels: four, testShare: 0.5 },
      /testShare has no effect/,
    ],
    ['a layout of rows', { inputs: two, labels: four, layout: 'channels-last' }, /layout has no effect/],
    [
      'a mean without a deviation',
      { inputs: two, labels: four, mean: [0], testShare: 0.5 },
      /std is missing/,
    ],
    [
      'three means for two columns',
      { inputs: two, labels: four, mean: [0, 0, 0], std: [1, 1, 1], testShare: 0.5 },
      /mean: 3 values; 1 or 2 were expected/,
    ],
    [
      'a deviation of 0',
      { inputs: two, labels: four, mean: [0], std: [0], testShare: 0.5 },
      /std: value 1 is 0/,
    ],
    [
      'two kinds of normalisation',
      { inputs: two, labels: four, mean: [0], std: [1], normalisation: 'none', testShare: 0.5 },
      /leave one of them out/,
    ],
    ['a column of an array', { inputs: two, labelColumn: 'y' }, /labelColumn names a column of a CSV table/],
    [
      'too small a share',
      { inputs: two, labels: four, testShare: 0.01 },
      /0.01 of 4 examples of 3 classes are 0/,
    ],
  ])('%s is refused', async (_name, params, message) => {
    expect(await refusal(params)).toMatch(message);
  });
});

describe('a data set that was changed after it was added', () => {
  it('is refused, and so is another than the one that a run was trained on', async () => {
    const set = name();
    const inputs = npy('uint8', [4, 2], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const { directory } = await add({
      name: set,
      inputs,
      labels: four,
      testInputs: inputs,
      testLabels: four,
    });
    await expect(loadDataset({ name: set, contents: '0123456789abcdef' })).rejects.toThrow(
      /holds other data now .* than the run was trained on/,
    );
    const file = join(directory, 'train-inputs.npy');
    const stored = readFileSync(file);
    stored[stored.length - 1]! ^= 1;
    writeFileSync(file, stored);
    await expect(loadDataset({ name: set })).rejects.toThrow(/files were changed after they were added/);
    rmSync(directory, { recursive: true });
    expect(existsSync(directory)).toBe(false);
    await expect(loadDataset({ name: set })).rejects.toThrow(/is unknown/);
  });
});
