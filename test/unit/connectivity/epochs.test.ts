/** Several epochs in one question: the numbers of each epoch asked alone, and what happens if one cannot be evaluated. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadCheckpoints } from '../../../src-main/compute/load-models.ts';
import { writeCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import { interpolateJob, pairsOf } from '../../../src-shared/jobs/interpolate.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job, testContext } from '../../support/job.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-epochs-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const run = fixtureRun('sym0');
const basic = { run, splits: ['test'], steps: 4, data: goldenData() };

interface Listed {
  pairs: Interpolation[];
  midpoints?: { epoch: number; num_models: number; test_loss: number }[];
  warnings: string[];
}

const ask = (more: object, events?: JobEvent[]): Promise<Listed> =>
  job<Listed>('interpolate', { ...basic, ...more }, testContext(events));

/** A copy of the run with a weight that is not a number in every model of epoch 1. */
function brokenAtOne(): string {
  const directory = join(root, 'broken');
  cpSync(run, directory, { recursive: true });
  for (const name of readdirSync(directory)) if (/epoch_1_/.test(name)) rmSync(join(directory, name));
  for (const { index, state } of loadCheckpoints({ run, models: [1, 2], epoch: 1 })) {
    const tensors = new Map(
      [...state].map(([tensor, { shape, data }]) => {
        const changed = Float32Array.from(data);
        if (tensor === 'lins.1.weight') changed[7] = NaN;
        return [tensor, { dtype: 'float32' as const, shape, data: changed }];
      }),
    );
    writeCheckpoint(directory, { epoch: 1, model: index, tensors });
  }
  return directory;
}

test.each(['none', 'activation', 'weight'])(
  'aligned by %s, every epoch has the numbers it has alone',
  async (align) => {
    const how = { models: [1, 2], align, restarts: 2 };
    const events: JobEvent[] = [];
    const found = await ask({ ...how, epochs: [5, 0, 1] }, events);
    expect(found.pairs.map(({ epoch }) => epoch)).toEqual([0, 1, 5]);
    for (const pair of found.pairs) {
      const alone = await job<Interpolation>('interpolate', { ...basic, ...how, epoch: pair.epoch! });
      expect(alone).toMatchObject(pair);
    }
    // A fast machine says only the first and the last of them.
    const messages = events.flatMap((event) => (event.type === 'progress' ? [event.progress.message] : []));
    expect(messages[0]).toMatch(/^epoch 0: /);
    expect(messages.at(-1)).toBe('3 of 3 epochs');
  },
);

test('all means every epoch with two models; the mean of all models is there for each', async () => {
  const found = await ask({ epochs: 'all', midpoint: true });
  expect([...new Set(found.pairs.map(({ epoch }) => epoch))]).toEqual([0, 1, 5]);
  expect(found.midpoints?.map(({ epoch, num_models }) => [epoch, num_models])).toEqual([
    [0, 2],
    [1, 2],
    [5, 4],
  ]);
  const { midpoint } = await job<{ midpoint: { test_loss: number } }>('interpolate', {
    ...basic,
    ...{ epoch: 1, midpoint: true },
  });
  expect(found.midpoints?.[1]?.test_loss).toBe(midpoint.test_loss);
  const { verdict, facts, table, figures } = present('interpolate', interpolateJob.result.parse(found))!;
  expect(verdict).toMatch(/test, 6 pairs, 3 epochs: at epoch 0 loss barrier .*; at epoch 5 loss barrier/);
  expect(facts.map(([label]) => label)).toEqual(
    expect.arrayContaining(['epoch 1 (test)', 'Mean of 4 models, epoch 5']),
  );
  expect(table?.columns.slice(0, 2)).toEqual(['pair', 'epoch']);
  expect(table?.rows.map((row) => row[1])).toEqual([0, 1, 5, 5, 5, 5, 5, 5]);
  expect(figures.map(({ title }) => title)).toEqual(['Barrier over epochs']);
});

test('an epoch that cannot be evaluated is left out and named; alone, it is an error', async () => {
  const broken = brokenAtOne();
  const found = await ask({ run: broken, models: [1, 2], epochs: [0, 1, 5] });
  expect(found.pairs.map(({ epoch }) => epoch)).toEqual([0, 5]);
  expect(found.warnings.join('\n')).toMatch(
    /An epoch was left out: .*checkpoint_epoch_1_model_1\.safetensors: some weights are not finite/,
  );
  for (const alone of [{ epoch: 1 }, { epochs: [1] }])
    await expect(ask({ run: broken, models: [1, 2], ...alone })).rejects.toThrow(/weights are not finite/);
});

test('one epoch as a list is a list', async () => {
  const found = await ask({ models: [1, 2], epochs: [5] });
  expect(pairsOf(interpolateJob.result.parse(found))).toHaveLength(1);
  expect(found.pairs[0]).toMatchObject({ epoch: 5, model1_index: 1, model2_index: 2 });
});

test.each([
  ['an epoch that was not saved', { epochs: [0, 4] }, /no checkpoint of epoch 4.*it has epochs 0, 1, 5/],
  ['one epoch and several', { epoch: 5, epochs: [0] }, /epochs: replaces epoch/],
  ['files and epochs', { run: undefined, checkpoints: ['/a.pt', '/b.pt'], epochs: [0] }, /replaces run/],
  ['models that were never saved', { models: [7, 8], epochs: 'all' }, /no checkpoints of models 7, 8/],
  ['no empty list', { epochs: [] }, /epochs/],
])('refuses %s', async (_what, params, message) => {
  await expect(ask(params)).rejects.toThrow(message);
});
