/** CIFAR files in all their forms: the same images, and damaged ones refused. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cifarVariants, findCifar, imageBytes, readCifar } from '../../../src-main/formats/cifar.ts';
import type { CifarContents } from '../../../src-main/formats/cifar.ts';
import { tarFiles } from '../../../src-main/formats/tar.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { tarOf } from '../../support/tar.ts';
import { temporaryFolder } from './make-files.ts';

const root = temporaryFolder();
const [cifar10, cifar100] = cifarVariants as [(typeof cifarVariants)[0], (typeof cifarVariants)[0]];
const record = 1 + imageBytes;

let made = 0;
function folderWith(files: Record<string, Uint8Array>, below = ''): string {
  const folder = join(root, `c${++made}`);
  mkdirSync(join(folder, below), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, below, name), bytes);
  return folder;
}

const batch = readFileSync(fixturePath('cifar/data_batch_1.bin'));
const test = readFileSync(fixturePath('cifar/test_batch.bin'));
/** As many as the pickles of the fixtures have. */
const few = {
  'data_batch_1.bin': batch.subarray(0, 4 * record),
  'test_batch.bin': test.subarray(0, 4 * record),
};

function read(folder: string, variant = cifar10): CifarContents {
  const place = findCifar(variant, folder);
  if (!place) throw new Error(`nothing was found in ${folder}`);
  return readCifar(variant, place);
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    return (thrown as UserError).message;
  }
  throw new Error('it was accepted');
}

describe('the forms of CIFAR-10', () => {
  const plain = read(folderWith(few));

  it('the binary form has a label and three planes a record', () => {
    expect(plain.train.map(({ count }) => count)).toEqual([4]);
    expect(plain.train[0]!.labels[0]).toBe(batch[0]);
    expect(plain.train[0]!.pixels.slice(0, imageBytes)).toEqual(new Uint8Array(batch.subarray(1, record)));
    expect(plain.test[0]!.labels[3]).toBe(test[3 * record]);
  });

  it.each(['py2', 'py3'])('pickles of %s hold the same', (form) => {
    const folder = join(root, form, 'cifar-10-batches-py');
    mkdirSync(folder, { recursive: true });
    for (const name of ['data_batch_1', 'test_batch'])
      copyFileSync(fixturePath(`cifar/${form}/${name}`), join(folder, name));
    const place = findCifar(cifar10, join(root, form))!;
    expect(place.form).toBe('pickle');
    expect(readCifar(cifar10, place)).toEqual(plain);
  });

  it('gzipped files, in the folder of the archive, hold the same', () => {
    const packed = Object.fromEntries(
      Object.entries(few).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]),
    );
    expect(read(folderWith(packed, 'cifar-10-batches-bin'))).toEqual(plain);
  });

  it('the published archive is read as it is, five batches in their order', () => {
    const five = [1, 2, 3, 4, 5].map((n) => batch.subarray(n * record, (n + 1) * record));
    const files = Object.fromEntries(
      [
        ...five.map((bytes, i) => [`data_batch_${i + 1}.bin`, bytes] as const),
        ['test_batch.bin', test] as const,
      ].map(([name, bytes]) => [`cifar-10-batches-bin/${name}`, bytes]),
    );
    const { train, test: tested } = read(folderWith({ 'cifar-10-binary.tar.gz': gzipSync(tarOf(files)) }));
    expect(train.map(({ labels }) => labels[0])).toEqual(five.map((bytes) => bytes[0]));
    expect(tested[0]!.count).toBe(8);
  });

  it('CIFAR-100 counts fine labels', () => {
    const pixels = batch.subarray(1, record);
    const one = Buffer.concat([Buffer.of(3, 77), pixels]);
    const { train, sha256 } = read(folderWith({ 'train.bin': one, 'test.bin': one }), cifar100);
    expect([...train[0]!.labels]).toEqual([77]);
    expect(Object.keys(sha256)).toEqual(['train.bin', 'test.bin']);
  });

  it('images and labels of any kind come back', () => {
    const images = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 9 }),
        fc.uint8Array({ minLength: imageBytes, maxLength: imageBytes }),
      ),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(images, images, (train, tested) => {
        const bytesOf = (all: typeof train): Buffer =>
          Buffer.concat(all.flatMap(([label, pixels]) => [Buffer.of(label), pixels]));
        const found = read(
          folderWith({ 'data_batch_1.bin': bytesOf(train), 'test_batch.bin': bytesOf(tested) }),
        );
        for (const [part, wanted] of [
          [found.train[0]!, train],
          [found.test[0]!, tested],
        ] as const) {
          expect([...part.labels]).toEqual(wanted.map(([label]) => label));
          expect(Buffer.from(part.pixels)).toEqual(Buffer.concat(wanted.map(([, pixels]) => pixels)));
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe('what is not CIFAR', () => {
  it('a folder without test images is none', () => {
    expect(findCifar(cifar10, folderWith({ 'data_batch_1.bin': batch }))).toBeUndefined();
  });

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    [
      'a file cut short',
      { ...few, 'data_batch_1.bin': batch.subarray(0, 5000) },
      /data_batch_1\.bin: 5000 bytes, but each record of CIFAR-10 takes 3073/,
    ],
    ['an empty file', { ...few, 'test_batch.bin': Buffer.alloc(0) }, /test_batch\.bin: 0 bytes/],
    [
      'a label beyond the classes',
      {
        ...few,
        'data_batch_1.bin': Buffer.concat([
          few['data_batch_1.bin'],
          Buffer.of(10),
          batch.subarray(1, record),
        ]),
      },
      /data_batch_1\.bin, image 5: its label is 10; 0 to 9/,
    ],
    ['a missing batch', { ...few, 'data_batch_3.bin': batch }, /data_batch_2\.bin is missing/],
    [
      'damaged gzip data',
      { ...few, 'data_batch_1.bin': gzipSync(batch).subarray(0, 2000) },
      /gzip data are damaged/,
    ],
    [
      'an archive without a batch',
      { 'cifar-10-binary.tar.gz': tarOf({ 'cifar-10-batches-bin/x': batch }) },
      /has no .*data_batch_1/,
    ],
    [
      'a damaged archive',
      { 'cifar-10-binary.tar.gz': Buffer.alloc(1024, 7) },
      /offset 0: the header of a tar archive/,
    ],
  ])('%s is refused', (_name, files, message) => {
    expect(refusal(() => read(folderWith(files)))).toMatch(message);
  });

  it.each<[string, string, RegExp]>([
    ['an opcode of another kind', "S'x'\n.", /offset 2: opcode STRING is not allowed/],
    ['a function to call', 'cos\nsystem\n(U\x04true\x85R.', /os\.system.*not allowed/],
    ['no array', '}(U\x04dataK\x01u.', /"data" as u1 .* found no such array/],
  ])('a pickle with %s is refused', (_name, pickle, message) => {
    const bytes = Buffer.from(`\x80\x02${pickle}`, 'latin1');
    expect(refusal(() => read(folderWith({ data_batch_1: bytes, test_batch: bytes })))).toMatch(message);
  });

  it('a pickle whose labels do not fit is refused by position', () => {
    const sound = readFileSync(fixturePath('cifar/py2/data_batch_1'));
    const at = sound.indexOf('q\x05(K') + 4;
    const bad = Buffer.from(sound);
    bad[at] = 200;
    const files = { data_batch_1: bad, test_batch: sound };
    expect(refusal(() => read(folderWith(files)))).toMatch(/data_batch_1, labels\[0\]: its label is 200/);
  });
});

describe('tar', () => {
  it('files of any size come back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,20}$/), fc.uint8Array({ maxLength: 1500 })),
        (files) => {
          const found = tarFiles(tarOf(files), 'x.tar');
          expect(
            Object.fromEntries([...found].map(([name, bytes]) => [name, new Uint8Array(bytes)])),
          ).toEqual(files);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('an archive that ends inside a file is refused', () => {
    expect(refusal(() => tarFiles(tarOf({ a: batch }).subarray(0, 4096), 'x.tar'))).toMatch(
      /x\.tar: offset 0: .*cut short/,
    );
  });
});
