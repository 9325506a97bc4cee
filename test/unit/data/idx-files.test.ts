/** IDX files as downloads and archives leave them behind, and what lies in their place. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDataset } from '../../../src-main/compute/data/index.ts';
import type { Dataset, DataRequest } from '../../../src-main/compute/data/index.ts';
import { allIdxFiles, idxSets } from '../../../src-main/formats/data-sets.ts';
import { idxFilesBelow } from '../../../src-main/formats/idx-folder.ts';

const embedded = fileURLToPath(new URL('../../../resources/data/mnist-10k', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'basin-idx-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** 60 digits for training, 60 to test with. */
const few = new Map(
  allIdxFiles.map((file) => {
    const [header, size] = file.includes('images') ? [16, 784] : [8, 1];
    const bytes = gunzipSync(readFileSync(join(embedded, `${file}.gz`))).subarray(0, header + 60 * size);
    bytes.writeUInt32BE(60, 4);
    return [file, bytes] as const;
  }),
);

let count = 0;
function folderOf(put: (folder: string, name: string, bytes: Buffer) => void, inner = ''): string {
  const made = join(root, `f${++count}`);
  mkdirSync(join(made, inner), { recursive: true });
  for (const [name, bytes] of few) put(join(made, inner), name, bytes);
  return made;
}

const write = (...parts: [...string[], Uint8Array | string]): void => {
  const path = join(...(parts.slice(0, -1) as string[]));
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, parts.at(-1)!);
};
const plain = (folder: string, name: string, bytes: Buffer) => write(folder, name, bytes);
const dotted = (name: string): string => name.replace('-idx', '.idx');

const refusal = (request: DataRequest) =>
  Promise.resolve()
    .then(() => loadDataset(request))
    .then(
      () => Promise.reject(new Error('it was read')),
      (error: Error & { hint?: string }) => `${error.message} ${error.hint ?? ''}`,
    );

describe('IDX files of other names and packings give the same numbers', () => {
  let whole: Dataset;
  beforeAll(async () => {
    whole = await loadDataset({ dataDir: folderOf(plain) });
  });

  it.each<[string, Parameters<typeof folderOf>[0], string?]>([
    ['with dots', (f, n, b) => write(f, dotted(n), b)],
    ['with dots, packed', (f, n, b) => write(f, `${dotted(n)}.gz`, gzipSync(b))],
    ["in folders of the file's own name", (f, n, b) => write(f, n, n, b)],
    ['in folders with dots', (f, n, b) => write(f, n, dotted(n), b)],
    ['in such folders and beside them', (f, n, b) => (write(f, n, n, b), write(f, dotted(n), b))],
    ['unpacked under a .gz name', (f, n, b) => write(f, `${n}.gz`, b)],
    ['packed twice', (f, n, b) => write(f, `${n}.gz`, gzipSync(gzipSync(b)))],
    ['packed three times', (f, n, b) => write(f, `${n}.gz`, gzipSync(gzipSync(gzipSync(b))))],
    ['in KMNIST/raw', plain, 'KMNIST/raw'],
    ['in MNIST/raw', plain, 'MNIST/raw'],
    ['in FashionMNIST/raw', plain, 'FashionMNIST/raw'],
  ])('%s', async (_, put, inner) => {
    const dataDir = folderOf(put, inner);
    const read = await loadDataset({ dataDir, preferred: 'mnist' });
    expect(read).toEqual({ ...whole, origin: join(dataDir, inner ?? '') });
    // The key under which results are kept sees every one of these files.
    expect(idxFilesBelow(dataDir).length).toBeGreaterThanOrEqual(4);
  });

  it('a packing without end is refused', async () => {
    const deep = (bytes: Buffer): Buffer => [1, 2, 3, 4, 5, 6].reduce((inner) => gzipSync(inner), bytes);
    expect(await refusal({ dataDir: folderOf((f, n, b) => write(f, `${n}.gz`, deep(b))) })).toMatch(
      /train-images.*more than four times/,
    );
  });

  it('two files for one that hold different data are refused, a damaged one beside a sound one is not', async () => {
    const two = folderOf((f, n, b) => (write(f, n, b), write(f, `${n}.gz`, gzipSync(b))));
    expect((await loadDataset({ dataDir: two })).sha256).toEqual(whole.sha256);
    write(two, 't10k-labels-idx1-ubyte.gz', gzipSync(few.get('train-labels-idx1-ubyte')!).subarray(0, 40));
    expect((await loadDataset({ dataDir: two })).sha256).toEqual(whole.sha256);
    write(two, 't10k-labels-idx1-ubyte.gz', gzipSync(few.get('train-labels-idx1-ubyte')!));
    expect(await refusal({ dataDir: two })).toMatch(/t10k-labels-idx1-ubyte.gz hold different data/);
  });
});

describe('what is no IDX file is named for what it is', () => {
  const pieces: [string, string | Uint8Array, RegExp][] = [
    [
      'an HTML page',
      '<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>',
      /HTML page \("403 Forbidden"\).*basin data fetch/,
    ],
    ['a packed HTML page', gzipSync('<html><body>no</body></html>'), /HTML page/],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n',
      /Git LFS pointer.*git lfs pull/i,
    ],
    ['a zip', Buffer.from('504b0304140000000800', 'hex'), /zip archive.*[Uu]npack/],
    ['a CSV', 'label,1x1,1x2,1x3\n5,0,0,128\n', /CSV.*IDX files/],
    ['a CSV without a title', '5,0,0,0,128\n0,0,0,0,3\n', /CSV/],
    ['a pickle', Buffer.from('80027d71', 'hex'), /pickle/],
    ['a NumPy array', Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY\x01\x00')]), /NumPy/],
  ];

  it.each(pieces)('%s in its place', async (_, content, message) => {
    const put = (f: string, n: string, b: Buffer) => write(f, n, n.startsWith('train-images') ? content : b);
    expect(await refusal({ dataDir: folderOf(put) })).toMatch(message);
  });

  it.each([
    ['digits.zip', Buffer.from('504b0304140000000800', 'hex'), /digits\.zip: it is a zip archive; unpack it/],
    ['mnist_train.csv', 'label,pixel0,pixel1\n1,0,0\n', /mnist_train\.csv: it is a CSV/],
  ])('a folder that only holds %s', async (name, content, message) => {
    const folder = join(root, `only-${name}`);
    write(folder, name, content);
    expect(await refusal({ name: 'mnist', dataDir: folder })).toMatch(message);
  });

  it('a file in place of the folder, a folder that is not there, one that lacks a file', async () => {
    const folder = folderOf(plain);
    expect(await refusal({ dataDir: join(folder, 'train-images-idx3-ubyte') })).toMatch(
      /is a file; the folder/,
    );
    expect(await refusal({ name: 'mnist', dataDir: join(folder, 'none') })).toMatch(/none does not exist/);
    rmSync(join(folder, 't10k-labels-idx1-ubyte'));
    expect(await refusal({ name: 'mnist', dataDir: folder })).toMatch(/lacks t10k-labels-idx1-ubyte;/);
  });
});

describe('a name means its data', () => {
  it.each(['emnist', 'SVHN'])('%s cannot be read, whatever the folder holds', async (name) => {
    expect(await refusal({ name, dataDir: folderOf(plain) })).toMatch(
      /Basin cannot read .* yet; there are mnist-10k/,
    );
  });

  it.each([
    ['mnist', 'FashionMNIST/raw', /holds FashionMNIST, not mnist/],
    ['mnist', 'KMNIST/raw', /holds KMNIST, not mnist/],
    ['mnist-10k', 'FashionMNIST/raw', /holds FashionMNIST, not mnist-10k/],
    ['fashion-mnist', 'MNIST/raw', /holds MNIST, not fashion-mnist/],
  ])('%s is not taken from %s', async (name, inner, message) => {
    const dataDir = folderOf(plain, inner);
    expect(await refusal({ name, dataDir })).toMatch(message);
    expect(await refusal({ name, dataDir: join(dataDir, inner) })).toMatch(/not/);
  });

  it('of two sets in a folder, the one that is asked for, or the run had; else both are named', async () => {
    const dataDir = folderOf(plain, 'MNIST/raw');
    for (const [name, bytes] of few) write(dataDir, 'FashionMNIST/raw', name, bytes);
    for (const [name, inner] of [
      ['mnist', 'MNIST/raw'],
      ['FashionMNIST', 'FashionMNIST/raw'],
    ] as const) {
      expect((await loadDataset({ name, dataDir })).origin).toBe(join(dataDir, inner));
      expect((await loadDataset({ preferred: name, dataDir })).origin).toBe(join(dataDir, inner));
    }
    expect(await refusal({ dataDir })).toMatch(/more than one data set: .*FashionMNIST\/raw.*MNIST\/raw/);
  });

  it('files of no known set are named after their contents, which are checked when they are named again', async () => {
    const dataDir = folderOf(plain);
    const { name } = await loadDataset({ name: 'mnist', dataDir });
    expect(name).toMatch(/^idx-[0-9a-f]{8}$/);
    expect((await loadDataset({ name: 'idx', dataDir })).name).toBe(name);
    expect((await loadDataset({ name, dataDir })).name).toBe(name);
    const labels = Buffer.from(few.get('t10k-labels-idx1-ubyte')!);
    labels[8] = (labels[8]! + 1) % 10;
    write(dataDir, 't10k-labels-idx1-ubyte', labels);
    expect(await refusal({ name, dataDir })).toMatch(/have changed; they are now idx-/);
    expect((await loadDataset({ name: 'idx', dataDir })).name).not.toBe(name);
  });

  it('the embedded digits are known wherever they lie, and no folder stands for them', async () => {
    const folder = join(root, 'elsewhere');
    for (const file of allIdxFiles) write(folder, `${file}.gz`, readFileSync(join(embedded, `${file}.gz`)));
    expect((await loadDataset({ dataDir: folder })).name).toBe('mnist-10k');
    expect(await refusal({ name: 'fashion-mnist', dataDir: folder })).toMatch(/not fashion-mnist/);
    expect(await refusal({ name: 'mnist-10k', dataDir: root })).toMatch(
      /no IDX files.*embedded and needs no folder/,
    );
  });

  it('the table gives four checksums or none, and each set a folder of its own', () => {
    for (const { sha256, folders } of idxSets) {
      expect(sha256?.every((sum) => /^[0-9a-f]{64}$/.test(sum)) ?? true).toBe(true);
      expect(folders.length).toBeGreaterThan(0);
    }
  });
});
