/** Where a run's config and checkpoints may lie, what is a run, and how the text of a config is read. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRunDirectories, readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { configFileOf, placeInRun, runFileIn, runFolderOf } from '../../../src-main/formats/run-layout.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { parseYaml, readYaml } from '../../../src-main/formats/yaml.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { temporaryFolder } from './make-files.ts';

const root = temporaryFolder();
const network =
  'model:\n  name: mlp_mnist\n  input_dim: 4\n  output_dim: 2\n  hidden_dim: 3\n  num_layers: 2\n';
const checkpoint = 'checkpoint_epoch_5_model_1.pt';
let made = 0;

/** A folder of its own with these files; texts of configs, else nothing. */
function tree(files: Record<string, string>): string {
  const folder = join(root, `t${++made}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function found(folder: string): Promise<string[]> {
  const all: string[] = [];
  for await (const item of findRunDirectories(folder))
    all.push(`${item.kind} ${('path' in item ? item.path : item.directory).slice(folder.length + 1) || '.'}`);
  return all;
}

describe('a run', () => {
  it.each([
    ['config.yaml', ['config.yaml', 'config.yml', '.hydra/config.yaml']],
    ['config.yml', ['config.yml', '.hydra/config.yaml']],
    ['.hydra/config.yaml', ['.hydra/config.yaml', '.hydra/hydra.yaml']],
  ])('has its config in %s', (expected, names) => {
    const files = Object.fromEntries(names.map((name) => [name, `from: ${name}\n${network}`]));
    const folder = tree({ ...files, [checkpoint]: '' });
    const run = readRunDirectory(folder);
    expect([run.configPath, run.config['from']]).toEqual([join(folder, expected), expected]);
    expect(configFileOf(folder)).toBe(join(folder, expected));
    expect([runFolderOf(run.configPath), runFolderOf(join(folder, checkpoint))]).toEqual([folder, folder]);
  });

  it('has its checkpoints beside the config, in checkpoints/, or in both', async () => {
    const folder = tree({
      'config.yaml': network,
      'checkpoint_epoch_0_model_1.pt': '',
      [`checkpoints/${checkpoint}`]: '',
      'checkpoints/checkpoint_epoch_0_model_1.pt': '',
      'checkpoints/optimizer_epoch_5_model_1.safetensors': '',
    });
    const run = readRunDirectory(folder);
    expect(run.checkpoints.map(({ path }) => path.slice(folder.length + 1))).toEqual([
      'checkpoint_epoch_0_model_1.pt',
      `checkpoints/${checkpoint}`,
    ]);
    expect(run.optimizers).toHaveLength(1);
    expect(run.notes).toEqual([
      `epoch 0, model 1 exists under two names; ${folder}/checkpoint_epoch_0_model_1.pt is used.`,
    ]);
    expect(readRunDirectory(join(folder, 'checkpoints')).directory).toBe(folder);
    expect(placeInRun(join(folder, 'checkpoints', checkpoint))).toEqual({
      run: folder,
      file: `checkpoints/${checkpoint}`,
    });
    expect(await found(folder)).toEqual(['run .']);
    expect(await found(join(folder, 'checkpoints'))).toEqual([
      `run ${folder.slice(join(folder, 'checkpoints').length + 1) || '.'}`,
    ]);
  });

  it('may be the folder checkpoints itself, if it has a config of its own', async () => {
    const folder = tree({
      'config.yaml': network,
      [checkpoint]: '',
      'checkpoints/config.yaml': network,
      'checkpoints/checkpoint_epoch_9_model_1.pt': '',
    });
    expect(readRunDirectory(folder).checkpoints.map(({ epoch }) => epoch)).toEqual([5]);
    expect(await found(folder)).toEqual(['run .', 'run checkpoints']);
  });

  it('is found from its .hydra; a folder checkpoints of something else is no reason to take that for a run', async () => {
    const hydra = tree({ '.hydra/config.yaml': network, [checkpoint]: '' });
    expect(runFolderOf(join(hydra, '.hydra'))).toBe(hydra);
    const job: string[] = [];
    for await (const item of findRunDirectories(join(hydra, '.hydra')))
      job.push('directory' in item ? `${item.kind} ${item.directory}` : item.kind);
    expect(job).toEqual([`run ${hydra}`]);
    const other = tree({
      'config.yaml': 'port: 80\n',
      [`checkpoints/a/${checkpoint}`]: '',
      'checkpoints/a/config.yaml': network,
    });
    expect(await found(join(other, 'checkpoints'))).toContain('run a');
    expect(await found(other)).toEqual(['other-config config.yaml', 'run checkpoints/a']);
  });

  it('in a folder is noticed before another one is written there', () => {
    expect(runFileIn(tree({ 'config.yml': '' }))).toBe('config.yml');
    expect(runFileIn(tree({ '.hydra/config.yaml': '' }))).toBe('.hydra/config.yaml');
    expect(runFileIn(tree({ [checkpoint]: '' }))).toBe(checkpoint);
    expect(runFileIn(tree({ 'notes.txt': '' }))).toBeUndefined();
  });

  it('is refused by the places that were looked at', () => {
    expect(() => readRunDirectory(tree({ 'a.txt': '' }))).toThrow(
      /is not a run folder: it has no config\.yaml, config\.yml or \.hydra\/config\.yaml/,
    );
  });
});

describe('looking for runs', () => {
  it('takes every job of a multirun, once', async () => {
    const files: Record<string, string> = { 'multirun.yaml': 'hydra: {}\n' };
    for (const job of ['0', '1']) {
      files[`${job}/.hydra/config.yaml`] = network;
      files[`${job}/.hydra/overrides.yaml`] = '[]\n';
      files[`${job}/config.yaml`] = network;
      files[`${job}/${checkpoint}`] = '';
    }
    expect(await found(tree(files))).toEqual(['run 0', 'run 1']);
  });

  it.each<[string, string, string]>([
    [
      'Weights & Biases',
      'config.yaml',
      'wandb_version: 1\nmodel:\n  desc: null\n  value:\n    name: mlp_mnist\n    input_dim: 4\n',
    ],
    [
      'Lightning',
      'config.yaml',
      'trainer:\n  max_epochs: 5\nmodel:\n  class_path: my.Net\n  init_args: {name: mlp}\n',
    ],
    ['Hydra, to be put together', 'config.yaml', `defaults:\n  - model: mlp\n${network}`],
    ['a Hydra job without checkpoints', '.hydra/config.yaml', network],
    ['another program', 'config.yml', 'server:\n  port: 80\n'],
    ['nobody that can be read', 'config.yaml', 'a: {{ jinja }}\n- x\n'],
  ])('passes over the config of %s', async (_who, name, text) => {
    expect(await found(tree({ [name]: text, 'notes.txt': '' }))).toEqual([`other-config ${name}`]);
  });

  it.each([
    ['its config describes a network', { 'config.yaml': network }],
    [
      'its config is that of the published trainer',
      { 'config.yaml': 'model: {_target_: src.models.resnet.create, name: resnet20}\n' },
    ],
    ['Basin has begun it, though the config is damaged', { 'config.yaml': 'model: [', 'split.json': '{}' }],
    ['it has checkpoints, whatever the config says', { 'config.yaml': 'a: 1\n', [checkpoint]: '' }],
    ['it has checkpoints and no config', { [checkpoint]: '' }],
  ])('takes a folder if %s', async (_why, files) => {
    expect(await found(tree(files))).toEqual(['run .']);
  });

  it('finds a run through a link as the folder that it is', async () => {
    const folder = tree({ 'real/config.yaml': network, [`store/${checkpoint}`]: '' });
    symlinkSync(join(folder, 'store'), join(folder, 'real/checkpoints'));
    expect(await found(join(folder, 'real'))).toEqual(['run .']);
    expect(readRunDirectory(join(folder, 'real')).checkpoints).toHaveLength(1);
  });
});

describe('the text of a config', () => {
  const bytes = Buffer.from('model:\n  name: mlp\n  note: "größer"\n');
  const expected = { model: { name: 'mlp', note: 'größer' } };
  const utf16be = Buffer.from(`\uFEFF${bytes.toString()}`, 'utf16le').swap16();

  it.each<[string, Uint8Array]>([
    ['UTF-8', bytes],
    ['UTF-8 with a mark in front', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])],
    ['lines as Windows ends them', Buffer.from(bytes.toString().replaceAll('\n', '\r\n'))],
    ['UTF-16, little end first', Buffer.from(`\uFEFF${bytes.toString()}`, 'utf16le')],
    ['UTF-16, big end first', utf16be],
  ])('may be %s', (_what, content) => {
    const path = join(root, `text${++made}.yaml`);
    writeFileSync(path, content);
    expect(readYaml(path)).toEqual(expected);
  });

  it.each([
    ['Latin-1', Buffer.from('a: 1\nb: größer\n', 'latin1'), /line 2: the text is not UTF-8/],
    [
      'tabs',
      Buffer.from('a:\n  b: 1\n\tc: 2\n'),
      /Tabs are not allowed as indentation at line 3, column 1\.$/,
    ],
    ['several documents', Buffer.from('a: 1\n---\nb: 2\n'), /multiple documents at line 2/],
    ['a key twice', Buffer.from('a: 1\na: 2\n'), /unique at line 2/],
  ])('is refused with its line: %s', (_what, content, message) => {
    const path = join(root, `bad${++made}.yaml`);
    writeFileSync(path, content);
    expect(() => readYaml(path)).toThrow(message);
  });

  it('reads the tags of Python, and never takes what stands beside one for a value', () => {
    const text =
      "a: !!python/tuple [1, 2]\nb: !!python/name:torch.nn.GELU ''\nc: !!python/object:my.Class {x: 1}\nd: !mine 3\n";
    expect(parseYaml(text, 'x')).toEqual({
      ...{ a: [1, 2], b: '!!python/name:torch.nn.GELU', c: '!!python/object:my.Class', d: '!mine' },
    });
    expect(parseYaml('base: &b {x: 1, y: 2}\nmodel:\n  <<: *b\n  y: 3\n', 'x')).toMatchObject({
      model: { x: 1, y: 3 },
    });
  });
});

describe('a config given for training', () => {
  const refusal = (path: string, ...overrides: string[]): UserError => {
    try {
      loadTrainingConfig(path, overrides);
    } catch (error) {
      if (error instanceof UserError) return error;
    }
    throw new Error('it was accepted');
  };

  it('that Hydra is to put together points at the preset of its name', () => {
    const folder = tree({
      'mlp_symmetry1_kappa1_noInterpolation.yaml': 'defaults:\n  - model: mlp\n',
      'mine.yaml': 'defaults: [a]\n',
    });
    const { message, hint } = refusal(join(folder, 'mlp_symmetry1_kappa1_noInterpolation.yaml'));
    expect(message).toContain('composed from other files by Hydra ("defaults:")');
    expect(hint).toContain('`basin train mlp_symmetry1_kappa1`');
    expect(refusal(join(folder, 'mine.yaml')).hint).toContain('Give a preset (');
  });

  it('may refer to itself; what stays open is refused by key, unless an override gives it', () => {
    const path = join(
      tree({
        'c.yaml':
          'model:\n  hidden_dim: ${.output_dim}\n  output_dim: 10\noptimizer:\n  lr: ???\n  eps: "1e-9"\n',
      }),
      'c.yaml',
    );
    expect(refusal(path).message).toContain('optimizer.lr is "???": it was never filled in');
    const config = loadTrainingConfig(path, ['optimizer.lr=0.5']);
    expect(config.optimizer).toMatchObject({ lr: 0.5, eps: 1e-9 });
    expect(config.model?.hidden_dim).toBe(10);
  });
});
