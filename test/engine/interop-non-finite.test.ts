/** Curves from elsewhere that are not numbers all along: taken in with their gaps, in whatever way the file spells them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Barriers } from '../../src-shared/barriers.ts';
import { interpolateJob, type Interpolation } from '../../src-shared/jobs/interpolate.ts';
import { PythonFloat, tuple } from '../../src-main/formats/torch/tree.ts';
import type { WritableTree } from '../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { importInto, open } from './support/exchange.ts';
import { newFolder } from './support/workspace.ts';

const noBarriers = { chord: null, mean_ends: null, max_ends: null, midpoint: null };

/** One row of the LMC script as text, with these losses and accuracies of the test images. */
const rowText = (losses: string, accuracies: string, more = ''): string =>
  `[{"run_key": "a", "model1_index": 1, "model2_index": 2, "epoch": 5,
  "checkpoint_path_1": "/lab/a/checkpoint_epoch_5_model_1.pt", "checkpoint_path_2": "/lab/a/checkpoint_epoch_5_model_2.pt",
  "interpolation_results_unaligned": {"lambdas": [0, 0.25, 0.5, 0.75, 1], "test_loss": ${losses},
  "test_accuracy": ${accuracies}, "test_barrier_height": -89.0, "test_linearity": false, "val_loss": NaN,
  "val_accuracy": NaN, "distance": 12.5, "normalized_distance": NaN, "num_params": 60000${more}}}]`;

type Imported = Interpolation & { warnings: string[]; test_loss_barriers: Barriers };

async function imported(bytes: string | Uint8Array, name = 'lmc.json'): Promise<Imported> {
  const path = join(newFolder(), name);
  writeFileSync(path, bytes);
  const engine = await open();
  const { broken } = await importInto(engine, path);
  expect(broken).toEqual([]);
  const [row] = await engine.call('results.list', { kind: 'interpolate' });
  return (await engine.call('results.get', { resultId: row!.id })).data as Imported;
}

describe('curves that are not finite', () => {
  it.each([
    ['as Python writes it', '[0.1, NaN, Infinity, -Infinity, 0.3]'],
    ['as an overflowing number', '[0.1, null, 1e999, -1e999, 0.3]'],
    ['as text', '[0.1, "nan", "inf", "-Infinity", "0.3"]'],
  ])('%s: gaps, no barrier, the reason, and a warning', async (_how, losses) => {
    const found = await imported(rowText(losses, '[96, 10.85, 10, 9, 95]'));
    expect(found.test_loss).toEqual([0.1, null, null, null, 0.3]);
    // NaN is nobody's largest logit; an infinite loss may have a largest logit.
    expect(found.test_accuracy).toEqual([96, null, 10, 9, 95]);
    expect(found.test_loss_barriers).toEqual({ ...noBarriers, reason: '3 of 5 points are not finite' });
    expect(found.test_accuracy_drops).toEqual({ ...noBarriers, reason: '1 of 5 points is not finite' });
    expect(found).toMatchObject({ test_barrier_height: null, test_linearity: null });
    expect(found).toMatchObject({ distance: 12.5, normalized_distance: null });
    expect(found.warnings.join(' ')).toMatch(
      /3 points are not finite.*1 accuracy is given where the loss is NaN/,
    );
    // A split with NaN in place of a curve was not evaluated.
    expect(found.val_loss).toBeUndefined();
    expect(() => interpolateJob.result.parse(found)).not.toThrow();
  });

  it('leave as CSV with one line per point, empty where there is no number', async () => {
    const path = join(newFolder(), 'lmc.json');
    writeFileSync(path, rowText('[0.1, NaN, 2, 1, 0.3]', '[96, 10, 50, 60, 95]'));
    const engine = await open();
    await importInto(engine, path);
    const [row] = await engine.call('results.list', { kind: 'interpolate' });
    const { bytes } = await engine.call('results.export', { resultId: row!.id, format: 'csv' });
    const [header, ...lines] = Buffer.from(bytes).toString().trim().split(/\r?\n/);
    const place = header!.split(',').indexOf('test_loss');
    expect(lines).toHaveLength(5);
    expect(lines.map((line) => line.split(',')[place])).toEqual(['0.1', '', '2', '1', '0.3']);
  });

  it('of a network that diverged everywhere are all gaps, not left away', async () => {
    const found = await imported(rowText('[NaN, NaN, NaN, NaN, NaN]', '[10, 10, 10, 10, 10]'));
    expect(found.test_loss).toEqual([null, null, null, null, null]);
    expect(found.test_accuracy).toEqual([null, null, null, null, null]);
    expect(found.test_loss_barriers.reason).toBe('5 of 5 points are not finite');
  });

  it('in interpolation_results.pt', async () => {
    const floats = (values: number[]): WritableTree => values.map((value) => new PythonFloat(value));
    const curve = new Map<WritableTree, WritableTree>([
      ['lambdas', floats([0, 0.5, 1])],
      ['test_loss', floats([0.1, NaN, 0.2])],
      ['test_accuracy', floats([96, 11, 95])],
      ['distance', new PythonFloat(Infinity)],
      ['normalized_distance', new PythonFloat(Infinity)],
      ['num_params', 60000n],
    ]);
    const path = join(newFolder(), 'interpolation_results.pt');
    writeTorchFile(path, new Map<WritableTree, WritableTree>([[tuple<WritableTree>(1, 2), curve]]));
    const engine = await open();
    expect((await importInto(engine, path)).broken).toEqual([]);
    const [row] = await engine.call('results.list', { kind: 'interpolate' });
    const { data } = await engine.call('results.get', { resultId: row!.id });
    expect(data).toMatchObject({
      ...{ test_loss: [0.1, null, 0.2], test_accuracy: [96, null, 95], distance: null },
    });
  });
});

const whole = rowText('[0.1, 1, 2, 1, 0.3]', '[96, 60, 50, 61, 95]');

describe('files as programs on any system write them', () => {
  const utf16 = Buffer.from(`\uFEFF${whole}`, 'utf16le');
  it.each([
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${whole}`)],
    ['UTF-16, little endian', utf16],
    ['UTF-16, big endian', Buffer.from(utf16).swap16()],
    ['UTF-16 without a mark', Buffer.from(whole, 'utf16le')],
    [
      'epochs and models as text',
      whole.replace('"epoch": 5', '"epoch": "5"').replace('_index": 1', '_index": "1"'),
    ],
    ['epochs as a float in text', whole.replace('"epoch": 5', '"epoch": "5.0"')],
  ])('%s', async (_what, bytes) => {
    const found = await imported(bytes);
    expect(found).toMatchObject({ epoch: 5, model1_index: 1, test_loss: [0.1, 1, 2, 1, 0.3], warnings: [] });
    expect(found.test_loss_barriers.chord).toBeCloseTo(1.8, 12);
  });

  it('are found in a folder too, whatever their encoding', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'a.json'), utf16);
    const engine = await open();
    const { recognised, passedOver, broken } = await importInto(engine, folder);
    expect([recognised.length, passedOver, broken]).toEqual([1, [], []]);
  });

  it.each([
    ['an epoch that is no number', whole.replace('"epoch": 5', '"epoch": "last"'), /0\.epoch/],
    ['a loss that is no number', whole.replace('[0.1, 1,', '[0.1, "high",'), /test_loss: entry 1 is "high"/],
    [
      'a curve of another length',
      whole.replace('[0.1, 1,', '[0.1, 7, 1,'),
      /test_loss: 6 values.* 5 lambdas/,
    ],
  ])('%s is refused by name of file, row and field', async (_what, text, reason) => {
    const path = join(newFolder(), 'lmc.json');
    writeFileSync(path, text);
    const { broken } = await importInto(await open(), path);
    expect(broken).toHaveLength(1);
    expect(broken[0]!.reason).toContain(path);
    expect(broken[0]!.reason).toMatch(reason);
  });
});

it('a result that an older Basin exported gets the barriers it lacks', async () => {
  const data = {
    ...{ model1_index: 1, model2_index: 2, epoch: 5, checkpoint_path_1: '/a', checkpoint_path_2: '/b' },
    ...{ lambdas: [0, 0.5, 1], test_loss: [1, 4, 2], test_accuracy: [90, 50, 80] },
    ...{ test_barrier_height: -44.4, test_loss_barrier: 2, test_linearity: false },
    ...{ distance: 1, normalized_distance: 0.1, num_params: 10, align: 'none', warnings: [] },
    backend: { name: 'cpu', version: '4.22.0', device: 'cpu', threads: 1 },
    split_sizes: { test: 100 },
  };
  const found = await imported(JSON.stringify({ kind: 'interpolate', params: {}, provenance: {}, data }));
  expect(found.test_loss_barriers).toEqual({ chord: 2.5, mean_ends: 2.5, max_ends: 2, midpoint: 2.5 });
  expect(found.test_accuracy_drops).toEqual({ chord: 35, mean_ends: 35, max_ends: 30, midpoint: 35 });
  expect(found.test_barrier_height).toBe(-44.4);
  expect(found).not.toHaveProperty('test_loss_barrier');
});
