/** Sound .pt files: those of the real library (made by data/make.py) and zip variants of hand-made ones. */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LazyTensor } from '../../../src-main/formats/tensor.ts';
import { openTorchBytes, openTorchFile } from '../../../src-main/formats/torch/torch-file.ts';
import type { Tree } from '../../../src-main/formats/torch/tree.ts';
import { ZipWriter } from '../../../src-main/formats/torch/zip-write.ts';
import { dictOps, pickle, temporaryFolder, tensorOps, torchZip, zipOf } from './make-files.ts';

const temporary = temporaryFolder();
const data = (name: string): string => fileURLToPath(new URL(`data/${name}`, import.meta.url));

function at(tree: Tree | undefined, ...keys: Tree[]): Tree | undefined {
  let value = tree;
  for (const key of keys) value = value instanceof Map ? value.get(key) : undefined;
  return value;
}

function tensor(tree: Tree, ...keys: Tree[]): LazyTensor {
  const value = at(tree, ...keys);
  if (!(value instanceof LazyTensor)) throw new Error(`no tensor at ${keys.map(String).join('.')}`);
  return value;
}

describe.each(['torch-tree.pt', 'torch-tree-protocol4.pt'])('%s, written by PyTorch', (name) => {
  const { root } = openTorchFile(data(name));
  const values = (...keys: Tree[]): number[] => [...tensor(root, ...keys).readFloat64()];
  const range = Array.from({ length: 24 }, (_, i) => i);

  it('reads views of one storage by stride and offset', () => {
    expect(values('layouts', 'base')).toEqual(range);
    expect(tensor(root, 'layouts', 'transposed').shape).toEqual([6, 4]);
    expect(values('layouts', 'transposed').slice(0, 5)).toEqual([0, 6, 12, 18, 1]);
    expect(values('layouts', 'sliced')).toEqual([6, 8, 10, 12, 14, 16]);
    expect(values('layouts', 'expanded')).toEqual([0, 0, 0, 0, 0]);
    expect(values('layouts', 'scalar')).toEqual([2.5]);
    expect(values('layouts', 'empty')).toEqual([]);
    const permuted = tensor(root, 'layouts', 'flipped_axis');
    expect(permuted.shape).toEqual([6, 2, 2]);
    expect([...permuted.readFloat64()].slice(0, 8)).toEqual([0, 6, 12, 18, 1, 7, 13, 19]);
    expect(permuted.storage).toBe(tensor(root, 'layouts', 'base').storage);
  });

  it('reads every dtype', () => {
    for (const dtype of [
      'float64',
      'float32',
      'float16',
      'bfloat16',
      'int64',
      'int32',
      'int16',
      'int8',
      'uint8',
    ]) {
      expect(tensor(root, 'dtypes', dtype).dtype).toBe(dtype);
      expect(values('dtypes', dtype)).toEqual([0, 1, 2, 100]);
    }
    expect(tensor(root, 'dtypes', 'bool').dtype).toBe('bool');
    expect(values('dtypes', 'bool')).toEqual([0, 1, 1, 1]);
    expect(tensor(root, 'dtypes', 'int64').read()).toEqual(BigInt64Array.of(0n, 1n, 2n, 100n));
  });

  it('widens float16 and bfloat16 exactly', () => {
    expect(values('float16')).toEqual([1, -2.5, 65504, 2 ** -24, Infinity, -Infinity, NaN, -0]);
    expect(values('bfloat16')).toEqual([1, -2.5, 65536, 6.007030606269836e-8, Infinity, -Infinity, NaN, -0]);
  });

  it('reads plain values; dict keys are inert', () => {
    expect(values('parameter')).toEqual([1, 1]);
    expect(at(root, 'size')).toEqual([3, 4]);
    expect(at(root, 'device')).toBe('cuda:1');
    expect(at(root, 'text')).toBe('Gewicht \u00e4\u{1F600}');
    const big = [9007199254740993n, -(2n ** 70n)];
    expect(at(root, 'integers')).toEqual([0, -1, 255, 256, 65536, -(2 ** 31), 2 ** 31, ...big]);
    expect(at(root, 'floats')).toEqual([0.1, Infinity, -0]);
    expect(at(root, 'others')).toEqual([null, true, false]);
    expect([...(at(root, 'ordered') as Map<string, number>)]).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
    expect(at(root, '__proto__', 'constructor')).toBe(1);
    expect(at(root, 7)).toBe('int key');
    expect([...(root as Map<Tree, Tree>).keys()]).toContainEqual([1, 2]);
    expect(({} as { constructor: unknown }).constructor).toBe(Object);
  });
});

describe('other files of PyTorch', () => {
  it('reads a plain state dict with its _metadata', () => {
    const { root } = openTorchFile(data('torch-state-dict.pt'));
    expect([...(root as Map<string, LazyTensor>).keys()]).toEqual([
      ...[
        '0.weight',
        '0.bias',
        '1.weight',
        '1.bias',
        '1.running_mean',
        '1.running_var',
        '1.num_batches_tracked',
      ],
    ]);
    expect(tensor(root, '1.num_batches_tracked').shape).toEqual([]);
  });

  it.each([
    ['torch-script.pt', /TorchScript/],
    ['torch-whole-model.pt', /names "torch\.nn\.modules\.container\.Sequential"/],
  ])('refuses %s in words', (name, message) => {
    expect(() => openTorchFile(data(name))).toThrow(message);
  });
});

describe('containers', () => {
  const tree = pickle(dictOps({ w: tensorOps() }));

  it('reads zip64 structures', () => {
    expect([...tensor(openTorchBytes(torchZip(tree, { zip64: true })).root, 'w').read()]).toEqual([1, 2]);
  });

  it('reads a tensor that lies beyond 4 GiB (in a sparse file) without reading what is before it', () => {
    const path = join(temporary, 'large.pt');
    const descriptor = openSync(path, 'w');
    let position = 0;
    const sink = {
      get size() {
        return position;
      },
      write(bytes: Uint8Array) {
        position += writeSync(descriptor, bytes, 0, bytes.length, position);
      },
    };
    const zip = new ZipWriter(sink);
    zip.add('a/data.pkl', tree);
    position = 4.5 * 2 ** 30;
    zip.add('a/data/0', new Uint8Array(Float32Array.of(1, 2).buffer));
    zip.finish();
    closeSync(descriptor);
    expect(statSync(path).size).toBeGreaterThan(2 ** 32);
    const file = openTorchFile(path);
    expect([...tensor(file.root, 'w').read()]).toEqual([1, 2]);
    file.close();
  });

  it('reads deflated entries and a file comment', () => {
    const bytes = zipOf(
      [
        { name: 'a/data.pkl', bytes: tree, deflated: true },
        { name: 'a/data/0', bytes: new Uint8Array(Float32Array.of(1, 2).buffer), deflated: true },
      ],
      { comment: 'hello' },
    );
    expect([...tensor(openTorchBytes(bytes).root, 'w').read()]).toEqual([1, 2]);
  });

  it('reads nothing of a tensor before it is asked for, and checks its checksum then', () => {
    const storage = { name: 'a/data/0', bytes: new Uint8Array(8), claim: { crc: 1 } };
    const { root } = openTorchBytes(zipOf([{ name: 'a/data.pkl', bytes: tree }, storage]), 'x.pt');
    expect(() => tensor(root, 'w').read()).toThrow(
      /x\.pt: zip entry "a\/data\/0" at offset \d+: its checksum .* damaged/,
    );
    const part = pickle(dictOps({ w: tensorOps({ shape: [1], stride: [1] }) }));
    const partly = openTorchBytes(zipOf([{ name: 'a/data.pkl', bytes: part }, storage])).root;
    expect(() => tensor(partly, 'w').read()).toThrow(/checksum/);
  });

  it('says so when a closed file is read', () => {
    const file = openTorchFile(data('torch-tree.pt'));
    file.close();
    file.close();
    expect(() => tensor(file.root, 'parameter').read()).toThrow(/was closed/);
  });
});
