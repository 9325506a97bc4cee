/** Next tokens, numbers and classes of token sequences: own data, training, and what such runs can be used for. */
import { cpSync, rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readNpy } from '../../../src-main/formats/npy.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { readMetrics } from '../../../src-main/formats/run-files.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { trainingCurvesRecipe } from '../../../src-renderer/training/curves.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import {
  interpolationFigure,
  panelsByAlignment,
} from '../../../src-shared/presentations/interpolation-figure.ts';
import { add, fresh, npy, refusal } from '../../support/add-data.ts';
import { numbersOf } from '../../support/exported.ts';
import { job } from '../../support/job.ts';
import { exportedFixture } from './files.ts';

const int64 = (shape: number[], values: readonly number[]): string =>
  npy('int64', shape, BigInt64Array.from(values, BigInt));
const float32 = (shape: number[], values: readonly number[]): string =>
  npy('float32', shape, Float32Array.from(values));

const adopted = new Map<string, string>();
async function adopt(name: string): Promise<string> {
  const directory = adopted.get(name) ?? fresh(name);
  if (!adopted.has(name)) await job('adopt', { network: exportedFixture(`${name}.pt2`), directory });
  adopted.set(name, directory);
  return directory;
}

interface Wish {
  training?: object;
  name?: string;
}

async function trained(
  network: string,
  data: string,
  { training = {}, name = network }: Wish = {},
): Promise<{ run: string; result: JobResult<'train'> }> {
  const run = fresh(`run-${name}`);
  const { model } = readRunDirectory(await adopt(network)).config;
  const config = {
    ...{ model, num_models: 2, seed: 3, optimizer: { name: 'adamw', lr: 0.02, weight_decay: 0 } },
    dataset: { name: data, batch_size: 7, val_split: 0.2 },
    training: { num_epochs: 6, save_every: 3, ...training },
  };
  return { run, result: await job('train', { run, config }) };
}

async function failure(work: Promise<unknown>): Promise<string> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UserError);
  return (thrown as UserError).message;
}

const weightsOf = (run: string, epoch: number, model = 1): number[] => {
  const checkpoint = openCheckpoint(`${run}/checkpoint_epoch_${epoch}_model_${model}.safetensors`);
  const all = [...checkpoint.tensors.values()].flatMap((tensor) => [...tensor.readFloat64()]);
  checkpoint.close();
  return all;
};

/** Token k + 1 is 3 times token k plus 1, modulo 7: 6 tokens, all but the first of which can be told. */
const sequences = (count: number): number[] =>
  Array.from({ length: count }, (_, row) => {
    const tokens = [row % 7];
    while (tokens.length < 6) tokens.push((3 * tokens.at(-1)! + 1) % 7);
    return tokens;
  }).flat();

describe('the next token', () => {
  let run: string;
  let result: JobResult<'train'>;
  beforeAll(async () => {
    await add({ name: 'text', task: 'next-token', inputs: int64([50, 6], sequences(50)) });
    ({ run, result } = await trained('tokens', 'text'));
  }, 300_000);

  it('is stored with the sequence before it, as whole numbers', async () => {
    const { directory, train, test, task, classes, dtype, features } = await add({
      ...{ name: 'shifted', task: 'next-token', ignore: 0 },
      inputs: int64([2, 4], [5, 6, 1, 0, 2, 0, 0, 3]),
      testInputs: int64([1, 4], [1, 1, 1, 1]),
    });
    expect({ train, test, task, classes, dtype, features }).toEqual({
      ...{ train: 2, test: 1, task: 'next-token', classes: 7, dtype: 'int32', features: 3 },
    });
    const [x, y] = ['inputs', 'labels'].map((name) => readNpy(`${directory}/train-${name}.npy`));
    expect([x!.shape, [...(x!.data as Int32Array)]]).toEqual([
      [2, 3],
      [5, 6, 1, 2, 0, 0],
    ]);
    // What is ignored as a target is a token like others as an input.
    expect([y!.shape, [...(y!.data as Int32Array)]]).toEqual([
      [2, 3],
      [6, 1, -1, -1, -1, 3],
    ]);
  });

  it('may be in a file of its own, -100 where none counts', async () => {
    const { directory } = await add({
      ...{ name: 'apart', task: 'next-token' },
      ...{ inputs: int64([2, 2], [5, 6, 1, 0]), labels: int64([2, 2], [-100, 3, 4, -100]) },
      ...{ testInputs: int64([1, 2], [1, 1]), testLabels: int64([1, 2], [1, 1]) },
    });
    expect([...(readNpy(`${directory}/train-labels.npy`).data as Int32Array)]).toEqual([-1, 3, 4, -1]);
  });

  it('is learnt; loss, accuracy and how they are called are recorded', () => {
    expect(result.loss_name).toBe('next-token');
    expect(Math.min(...result.test_accuracy!)).toBeGreaterThan(80);
    const { dataset } = readRunDirectory(run).config;
    expect(dataset).toMatchObject({ name: 'text', task: 'next-token' });
    const metrics = readMetrics(run, 6);
    expect(metrics.map(({ lossName }) => lossName)).toEqual(new Array(7).fill('next-token'));
    const drawn = trainingCurvesRecipe(metrics, 'm', ['trainLoss', 'valAccuracy'])!.data.panels;
    expect(drawn.map(({ label }) => label)).toEqual([
      'training cross entropy (nats, mean over tokens)',
      'validation token accuracy (%)',
      'validation perplexity',
    ]);
    expect(drawn[2]!.series[0]!.models[0]!.values.at(-1)).toBe(Math.exp(metrics.at(-1)!.valLoss![0]!));
    // Untrained: about as good as any of seven.
    expect(metrics[0]!.valLoss![0]).toBeGreaterThan(1);
  });

  it('has the loss and the accuracy of the logits that are given back', async () => {
    const tokens = sequences(7);
    const inputs = int64(
      [7, 5],
      tokens.filter((_, i) => i % 6 < 5),
    );
    const out = fresh('logits.npy');
    await job('evaluate', { run, epoch: 6, inputs, out, precision: 'float32' });
    const logits = numbersOf(out);
    const wanted = tokens.filter((_, i) => i % 6 > 0);
    let [loss, right] = [0, 0];
    wanted.forEach((token, i) => {
      const row = [...logits.subarray(i * 7, (i + 1) * 7)];
      loss += Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[token]!;
      right += row.indexOf(Math.max(...row)) === token ? 1 : 0;
    });
    const name = 'seven';
    const whole = int64([7, 6], tokens);
    await add({ name, task: 'next-token', inputs: whole, testInputs: whole });
    const line = await job<Interpolation>('interpolate', {
      ...{ run, epoch: 6, steps: 1, splits: ['test'], data: { name } },
    });
    expect(line.test_loss![0]! / (loss / wanted.length)).toBeCloseTo(1, 5);
    expect(line.test_accuracy![0]).toBeCloseTo((100 * right) / wanted.length, 6);
    expect(line.loss_name).toBe('next-token');
  });

  it('is what adopted checkpoints of such a network are measured on', async () => {
    await job('merge', { run, epoch: 6, align: 'none', directory: fresh('merged') });
    const files = [1, 2].map((model) => `${run}/checkpoint_epoch_6_model_${model}.safetensors`);
    const directory = fresh('taken');
    await job('adopt', { network: exportedFixture('tokens.pt2'), paths: files, directory });
    const curve = (of: string): Promise<Interpolation> =>
      job('interpolate', { run: of, epoch: 6, steps: 2, splits: ['test'], data: { name: 'text' } });
    const [own, other] = [await curve(run), await curve(directory)];
    expect(other.test_loss).toEqual(own.test_loss);
    expect(own.test_loss![1]).toBeGreaterThan(own.test_loss![0]!);
    const { table } = present('interpolate', { pairs: [own], warnings: [], ...own })!;
    const at = table!.columns.indexOf('perplexity of the ends');
    expect(table!.rows[0]![at]).toContain(Math.exp(own.test_loss![0]!).toFixed(3));
  });

  it('is learnt on after a stop, and by forks, as without it', async () => {
    const child = fresh('child');
    const { forked_from: from, test_accuracy: accuracy } = await job<JobResult<'train'>>('train', {
      ...{ run: child, fork: { parent: run, epoch: 3, child: 1, settings: [] } },
    });
    expect(from?.epoch).toBe(3);
    expect(Math.min(...accuracy!)).toBeGreaterThan(80);
    expect(weightsOf(child, 3)).toEqual(weightsOf(run, 3));
    expect(weightsOf(child, 6)).not.toEqual(weightsOf(run, 6));

    const stopped = fresh('stopped');
    cpSync(run, stopped, { recursive: true });
    for (const model of [1, 2]) rmSync(`${stopped}/checkpoint_epoch_6_model_${model}.safetensors`);
    const resumed = await job<JobResult<'train'>>('train', { run: stopped, resume: true });
    expect(resumed.resumed_from).toBe(3);
    for (const model of [1, 2]) expect(weightsOf(stopped, 6, model)).toEqual(weightsOf(run, 6, model));
    expect(readMetrics(stopped, 6)).toEqual(readMetrics(run, 6));
  });

  it('is refused by what goes by one class per example', async () => {
    for (const kind of ['similarity', 'ntk'])
      expect(await failure(job(kind, { run, epoch: 6, epochs: [6], model: 1 }))).toContain(
        'have 5 tokens to predict each',
      );
  });

  it('is refused outside the vocabulary, and where numbers are no tokens', async () => {
    const inputs = int64(
      [20, 6],
      sequences(20).map((token, i) => (i === 64 ? 7 : token)),
    );
    await add({ name: 'beyond', task: 'next-token', inputs, testInputs: int64([7, 6], sequences(7)) });
    expect(await failure(trained('tokens', 'beyond'))).toContain(
      'beyond, train: example 10 (the first is 0), token 4: 7 is outside the vocabulary of the network, 0 to 6',
    );
    expect(await failure(trained('numbers', 'text'))).toContain(
      'gives [2] for an example; a row of logits for each token was expected',
    );
    await add({ name: 'short', task: 'next-token', inputs: int64([20, 4], sequences(20).slice(0, 80)) });
    expect(await failure(trained('tokens', 'short'))).toContain('3 tokens to predict each');
  });

  it.each([
    [
      'a fraction',
      { inputs: float32([2, 3], [1, 2, 0.5, 1, 1, 1]) },
      'row 0 (the first is 0), number 2: 0.5',
    ],
    [
      'a negative token',
      { inputs: int64([2, 3], [1, 2, 3, 1, -1, 1]) },
      'row 1 (the first is 0), number 1: -1',
    ],
    ['one long text', { inputs: int64([6], [1, 2, 3, 1, 1, 1]) }, 'tokens[: n * length].reshape(n, length)'],
    [
      'nothing to predict',
      { inputs: int64([3, 3], [1, 2, 3, 1, 0, 0, 2, 2, 2]), ignore: 0 },
      'row 1 (the first is 0) has no token that counts',
    ],
    [
      'other lengths',
      { inputs: int64([2, 2], [1, 2, 3, 1]), labels: int64([2, 1], [1, 2]) },
      '1 tokens to predict for each sequence of 2',
    ],
    [
      'normalisation',
      { inputs: int64([2, 2], [1, 2, 3, 1]), normalisation: 'number' },
      'normalisation has no effect on tokens',
    ],
  ])('is refused: %s', async (_, params, message) => {
    expect(await refusal({ task: 'next-token', ...params })).toContain(message);
  });
});

/** Vectors of four numbers, and two numbers that follow from each. */
const vectors = (count: number): { x: number[]; y: number[] } => {
  const x = Array.from({ length: count * 4 }, (_, i) => Math.sin(1.7 * i) * 1.3);
  const y = Array.from({ length: count }, (_, row) => {
    const [a, b, c, d] = x.slice(row * 4, row * 4 + 4) as [number, number, number, number];
    return [a - b + 0.5, Math.tanh(c + d) - 2];
  });
  return { x, y: y.flat() };
};

describe('numbers', () => {
  let run: string;
  let result: JobResult<'train'>;
  const { x, y } = vectors(60);
  beforeAll(async () => {
    await add({
      name: 'pairs',
      task: 'regression',
      inputs: float32([60, 4], x),
      labels: float32([60, 2], y),
    });
    ({ run, result } = await trained('numbers', 'pairs', { training: { num_epochs: 30, save_every: 15 } }));
  }, 300_000);

  it('are learnt, with a loss and no accuracy', () => {
    expect(result).toMatchObject({
      loss_name: 'mean-squared-error',
      test_accuracy: null,
      val_accuracy: null,
    });
    const metrics = readMetrics(run, 30);
    expect(metrics.map(({ valAccuracy }) => valAccuracy)).toEqual(new Array(31).fill(null));
    const drawn = trainingCurvesRecipe(metrics, 'm', ['trainLoss', 'valAccuracy'])!.data.panels;
    expect(drawn.map(({ label }) => label)).toEqual(['training mean squared error', 'validation RMSE']);
    expect(Math.max(...metrics.at(-1)!.valLoss!)).toBeLessThan(0.1 * metrics[0]!.valLoss![0]!);
  });

  it('have the mean squared error of what is given back', async () => {
    const few = vectors(7);
    const out = fresh('numbers.npy');
    const inputs = float32([7, 4], few.x);
    await job('evaluate', { run, epoch: 30, inputs, out, precision: 'float32' });
    const error = numbersOf(out).reduce((sum, value, i) => sum + (value - few.y[i]!) ** 2, 0) / few.y.length;
    const labels = float32([7, 2], few.y);
    const parts = { inputs, labels, testInputs: inputs, testLabels: labels };
    await add({ name: 'few', task: 'regression', normalisation: 'none', ...parts });
    // The run's own data are normalised; these are as `evaluate` takes them.
    const line = await job<Interpolation>('interpolate', {
      ...{ run, epoch: 30, steps: 1, splits: ['test'], data: { name: 'few' } },
    });
    expect(line.test_loss![0]! / error).toBeCloseTo(1, 5);
  });

  it('have curves and barriers of the loss alone', async () => {
    const line = await job<Interpolation>('interpolate', {
      ...{ run, epoch: 30, steps: 4, splits: ['test', 'val'] },
    });
    expect(line.test_loss).toHaveLength(5);
    expect(line.test_loss_barriers).toBeDefined();
    expect(Object.keys(line).filter((name) => /accuracy|barrier_height|linearity/.test(name))).toEqual([]);
    expect(JSON.stringify(line)).not.toContain('not a finite number');
    const shown = present('interpolate', { pairs: [line], warnings: [], ...line })!;
    expect(JSON.stringify([shown.verdict, shown.facts, shown.table])).not.toMatch(/accuracy/i);
    expect(shown.table!.columns).toContain('RMSE of the ends');
    const rmse = Math.sqrt(line.test_loss![0]!).toFixed(3);
    expect(JSON.stringify(shown.table!.rows)).toContain(rmse);
    const curves = [{ label: 'numbers', pairs: [line] }];
    const draw = (metric: 'accuracy' | 'loss') =>
      interpolationFigure(panelsByAlignment(curves), { metric, split: 'test', barrier: 'chord', notes: [] });
    expect(draw('accuracy')).toBeNull();
    expect(draw('loss')!.data.metricName).toBe('mean squared error');
    await job('merge', { run, epoch: 30, align: 'none', directory: fresh('merged') });
  });

  it('may be one alone, given without an axis', async () => {
    const labels = float32(
      [60],
      y.filter((_, i) => i % 2 === 0),
    );
    await add({ name: 'ones', task: 'regression', inputs: float32([60, 4], x), labels });
    const { result: one } = await trained('number', 'ones', { training: { num_epochs: 20 } });
    expect(Math.max(...one.test_loss)).toBeLessThan(0.5);
    expect(await failure(trained('numbers', 'ones'))).toContain(
      'the network is for examples with 2 numbers to predict each; those of ones have 1 number to predict each',
    );
    expect(await failure(trained('tokens', 'ones'))).toContain(
      'gives [5, 7] for an example; the numbers that it predicts were expected',
    );
  });

  it('are learnt by networks of Basin, too', async () => {
    const config = {
      model: { symmetry: 0, input_dim: 4, output_dim: 2, hidden_dim: 16, num_layers: 3, norm: 'layer' },
      ...{ num_models: 2, seed: 1, optimizer: { name: 'adamw', lr: 0.01 } },
      dataset: { name: 'pairs', batch_size: 10 },
      training: { num_epochs: 50 },
    };
    const of = fresh('mlp');
    const { test_loss: loss, execution } = await job<JobResult<'train'>>('train', { run: of, config });
    expect(Math.max(...loss)).toBeLessThan(0.2);
    // 250 steps: compiled if anything can be.
    expect(execution.reason ?? '').not.toMatch(/compiling pays off/);
    const line = await job<Interpolation>('interpolate', {
      ...{ run: of, epoch: 50, steps: 2, splits: ['test'], align: 'weight' },
    });
    expect(line.test_loss![0]! / loss[0]!).toBeCloseTo(1, 4);
    expect(line.test_accuracy).toBeUndefined();
  });

  it('are not smoothed', async () => {
    expect(await failure(trained('numbers', 'pairs', { training: { label_smoothing: 0.1 } }))).toContain(
      'training.label_smoothing is for classes and tokens; examples of pairs have 2 numbers to predict each',
    );
  });

  it.each([
    ['no file of them', {}, 'labels is missing: nothing says the numbers to predict'],
    ['not finite', { labels: float32([3], [1, NaN, 3]) }, 'row 1 (the first is 0), number 0: NaN'],
    ['too few', { labels: float32([2], [1, 3]) }, 'targets of 2 examples for the 3 examples'],
  ])('are refused: %s', async (_, params, message) => {
    const inputs = float32([3, 2], [1, 2, 3, 4, 5, 7]);
    expect(await refusal({ task: 'regression', inputs, ...params })).toContain(message);
  });
});

describe('classes of token sequences', () => {
  it('are learnt', async () => {
    const tokens = Array.from(
      { length: 60 * 5 },
      (_, i) => (Math.floor(i / 5) * 2 + (i % 5 === 0 ? 1 : 0)) % 7,
    );
    const classes = Array.from({ length: 60 }, (_, row) => Math.floor(((row * 2) % 7) / 3));
    await add({ name: 'kinds', tokens: true, inputs: int64([60, 5], tokens), labels: int64([60], classes) });
    const { result } = await trained('bag', 'kinds', { training: { num_epochs: 25 } });
    expect(result.loss_name).toBeUndefined();
    expect(Math.min(...result.test_accuracy!)).toBeGreaterThan(90);
    const numbers = { name: 'numbers-instead', inputs: int64([60, 5], tokens), labels: int64([60], classes) };
    await add(numbers);
    expect(await failure(trained('bag', 'numbers-instead'))).toContain(
      'the networks take tokens, whole numbers; the examples of numbers-instead are numbers to compute with',
    );
  });
});
