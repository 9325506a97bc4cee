/** Own data: arrays, tables and images, read as they are or refused by file, row and value. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import {
  classNumbers,
  exampleNumbers,
  kindOfExamples,
  readArray,
} from '../../../src-main/formats/examples/arrays.ts';
import { decodeImage, listImages, readImages } from '../../../src-main/formats/examples/image-folder.ts';
import { columnOf, readTable, tableLabels, tableNumbers } from '../../../src-main/formats/examples/table.ts';
import { encodeNpy } from '../../../src-main/formats/npy.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { temporaryFolder } from './make-files.ts';

const root = temporaryFolder();
let made = 0;
function file(name: string, bytes: Uint8Array | string): string {
  const path = join(root, `e${++made}`, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
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

const array = (dtype: TensorValue['dtype'], shape: number[], data: TensorValue['data']): TensorValue => ({
  ...{ dtype, shape, data },
});

describe('arrays', () => {
  it('what a file is, its first bytes say', () => {
    const npy = encodeNpy(array('uint8', [2, 2], Uint8Array.of(1, 2, 3, 4)));
    expect(kindOfExamples(file('x', npy))).toBe('npy');
    expect(kindOfExamples(fixturePath('cifar/stored.npz'))).toBe('npz');
    expect(kindOfExamples(file('x', Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 5])))).toBe('idx');
    expect(kindOfExamples(file('x.csv', '1,2'))).toBe('table');
    expect(kindOfExamples(root)).toBe('folder');
    expect(refusal(() => kindOfExamples(join(root, 'none')))).toMatch(/none: it does not exist/);
  });

  it.each(['stored', 'deflated'])('one array of a %s .npz is named behind a colon', (form) => {
    const path = fixturePath(`cifar/${form}.npz`);
    const images = readArray(`${path}:x_train`, 'npz');
    expect([images.dtype, images.shape, [...(images.data as Uint8Array)]]).toEqual([
      'uint8',
      [4, 2, 3],
      Array.from({ length: 24 }, (_, i) => i),
    ]);
    expect(classNumbers(readArray(`${path}:y_train.npy`, 'npz'), 'y').values).toEqual([0, 1, 1, 0]);
    expect(refusal(() => readArray(path, 'npz'))).toMatch(/which array is meant.*holds x_train, y_train/);
    expect(refusal(() => readArray(`${path}:x`, 'npz'))).toMatch(/no array "x"/);
  });

  it('a damaged .npz is refused', () => {
    const path = file('x.npz', Buffer.from('PK\x03\x04 and nothing else', 'latin1'));
    expect(refusal(() => readArray(path, 'npz'))).toMatch(/x\.npz: /);
  });

  it('bytes stay bytes, all else becomes float32', () => {
    const bytes = Uint8Array.of(0, 255);
    expect(exampleNumbers(array('uint8', [1, 2], bytes), 'x').data).toBe(bytes);
    const wide = exampleNumbers(array('float64', [1, 2], Float64Array.of(0.1, -2)), 'x').data;
    expect(wide).toEqual(Float32Array.of(0.1, -2));
    const whole = exampleNumbers(array('int64', [2, 1], BigInt64Array.of(-7n, 2n ** 24n)), 'x').data;
    expect(whole).toEqual(Float32Array.of(-7, 2 ** 24));
  });

  it.each<[string, TensorValue, RegExp]>([
    ['NaN', array('float32', [2, 2], Float32Array.of(1, 2, 3, NaN)), /x\.npy: row 1 .*number 1: NaN/],
    ['an infinity', array('float32', [2, 1], Float32Array.of(-Infinity, 2)), /row 0 .*-Infinity/],
    ['too large for float32', array('float64', [1, 1], Float64Array.of(1e300)), /1e\+300, which float32/],
    ['too large an integer', array('int64', [1, 1], BigInt64Array.of(2n ** 24n + 1n)), /16777217/],
    ['one axis', array('float32', [3], new Float32Array(3)), /shape \[3\]/],
    ['no examples', array('float32', [0, 3], new Float32Array(0)), /empty/],
  ])('inputs with %s are refused', (_name, value, message) => {
    expect(refusal(() => exampleNumbers(value, 'x.npy'))).toMatch(message);
  });

  it.each<[string, TensorValue, RegExp]>([
    [
      'a fraction',
      array('float32', [2], Float32Array.of(1, 0.5)),
      /y\.npy: row 1 .*label is 0\.5 \(float32\)/,
    ],
    ['a negative one', array('int32', [1], Int32Array.of(-1)), /row 0 .*label is -1/],
    ['NaN', array('float64', [1], Float64Array.of(NaN)), /label is NaN/],
    ['one column per class', array('uint8', [1, 3], Uint8Array.of(0, 1, 0)), /shape \[1, 3\]/],
  ])('labels with %s are refused', (_name, value, message) => {
    expect(refusal(() => classNumbers(value, 'y.npy'))).toMatch(message);
  });
});

describe('tables', () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

  it('numbers come back, whatever separates them, with names or without', () => {
    const rows = fc
      .integer({ min: 1, max: 5 })
      .chain((width) =>
        fc.array(fc.array(finite, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
      );
    fc.assert(
      fc.property(rows, fc.constantFrom(',', ';', '\t'), fc.boolean(), (values, separator, named) => {
        const header = named ? [values[0]!.map((_, i) => `"col ${i}"`).join(separator)] : [];
        const text = [...header, ...values.map((row) => row.join(separator))].join('\r\n');
        const { shape, data } = tableNumbers(readTable(file('x.csv', text)));
        expect(shape).toEqual([values.length, values[0]!.length]);
        expect(data).toEqual(Float32Array.from(values.flat()));
      }),
    );
  });

  it('a column of labels is found by name or number, and left out of the numbers', () => {
    const table = readTable(file('x.csv', 'a,species,b\n1,"cat, wild",2\n3,dog,4\n'));
    expect(columnOf(table, 'species')).toBe(1);
    expect(columnOf(table, '2')).toBe(1);
    expect(tableLabels(table, 1).values).toEqual(['cat, wild', 'dog']);
    expect([...tableNumbers(table, 1).data]).toEqual([1, 2, 3, 4]);
    expect(refusal(() => columnOf(table, 'specie'))).toMatch(/no column "specie".*Did you mean "species"/);
  });

  it('labels are numbers if they look like numbers', () => {
    expect(tableLabels(readTable(file('y.csv', 'label\n3\n0\n')), 0).values).toEqual([3, 0]);
    expect(tableLabels(readTable(file('y.csv', 'class\nb\na\n')), 0).values).toEqual(['b', 'a']);
  });

  it.each<[string, string, RegExp]>([
    ['a word', '1,2\n3,four\n', /x\.csv, line 2, column 2: "four"/],
    ['an empty cell', 'a,b\n1,2\n\n3,\n', /line 4, column "b": nothing/],
    ['NaN', '1,2\nNaN,3\n', /line 2, column 1: "NaN"/],
    ['a number beyond float32', '1e39\n', /line 1, column 1: "1e39"/],
    ['rows of two lengths', '1,2\n3\n', /line 2: 1 cells; the first line has 2/],
    ['an open quotation mark', '1,2\n"3,4\n', /line 2: a quotation mark/],
    ['nothing', '\n \n', /the table is empty/],
  ])('a table with %s is refused', (_name, text, message) => {
    expect(refusal(() => tableNumbers(readTable(file('x.csv', text))))).toMatch(message);
  });

  it.each<[string, string, RegExp]>([
    ['a missing label', 'label,x\n1,0\n,0\n', /line 3: the label is missing/],
    ['a word among numbers', 'label,x\n1,0\ncat,0\n', /line 3: the label is "cat"/],
    ['a fraction', 'label,x\n1,0\n1.5,0\n', /line 3: the label is "1\.5"/],
  ])('%s is refused', (_name, text, message) => {
    expect(refusal(() => tableLabels(readTable(file('x.csv', text)), 0))).toMatch(message);
  });
});

describe('images', () => {
  function png(width: number, height: number, rgb: (i: number) => number[], options = {}): Buffer {
    const image = new PNG({ width, height });
    for (let i = 0; i < width * height; i++) image.data.set([...rgb(i), 255].slice(0, 4), 4 * i);
    return PNG.sync.write(image, options);
  }

  function folderOf(files: Record<string, Uint8Array>): string {
    const folder = join(root, `i${++made}`);
    for (const [name, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    return folder;
  }

  function read(folder: string) {
    const reading = readImages(folder, listImages(folder));
    for (;;) {
      const step = reading.next();
      if (step.done) return step.value;
    }
  }

  it('PNG in colour and grey give their pixels, channel by channel', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 18, maxLength: 18 }), fc.boolean(), (bytes, grey) => {
        const rgb = (i: number): number[] => {
          const own = [...bytes.subarray(3 * i, 3 * i + 3)];
          return grey ? [own[0]!, own[0]!, own[0]!] : own;
        };
        const path = file('a.png', png(3, 2, rgb, { colorType: grey ? 0 : 2 }));
        const { shape, bytes: found } = decodeImage(path);
        expect(shape).toEqual([grey ? 1 : 3, 2, 3]);
        const wanted = (grey ? [0] : [0, 1, 2]).flatMap((c) => [0, 1, 2, 3, 4, 5].map((i) => rgb(i)[c]));
        expect([...found]).toEqual(wanted);
      }),
      { numRuns: 30 },
    );
  });

  it('JPEG gives the pixels that the format keeps', () => {
    const rgba = Buffer.alloc(8 * 8 * 4).map((_, i) => [200, 100, 50, 255][i % 4]!);
    const { data } = jpeg.encode({ width: 8, height: 8, data: rgba }, 100);
    const { shape, bytes } = decodeImage(file('a.jpg', data));
    expect(shape).toEqual([3, 8, 8]);
    for (const [c, value] of [200, 100, 50].entries())
      expect(Math.abs(bytes[64 * c]! - value)).toBeLessThanOrEqual(2);
  });

  it('folders are the classes, in the order of their names; what viewers leave behind is passed over', () => {
    const one = (value: number): Buffer => png(2, 2, () => [value, value, value]);
    const folder = folderOf({
      'dog/1.png': one(3),
      'cat/2.PNG': one(2),
      'cat/1.png': one(1),
      'cat/.DS_Store': Buffer.of(1),
      'Thumbs.db': Buffer.of(1),
    });
    const { inputs, labels } = read(folder);
    expect(inputs.shape).toEqual([3, 3, 2, 2]);
    expect([inputs.data[0], inputs.data[12], inputs.data[24]]).toEqual([1, 2, 3]);
    expect(labels.values).toEqual(['cat', 'cat', 'dog']);
  });

  const grey = png(2, 2, () => [9, 9, 9], { colorType: 0 });
  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    [
      'images of two sizes',
      { 'a/1.png': grey, 'b/1.png': png(3, 2, () => [1, 1, 1], { colorType: 0 }) },
      /b.1\.png: an image of 1 x 2 x 3/,
    ],
    ['grey among coloured ones', { 'a/1.png': grey, 'b/1.png': png(2, 2, () => [1, 2, 3]) }, /3 x 2 x 2/],
    [
      'another file',
      { 'a/1.png': grey, 'a/notes.txt': Buffer.of(1) },
      /notes\.txt: a PNG or JPEG image was expected/,
    ],
    ['no classes', { 'x.png': grey }, /a folder for each class/],
    ['a damaged PNG', { 'a/1.png': grey.subarray(0, 40) }, /1\.png: the image is damaged/],
    [
      'a damaged JPEG',
      { 'a/1.jpg': Buffer.of(0xff, 0xd8, 0xff, 0xe0, 0, 2) },
      /1\.jpg: the image is damaged/,
    ],
    ['text under the name of an image', { 'a/1.png': Buffer.from('hello') }, /neither a PNG nor a JPEG/],
    ['a transparent image', { 'a/1.png': png(1, 1, () => [1, 2, 3, 0], { colorType: 6 }) }, /transparent/],
  ])('a folder with %s is refused', (_name, files, message) => {
    const folder = folderOf(files);
    expect(refusal(() => read(folder))).toMatch(message);
  });

  it('an empty class is refused', () => {
    const folder = folderOf({ 'a/1.png': grey });
    mkdirSync(join(folder, 'b'));
    expect(refusal(() => read(folder))).toMatch(/class "b" is empty/);
  });
});

it('IDX inputs and labels are read, packed or not', () => {
  const idx = Buffer.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8]);
  for (const bytes of [idx, gzipSync(idx)]) {
    const path = file('images', bytes);
    expect(exampleNumbers(readArray(path, 'idx'), path)).toMatchObject({
      shape: [1, 1, 2],
      data: Uint8Array.of(7, 8),
    });
  }
});
