import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import type { LoadedModel } from '../../../src-main/compute/load-models.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { openCheckpoint, writeCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { LazyTensor } from '../../../src-main/formats/tensor.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { openTorchFile } from '../../../src-main/formats/torch/torch-file.ts';
import type { Tree } from '../../../src-main/formats/torch/tree.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { exactOutput } from '../../support/model-output.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';
import { largestDifference, referenceRuns } from '../../support/reference-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-exchange-'));
let count = 0;
const fresh = (): string => join(folder, `out-${++count}`);

interface Exported {
  directory: string;
  files: string[];
  notes: string[];
}
const exportRun = (run: string, more: object = {}): Promise<Exported> =>
  job<Exported>('export-checkpoints', { run, directory: fresh(), ...more });

/** Tensors replaced by what they are and hold, so that two trees can be compared. */
function unfold(tree: Tree): unknown {
  if (tree instanceof LazyTensor) return { dtype: tree.dtype, shape: tree.shape, data: tree.read() };
  if (tree instanceof Map) return new Map([...tree].map(([key, value]) => [key, unfold(value)]));
  return Array.isArray(tree) ? tree.map((item: Tree) => unfold(item)) : tree;
}

function contentOf(path: string) {
  const checkpoint = openCheckpoint(path);
  const { epoch, step, storedAccuracy, trainable } = checkpoint;
  const optimizer = checkpoint.readOptimizer();
  const state = [...(optimizer?.state ?? [])].flatMap(([name, slots]) =>
    [...slots].map(([slot, tensor]) => [`${name}/${slot}`, unfold(tensor)] as const),
  );
  const tensors = new Map([...checkpoint.tensors].map(([name, tensor]) => [name, unfold(tensor)]));
  checkpoint.close();
  return { epoch, step, storedAccuracy, trainable, tensors, state: new Map(state) };
}

describe('export-checkpoints', () => {
  it.each(referenceRuns)('gives back the checkpoints of %s, entry for entry', async (name) => {
    const run = fixtureRun(name);
    const { directory, files } = await exportRun(run, { models: [1, 3] });
    const there = readRunDirectory(run).checkpoints.filter(({ model }) => model === 1 || model === 3);
    expect(files).toEqual(there.map(({ path }) => basename(path)));
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      const original = unfold(openTorchFile(join(run, file)).root) as Map<string, unknown>;
      const copy = unfold(openTorchFile(join(directory, file)).root) as Map<string, unknown>;
      expect([...copy.keys()]).toEqual([...original.keys()]);
      expect(copy).toEqual(original);
    }
    expect(readFileSync(join(directory, 'config.yaml'), 'utf8')).toBe(
      readFileSync(join(run, 'config.yaml'), 'utf8'),
    );
  });

  it('gives back a .pt through .safetensors, optimizer included', async () => {
    const run = fixtureRun('sym1_kappa1');
    const middle = await exportRun(run, { format: 'safetensors', models: [2], epochs: [5] });
    expect(middle.files).toEqual(['checkpoint_epoch_5_model_2.safetensors']);
    expect(existsSync(join(middle.directory, 'optimizer_epoch_5_model_2.safetensors'))).toBe(true);
    const back = await exportRun(middle.directory, { format: 'pt' });
    const [file] = back.files;
    expect(contentOf(join(back.directory, file!))).toEqual(contentOf(join(run, file!)));
  });

  it('writes every key of the published trainer for a run that Basin trained, settings of torch.optim included', async () => {
    const run = await trained();
    const { directory, notes } = await exportRun(run, { epochs: [1] });
    const { root } = openTorchFile(join(directory, 'checkpoint_epoch_1_model_1.pt'));
    const reference = openTorchFile(join(fixtureRun('sym1_kappa1'), 'checkpoint_epoch_5_model_1.pt')).root;
    const get = (tree: Tree | undefined, key: string): Tree | undefined => (tree as Map<Tree, Tree>).get(key);
    const keys = (tree: Tree | undefined): unknown[] => [...(tree as Map<Tree, Tree>).keys()];
    expect(keys(root)).toEqual(keys(reference));
    expect(keys(get(root, 'model_state_dict'))).toEqual(keys(get(reference, 'model_state_dict')));
    expect(get(root, 'trainable')).toEqual(get(reference, 'trainable'));
    const group = (tree: Tree): Map<string, unknown> =>
      (get(get(tree, 'optimizer_state_dict'), 'param_groups') as Map<string, unknown>[])[0]!;
    expect(Object.fromEntries(group(root))).toEqual(Object.fromEntries(group(reference)));
    const config = parse(readFileSync(join(directory, 'config.yaml'), 'utf8')) as {
      model: Record<string, unknown>;
      dataset: Record<string, unknown>;
      device: string;
    };
    expect(config.model['_target_']).toBe('src.models.mlp.create_mlp');
    expect(config.dataset).toMatchObject({ batch_size: 64, val_split: 0.1, enable_ffcv: false });
    expect(notes.join()).toContain('mnist-10k');
  });

  it('writes accuracies as fractions, whatever the run has; what could be either is not written', async () => {
    const run = fresh();
    cpSync(fixtureRun('sym0'), run, { recursive: true });
    for (const [model, valAccuracy] of [97.3, 0.8, 100].entries()) {
      const { tensors } = openCheckpoint(join(fixtureRun('sym0'), 'checkpoint_epoch_5_model_1.pt'));
      writeCheckpoint(run, { epoch: 5, model: model + 1, valAccuracy, tensors });
    }
    const { directory, notes } = await exportRun(run, {
      models: [1, 2, 3],
      epochs: [5],
      format: 'safetensors',
    });
    const stored = [1, 2, 3].map(
      (model) =>
        openCheckpoint(join(directory, `checkpoint_epoch_5_model_${model}.safetensors`)).storedAccuracy,
    );
    expect(stored).toEqual([0.973, undefined, 1]);
    expect(notes.join()).toContain('validation accuracies may be percentages or fractions');
  });

  it('names the data folder as torchvision takes it', async () => {
    const run = fresh();
    cpSync(fixtureRun('sym0'), run, { recursive: true });
    const path = join(run, 'config.yaml');
    const config = parse(readFileSync(path, 'utf8')) as { dataset: Record<string, unknown> };
    const exported = async (data_dir: string) => {
      writeFileSync(path, stringify({ ...config, dataset: { ...config.dataset, name: 'mnist', data_dir } }));
      const { directory, notes } = await exportRun(run, { models: [1], epochs: [5], format: 'pt' });
      const written = parse(readFileSync(join(directory, 'config.yaml'), 'utf8')) as typeof config;
      return { folder: written.dataset['data_dir'], notes: notes.join() };
    };
    expect((await exported('/data/MNIST/raw')).folder).toBe('/data');
    expect(await exported('/data/digits')).toMatchObject({
      folder: '/data/digits',
      notes: expect.stringContaining('MNIST/raw'),
    });
  });

  it('leaves the optimizer out when told so, and says what is missing', async () => {
    const { directory, files } = await exportRun(fixtureRun('sym0'), {
      epochs: [5],
      models: [1],
      optimizer: false,
    });
    expect(contentOf(join(directory, files[0]!)).state.size).toBe(0);
  });

  it.each([
    [{ models: [9], epochs: [5] }, /no model 9|model 9/],
    [{ epochs: [77] }, /epoch 77/],
  ])('refuses %j by name', async (wish, message) => {
    await expect(exportRun(fixtureRun('sym0'), wish)).rejects.toThrow(message);
  });

  it('never writes into a folder that holds a run', async () => {
    const run = fixtureRun('sym0');
    await expect(exportRun(run, { directory: run })).rejects.toThrow(/already holds a run/);
    const taken = mkdtempSync(join(folder, 'taken-'));
    writeFileSync(join(taken, 'config.yaml'), 'mine: true\n');
    await expect(exportRun(run, { directory: taken })).rejects.toThrow(/config\.yaml/);
    expect(readFileSync(join(taken, 'config.yaml'), 'utf8')).toBe('mine: true\n');
  });
});

let trainedRun: Promise<string> | undefined;
/** One epoch of the small W-asymmetric network, two models. */
function trained(): Promise<string> {
  trainedRun ??= (async () => {
    const config = parse(readFileSync('resources/presets/w-asymmetric-small.yaml', 'utf8')) as object;
    const run = fresh();
    const training = { num_epochs: 1, save_every: 1 };
    await job('train', { run, config: { ...config, num_models: 2, training, seed: 5, mask_seed: 3 } });
    return run;
  })();
  return trainedRun;
}

interface Merged extends Exported {
  weights?: number[];
  permutations?: Record<string, number[]>[];
}
const merge = (more: object): Promise<Merged> =>
  job<Merged>('merge', { directory: fresh(), data: goldenData(), ...more });

/** Its acting parameters with its units in the order that a result names. */
function permutedActing({ run, acting }: LoadedModel, permutations: Record<string, number[]>) {
  const orders = new Map(Object.entries(permutations).map(([group, perm]) => [group, Int32Array.from(perm)]));
  return permuteArrays(acting, symmetriesOf(run.graph).groups, orders);
}

describe('merge', () => {
  it.each(['sym1_kappa1', 'sym3_kappa1', 'sym0'])(
    'writes the plain mean of two models of %s',
    async (name) => {
      const run = fixtureRun(name);
      const { directory, files, weights } = await merge({ run, models: [1, 2], epoch: 5 });
      expect(weights).toEqual([0.5, 0.5]);
      const [a, b] = loadModels(run, [1, 2], 5).map(({ acting }) => acting);
      const [mean] = loadModels(directory, undefined, 5);
      expect(mean!.spec).toMatchObject({ architecture: 'mlp', family: 'standard' });
      expect([...mean!.acting.keys()]).toEqual([...a!.keys()]);
      for (const [array, { shape, data }] of mean!.acting) {
        const [x, y] = [a!.get(array)!, b!.get(array)!];
        expect(shape).toEqual(x.shape);
        expect(data).toEqual(data.map((_, i) => (x.data[i]! + y.data[i]!) / 2));
      }
      expect(files).toEqual(['checkpoint_epoch_5_model_1.pt']);
    },
  );

  it('writes the point that interpolate evaluates, aligned by activations', async () => {
    const run = fixtureRun('sym0');
    const settings = { run, models: [1, 2], epoch: 5, align: 'activation' };
    const curve = await job<{ test_accuracy: number[] }>('interpolate', {
      ...{ ...settings, steps: 4, splits: ['test'], data: goldenData() },
    });
    const checkpoints: string[] = [];
    for (const lambda of [0.25, 1]) {
      const { directory, files } = await merge({ ...settings, lambda });
      checkpoints.push(join(directory, files[0]!));
    }
    const merged = await job<{ test_accuracy: number[] }>('interpolate', {
      ...{ checkpoints, steps: 1, splits: ['test'], data: goldenData() },
    });
    expect(merged.test_accuracy[0]).toBeCloseTo(curve.test_accuracy[1]!, 1);
    expect(merged.test_accuracy[1]).toBe(curve.test_accuracy[4]);
  });

  it.each([
    ['sym0', 'standard'],
    ['sym2', 'sigma-asymmetric'],
  ])('writes every model of %s permuted, computing the same function', async (name, family) => {
    const run = fixtureRun(name);
    const settings = { run, models: [1, 2, 3], epoch: 5, align: 'activation', write: 'aligned' };
    const { directory, permutations, weights } = await merge({ ...settings, format: 'safetensors' });
    expect(weights).toBeUndefined();
    const originals = loadModels(run, [1, 2, 3], 5);
    const copies = loadModels(directory, undefined, 5);
    for (const { spec } of copies) expect(spec).toMatchObject({ architecture: 'mlp', family });
    expect(copies).toHaveLength(3);
    expect(copies[0]!.acting).toEqual(originals[0]!.acting);
    const perms = Object.values(permutations![1]!);
    expect(perms.some((perm) => perm.some((from, to) => from !== to))).toBe(true);
    expect(copies[2]!.acting).toEqual(permutedActing(originals[2]!, permutations![1]!));
    const inputs = new RandomStream(7, 'merge-test').normals(16 * 784);
    const [copy, original] = [copies[2]!, originals[2]!].map((model) => exactOutput(model, inputs));
    expect(largestDifference(copy!, original!)).toBeLessThan(1e-9);
  });

  it.each(['batch', 'layer_linear', 'batch_linear', null])(
    'gives back a network with norm %s in its new order, statistics included',
    async (norm) => {
      const text = readFileSync('resources/presets/w-asymmetric-small.yaml', 'utf8');
      const config = parse(text) as { model: object };
      const run = fresh();
      const training = { num_epochs: 0, save_every: 1 };
      const model = { ...config.model, norm, hidden_dim: 48 };
      await job('train', {
        run,
        config: { ...config, model, num_models: 2, training, seed: 5, mask_seed: 3 },
      });
      const settings = { run, models: [1, 2], epoch: 0, align: 'weight', restarts: 1, write: 'aligned' };
      const { directory, permutations } = await merge({ ...settings, data: {} });
      const expected = permutedActing(loadModels(run, [2], 0)[0]!, permutations![0]!);
      const found = loadModels(directory, [2], 0)[0]!.acting;
      const counter = (name: string): boolean => name.endsWith('num_batches_tracked');
      expect([...found.keys()]).toEqual([...expected.keys()]);
      for (const [name, array] of found) if (!counter(name)) expect(array, name).toEqual(expected.get(name));
    },
  );

  it.each([
    ['layer_linear', 'norms.1.scale'],
    ['batch_linear', 'norms.1.inv_std'],
    ['batch', 'norms.1.running_var'],
  ])('mixes what norm %s divides by as the file holds it', async (norm, name) => {
    const config = parse(readFileSync('resources/presets/w-asymmetric-small.yaml', 'utf8')) as {
      model: object;
    };
    const run = fresh();
    const training = { num_epochs: 0, save_every: 1 };
    const model = { ...config.model, norm, hidden_dim: 48 };
    await job('train', { run, config: { ...config, model, num_models: 2, training, seed: 5, mask_seed: 3 } });
    const second = openCheckpoint(readRunDirectory(run).checkpoints[1]!.path);
    const tensors = new Map<string, TensorValue>(
      [...second.tensors].map(([key, tensor]) => [key, { ...tensor, data: tensor.read() }]),
    );
    const changed = tensors.get(name)!;
    tensors.set(name, {
      ...changed,
      data: (changed.data as Float32Array).map((value, k) => value * (3 + k)),
    });
    writeCheckpoint(run, { epoch: 0, model: 3, tensors });
    const { directory, files } = await merge({ run, models: [1, 3], epoch: 0, lambda: 0.25, data: {} });
    const [a, b] = loadModels(run, [1, 3], 0).map(({ acting }) => acting.get(name)!.data);
    const [mean] = loadModels(directory, undefined, 0);
    const expected = a!.map((value, k) => 0.75 * value + 0.25 * b![k]!);
    expect(a).not.toEqual(b);
    expect(mean!.acting.get(name)!.data).toEqual(expected);
    const written = openCheckpoint(join(directory, files[0]!));
    const counter = written.tensors.get('norms.1.num_batches_tracked')?.read();
    expect(counter).toEqual(norm === 'batch' ? BigInt64Array.of(0n) : undefined);
  });

  it('says in its config where it came from, and refuses a lambda for three models', async () => {
    const run = fixtureRun('sym0');
    const { directory } = await merge({ run, epoch: 5 });
    const config = parse(readFileSync(join(directory, 'config.yaml'), 'utf8')) as {
      derived: { from: { sha256: string }[]; weights: number[] };
    };
    expect(config.derived.from).toHaveLength(4);
    expect(config.derived.weights).toEqual([0.25, 0.25, 0.25, 0.25]);
    await expect(merge({ run, epoch: 5, lambda: 0.3 })).rejects.toThrow(/lambda: 0\.3/);
  });
});
