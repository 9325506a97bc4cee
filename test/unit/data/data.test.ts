import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import {
  loadDataset,
  rowsOf,
  selectExamples,
  splitExamples,
  splitIndices,
  splitToJson,
  uploadExamples,
} from '../../../src-main/compute/data/index.ts';
import type { Dataset } from '../../../src-main/compute/data/index.ts';
import { fixturePath, goldenJson } from '../../support/fixtures.ts';

interface Split {
  train_indices: number[];
  val_indices: number[];
  test0_row14: number[];
  test_first20_labels: number[];
  train_file_first20_labels: number[];
  sha256: Record<string, string>;
}

const embedded = fileURLToPath(new URL('../../../resources/data/mnist-10k', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'basin-data-'));
const golden = goldenJson<Split>('data_split');
let digits: Dataset;
beforeAll(async () => {
  digits = await loadDataset({ name: 'mnist-10k' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the embedded digits', () => {
  it('are decoded and normalised as the reference does, once', async () => {
    expect([digits.train.count, digits.test.count, digits.classes]).toEqual([8000, 2000, 10]);
    expect(Array.from(digits.test.x.subarray(14 * 28, 15 * 28))).toEqual(golden.test0_row14.map(Math.fround));
    expect(Array.from(digits.test.labels.subarray(0, 20))).toEqual(golden.test_first20_labels);
    expect(Array.from(digits.train.labels.subarray(0, 20))).toEqual(golden.train_file_first20_labels);
    expect(digits.sha256).toEqual(golden.sha256);
    expect(await loadDataset({ name: 'mnist-10k' })).toBe(digits);
  });
});

describe('examples kept as bytes', () => {
  it('are numbers when they are read, whole or in part', () => {
    const { train } = digits;
    const x = Float32Array.from(train.pixels!.bytes, (byte) => train.pixels!.table[byte]!);
    expect(train.x).toEqual(x);
    expect(rowsOf(train, 3, 5)).toEqual(x.subarray(3 * 784, 5 * 784));
    const plain = { count: train.count, features: 784, x, labels: train.labels };
    expect(rowsOf(plain, 3, 5)).toEqual(x.subarray(3 * 784, 5 * 784));
    const indices = Int32Array.of(7999, 0, 42);
    const [few, same] = [selectExamples(train, indices), selectExamples(plain, indices)];
    expect([few.count, few.x, few.labels]).toEqual([same.count, same.x, same.labels]);
    // Not the bytes of the whole file.
    expect(few.pixels!.bytes.buffer.byteLength).toBe(3 * 784);
  });

  it('reach the back end unharmed, though they are made in parts in one array', async () => {
    const backend = await loadBackend();
    const { features, x } = digits.train;
    const before = backend.tf.memory().numTensors;
    // Whether a tensor shares the array's memory hangs on where that lies: so several times.
    for (let attempt = 0; attempt < 8; attempt++) {
      const tensor = uploadExamples(backend, digits.train);
      expect(tensor.shape).toEqual([8000, features]);
      expect(Buffer.from(tensor.dataSync().buffer).equals(Buffer.from(x.buffer))).toBe(true);
      tensor.dispose();
    }
    expect(backend.tf.memory().numTensors).toBe(before);
  });
});

describe('a folder of IDX files', () => {
  it.each(['', 'MNIST/raw'])('is read plain, in "%s", and named for what it holds', async (inner) => {
    const folder = join(root, `plain-${inner.length}`, inner);
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(embedded).filter((f) => f.endsWith('.gz'))) {
      writeFileSync(join(folder, file.slice(0, -3)), gunzipSync(readFileSync(join(embedded, file))));
    }
    const read = await loadDataset({
      name: inner === '' ? undefined : 'mnist',
      dataDir: join(root, `plain-${inner.length}`),
    });
    expect(read.sha256).toEqual(digits.sha256);
    expect(read.train.x).toEqual(digits.train.x);
    expect(read.name).toBe('mnist-10k');
  });

  it('is read again when a file was overwritten in its place', async () => {
    const folder = join(root, 'replaced');
    mkdirSync(folder);
    for (const file of readdirSync(embedded).filter((f) => f.endsWith('.gz')))
      copyFileSync(join(embedded, file), join(folder, file));
    const source = { name: 'mnist', dataDir: folder };
    const before = await loadDataset(source);
    expect(await loadDataset(source)).toBe(before);
    const images = join(folder, 't10k-images-idx3-ubyte.gz');
    const bytes = gunzipSync(readFileSync(images));
    bytes.fill(255, 16, 16 + 28 * 28);
    writeFileSync(images, gzipSync(bytes));
    const after = await loadDataset(source);
    expect(after.test.x[0]).toBeCloseTo((1 - 0.1307) / 0.3081, 5);
    expect(after.train.x).toEqual(before.train.x);
  });

  it('wins over the embedded set, and is refused if its files do not fit', async () => {
    const folder = join(root, 'mixed');
    mkdirSync(folder);
    for (const file of readdirSync(embedded).filter((f) => f.endsWith('.gz')))
      copyFileSync(join(embedded, file), join(folder, file));
    copyFileSync(join(embedded, 't10k-labels-idx1-ubyte.gz'), join(folder, 'train-labels-idx1-ubyte.gz'));
    await expect(loadDataset({ name: 'mnist-10k', dataDir: folder })).rejects.toThrow(
      /train-labels.*2000 labels for the 8000 images/,
    );
  });

  it('that holds none is named, with the way out', async () => {
    await expect(loadDataset({ name: 'mnist', dataDir: root })).rejects.toMatchObject({
      message: expect.stringMatching(/has no IDX files; train-images-idx3-ubyte/) as string,
      hint: expect.stringMatching(/--data-dir.*basin data fetch mnist/) as string,
    });
  });

  it('an unknown name is refused with near misses', async () => {
    await expect(loadDataset({ name: 'minst' })).rejects.toThrow(/"minst" is unknown.*Did you mean "mnist"/);
    await expect(loadDataset({ name: 'constructor' })).rejects.toThrow(/is unknown/);
  });
});

describe('the split', () => {
  it('of seed 42 is the very split of the reference', () => {
    const split = splitIndices(digits);
    expect(Array.from(split.train)).toEqual(golden.train_indices);
    expect(Array.from(split.val)).toEqual(golden.val_indices);
    expect(split.origin).toBe('seed 42');
  });

  it('of another seed or share is another, disjoint and whole', () => {
    const split = splitIndices(digits, { splitSeed: 7, valFraction: 0.25 });
    expect(split.val).toHaveLength(2000);
    expect(Array.from(split.val)).not.toEqual(Array.from(splitIndices(digits, { valFraction: 0.25 }).val));
    expect(new Set([...split.train, ...split.val]).size).toBe(8000);
  });

  it('is read from a file in the layout of the reference, and written in it', () => {
    const file = fixturePath('golden/data_split.json');
    const split = splitIndices(digits, { splitFile: file });
    expect(Array.from(split.val)).toEqual(golden.val_indices);
    const copy = join(root, 'copy.json');
    writeFileSync(copy, splitToJson(digits, split));
    expect(splitIndices(digits, { splitFile: copy })).toEqual({ ...split, origin: copy });
    const examples = splitExamples(digits, split, 'val');
    expect(examples.labels[0]).toBe(digits.train.labels[golden.val_indices[0]!]);
    expect(examples.x.subarray(0, 784)).toEqual(
      digits.train.x.subarray(golden.val_indices[0]! * 784, (golden.val_indices[0]! + 1) * 784),
    );
  });

  it.each([
    [{ train_indices: [1, 8000] }, /train_indices"\[1\] is 8000.*8000 images/],
    [{ train_indices: [1, -1] }, /train_indices\.1/],
    [{ train_indices: [1, 2, 1] }, /"train_indices" lists 1 twice/],
    [{ train_indices: [1, 2], val_indices: [2] }, /2 is in train_indices and in val_indices/],
    [{ train_indices: [1], n_train: 7200 }, /"n_train" is 7200, but train_indices lists 1/],
    [{ n_test: 10000 }, /"n_test" is 10000.*2000/],
    [{ train_indices: [] }, /"train_indices" is empty/],
    [{ sha256: { 'train-images-idx3-ubyte': 'f'.repeat(64) } }, /sha256\.train-images.*another data set/],
    [{ val_indices: undefined }, /val_indices/],
  ])('refuses %j, naming file and field', (change, message) => {
    const file = join(root, 'bad.json');
    writeFileSync(file, JSON.stringify({ train_indices: [1], val_indices: [2], ...change }));
    expect(() => splitIndices(digits, { splitFile: file })).toThrow(message);
    expect(() => splitIndices(digits, { splitFile: file })).toThrow(file);
  });

  it('takes a file with the byte order mark and line ends of Windows', () => {
    const file = join(root, 'windows.json');
    writeFileSync(file, '\uFEFF{\r\n"train_indices": [1],\r\n"val_indices": [2]}\r\n');
    const { train, val } = splitIndices(digits, { splitFile: file });
    expect([[...train], [...val]]).toEqual([[1], [2]]);
  });

  it('refuses a file that is not there or no JSON', () => {
    expect(() => splitIndices(digits, { splitFile: join(root, 'none.json') })).toThrow(
      /none\.json: it does not exist/,
    );
    const file = join(root, 'text.json');
    writeFileSync(file, '{');
    expect(() => splitIndices(digits, { splitFile: file })).toThrow(/not valid JSON/);
  });
});
