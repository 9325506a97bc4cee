import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../src-main/formats/source.ts';
import { LazyTensor } from '../../../src-main/formats/tensor.ts';
import { openTorchFile } from '../../../src-main/formats/torch/torch-file.ts';
import { PythonFloat, tuple } from '../../../src-main/formats/torch/tree.ts';
import type { Tree, WritableTree } from '../../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { openZip } from '../../../src-main/formats/torch/zip.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { temporaryFolder } from './make-files.ts';

const folder = temporaryFolder();
const python = process.env['BASIN_TORCH_PYTHON'];

/** Tensors replaced by what they are and hold, so that two trees can be compared. */
function unfold(tree: Tree): unknown {
  if (tree instanceof LazyTensor) return { dtype: tree.dtype, shape: tree.shape, data: tree.read() };
  if (tree instanceof Map) return new Map([...tree].map(([key, value]) => [unfold(key), unfold(value)]));
  return Array.isArray(tree) ? tree.map((item: Tree) => unfold(item)) : tree;
}

function roundTrip(name: string, tree: WritableTree): Tree {
  const path = join(folder, name);
  writeTorchFile(path, tree);
  return openTorchFile(path).root;
}

describe('writeTorchFile', () => {
  it('gives back a reference checkpoint with equal tensors, tuples and numbers', () => {
    const original = openTorchFile(fixturePath('runs/sym1_kappa1/checkpoint_epoch_5_model_1.pt'));
    const copy = roundTrip('reference.pt', original.root as WritableTree);
    expect(unfold(copy)).toEqual(unfold(original.root));
  });

  it('gives back every kind of value of the real library', () => {
    const { root } = openTorchFile(fileURLToPath(new URL('data/torch-tree.pt', import.meta.url)));
    expect(unfold(roundTrip('tree.pt', root as WritableTree))).toEqual(unfold(root));
  });

  it('keeps tuples, big integers and whole floats apart from lists, ints and floats', () => {
    const tree = new Map<string, WritableTree>([
      [
        'tuple',
        tuple<WritableTree>(
          1,
          -1,
          255,
          256,
          65535,
          -65536,
          2 ** 31,
          -(2 ** 31),
          2 ** 53,
          2n ** 100n,
          -(2n ** 63n),
        ),
      ],
      ['list', [1.5, -0, NaN, Infinity, true, null, 'x', '']],
    ]);
    const back = roundTrip('values.pt', tree) as Map<string, Tree>;
    const ints = [1, -1, 255, 256, 65535, -65536, 2 ** 31, -(2 ** 31), 2 ** 53, 2n ** 100n, -(2n ** 63n)];
    expect(back.get('tuple')).toEqual(ints);
    expect(Object.isFrozen(back.get('tuple'))).toBe(true);
    expect(Object.isFrozen(back.get('list'))).toBe(false);
    expect(back.get('list')).toEqual([1.5, -0, NaN, Infinity, true, null, 'x', '']);
  });

  it('stores a tensor that occurs twice once, and rounds to float16 and bfloat16', () => {
    const shared = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(1, 2) };
    const numbers = Float32Array.of(1, 1.0009765625, 65519, 65520, 2 ** -24, 2 ** -26, -2.5, NaN, 1.00390625);
    const tree = new Map<string, WritableTree>([
      ['a', shared],
      ['b', shared],
      ['half', { dtype: 'float16', shape: [9], data: numbers }],
      ['brain', { dtype: 'bfloat16', shape: [9], data: numbers }],
    ]);
    const back = roundTrip('shared.pt', tree) as Map<string, LazyTensor>;
    expect(back.get('a')?.storage).toBe(back.get('b')?.storage);
    expect([...back.get('half')!.read()]).toEqual([
      1,
      1.0009765625,
      65504,
      Infinity,
      2 ** -24,
      0,
      -2.5,
      NaN,
      1.00390625,
    ]);
    expect([...back.get('brain')!.read()]).toEqual([1, 1, 65536, 65536, 2 ** -24, 2 ** -26, -2.5, NaN, 1]);
  });

  it('lays the file out as PyTorch does: same entries, data aligned to 64 bytes, equal bytes each time', () => {
    const fixture = fixturePath('runs/sym0/checkpoint_epoch_5_model_1.pt');
    const { root } = openTorchFile(fixture);
    const path = join(folder, 'checkpoint_epoch_5_model_1.pt');
    writeTorchFile(path, root as WritableTree);
    const bytes = readFileSync(path);
    const zip = openZip(memorySource(bytes));
    const names = (source: Uint8Array): string[] => [...openZip(memorySource(source)).entries.keys()];
    expect(names(bytes)).toEqual(names(readFileSync(fixture)));
    for (const entry of zip.entries.values()) {
      const start =
        entry.headerOffset +
        30 +
        bytes.readUInt16LE(entry.headerOffset + 26) +
        bytes.readUInt16LE(entry.headerOffset + 28);
      expect(start % 64).toBe(0);
    }
    writeTorchFile(path, root as WritableTree);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('leaves nothing behind when a tensor cannot be read half-way', () => {
    const broken = {
      key: 'x',
      byteLength: 4,
      bytes: () => {
        throw new Error('the disk is gone');
      },
    };
    const tensor = new LazyTensor('float32', broken, [1], [1], 0);
    const path = join(folder, 'broken.pt');
    expect(() => writeTorchFile(path, new Map([['w', tensor]]))).toThrow('the disk is gone');
    expect(readdirSync(folder).filter((name) => name.includes('broken'))).toEqual([]);
  });

  it.skipIf(!python)('is accepted by torch.load(weights_only=True) [needs BASIN_TORCH_PYTHON]', () => {
    const fixture = fixturePath('runs/sym3_kappa1/checkpoint_epoch_5_model_1.pt');
    writeTorchFile(join(folder, 'real.pt'), openTorchFile(fixture).root as WritableTree);
    const extra = new Map<string, WritableTree>([
      ['float', new PythonFloat(1)],
      ['pair', tuple<WritableTree>(1, 'x')],
      ['big', 2n ** 70n],
      ['flag', { dtype: 'bool', shape: [], data: Uint8Array.of(1) }],
      ['empty', { dtype: 'int64', shape: [0, 3], data: new BigInt64Array(0) }],
    ]);
    writeTorchFile(join(folder, 'extra.pt'), extra);
    const script = `
import torch, sys
a = torch.load(sys.argv[1], weights_only=True); b = torch.load(sys.argv[2], weights_only=True)
assert list(a) == list(b), (list(a), list(b))
assert all(torch.equal(a['model_state_dict'][k], b['model_state_dict'][k]) for k in a['model_state_dict'])
assert list(a['model_state_dict']) == list(b['model_state_dict'])
assert a['optimizer_state_dict']['param_groups'] == b['optimizer_state_dict']['param_groups']
assert all(torch.equal(v, b['optimizer_state_dict']['state'][i][k]) for i, s in a['optimizer_state_dict']['state'].items() for k, v in s.items())
assert a['val_accuracy'] == b['val_accuracy'] and a['trainable'] == b['trainable']
c = torch.load(sys.argv[3], weights_only=True)
assert type(c['float']) is float and c['pair'] == (1, 'x') and c['big'] == 2**70
assert c['flag'].item() is True and tuple(c['empty'].shape) == (0, 3)
print('agree')`;
    const files = [fixture, join(folder, 'real.pt'), join(folder, 'extra.pt')];
    const { stdout, stderr } = spawnSync(python!, ['-c', script, ...files], { encoding: 'utf8' });
    expect(stdout.trim(), stderr).toBe('agree');
  });
});

if (!python)
  console.warn('skipped: torch.load of our .pt files (set BASIN_TORCH_PYTHON to a Python that has torch)');
