/** What the files of one's own data are read as: tables, archives, images, and numbers that do not differ. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { describe, expect, it, vi } from 'vitest';
import { loadDataset } from '../../../src-main/compute/data/index.ts';
import { newArray } from '../../../src-main/formats/examples/arrays.ts';
import { decodeImage } from '../../../src-main/formats/examples/image-folder.ts';
import { encodeNpy } from '../../../src-main/formats/npy.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { add, fresh, name, npy, refusal, text } from '../../support/add-data.ts';

const labels = npy('int64', [4], BigInt64Array.of(0n, 1n, 2n, 0n));

describe('a CSV table', () => {
  const rows = '1.5,2\n2.5,1\n3.5,7\n0.5,3\n';

  it.each<[string, string, RegExp]>([
    [
      'pandas’ index',
      `,x,y\n0,1.5,2\n1,2.5,1\n2,3.5,7\n3,0.5,3\n`,
      /column 1 has no name \(""\), as the index/,
    ],
    ['an index in another order', `,x\n7,1.5\n2,2.5\n9,3.5\n4,0.5\n`, /column 1 has no name/],
    [
      'an index that was saved again',
      `Unnamed: 0,x\n0,1.5\n1,2.5\n2,3\n3,4\n`,
      /column 1 has no name \("Unnamed: 0"\)/,
    ],
    ['an index without names', `0,1.5\n1,2.5\n2,3.5\n3,0.5\n`, /column 1 counts the lines from 0/],
    ['numbered names', `0,1\n${rows}`, /line 1: 0 to 1 in order: pandas writes such numbers as names/],
  ])('with %s is refused', async (_what, content, message) => {
    expect(await refusal({ inputs: text('t.csv', content), labels })).toMatch(message);
  });

  it('with numbered names beside a column of labels is refused', async () => {
    const inputs = text('t.csv', '0,1,kind\n1.5,2,a\n2.5,1,b\n');
    expect(await refusal({ inputs, labelColumn: '3' })).toMatch(/line 1: 0 to 1 in order/);
  });

  it('is taken with numbered names over a column of names, and without the lines counted', async () => {
    const inputs = text('t.csv', 'kind,0,1\na,1.5,2\nb,2.5,1\na,0,0\nb,1,5\n');
    expect(await add({ name: name(), inputs, labelColumn: 'kind', testShare: 0.3 })).toMatchObject({
      ...{ features: 2, classes: 2, train: 3, test: 1 },
    });
  });

  it('of labels with an index, or one line more than examples, says what may be meant', async () => {
    const inputs = text('t.csv', rows);
    expect(await refusal({ inputs, labels: text('l.csv', ',y\n0,1\n1,0\n2,1\n3,1\n') })).toMatch(
      /2 columns; one column of labels was expected.*index=False/,
    );
    expect(await refusal({ inputs, labels: text('l.csv', '0\n1\n0\n1\n1\n') })).toMatch(
      /5 labels for the 4 examples.*If line 1 is a name/,
    );
  });

  it('must have the same columns for training and testing', async () => {
    const inputs = text('t.csv', `a,b,y\n1,2,0\n3,4,1\n5,7,0\n`);
    const files = { inputs, labelColumn: 'y' };
    expect(await refusal({ ...files, testInputs: text('u.csv', 'b,a,y\n1,2,0\n3,4,1\n') })).toMatch(
      /column 1 is "b", but "a" in .*t\.csv; the columns must have the same names/,
    );
    const byNumber = { ...files, labelColumn: '3' };
    expect(await refusal({ ...byNumber, testInputs: text('u.csv', 'a,b,z\n1,2,0\n3,4,1\n') })).toMatch(
      /column 3 is "z", but "y"/,
    );
    const bare = await add({ name: name(), ...byNumber, testInputs: text('u.csv', '1,2,0\n3,4,1\n') });
    expect(bare.notes).toEqual([expect.stringMatching(/t\.csv has names of columns, .*u\.csv has none/)]);
  });
});

describe('an archive of arrays', () => {
  const x = encodeNpy({ dtype: 'float32', shape: [4, 2], data: Float32Array.of(1, 5, 2, 4, 3, 3, 6, 5) });
  const y = encodeNpy({ dtype: 'int32', shape: [4], data: Int32Array.of(0, 1, 0, 1) });
  const archive = (entries: Record<string, Uint8Array>): string => {
    const path = fresh('a.npz');
    writeFileSync(path, zipSync(entries));
    return path;
  };

  it('gives the array that is named, and says which there are', async () => {
    const path = archive({ 'x.npy': x, 'y.npy': y });
    const added = await add({ name: name(), inputs: `${path}:x`, labels: `${path}:y`, testShare: 0.5 });
    expect(added).toMatchObject({ train: 2, test: 2, features: 2, classes: 2 });
    expect(await refusal({ inputs: path, labels })).toMatch(
      /does not say which array is meant; .* holds x, y/,
    );
    expect(await refusal({ inputs: `${path}:z`, labels })).toMatch(/there is no array "z"; .* holds x, y/);
  });

  it('that is damaged is refused by the entry', async () => {
    const path = fresh('a.npz');
    const bytes = zipSync({ 'x.npy': [x, { level: 0 }], 'y.npy': y });
    bytes[170]! ^= 1;
    writeFileSync(path, bytes);
    expect(await refusal({ inputs: `${path}:x`, labels })).toMatch(/zip entry "x\.npy".*checksum/);
  });
});

describe('numbers', () => {
  it('that fit into no array are refused with their size', () => {
    const make = vi.fn(() => new Uint8Array(1));
    expect(() => newArray(5 * 2 ** 30, 'here', make)).toThrow(
      'here: the examples would take 5.0 GiB; at most 4 GiB',
    );
    expect(make).not.toHaveBeenCalled();
    const noRoom = (): never => {
      throw new RangeError('Array buffer allocation failed');
    };
    expect(() => newArray(2 ** 31, 'here', noRoom)).toThrow(UserError);
  });

  it('that are true or false become 0 and 1', async () => {
    const inputs = npy('bool', [4, 2], Uint8Array.of(1, 0, 0, 1, 1, 1, 0, 0));
    const set = name();
    const files = { inputs, labels, testInputs: inputs, testLabels: labels };
    expect(await add({ name: set, ...files, normalisation: 'none' })).toMatchObject({ dtype: 'float32' });
    expect([...(await loadDataset({ name: set })).train.x]).toEqual([1, 0, 0, 1, 1, 1, 0, 0]);
  });

  it('that are constant bytes have no deviation, which is recorded; a set of nothing else is refused', async () => {
    const bytes = Uint8Array.from({ length: 3000 * 3 }, (_, i) => (i % 3 === 1 ? 200 : i % 251));
    const inputs = npy('uint8', [3000, 3], bytes);
    const classes = npy(
      'int32',
      [3000],
      Int32Array.from({ length: 3000 }, (_, i) => i % 2),
    );
    const added = await add({ name: name(), inputs, labels: classes });
    expect(added.std[1]).toBe(1);
    expect(added.mean[1]).toBe(200 / 255);
    expect(added.notes).toEqual([expect.stringMatching(/^1 of 3 numbers of a row are the same/)]);
    const manifest = JSON.parse(readFileSync(join(added.directory, 'dataset.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({ notes: added.notes });
    const same = npy('uint8', [4, 2, 2], new Uint8Array(16).fill(77));
    expect(await refusal({ inputs: same, labels, testShare: 0.3 })).toMatch(
      /training examples are all the same/,
    );
    const tenths = npy('float32', [4, 2], new Float32Array(8).fill(0.1));
    expect(await refusal({ inputs: tenths, labels, testShare: 0.3 })).toMatch(
      /training examples are all the same/,
    );
  });
});

describe('classes of few examples', () => {
  it('stay to train on: what is set aside has no class alone', async () => {
    const many = Array.from({ length: 30 }, (_, i) => (i < 20 ? i : 20));
    const files = {
      inputs: npy(
        'float32',
        [30, 1],
        Float32Array.from(many, (_, i) => i),
      ),
      labels: npy('int32', [30], Int32Array.from(many)),
    };
    const set = name();
    const added = await add({ name: set, ...files, testShare: 0.4 });
    expect([added.train, added.test]).toEqual([21, 9]);
    expect(added.notes).toEqual([expect.stringMatching(/^9 examples were set aside .* instead of 12/)]);
    const { train, test } = await loadDataset({ name: set });
    expect([new Set(train.labels).size, [...new Set(test.labels)]]).toEqual([21, [20]]);
  });
});

describe('a folder of images', () => {
  function folder(file: (i: number) => Buffer): string {
    const path = fresh('images');
    for (const [i, kind] of ['down', 'up'].entries()) {
      mkdirSync(join(path, kind), { recursive: true });
      writeFileSync(join(path, kind, 'a.png'), file(i));
    }
    return path;
  }
  const size = { width: 3, height: 2 };
  const png = (i: number): Buffer => {
    const image = new PNG(size);
    for (let at = 0; at < image.data.length; at++) image.data[at] = at % 4 === 3 ? 255 : 10 * i + at;
    return PNG.sync.write(image, { colorType: 2 });
  };

  it('has the channels first whatever its sizes, and takes no layout', async () => {
    const path = folder(png);
    const set = name();
    const added = await add({ name: set, inputs: path, testInputs: path, normalisation: 'none' });
    expect(added.shape).toEqual([3, 2, 3]);
    const { train } = await loadDataset({ name: set });
    expect([...train.x].slice(0, 6).map((x) => Math.round(255 * x))).toEqual([0, 4, 8, 12, 16, 20]);
    for (const layout of ['channels-last', 'channels-first'])
      expect(await refusal({ inputs: path, testInputs: path, layout })).toMatch(/layout has no effect/);
  });

  it('follows links, and refuses what would be left out or cannot be read', async () => {
    const path = folder(png);
    symlinkSync(join(path, 'up'), join(path, 'left'));
    expect(await add({ name: name(), inputs: path, testInputs: path })).toMatchObject({ classes: 3 });
    writeFileSync(join(path, 'stray.png'), png(0));
    expect(await refusal({ inputs: path })).toMatch(/stray\.png: the image is in no folder of a class/);
    const broken = folder(png);
    symlinkSync(join(broken, 'nowhere'), join(broken, 'up', 'b.png'));
    expect(await refusal({ inputs: broken })).toMatch(/b\.png: a PNG or JPEG image was expected/);
    const vast = folder(() => {
      const header = png(0);
      header.writeUInt32BE(60_000, 16);
      header.writeUInt32BE(60_000, 20);
      return header;
    });
    expect(await refusal({ inputs: vast })).toMatch(/a\.png: the image is damaged/);
  });

  it('tells a grey JPEG by its header, with bytes that fill it up', () => {
    const colour = jpeg.encode({ width: 8, height: 8, data: Buffer.alloc(256, 128) }, 90).data;
    // Of the three components the first alone.
    const [frame, scan] = [colour.indexOf(Buffer.of(0xff, 0xc0)), colour.indexOf(Buffer.of(0xff, 0xda))];
    const size = colour.subarray(frame + 4, frame + 9);
    const grey = (fill: Buffer): Buffer =>
      Buffer.concat([
        ...[colour.subarray(0, frame), fill, Buffer.of(0xff, 0xc0, 0, 11), size, Buffer.of(1, 1, 0x11, 0)],
        ...[colour.subarray(frame + 19, scan), Buffer.of(0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0)],
        colour.subarray(scan + 14),
      ]);
    for (const fill of [Buffer.alloc(0), Buffer.of(0xff), Buffer.of(0xff, 0xff, 0xff)]) {
      const path = fresh('a.jpg');
      writeFileSync(path, grey(fill));
      const { shape, bytes } = decodeImage(path);
      expect([shape, [...bytes].every((value) => Math.abs(value - 128) <= 2)]).toEqual([[1, 8, 8], true]);
    }
  });
});
