/** The files that decide a result: checkpoints, configs, and every data file that reading them may open. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inputFiles } from '../../../src-main/engine/inputs.ts';
import { allIdxFiles } from '../../../src-main/formats/data-sets.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-inputs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function file(...parts: string[]): string {
  const path = join(root, ...parts);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  return path;
}

describe('the files behind a question', () => {
  it.each([
    ['plain', (name: string) => [name]],
    ['with dots', (name: string) => [name.replace('-idx', '.idx')]],
    ["in folders of the files' names", (name: string) => [name, name]],
    ['packed, in MNIST/raw', (name: string) => ['MNIST', 'raw', `${name}.gz`]],
    ['packed, in FashionMNIST/raw', (name: string) => ['FashionMNIST', 'raw', `${name}.gz`]],
  ])('are the IDX files of a data folder, %s', async (title, place) => {
    const expected = allIdxFiles.map((name) => file(title, ...place(name)));
    file(title, 'notes.txt');
    expect(await inputFiles({ data: { dataDir: join(root, title) } })).toEqual(expected.sort());
  });

  it("are the run's own data and split as well, though no param names them", async () => {
    const data = allIdxFiles.map((name) => file('own', name));
    const split = file('run', 'split.json');
    const checkpoint = file('run', 'checkpoint_epoch_5_model_1.safetensors');
    const config = file('run', 'config.yaml');
    file('run', 'checkpoint_epoch_5_model_2.safetensors');
    writeFileSync(
      config,
      `dataset:\n  name: idx\n  data_dir: ${join(root, 'own')}\n  split_file: split.json\n`,
    );
    const expected = [checkpoint, config, split, ...data].sort();
    expect(await inputFiles({ run: join(root, 'run'), models: [1], epoch: 5 })).toEqual(expected);
    writeFileSync(config, '{ not: [yaml');
    expect(await inputFiles({ run: join(root, 'run'), models: [1], epoch: 5 })).toEqual(
      [checkpoint, config].sort(),
    );
  });

  it("are the run's own data where its config lies elsewhere or refers to itself, of a single checkpoint too", async () => {
    const data = allIdxFiles.map((name) => file('foreign', 'data', name));
    const checkpoint = file('foreign', 'checkpoints', 'checkpoint_epoch_5_model_1.safetensors');
    const config = file('foreign', '.hydra', 'config.yaml');
    writeFileSync(config, 'root: data\ndataset:\n  name: idx\n  data_dir: ${root}\n');
    const expected = [checkpoint, config, ...data].sort();
    expect(await inputFiles({ run: join(root, 'foreign'), models: [1], epoch: 5 })).toEqual(expected);
    expect(await inputFiles({ checkpoints: [checkpoint] })).toEqual(expected);
  });

  it('are the files of CIFAR in every form, and of data that were added, wherever the registry finds them', async () => {
    const binary = ['data_batch_1.bin', 'data_batch_2.bin.gz', 'test_batch.bin'].map((name) =>
      file('c1', 'cifar-10-batches-bin', name),
    );
    expect(await inputFiles({ data: { dataDir: join(root, 'c1') } })).toEqual(binary.sort());
    const pickles = ['train', 'test'].map((name) => file('c2', 'cifar-100-python', name));
    file('c2', 'cifar-100-python', 'meta');
    expect(await inputFiles({ data: { dataDir: join(root, 'c2') } })).toEqual(pickles.sort());
    const home = join(root, 'home');
    const archive = file('home', 'cifar10', 'cifar-10-binary.tar.gz');
    expect(await inputFiles({ data: { name: 'cifar10' } }, home)).toEqual([archive]);
    const arrays = ['train-inputs.npy', 'train-labels.npy', 'test-inputs.npy', 'test-labels.npy'];
    const toy = ['dataset.json', ...arrays].map((name) => file('home', 'toy', name)).sort();
    expect(await inputFiles({ data: { name: 'toy' } }, home)).toEqual(toy);
    expect(await inputFiles({ data: { name: 'toy', dataDir: join(home, 'toy') } })).toEqual(toy);
    expect(await inputFiles({ data: { name: 'toy' } }, join(root, 'nowhere'))).toEqual([]);
  });

  it("are those of the run's own data set in the workspace, if the folder that its config names is gone", async () => {
    const home = join(root, 'home2');
    const toy = ['dataset.json', 'train-inputs.npy'].map((name) => file('home2', 'toy', name));
    const checkpoint = file('moved', 'checkpoint_epoch_5_model_1.safetensors');
    const config = file('moved', 'config.yaml');
    writeFileSync(config, 'dataset:\n  name: toy\n  data_dir: /nowhere/toy\n');
    const question = { run: join(root, 'moved'), models: [1], epoch: 5 };
    expect(await inputFiles(question, home)).toEqual([checkpoint, config, ...toy].sort());
  });
});
