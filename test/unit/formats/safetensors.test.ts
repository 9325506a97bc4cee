import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  openSafetensors,
  openSafetensorsBytes,
  writeSafetensors,
} from '../../../src-main/formats/safetensors.ts';
import { dtypes, emptyData } from '../../../src-main/formats/dtype.ts';
import type { DType } from '../../../src-main/formats/dtype.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { temporaryFolder } from './make-files.ts';

const folder = temporaryFolder();

function file(header: string | object, data: Uint8Array = new Uint8Array(0), announced?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(announced ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

const entry = (dtype: string, shape: unknown, data_offsets: unknown): object => ({
  dtype,
  shape,
  data_offsets,
});

function refusal(bytes: Uint8Array): string {
  try {
    openSafetensorsBytes(bytes, 'bad.safetensors');
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    return (thrown as UserError).message;
  }
  throw new Error('it was accepted');
}

describe('openSafetensors', () => {
  it('reads a file of the official library', () => {
    const { tensors, metadata } = openSafetensors(
      fileURLToPath(new URL('data/official.safetensors', import.meta.url)),
    );
    expect(Object.fromEntries(metadata)).toEqual({ format: 'pt' });
    expect(new Set(tensors.keys())).toEqual(new Set(['a.weight', 'a.half', 'count']));
    expect([...tensors.get('a.weight')!.read()]).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(tensors.get('a.weight')!.shape).toEqual([4, 6]);
    expect([...tensors.get('a.half')!.read()].slice(0, 3)).toEqual([1, -2.5, 65504]);
    expect(tensors.get('count')!.read()).toEqual(BigInt64Array.of(7n));
  });

  it('passes over metadata that are no texts', () => {
    for (const metadata of [
      { a: 1, b: 'x' },
      { a: { c: 'x' }, b: 'x' },
    ]) {
      const opened = openSafetensorsBytes(file({ __metadata__: metadata }));
      expect([...opened.metadata]).toEqual([['b', 'x']]);
    }
    expect(openSafetensorsBytes(file({ __metadata__: 3 })).metadata.size).toBe(0);
  });

  it.each([
    ['an empty file', Buffer.alloc(0), /0 bytes is not a safetensors file/],
    ['a header of 2^60 bytes', file('{}', undefined, 2n ** 60n), /header of 1152921504606846976 bytes/],
    [
      'a header longer than the file',
      file('{}', undefined, 3n),
      /header of 3 bytes is announced; between 2 and 2/,
    ],
    ['no header', file('', undefined, 0n), /header of 0 bytes/],
    ['a list', file('[]'), /does not begin with "\{"/],
    ['half of a JSON', file('{"a":'), /not valid JSON/],
    ['invalid UTF-8', file('{}').fill(0xff, 8), /not valid UTF-8/],
    ['200,000 nested lists', file(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`), /header/],
    [
      'an unknown dtype',
      file({ a: entry('F8_E4M3', [1], [0, 1]) }, new Uint8Array(1)),
      /tensor "a": dtype F8_E4M3 is not supported/,
    ],
    ['a negative size', file({ a: entry('F32', [-1], [0, 4]) }, new Uint8Array(4)), /"a", field shape\.0/],
    ['a fractional size', file({ a: entry('F32', [0.5], [0, 2]) }, new Uint8Array(2)), /"a", field shape\.0/],
    [
      'an absurd size',
      file({ a: entry('F32', [2 ** 50, 2 ** 50], [0, 4]) }, new Uint8Array(4)),
      /data_offsets give 4/,
    ],
    [
      'a shape that does not fit',
      file({ a: entry('F32', [3], [0, 8]) }, new Uint8Array(8)),
      /needs 12 bytes, but data_offsets give 8/,
    ],
    [
      'offsets the wrong way round',
      file({ a: entry('F32', [1], [4, 0]) }, new Uint8Array(4)),
      /data_offsets/,
    ],
    ['a field too many', file({ a: { ...entry('F32', [1], [0, 4]), more: 1 } }, new Uint8Array(4)), /more/],
    ['no dtype', file({ a: { shape: [1], data_offsets: [0, 4] } }, new Uint8Array(4)), /field dtype/],
    [
      'an end past the file',
      file({ a: entry('F32', [2], [0, 8]) }, new Uint8Array(4)),
      /cut short: .* 8 bytes of data, but 4/,
    ],
    [
      'bytes left over',
      file({ a: entry('F32', [1], [0, 4]) }, new Uint8Array(5)),
      /1 bytes after the last tensor/,
    ],
    ['a gap', file({ a: entry('F32', [1], [4, 8]) }, new Uint8Array(8)), /the bytes 0 to 4/],
    [
      'an overlap',
      file({ a: entry('F32', [2], [0, 8]), b: entry('F32', [2], [4, 12]) }, new Uint8Array(12)),
      /"b": its data \(4 to 12\) overlap/,
    ],
  ] as [string, Buffer, RegExp][])('refuses %s', (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  it('refuses a name that is given twice, also in disguise', () => {
    const one = JSON.stringify(entry('F32', [1], [0, 4]));
    expect(refusal(file(`{"a":${one},"b":${one},"a" : ${one}}`, new Uint8Array(4)))).toMatch(
      /lists the tensor "a" twice/,
    );
    expect(refusal(file(`{"a":${one},"\\u0061":${one}}`, new Uint8Array(4)))).toMatch(
      /lists the tensor "a" twice/,
    );
  });
});

const tensorArbitrary = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(dtypes) as DType[])),
    shape: fc.array(fc.nat(3), { maxLength: 3 }),
    seed: fc.nat(250),
  })
  .map(({ dtype, shape, seed }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = emptyData(dtype, size);
    for (let i = 0; i < size; i++) {
      const value = dtype === 'bool' ? (seed + i) % 2 : ((seed + i) % 120) - (dtype === 'uint8' ? 0 : 60);
      if (data instanceof BigInt64Array) data[i] = BigInt(value);
      else data[i] = dtype === 'uint8' ? Math.abs(value) : value;
    }
    return { dtype, shape, data };
  });

describe('writeSafetensors', () => {
  it('gives back any tensors, names and metadata', () => {
    const names = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => name !== '__metadata__');
    const property = fc.property(
      fc.uniqueArray(fc.tuple(names, tensorArbitrary), { selector: ([name]) => name, maxLength: 8 }),
      fc.dictionary(fc.string(), fc.string()),
      (entries, metadata) => {
        const path = join(folder, 'any.safetensors');
        writeSafetensors(path, new Map(entries), new Map(Object.entries(metadata)));
        const back = openSafetensors(path);
        expect(
          new Map(
            [...back.tensors].map(([name, t]) => [
              name,
              { dtype: t.dtype, shape: [...t.shape], data: t.read() },
            ]),
          ),
        ).toEqual(new Map(entries));
        expect(new Map(back.metadata)).toEqual(new Map(Object.entries(metadata)));
        back.close();
      },
    );
    fc.assert(property, { numRuns: 60, seed: 3 });
  });

  it('aligns every tensor to its element width and the header to 8 bytes', () => {
    const path = join(folder, 'aligned.safetensors');
    const tensors = new Map([
      ['flag', { dtype: 'bool' as const, shape: [3], data: Uint8Array.of(1, 0, 1) }],
      ['wide', { dtype: 'float64' as const, shape: [1], data: Float64Array.of(Math.PI) }],
      ['half', { dtype: 'float16' as const, shape: [1], data: Float32Array.of(2) }],
    ]);
    writeSafetensors(path, tensors);
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    expect(Object.entries(header).map(([name, { data_offsets }]) => [name, data_offsets[0]])).toEqual([
      ['wide', 0],
      ['half', 8],
      ['flag', 10],
    ]);
    expect(statSync(path).size).toBe(8 + length + 13);
  });

  it('leaves the old file alone when it fails half-way', () => {
    const path = join(folder, 'kept.safetensors');
    const good = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(1, 2) };
    writeSafetensors(path, new Map([['a', good]]));
    const before = readFileSync(path);
    const bad = { ...good, shape: [3] };
    expect(() =>
      writeSafetensors(
        path,
        new Map([
          ['a', good],
          ['b', bad],
        ]),
      ),
    ).toThrow(/shape \[3\] was given 2/);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
