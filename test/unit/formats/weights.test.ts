/** Weight files as people have them: those in test/fixtures/weights were made by the real libraries (make.py there). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { factNotes } from '../../../src-main/formats/checkpoint-facts.ts';
import { checkpointHeader } from '../../../src-main/formats/run-directory.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { LazyTensor } from '../../../src-main/formats/tensor.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { findAllowed } from '../../../src-main/formats/torch/globals.ts';
import { Opaque } from '../../../src-main/formats/torch/opaque.ts';
import { openTorchFile } from '../../../src-main/formats/torch/torch-file.ts';
import type { Tree, WritableTree } from '../../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { weightsFixture } from '../../support/fixtures.ts';
import { dictOps, op, pickle, temporaryFolder, tensorOps, torchZip } from './make-files.ts';

const folder = temporaryFolder();

const tensor = (...numbers: number[]): TensorValue => ({
  dtype: 'float32',
  shape: [numbers.length],
  data: Float32Array.from(numbers),
});
const dict = (entries: Record<string, WritableTree>): Map<string, WritableTree> =>
  new Map(Object.entries(entries));

function torch(tree: Record<string, WritableTree>, name = 'made.pt'): string {
  const path = join(folder, name);
  writeTorchFile(path, dict(tree));
  return path;
}

/** Names and elements. */
function contents(path: string): Record<string, readonly number[]> {
  const checkpoint = openCheckpoint(path);
  const read = [...checkpoint.tensors].map(([name, value]) => [name, [...value.readFloat64()]] as const);
  checkpoint.close();
  return Object.fromEntries(read);
}

function refusal(path: string): UserError {
  try {
    openCheckpoint(path).close();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    return thrown as UserError;
  }
  throw new Error('it was accepted');
}

const linear = { weight: [0, 1, 2, 3, 4, 5], bias: [6, 7, 8] };

describe('what torch.load(weights_only=True) reads', () => {
  it.each(['everything.pt', 'everything-protocol4.pt', 'arguments.pth', 'extra-state.pt', 'numpy.pt'])(
    '%s: the weights, whatever lies beside them',
    (name) => {
      expect(contents(weightsFixture(name))).toEqual(linear);
    },
  );

  it('allows every name that PyTorch’s own restricted loader allows', () => {
    const names = JSON.parse(readFileSync(weightsFixture('allowed-globals.json'), 'utf8')) as string[];
    expect(names.length).toBeGreaterThan(100);
    const unknown = names.filter((name) => {
      const cut = name.lastIndexOf('.');
      return findAllowed(name.slice(0, cut), name.slice(cut + 1)) === undefined;
    });
    expect(unknown).toEqual([]);
  });

  it('tells apart what is of use and what is read past', () => {
    const { root, close } = openTorchFile(weightsFixture('everything.pt'));
    const beside = root as Map<Tree, Tree>;
    const what = (key: string): unknown => {
      const value = beside.get(key);
      return value instanceof Opaque ? value.what : value;
    };
    expect(beside.get('counter')).toEqual(
      new Map([
        [30, 1],
        [60, 1],
      ]),
    );
    expect(what('bytes')).toEqual(Uint8Array.of(0, 255));
    expect(what('bytearray')).toEqual(Uint8Array.of(97, 98));
    expect(what('size')).toEqual([1]);
    expect(what('device')).toBe('cuda:1');
    expect([what('set'), what('empty set'), what('complex number')]).toEqual([
      ...['a set', 'a set', 'a complex number'],
    ]);
    expect(what('tensor sparse')).toBe('a sparse tensor');
    expect(what('tensor float8_e5m2')).toBe('a tensor of dtype float8_e5m2');
    for (const key of ['parameter', 'attributed'])
      expect([...(beside.get(key) as LazyTensor).readFloat64()]).toEqual([1, 1]);
    close();
  });

  it('takes the scalars of numpy as numbers, in either byte order', () => {
    const { epoch, step, storedAccuracy, notes, close } = openCheckpoint(weightsFixture('numpy.pt'));
    close();
    expect({ epoch, step, storedAccuracy, notes }).toEqual({
      ...{ epoch: 4, step: 7, storedAccuracy: 0.75, notes: [] },
    });
    const { root } = openTorchFile(weightsFixture('numpy.pt'));
    expect([(root as Map<Tree, Tree>).get('best'), (root as Map<Tree, Tree>).get('big_endian')]).toEqual([
      ...[true, 1],
    ]);
  });

  it('reads a checkpoint of Lightning with its hyperparameters', () => {
    expect(contents(weightsFixture('lightning.ckpt'))).toEqual({
      ...{ 'model.weight': linear.weight, 'model.bias': linear.bias },
    });
    const { epoch, under, close } = openCheckpoint(weightsFixture('lightning.ckpt'));
    close();
    expect([epoch, under]).toEqual([2, 'state_dict']);
  });

  it('leaves out the count of averaged models, and takes counters of one element as scalars', () => {
    const checkpoint = openCheckpoint(weightsFixture('swa.pt'));
    expect([...checkpoint.tensors.keys()]).toEqual([
      ...['module.0.weight', 'module.0.bias', 'module.1.weight', 'module.1.bias'],
      ...['module.1.running_mean', 'module.1.running_var', 'module.1.num_batches_tracked'],
    ]);
    const counter = checkpoint.tensors.get('module.1.num_batches_tracked')!;
    expect([counter.shape, counter.read()]).toEqual([[], BigInt64Array.of(0n)]);
    checkpoint.close();
  });

  it.each([
    ['sparse', /"other" is a sparse tensor/, /to_dense/],
    ['quantized', /"other" is a quantized tensor/, /dequantize/],
    ['meta', /"other" is a tensor of the "meta" device/, /loaded/],
    ['complex', /"other" is a tensor of dtype complex64/, /view_as_real/],
    ['negated', /"other" is a lazily negated/, /resolve_neg/],
    ['float8_e4m3fn', /"other" is a tensor of dtype float8_e4m3fn/, /torch\.float32/],
    ['uint16', /"other" is a tensor of dtype uint16/, /torch\.float32/],
  ])('refuses weights that are %s tensors by name', (name, message, hint) => {
    const { message: said, hint: advice } = refusal(weightsFixture(`weights-${name}.pt`));
    expect(said).toMatch(message);
    expect(advice).toMatch(hint);
  });

  it('refuses weights that are arrays of numpy', () => {
    const { message, hint } = refusal(weightsFixture('numpy-arrays.pt'));
    expect(message).toMatch(/entry "weight" is a numpy array/);
    expect(hint).toContain('torch.as_tensor');
  });
});

describe('where in the file the weights are', () => {
  const weights = dict({ w: tensor(1, 2) });
  const average = dict({ w: tensor(3, 4) });

  it.each(['net', 'model_state', 'weights', 'params', 'generator', 'ema'])(
    'takes the only dict of tensors, under %j',
    (key) => {
      const path = torch({ [key]: weights, epoch: 17, acc: 91.4, optimizer: dict({ state: dict({}) }) });
      const { epoch, under, besides, close } = openCheckpoint(path);
      close();
      expect(contents(path)).toEqual({ w: [1, 2] });
      expect({ epoch, under, besides }).toEqual({ epoch: 17, under: key, besides: [] });
    },
  );

  it.each([
    ['model', 'model_ema'],
    ['state_dict', 'state_dict_ema'],
    ['net', 'ema'],
    ['model_state_dict', 'net'],
    ['params', 'params_ema'],
  ])('takes %j where %j lies beside it, and says so', (usual, other) => {
    const path = torch({ [other]: average, [usual]: weights });
    expect(contents(path)).toEqual({ w: [1, 2] });
    const { besides, close } = openCheckpoint(path);
    close();
    expect(besides).toEqual([other]);
  });

  it.each([
    ['teacher', 'student'],
    ['state_dict', 'model'],
    ['ema', 'best'],
    ['net', 'weights'],
  ])('refuses to choose between %j and %j', (one, other) => {
    const { message, hint } = refusal(torch({ [one]: weights, [other]: average }));
    expect(message).toContain(`several dicts of tensors: "${one}", "${other}"`);
    expect(hint).toContain(`["${one}"]`);
  });

  it('takes one dict under two names', () => {
    const path = join(folder, 'shared.pt');
    const net = Buffer.concat([dictOps({ w: tensorOps() }), op.put(9)]);
    writeFileSync(path, torchZip(pickle(dictOps({ net, weights: op.get(9) }))));
    expect(contents(path)).toEqual({ w: [1, 2] });
  });

  it('takes no metrics and no states of random generators for weights', () => {
    const numbers = dict({ loss: { dtype: 'float32', shape: [], data: Float32Array.of(0.3) } });
    const random = dict({ cpu: { dtype: 'uint8', shape: [4], data: new Uint8Array(4) } });
    expect(contents(torch({ mine: weights, metrics: numbers, rng: random }))).toEqual({ w: [1, 2] });
    expect(refusal(torch({ metrics: numbers, rng: random })).message).toContain('the keys "metrics", "rng"');
  });

  it('does not pass over a usual key because something in it is no tensor', () => {
    const broken = dict({ w: tensor(1), n: 3 });
    expect(refusal(torch({ net: broken, other: weights })).message).toMatch(/"net": entry "n" is a number/);
  });

  it('names tensors and facts that lie side by side', () => {
    expect(refusal(torch({ w: tensor(1, 2), epoch: 3 })).message).toMatch(
      /tensors such as "w" mixed with other values such as "epoch"/,
    );
  });

  it('leaves out extra states that are no tensors, and counters of several elements', () => {
    const counters = { dtype: 'int64' as const, shape: [2], data: BigInt64Array.of(1n, 2n) };
    const path = torch({
      w: tensor(1),
      'a._extra_state': null,
      n_averaged: 3,
      'b.num_batches_tracked': counters,
    });
    expect(contents(path)).toEqual({ w: [1] });
  });
});

describe('facts that have another form than the published trainer’s', () => {
  const weights = dict({ w: tensor(1, 2) });

  it.each([
    ['epoch', 'best', 'epoch is "best"'],
    ['epoch', 4.5, 'epoch is 4.5'],
    ['epoch', -1, 'epoch is -1'],
    ['epoch', true, 'epoch is true'],
    ['step', [1, 2], 'step is a list (1, ...)'],
    ['trainable', 13002, 'trainable is 13002'],
    ['val_accuracy', [0.1, 0.5], 'val_accuracy is a list (0.1, ...)'],
    ['val_accuracy', -0.5, 'val_accuracy is -0.5'],
    ['val_accuracy', 101, 'val_accuracy is 101'],
    ['val_accuracy', Infinity, 'val_accuracy is Infinity'],
    ['val_accuracy', tensor(1, 2, 3), 'val_accuracy is a tensor of shape [3]'],
  ] as [string, WritableTree, string][])('%s %j in .pt is unknown, and said to be', (key, value, note) => {
    const path = torch({ model_state_dict: weights, [key]: value });
    const header = checkpointHeader(path);
    expect(header.notes).toEqual([expect.stringContaining(note)]);
    const { epoch, step, storedAccuracy, trainable } = header;
    expect([epoch, step, storedAccuracy, trainable]).toEqual(Array(4).fill(undefined));
    expect(contents(path)).toEqual({ w: [1, 2] });
  });

  it.each([
    ['epoch', '3/10', 'epoch is "3/10"'],
    ['step', 'last', 'step is "last"'],
    ['trainable', 'all', 'trainable is "all"'],
    ['trainable', '13002', 'trainable is 13002'],
    ['val_accuracy', '97.3%', 'val_accuracy is "97.3%"'],
    ['epoch', '-1', 'epoch is -1'],
    ['epoch', '{"a"', 'epoch is "{\\"a\\""'],
  ])('%s %j in safetensors likewise', (key, text, note) => {
    const path = join(folder, 'free.safetensors');
    writeSafetensors(path, new Map([['w', tensor(1, 2)]]), new Map([[key, text]]));
    expect(checkpointHeader(path).notes).toEqual([expect.stringContaining(note)]);
    expect(contents(path)).toEqual({ w: [1, 2] });
  });

  it('a value that is not there, None or NaN needs no note', () => {
    const path = torch({ model_state_dict: weights, epoch: null, val_accuracy: NaN });
    expect(checkpointHeader(path).notes).toEqual([]);
  });

  it('the epoch in the name decides, and another one inside is told once for the run', () => {
    const files = [1, 2, 3].map((model) =>
      checkpointHeader(
        torch(
          { model_state_dict: weights, epoch: 4 },
          `checkpoint_epoch_${model === 3 ? 4 : 5}_model_${model}.pt`,
        ),
      ),
    );
    expect(files.map(({ epoch, epochInside }) => [epoch, epochInside])).toEqual([
      [5, 4],
      [5, 4],
      [4, 4],
    ]);
    expect(factNotes(files)).toEqual([
      '2 of 3 checkpoints have a different epoch inside than in the name (checkpoint_epoch_5_model_1.pt says 4): the name is used.',
    ]);
  });
});

describe('names that say something else than the bytes', () => {
  it('reads safetensors and files of torch.save under any ending', () => {
    const safetensors = join(folder, 'safetensors.bin');
    writeSafetensors(safetensors, new Map([['w', tensor(1, 2)]]));
    expect(contents(safetensors)).toEqual({ w: [1, 2] });
    for (const name of ['a.pth.tar', 'a.th', 'a.t7', 'a.PT', 'a.safetensors', 'no ending'])
      expect(contents(torch({ w: tensor(1, 2) }, name))).toEqual({ w: [1, 2] });
  });
});
