import { chmodSync, copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  findCheckpoint,
  findRunDirectories,
  readRunDirectory,
  writeCheckpoint,
} from '../../../src-main/formats/run-directory.ts';
import { checkpointHeader, openCheckpoint } from '../../../src-main/formats/run-directory.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import type { WritableTree } from '../../../src-main/formats/torch/tree.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { fixturePath, fixtureRun } from '../../support/fixtures.ts';
import { dictOps, pickle, temporaryFolder, tensorOps, torchZip } from './make-files.ts';

const folder = temporaryFolder();
const weights = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(1, 2) };

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    return (thrown as UserError).message;
  }
  throw new Error('it was accepted');
}

function torch(name: string, tree: WritableTree): string {
  const path = join(folder, name);
  writeTorchFile(path, tree);
  return path;
}

function newRun(name: string, files: readonly string[], config = 'num_models: 2\n'): string {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.yaml'), config);
  for (const file of files) writeFileSync(join(directory, file), '');
  return directory;
}

describe('readRunDirectory', () => {
  it('reads a config with the byte order mark and line ends of Windows', () => {
    const run = newRun('windows', [], '\uFEFFnum_models: 2\r\nmodel:\r\n  name: mlp_mnist\r\n');
    expect(readRunDirectory(run).config).toEqual({ num_models: 2, model: { name: 'mlp_mnist' } });
  });

  it('reads a reference run: config as it is, checkpoints sorted', () => {
    const run = readRunDirectory(fixtureRun('sym0'));
    expect(run.checkpoints.map(({ epoch, model, format }) => [epoch, model, format])).toEqual([
      ...[
        [0, 1, 'pt'],
        [0, 2, 'pt'],
        [1, 1, 'pt'],
        [1, 2, 'pt'],
        [5, 1, 'pt'],
        [5, 2, 'pt'],
        [5, 3, 'pt'],
        [5, 4, 'pt'],
      ],
    ]);
    expect(run.config).toMatchObject({
      num_models: 4,
      mask_seed: 1007,
      model: { _target_: 'src.models.mlp.create_mlp' },
    });
    expect([run.notes, run.optimizers]).toEqual([[], []]);
  });

  it('sorts by number, prefers safetensors and says so, and passes over other files', () => {
    const names = [
      ...[
        'checkpoint_epoch_10_model_1.pt',
        'checkpoint_epoch_9_model_1.pt',
        'checkpoint_epoch_9_model_1.safetensors',
      ],
      ...[
        'optimizer_epoch_9_model_1.safetensors',
        'checkpoint_epoch_9_model_1.pt.tmp',
        'checkpoint_epoch_x_model_1.pt',
        'notes.txt',
      ],
    ];
    const run = readRunDirectory(newRun('mixed', names));
    expect(run.checkpoints.map(({ epoch, format }) => [epoch, format])).toEqual([
      [9, 'safetensors'],
      [10, 'pt'],
    ]);
    expect(run.optimizers.map(({ epoch, model }) => [epoch, model])).toEqual([[9, 1]]);
    expect(run.notes).toEqual([
      'epoch 9, model 1 exists as .pt and as .safetensors; the .safetensors file is used.',
    ]);
  });

  it('says which epochs and models there are', () => {
    const run = readRunDirectory(fixtureRun('sym0'));
    expect(findCheckpoint(run, 5, 4).path).toMatch(/checkpoint_epoch_5_model_4\.pt$/);
    expect(refusal(() => findCheckpoint(run, 7, 1))).toMatch(
      /model 1 has no checkpoint of epoch 7; it has epochs 0, 1, 5\.$/,
    );
    expect(refusal(() => findCheckpoint(run, 5, 9))).toMatch(
      /there is no model 9; the run has models 1, 2, 3, 4\.$/,
    );
    expect(refusal(() => findCheckpoint(readRunDirectory(newRun('bare', [])), 1, 1))).toMatch(
      /has no checkpoints/,
    );
  });

  it('refuses a folder without config.yaml, a missing folder, and a config that is no mapping', () => {
    expect(refusal(() => readRunDirectory(folder))).toMatch(/is not a run folder: it has no config\.yaml/);
    expect(refusal(() => readRunDirectory(join(folder, 'nowhere')))).toMatch(/nowhere: it does not exist/);
    expect(refusal(() => readRunDirectory(newRun('list', [], '- 1\n')))).toMatch(
      /config\.yaml: settings by name .* found a list/,
    );
    expect(refusal(() => readRunDirectory(newRun('empty', [], '')))).toMatch(/found nothing/);
  });
});

describe('openCheckpoint', () => {
  it.each(['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym2', 'sym3_kappa1'])(
    'is the same for .pt and .safetensors (%s)',
    (name) => {
      const original = openCheckpoint(fixturePath(`runs/${name}/checkpoint_epoch_5_model_2.pt`));
      const { epoch, step, storedAccuracy: valAccuracy, trainable, tensors } = original;
      const optimizer = original.readOptimizer();
      expect([epoch, step, trainable?.length, optimizer?.state.size]).toEqual([5, 452, 14, 14]);
      expect(valAccuracy).toBeGreaterThan(0.5);
      const directory = newRun(`copy-${name}`, []);
      const path = writeCheckpoint(directory, {
        ...{ epoch: 5, model: 2, step: step!, valAccuracy: valAccuracy!, trainable: trainable!, tensors },
        optimizer: optimizer!,
      });
      expect(readdirSync(directory).sort()).toEqual([
        ...['checkpoint_epoch_5_model_2.safetensors', 'config.yaml', 'optimizer_epoch_5_model_2.safetensors'],
      ]);
      const copy = openCheckpoint(path);
      expect([copy.epoch, copy.step, copy.storedAccuracy, copy.trainable]).toEqual([
        epoch,
        step,
        valAccuracy,
        trainable,
      ]);
      expect([...copy.tensors.keys()]).toEqual([...tensors.keys()]);
      for (const [key, tensor] of tensors) expect(copy.tensors.get(key)!.read()).toEqual(tensor.read());
      const back = copy.readOptimizer()!;
      expect(back.groups).toEqual(optimizer!.groups);
      for (const [parameter, slots] of optimizer!.state) {
        for (const [slot, tensor] of slots)
          expect(back.state.get(parameter)!.get(slot)!.read()).toEqual(tensor.read());
      }
      copy.close();
      original.close();
      const header = checkpointHeader(path);
      expect(header.tensors.get('lins.0.weight')).toEqual({ dtype: 'float32', shape: [64, 784] });
      expect({ ...header, path: '' }).toEqual({ ...checkpointHeader(original.path), path: '' });
    },
  );

  it('names the optimizer state by parameter', () => {
    const checkpoint = openCheckpoint(fixturePath('runs/sym0/checkpoint_epoch_5_model_1.pt'));
    const { groups, state } = checkpoint.readOptimizer()!;
    expect(groups[0]!.parameters.slice(0, 2)).toEqual(['lins.0.weight', 'lins.0.bias']);
    expect(groups[0]!.settings).toMatchObject({ lr: 0.001, betas: [0.9, 0.999], weight_decay: 0.01 });
    expect([...state.get('lins.0.weight')!.keys()].sort()).toEqual(['exp_avg', 'exp_avg_sq', 'step']);
    expect(state.get('lins.0.weight')!.get('exp_avg')!.shape).toEqual([64, 784]);
    expect([...state.get('norms.2.bias')!.get('step')!.read()]).toEqual([565]);
    checkpoint.close();
  });

  it('recognises plain state dicts and the usual keys, and takes the epoch from the name', () => {
    const dict = new Map<string, WritableTree>([['w', weights]]);
    const plain = openCheckpoint(torch('checkpoint_epoch_12_model_3.pt', dict));
    expect([plain.epoch, plain.step, plain.storedAccuracy, plain.trainable, plain.readOptimizer()]).toEqual([
      12,
      ...Array(4).fill(undefined),
    ]);
    expect(openCheckpoint(torch('plain.pt', dict)).epoch).toBeUndefined();
    for (const key of ['model_state_dict', 'state_dict', 'model']) {
      const opened = openCheckpoint(
        torch(
          'under.pt',
          new Map<string, WritableTree>([
            [key, dict],
            ['epoch', 3],
          ]),
        ),
      );
      expect([opened.epoch, [...opened.tensors.keys()]]).toEqual([3, ['w']]);
    }
    const real = openCheckpoint(fileURLToPath(new URL('data/torch-state-dict.pt', import.meta.url)));
    expect(real.tensors.get('1.num_batches_tracked')!.read()).toEqual(BigInt64Array.of(0n));
  });

  it('takes numbers that were saved as tensors, a step that was saved as a number, and NaN as unknown', () => {
    const dict = new Map<string, WritableTree>([['w', weights]]);
    const optimizer = new Map<string, WritableTree>([
      [
        'state',
        new Map<WritableTree, WritableTree>([
          [
            0,
            new Map<string, WritableTree>([
              ['step', 7],
              ['exp_avg', weights],
            ]),
          ],
        ]),
      ],
      [
        'param_groups',
        [
          new Map<string, WritableTree>([
            ['lr', 0.1],
            ['params', [0]],
          ]),
        ],
      ],
    ]);
    const opened = openCheckpoint(
      torch(
        'old.pt',
        new Map<string, WritableTree>([
          ['epoch', { dtype: 'int64', shape: [], data: BigInt64Array.of(4n) }],
          ['val_accuracy', NaN],
          ['trainable', ['w']],
          ['state_dict', dict],
          ['optimizer', optimizer],
        ]),
      ),
    );
    expect([opened.epoch, opened.storedAccuracy]).toEqual([4, undefined]);
    expect([...opened.readOptimizer()!.state.get('w')!.get('step')!.read()]).toEqual([7]);
  });

  it.each([
    ['a number', 3, /found a number; a dict of tensors/],
    [
      'other keys',
      new Map([
        ['net', 1],
        ['loss', 2],
      ]),
      /a dict with the keys "net", "loss"/,
    ],
    [
      'a state dict of numbers',
      new Map([['state_dict', new Map([['w', 1]])]]),
      /"state_dict": entry "w" is a number/,
    ],
    ['an empty state dict', new Map([['state_dict', new Map()]]), /"state_dict" is empty/],
    ['a list as state dict', new Map<string, WritableTree>([['model', []]]), /"model" is a list/],
    ['a name __proto__', new Map([['__proto__', weights]]), /"__proto__" is not allowed in a name/],
    [
      'a name with constructor',
      new Map([['lins.constructor.weight', weights]]),
      /"constructor" is not allowed/,
    ],
  ] as [string, WritableTree, RegExp][])('refuses %s', (_, tree, message) => {
    const path = torch('refused.pt', tree);
    expect(refusal(() => openCheckpoint(path))).toMatch(message);
    expect(refusal(() => openCheckpoint(path))).toContain(path);
  });

  it('refuses __proto__ in a hand-made pickle before anything is built from it', () => {
    const path = join(folder, 'proto.pt');
    writeFileSync(
      path,
      torchZip(pickle(dictOps([['model_state_dict', dictOps([['__proto__', tensorOps()]])]]))),
    );
    expect(refusal(() => checkpointHeader(path))).toMatch(/"__proto__" is not allowed in a name/);
  });
});

describe('findRunDirectories', () => {
  const collect = async (root: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const item of findRunDirectories(root))
      found.push(`${item.kind} ${('path' in item ? item.path : item.directory).slice(root.length + 1)}`);
    return found;
  };

  it('finds runs in order, skips .hydra and node_modules, follows links once', async () => {
    const root = join(folder, 'search');
    const first = 'checkpoint_epoch_0_model_1.pt';
    for (const name of [
      'search/b/run',
      'search/a',
      'search/a/.hydra',
      'search/a/deep/er/run',
      'search/node_modules/x',
    ])
      newRun(name, name.endsWith('.hydra') ? [] : [first]);
    mkdirSync(join(folder, 'elsewhere'));
    newRun('elsewhere/run', [first]);
    symlinkSync(root, join(root, 'a', 'circle'));
    symlinkSync(join(folder, 'elsewhere'), join(root, 'linked'));
    symlinkSync(join(root, 'nothing'), join(root, 'broken'));
    expect(await collect(root)).toEqual(['run a', 'run a/deep/er/run', 'run b/run', 'run linked/run']);
  });

  it('names files that could hold results, but no parts of runs, and not the results of a workspace', async () => {
    const root = join(folder, 'below');
    newRun('below/run', ['checkpoint_epoch_1_model_1.pt', 'optimizer_epoch_1_model_1.safetensors']);
    newRun('below/lab/results', []);
    for (const name of [
      ...['run/metrics.json', 'run/interpolation_results.pt', 'run/notes.txt', 'lmc.json', 'costs.parquet'],
      ...['lab/basin.db', 'lab/results/result.json', 'model.pth', '.hidden.json'],
    ])
      writeFileSync(join(root, name), '');
    expect(await collect(root)).toEqual([
      ...['file costs.parquet', 'file lmc.json', 'file model.pth', 'workspace lab'],
      ...['run run', 'file run/interpolation_results.pt'],
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('reports a folder that cannot be read and goes on', async () => {
    const root = join(folder, 'locked');
    newRun('locked/z', ['checkpoint_epoch_0_model_1.pt']);
    mkdirSync(join(root, 'a'));
    chmodSync(join(root, 'a'), 0);
    const found = await collect(root);
    chmodSync(join(root, 'a'), 0o700);
    expect(found).toEqual(['unreadable a', 'run z']);
  });

  it('refuses a root that does not exist, and stops when told', async () => {
    await expect(collect(join(folder, 'nowhere'))).rejects.toThrow(/nowhere: it does not exist/);
    await expect(findRunDirectories(folder, AbortSignal.abort()).next()).rejects.toThrow();
  });

  it('finds the reference runs', async () => {
    const root = join(folder, 'reference');
    mkdirSync(join(root, 'sym0'), { recursive: true });
    copyFileSync(fixturePath('runs/sym0/config.yaml'), join(root, 'sym0', 'config.yaml'));
    expect(await collect(root)).toEqual(['run sym0']);
  });
});
