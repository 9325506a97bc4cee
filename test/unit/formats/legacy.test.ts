/** Files of torch.save before PyTorch 1.6: real ones (test/fixtures/weights/make.py), and hostile ones made here. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { LazyTensor } from '../../../src-main/formats/tensor.ts';
import type { Opaque } from '../../../src-main/formats/torch/opaque.ts';
import { openTorchBytes, openTorchFile } from '../../../src-main/formats/torch/torch-file.ts';
import type { Tree } from '../../../src-main/formats/torch/tree.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { weightsFixture } from '../../support/fixtures.ts';
import { dictOps, legacyFile, legacyTensorOps, op, pickle } from './make-files.ts';
import type { LegacyClaim } from './make-files.ts';

function at(tree: Tree, ...keys: string[]): Tree | undefined {
  let value: Tree | undefined = tree;
  for (const key of keys) value = value instanceof Map ? value.get(key) : undefined;
  return value;
}

const numbers = (tree: Tree, ...keys: string[]): number[] => [
  ...(at(tree, ...keys) as LazyTensor).readFloat64(),
];

function refusal(bytes: Uint8Array): string {
  const start = process.cpuUsage();
  try {
    openTorchBytes(bytes, 'bad.pt');
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(2000);
    return (thrown as UserError).message;
  }
  throw new Error('it was accepted');
}

describe.each(['legacy.pt', 'legacy-protocol4.pt'])('%s, written by PyTorch', (name) => {
  const { root } = openTorchFile(weightsFixture(name));

  it('reads weights and plain values', () => {
    expect(numbers(root, 'model_state_dict', 'weight')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(numbers(root, 'model_state_dict', 'bias')).toEqual([6, 7, 8]);
    expect([at(root, 'epoch'), at(root, 'counter')]).toEqual([3, new Map([[30, 1]])]);
  });

  it('reads views of one storage', () => {
    expect(numbers(root, 'views', 'base')).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(numbers(root, 'views', 'transposed').slice(0, 5)).toEqual([0, 6, 12, 18, 1]);
    expect(numbers(root, 'views', 'sliced')).toEqual([6, 8, 10, 12, 14, 16]);
    expect(numbers(root, 'views', 'tail')).toEqual([20, 21, 22, 23]);
    expect((at(root, 'views', 'tail') as LazyTensor).storage).toBe(
      (at(root, 'views', 'base') as LazyTensor).storage,
    );
    expect(numbers(root, 'empty')).toEqual([]);
  });

  it('reads every dtype, and passes over those that it does not know', () => {
    const dtypes = at(root, 'dtypes') as Map<string, Tree>;
    for (const [dtype, value] of dtypes) {
      if (dtype === 'complex64') expect((value as Opaque).what).toContain('complex64');
      else expect(numbers(root, 'dtypes', dtype)).toEqual(dtype === 'bool' ? [0, 1, 1, 1] : [0, 1, 2, 100]);
    }
    expect(dtypes.size).toBe(11);
  });
});

describe('other files of that format', () => {
  it('a pickled model is refused by the name of its class', () => {
    expect(() => openTorchFile(weightsFixture('legacy-model.pt'))).toThrow(
      /offset \d+: the pickle names "torch\.nn\.modules\.linear\.Linear"/,
    );
  });

  it('the oldest fixture, and the same bytes by hand', () => {
    const { root } = openTorchFile(fileURLToPath(new URL('data/torch-legacy.pt', import.meta.url)));
    expect(numbers(root, 'w')).toEqual([1, 1]);
    expect(numbers(openTorchBytes(legacyFile()).root, 'w')).toEqual([1, 2]);
  });

  it('storages of PyTorch before 0.4 that are parts of others', () => {
    const view = Buffer.concat([op.mark, op.text('v'), op.int(1), op.int(1), op.tuple]);
    const one = legacyTensorOps({ view, shape: [1], stride: [1] });
    expect(numbers(openTorchBytes(legacyFile({ root: dictOps({ w: one }) })).root, 'w')).toEqual([2]);
  });

  it('texts of Python 2', () => {
    const key = Buffer.concat([Buffer.from([0x55, 1]), Buffer.from('w')]);
    const root = Buffer.concat([op.emptyDict, key, legacyTensorOps(), op.setItem]);
    expect(numbers(openTorchBytes(legacyFile({ root })).root, 'w')).toEqual([1, 2]);
  });

  it('a pickle larger than the first look at it', () => {
    const many = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`entry ${i}`, op.int(i)]));
    const root = dictOps({ ...many, w: legacyTensorOps() });
    expect(root.length).toBeGreaterThan(2 ** 16);
    const read = openTorchBytes(legacyFile({ root })).root;
    expect([numbers(read, 'w'), at(read, 'entry 3999')]).toEqual([[1, 2], 3999]);
  });

  it('bytes after the last storage, as files have that were saved to twice', () => {
    const twice = Buffer.concat([legacyFile(), legacyFile()]);
    expect(numbers(openTorchBytes(twice).root, 'w')).toEqual([1, 2]);
  });
});

describe('hostile files', () => {
  it.each([
    ['another magic number', { magic: op.long([...Array(9).fill(1), 0x10]) }, /bare Python pickle/],
    ['another version', { version: op.int(7) }, /offset \d+: version 1001 .* found "7"/],
    ['a big-endian machine', { machine: dictOps({ little_endian: Buffer.from([0x89]) }) }, /big-endian/],
    ['facts that are no dict', { machine: op.none }, /offset \d+: a dict of facts/],
    [
      'a tensor among the facts',
      { machine: dictOps({ a: legacyTensorOps() }) },
      /a storage inside the facts/,
    ],
    [
      'a name outside the list',
      { root: op.global('os', 'system') },
      /offset \d+: the pickle names "os\.system"/,
    ],
    ['keys that are no list', { keys: op.none }, /a list of the keys/],
    ['no keys', { keys: op.emptyList }, /storage "0" is not in the file/],
    ['a key too many', { keys: list('0', '1') }, /has "1", which is not a storage/],
    [
      'a key twice',
      { keys: list('0', '0') },
      /has "0", which is not a storage of the saved value or appears twice/,
    ],
    ['a key from the prototype', { keys: list('__proto__') }, /"__proto__", which is not a storage/],
    ['another number of elements', { count: 3n }, /storage "0" has 3 elements; 2 were expected/],
    ['a negative number of elements', { count: -2n }, /storage "0" has -2 elements/],
    ['a storage cut short', { data: Buffer.alloc(7) }, /cut short: storage "0" ends at offset \d+/],
    ['no storage', { count: null, data: Buffer.alloc(0) }, /cut short before storage "0"/],
    [
      'a storage larger than the file',
      { root: one({ count: 2 ** 40 }) },
      /should hold 1099511627776 elements/,
    ],
    ['an absurd size', { root: one({ count: -1 }) }, /no valid size/],
    ['two sizes', { root: dictOps({ a: legacyTensorOps(), b: legacyTensorOps({ count: 1 }) }) }, /two sizes/],
    ['a view outside', { root: one({ view: viewOf(1, 2) }) }, /extends beyond it/],
    ['a view of nothing', { root: one({ view: op.emptyTuple }) }, /extends beyond it/],
    ['a tensor outside its storage', { root: one({ shape: [3] }) }, /needs 3 elements/],
    ['a tensor outside its view', { root: one({ view: viewOf(1, 1) }) }, /needs 2 elements/],
    ['endless repetition', { root: one({ shape: [2 ** 40], stride: [0] }) }, /repeats the 2 elements/],
    [
      'a dict that contains itself',
      { root: Buffer.concat([op.emptyList, op.put(0), op.get(0), op.append]) },
      /contains itself/,
    ],
    [
      'much memory',
      { root: Buffer.concat([op.mark, Buffer.alloc(500_000, '}'), op.tuple]) },
      /MiB of memory/,
    ],
  ] as [string, LegacyClaim, RegExp][])('%s', (_, claim, message) => {
    expect(refusal(legacyFile(claim))).toMatch(message);
  });

  it('every truncation', () => {
    const whole = legacyFile();
    for (let length = 1; length < whole.length; length += 3)
      expect(refusal(whole.subarray(0, length))).toMatch(/^bad\.pt: /);
  });

  it('every truncation of a real one beyond the magic number names an offset', () => {
    const whole = readFileSync(weightsFixture('legacy.pt'));
    for (let length = 16; length < whole.length; length += 37)
      expect(refusal(whole.subarray(0, length))).toMatch(/offset \d+/);
  });

  it('nothing is executed for a magic number that is followed by a program', () => {
    const attack = pickle(op.global('os', 'system'), op.text('true'), op.tuple1, op.reduce);
    expect(refusal(legacyFile({ version: attack.subarray(2, -1) }))).toMatch(/names "os\.system"/);
  });
});

function list(...keys: string[]): Buffer {
  return Buffer.concat([op.emptyList, op.mark, ...keys.map((key) => op.text(key)), op.appends]);
}

function one(claim: Parameters<typeof legacyTensorOps>[0]): Buffer {
  return dictOps({ w: legacyTensorOps(claim) });
}

function viewOf(offset: number, size: number): Buffer {
  return Buffer.concat([op.mark, op.text('v'), op.int(offset), op.int(size), op.tuple]);
}
