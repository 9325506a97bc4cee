/** The jobs at their border: what a person may ask wrongly, and what they are told. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import type { Barriers } from '../../../src-shared/barriers.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import { writeCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { loadCheckpoints, storedValAccuracy } from '../../../src-main/compute/load-models.ts';
import { fixturePath, fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job, testContext } from '../../support/job.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-connectivity-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const run = fixtureRun('sym0');
const basic = { run, models: [1, 2], epoch: 5, splits: ['test'], data: goldenData() };

async function failure(kind: string, params: object): Promise<UserError> {
  const thrown: unknown = await job(kind, params).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UserError);
  return thrown as UserError;
}

/** A run directory of the same config with these tensors changed in model 1 and 2. */
function altered(
  name: string,
  change: (model: number, tensor: string, data: Float32Array) => void,
  config?: (text: string) => string,
  valAccuracy = 0.5,
): string {
  const directory = join(root, name);
  mkdirSync(directory);
  const text = readFileSync(join(run, 'config.yaml'), 'utf8');
  writeFileSync(join(directory, 'config.yaml'), config ? config(text) : text);
  for (const { index, state } of loadCheckpoints({ run, models: [1, 2], epoch: 5 })) {
    const tensors = new Map(
      [...state].map(([tensor, { shape, data }]) => {
        change(index, tensor, data);
        return [tensor, { dtype: 'float32' as const, shape, data: Float32Array.from(data) }];
      }),
    );
    writeCheckpoint(directory, { epoch: 5, model: index, tensors, valAccuracy });
  }
  return directory;
}

describe('bad input ends in one clear message', () => {
  test.each([
    [
      'an epoch that does not exist',
      { ...basic, epoch: 4 },
      /model 1 has no checkpoint of epoch 4; it has epochs 0, 1, 5/,
    ],
    [
      'a model that does not exist',
      { ...basic, models: [1, 9] },
      /no model 9; the run has models 1, 2, 3, 4/,
    ],
    ['a model twice', { ...basic, models: [2, 2] }, /model 2 is listed twice/],
    ['a single model', { ...basic, models: [3] }, /at least two models/],
    ['a pair of unknown models', { ...basic, pairs: [[1, 3]] }, /refers to model 3; the models are 1, 2/],
    ['a pair of one model', { ...basic, pairs: [[2, 2]] }, /compares a model with itself/],
    ['no epoch', { ...basic, epoch: undefined }, /epoch: the epoch is needed/],
    ['no run', { ...basic, run: undefined }, /run: a run folder is needed/],
    ['run and files at once', { ...basic, checkpoints: ['/a.pt', '/b.pt'] }, /replaces run/],
    ['a folder that is no run', { ...basic, run: root }, /is not a run folder: it has no config.yaml/],
    ['an unknown data set', { ...basic, data: { name: 'mnist-11k' } }, /data set "mnist-11k" is unknown/],
    [
      'an order that leaves a layer out',
      { ...basic, align: 'weight', order: [0, 1] },
      /order: \[0, 1\] does not contain/,
    ],
  ])('%s', async (_what, params, message) => {
    expect((await failure('interpolate', params)).message).toMatch(message);
  });

  test('a split file out of range names file, field and entry', async () => {
    const path = join(root, 'split.json');
    writeFileSync(path, JSON.stringify({ train_indices: [0, 8000], val_indices: [1] }));
    const { message } = await failure('interpolate', {
      ...basic,
      data: { name: 'mnist-10k', splitFile: path },
    });
    expect(message).toContain(path);
    expect(message).toMatch(/train_indices.*8000/);
  });

  test('models of different architectures', async () => {
    const files = [
      fixturePath('runs/sym0/checkpoint_epoch_5_model_1.pt'),
      fixturePath('runs/sym2/checkpoint_epoch_5_model_1.pt'),
    ];
    fixtureRun('sym2');
    const error = await failure('interpolate', { checkpoints: files, data: goldenData() });
    expect(error.message).toMatch(
      /sym0.*sym2.*different architectures: activations\.0 is gelu in one and gate in the other/,
    );
  });

  test('models whose fixed weights differ, and those whose sigma_F differs', async () => {
    const other = altered('other', () => undefined);
    for (const [a, b] of [
      ['sym1_kappa0', 'sym1_kappa1'],
      ['sym1_kappa1', 'sym3_kappa1'],
    ]) {
      const files = [a!, b!].map((name) => join(fixtureRun(name), 'checkpoint_epoch_5_model_1.pt'));
      const error = await failure('interpolate', { checkpoints: files, data: goldenData() });
      expect(error.message).toMatch(/cannot be compared/);
    }
    const mixed = [
      join(run, 'checkpoint_epoch_5_model_1.pt'),
      join(other, 'checkpoint_epoch_5_model_2.safetensors'),
    ];
    const result = await job<{ epoch: number; checkpoint_path_2: string }>('interpolate', {
      ...basic,
      run: undefined,
      models: undefined,
      epoch: undefined,
      checkpoints: mixed,
    });
    expect(result.checkpoint_path_2).toBe(mixed[1]);
    expect(result.epoch).toBe(5);
  });

  test('weights that are not finite are named with file, tensor and entry', async () => {
    const directory = altered('nan', (model, tensor, data) => {
      if (model === 2 && tensor === 'lins.1.weight') data[7] = NaN;
    });
    const error = await failure('interpolate', { ...basic, run: directory });
    expect(error.message).toMatch(
      /checkpoint_epoch_5_model_2\.safetensors: some weights are not finite.*"lins\.1\.weight" \(entry 7 is NaN\)/,
    );
  });

  test('a checkpoint that does not fit its config', async () => {
    const directory = altered(
      'widths',
      () => undefined,
      (text) => text.replace('hidden_dim: 64', 'hidden_dim: 32'),
    );
    expect((await failure('interpolate', { ...basic, run: directory })).message).toMatch(
      /tensor "lins\.0\.weight" has shape \[64, 784\]; \[32, 784\] was expected/,
    );
  });

  test('a neuron that is constant, in a mode that cannot do with it', async () => {
    const directory = altered('constant', (_model, tensor, data) => {
      if (tensor === 'norms.1.weight' || tensor === 'norms.1.bias') data[5] = 0;
    });
    const params = { ...basic, run: directory, align: 'activation' };
    const error = await failure('interpolate', { ...params, mode: 'pearson_correlation' });
    expect(error.message).toMatch(
      /model 1 of .*post_activation_function of hidden layer 1 \(P_1\): neuron 5 is constant/,
    );
    expect(error.hint).toMatch(/pearson_correlation_with_zero_for_constant/);
    await job('interpolate', { ...params, mode: 'pearson_correlation_with_zero_for_constant' });
  });
});

describe('warnings', () => {
  test('a stored validation accuracy that does not come out', async () => {
    const directory = altered('stored', () => undefined);
    const { warnings } = await job<{ warnings: string[] }>('interpolate', {
      ...basic,
      run: directory,
      splits: ['val'],
    });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/model 1 of .*says validation accuracy 50\.000 %.*it is 94\.500 %/);
  });

  test('a stored accuracy that does not come out is compared in its own unit', async () => {
    const warningsOf = async (directory: string): Promise<string[]> =>
      (await job<{ warnings: string[] }>('interpolate', { ...basic, run: directory, splits: ['val'] }))
        .warnings;
    const inPercent = altered('percent', () => undefined, undefined, 50);
    expect((await warningsOf(inPercent))[0]).toMatch(/says validation accuracy 50\.000 %.*it is 94\.500 %/);
    const right = altered('percent-right', () => undefined, undefined, 94.5);
    expect((await warningsOf(right)).join()).not.toMatch(/model 1 of .*validation accuracy/);
    const unlisted = join(right, 'best.safetensors');
    copyFileSync(join(right, 'checkpoint_epoch_5_model_1.safetensors'), unlisted);
    for (const model of [1, 2]) rmSync(join(right, `checkpoint_epoch_5_model_${model}.safetensors`));
    expect(storedValAccuracy(loadCheckpoints({ checkpoints: [unlisted] })[0]!)).toBe(94.5);
    // 0.8 in a run in percent says nothing that could be compared.
    const either = altered('percent-either', () => undefined, undefined, 0.8);
    expect((await warningsOf(either)).join()).toMatch(/says validation accuracy 80\.000 %/);
    copyFileSync(
      join(inPercent, 'checkpoint_epoch_5_model_1.safetensors'),
      join(either, 'checkpoint_epoch_9_model_1.safetensors'),
    );
    expect((await warningsOf(either)).join()).not.toMatch(/validation accuracy/);
  });

  test('an epoch inside the file that differs from its name: the name is the epoch', () => {
    const directory = altered('other-epoch', () => undefined);
    const [from, to] = [4, 6].map((epoch) =>
      join(directory, `checkpoint_epoch_${epoch}_model_1.safetensors`),
    );
    renameSync(join(directory, 'checkpoint_epoch_5_model_1.safetensors'), from!);
    const [named] = loadCheckpoints({ run: directory, models: [1], epoch: 4 });
    expect([named!.epoch, named!.name]).toEqual([4, `model 1 of ${directory} at epoch 4`]);
    renameSync(from!, to!);
    expect(loadCheckpoints({ checkpoints: [to!] })[0]!.epoch).toBe(6);
  });

  test('hidden units on other scales', async () => {
    const directory = altered('scaled', (model, tensor, data) => {
      // LayerNorm takes the factor out again: the same function, far away.
      if (model === 2 && (tensor === 'lins.0.weight' || tensor === 'lins.0.bias'))
        data.forEach((value, k) => (data[k] = 5 * value));
    });
    const result = await job<{ warnings: string[]; rescaling_ratio: number }>('interpolate', {
      ...basic,
      run: directory,
    });
    expect(result.rescaling_ratio).toBeGreaterThan(4);
    expect(result.warnings.join(' ')).toMatch(/incoming weights of hidden layer 0.*this one is meaningless/);
  });

  test('the same file twice', async () => {
    const directory = join(root, 'twins');
    mkdirSync(directory);
    copyFileSync(join(run, 'config.yaml'), join(directory, 'config.yaml'));
    for (const model of [1, 2])
      copyFileSync(
        join(run, 'checkpoint_epoch_5_model_1.pt'),
        join(directory, `checkpoint_epoch_5_model_${model}.pt`),
      );
    const result = await job<{
      warnings: string[];
      distance: number;
      test_loss: number[];
      test_loss_barriers: Barriers;
    }>('interpolate', { ...basic, run: directory });
    expect(result.warnings[0]).toMatch(/same file, byte for byte/);
    expect(result.distance).toBe(0);
    // Points between a network and itself are that network, but for the rounding of the mixed first layer.
    expect(result.test_loss_barriers.chord).toBeLessThan(1e-6);
  });
});

test('a model is evaluated once and shared: all six pairs agree on their ends', async () => {
  interface Row {
    model1_index: number;
    model2_index: number;
    test_loss: number[];
  }
  const { pairs } = await job<{ pairs: Row[] }>('interpolate', { ...basic, models: undefined, steps: 2 });
  expect(pairs.map(({ model1_index: a, model2_index: b }) => `${a}-${b}`)).toEqual([
    '1-2',
    '1-3',
    '1-4',
    '2-3',
    '2-4',
    '3-4',
  ]);
  const ends = new Map<number, Set<number>>();
  for (const { model1_index, model2_index, test_loss } of pairs) {
    for (const [model, loss] of [
      [model1_index, test_loss[0]!],
      [model2_index, test_loss.at(-1)!],
    ] as const) {
      ends.set(model, (ends.get(model) ?? new Set()).add(loss));
    }
  }
  expect([...ends.values()].map((losses) => losses.size)).toEqual([1, 1, 1, 1]);
});

test('progress reaches the end, and a cancelled job stops', async () => {
  const events: JobEvent[] = [];
  await job('interpolate', { ...basic, align: 'weight', restarts: 2 }, testContext(events));
  const fractions = events.flatMap((event) => (event.type === 'progress' ? [event.progress.fraction] : []));
  expect(fractions.at(-1)).toBeCloseTo(1, 6);
  expect(fractions.every((fraction, i) => i === 0 || fraction >= fractions[i - 1]!)).toBe(true);
  for (const params of [{ ...basic }, { ...basic, align: 'activation' }, { ...basic, align: 'weight' }]) {
    const stopped = job('interpolate', params, testContext([], AbortSignal.abort()));
    await expect(stopped).rejects.toThrow(CancelledError);
  }
});
