/** npy, IDX, CSV, YAML and atomic writing. */
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { csvParse } from 'd3';
import { describe, expect, it } from 'vitest';
import { AtomicFile, writeAtomically, writeFileAtomic } from '../../../src-main/formats/atomic.ts';
import { formatCsv } from '../../../src-main/formats/csv.ts';
import { readIdx, readIdxImages, readIdxLabels } from '../../../src-main/formats/idx.ts';
import { decodeNpy, encodeNpy, readNpy, writeNpy } from '../../../src-main/formats/npy.ts';
import { parseYaml, readYaml } from '../../../src-main/formats/yaml.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { temporaryFolder } from './make-files.ts';

const folder = temporaryFolder();
const data = (name: string): string => fileURLToPath(new URL(`data/${name}`, import.meta.url));

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    return (thrown as UserError).message;
  }
  throw new Error('it was accepted');
}

describe('npy', () => {
  it('reads Fortran order and integers as NumPy wrote them', () => {
    const { shape, data: values } = readNpy(data('fortran.npy'));
    expect(shape).toEqual([2, 3, 4]);
    expect([...values]).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(readNpy(data('integers.npy'))).toEqual({
      dtype: 'int64',
      shape: [6],
      data: BigInt64Array.of(-3n, -2n, -1n, 0n, 1n, 2n),
    });
  });

  it('gives back what it writes, for every dtype and rank', () => {
    const arrays = [
      { dtype: 'float32' as const, shape: [2, 3], data: Float32Array.of(1, -2, NaN, Infinity, 0, 6) },
      { dtype: 'float64' as const, shape: [1], data: Float64Array.of(Math.PI) },
      { dtype: 'int32' as const, shape: [], data: Int32Array.of(-7) },
      { dtype: 'int64' as const, shape: [0, 2], data: new BigInt64Array(0) },
      { dtype: 'uint8' as const, shape: [1, 1, 2], data: Uint8Array.of(0, 255) },
      { dtype: 'bool' as const, shape: [2], data: Uint8Array.of(0, 1) },
    ];
    for (const array of arrays) {
      writeNpy(join(folder, 'x.npy'), array);
      expect(readNpy(join(folder, 'x.npy'))).toEqual(array);
      expect(readFileSync(join(folder, 'x.npy')).equals(Buffer.from(encodeNpy(array)))).toBe(true);
    }
  });

  it.each([
    ['nothing', Buffer.alloc(0), /cut short|does not begin/],
    ['a text', Buffer.from('hello, world'), /does not begin like a \.npy/],
    [
      'big-endian numbers',
      npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4),
      /dtype ">f4" is not supported/,
    ],
    [
      'Python objects',
      npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8),
      /dtype "\|O" is not supported/,
    ],
    [
      'a shape that does not fit',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8),
      /needs 12 bytes, but 8 follow/,
    ],
    [
      'an absurd shape',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 8),
      /but 8 follow/,
    ],
    ['a negative shape', npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 8), /offset 10/],
    [
      'no shape',
      npy("{'descr': '<f4', 'fortran_order': False, }", 8),
      /descr, fortran_order and shape were expected/,
    ],
  ] as [string, Buffer, RegExp][])('refuses %s', (_, bytes, message) => {
    expect(refusal(() => decodeNpy(bytes, 'bad.npy'))).toMatch(message);
  });

  it('has no name for bfloat16', () => {
    expect(refusal(() => encodeNpy({ dtype: 'bfloat16', shape: [1], data: Float32Array.of(1) }))).toMatch(
      /bfloat16/,
    );
  });
});

function npy(header: string, dataLength: number): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    length,
    Buffer.from(header),
    Buffer.alloc(dataLength),
  ]);
}

describe('IDX', () => {
  const idx = (type: number, shape: readonly number[], body: Uint8Array): Buffer => {
    const head = Buffer.alloc(4 + 4 * shape.length);
    head.set([0, 0, type, shape.length]);
    shape.forEach((dimension, i) => head.writeUInt32BE(dimension, 4 + 4 * i));
    return Buffer.concat([head, body]);
  };
  const path = join(folder, 'images');
  const put = (bytes: Uint8Array): string => {
    writeFileSync(path, bytes);
    return path;
  };
  const images = idx(
    8,
    [2, 2, 3],
    Uint8Array.from({ length: 12 }, (_, i) => 20 * i),
  );

  it('reads images and labels, plain and gzipped', () => {
    for (const bytes of [images, gzipSync(images)]) {
      const { count, rows, columns, pixels } = readIdxImages(put(bytes));
      expect([count, rows, columns, ...pixels]).toEqual([
        2,
        2,
        3,
        ...Array.from({ length: 12 }, (_, i) => 20 * i),
      ]);
    }
    expect([...readIdxLabels(put(gzipSync(idx(8, [3], Uint8Array.of(7, 0, 9)))))]).toEqual([7, 0, 9]);
  });

  it('reads the digits that come with Basin', () => {
    const digits = readIdxImages(
      fileURLToPath(new URL('../../../resources/data/mnist-10k/t10k-images-idx3-ubyte.gz', import.meta.url)),
    );
    expect([digits.count, digits.rows, digits.columns]).toEqual([2000, 28, 28]);
  });

  it.each([
    ['an empty file', Buffer.alloc(0), /two zero bytes; found nothing/],
    ['another file', Buffer.from('\x89PNG....'), /two zero bytes/],
    ['floats', idx(13, [1], new Uint8Array(4)), /offset 2: IDX type 0x0d/],
    ['no dimensions', idx(8, [], new Uint8Array(4)), /offset 3: 0 dimensions/],
    ['half a header', images.subarray(0, 7), /cut short inside its 3 dimensions/],
    ['a cut file', images.subarray(0, 20), /cut short: .* need 28 bytes with the header, found 20/],
    ['bytes left over', Buffer.concat([images, images]), /extra bytes/],
    ['absurd dimensions', idx(8, [2 ** 32 - 1, 2 ** 32 - 1, 9], new Uint8Array(4)), /at most 1073741824/],
    ['a cut gzip', gzipSync(images).subarray(0, 40), /gzip data are damaged or cut short/],
    [
      'a gzip with more inside than announced',
      gzipSync(Buffer.concat([images, new Uint8Array(1e7)])),
      /inflates to more than the 28 bytes/,
    ],
    ['a gzip with less inside', gzipSync(images.subarray(0, 20)), /cut short/],
  ] as [string, Buffer, RegExp][])('refuses %s', (_, bytes, message) => {
    expect(refusal(() => readIdx(put(bytes)))).toMatch(message);
  });

  it('refuses labels where images were expected', () => {
    expect(refusal(() => readIdxImages(put(idx(8, [1], Uint8Array.of(1)))))).toMatch(
      /1 dimensions \[1\]; 3 \(images/,
    );
    expect(refusal(() => readIdxLabels(put(images)))).toMatch(/3 dimensions .* 1 \(labels\)/);
  });
});

describe('CSV', () => {
  it('is read back by another library, numbers with all their digits', () => {
    const rows = [
      ['a,b', 0.1 + 0.2, null],
      ['say "hi"\nthere', -Infinity, true],
      ['', NaN, 12345678901234567890n],
    ] as const;
    const text = formatCsv(['name', 'value', 'x,y'], rows);
    const parsed = csvParse(text);
    expect(parsed.columns).toEqual(['name', 'value', 'x,y']);
    expect(parsed.map((row) => Object.values(row))).toEqual([
      ['a,b', '0.30000000000000004', ''],
      ['say "hi"\nthere', '-inf', 'true'],
      ['', 'NaN', '12345678901234567890'],
    ]);
    expect(() => formatCsv(['a'], [[1, 2]])).toThrow(/2 cells/);
  });
});

describe('YAML', () => {
  it('keeps what it does not know', () => {
    expect(parseYaml('a: 1e-3\nb: {c: [true, null, x]}\n1: y', 'c.yaml')).toEqual({
      a: 0.001,
      b: { c: [true, null, 'x'] },
      1: 'y',
    });
  });

  it.each([
    ['a syntax error', 'a: [1,\nb: }', /c\.yaml: not valid YAML: .*line 2/],
    ['an alias bomb', bomb(), /alias/i],
    ['60,000 nested lists', '['.repeat(60_000), /not valid YAML|nested/],
    [
      '200 nested maps',
      Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      /nested more than 100 deep/,
    ],
    ['__proto__', 'a:\n  __proto__: {polluted: 1}', /"__proto__" is not allowed/],
  ])('refuses %s', (_, text, message) => {
    expect(refusal(() => parseYaml(text, 'c.yaml'))).toMatch(message);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('refuses a file of more than 64 KiB', () => {
    writeFileSync(join(folder, 'big.yaml'), Buffer.alloc(2 ** 16 + 1, 'a'));
    expect(refusal(() => readYaml(join(folder, 'big.yaml')))).toMatch(/big\.yaml has 65537 bytes/);
  });
});

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
  return lines.join('\n');
}

describe('atomic files', () => {
  const target = join(folder, 'atomic', 'target.json');
  mkdirSync(join(folder, 'atomic'));
  const names = (): string[] => readdirSync(join(folder, 'atomic'));

  it('shows nothing under the final name before commit, and all of it after', () => {
    const file = new AtomicFile(target);
    file.write(Buffer.from('one '));
    file.write(Buffer.from('two'));
    expect(file.size).toBe(7);
    expect(names()).not.toContain('target.json');
    file.commit();
    expect(readFileSync(target, 'utf8')).toBe('one two');
    file.abort();
    expect(names()).toEqual(['target.json']);
    expect(() => file.write(Buffer.from('x'))).toThrow(/committed/);
  });

  it('leaves the old file and no other when the producer fails half-way', () => {
    const failing = (): void =>
      writeAtomically(target, (file) => {
        file.write(Buffer.alloc(100_000, 'x'));
        throw new Error('half-way');
      });
    expect(failing).toThrow('half-way');
    expect(readFileSync(target, 'utf8')).toBe('one two');
    expect(names()).toEqual(['target.json']);
  });

  it('removes its temporary file when the rename fails', () => {
    mkdirSync(join(folder, 'atomic', 'a-folder'));
    writeFileSync(join(folder, 'atomic', 'a-folder', 'inside'), '');
    expect(refusal(() => writeFileAtomic(join(folder, 'atomic', 'a-folder'), 'x'))).toMatch(
      /cannot write .*a-folder/,
    );
    expect(names().sort()).toEqual(['a-folder', 'target.json']);
  });

  it('names the folder that is missing, and a file in the way', () => {
    expect(refusal(() => writeFileAtomic(join(folder, 'none', 'x'), 'x'))).toMatch(
      /cannot write .*none.x: it does not exist/,
    );
    expect(refusal(() => writeFileAtomic(join(target, 'x'), 'x'))).toMatch(/a part of the path is a file/);
  });

  it('replaces a symbolic link, not what it points to', () => {
    const link = join(folder, 'atomic', 'link');
    symlinkSync(target, link);
    writeFileAtomic(link, 'new');
    expect(readFileSync(target, 'utf8')).toBe('one two');
    expect(readFileSync(link, 'utf8')).toBe('new');
  });
});
