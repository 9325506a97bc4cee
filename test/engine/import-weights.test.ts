/** Import of weight files as people have them: endings, keys, facts, units of accuracies, epochs in names. */
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { writeSafetensors } from '../../src-main/formats/safetensors.ts';
import type { WritableTree } from '../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { importJob } from '../../src-shared/jobs/import.ts';
import { weightsFixture } from '../support/fixtures.ts';
import { makeRun } from './support/make-runs.ts';
import { newFolder, runJob, testEngine } from './support/workspace.ts';

const tensor = (shape: number[]) => ({
  dtype: 'float32' as const,
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 7),
});
const shapes = { 'lins.0.weight': [8, 16], 'lins.0.bias': [8], 'lins.1.weight': [4, 8], 'lins.1.bias': [4] };
const weights = new Map(Object.entries(shapes).map(([name, shape]) => [name, tensor(shape)]));
const dict = (entries: Record<string, WritableTree>) => new Map(Object.entries(entries));

async function importInto(engine: Engine, ...paths: string[]) {
  const job = await runJob(engine, 'import', { paths });
  expect(job.error).toBeNull();
  return importJob.result.parse((await engine.call('results.get', { resultId: job.resultId! })).data);
}

/** A run with the given facts in its checkpoints of torch.save, by "epoch/model". */
function runWith(checkpoints: Record<string, Record<string, WritableTree>>): string {
  const run = makeRun(newFolder(), { name: 'run', epochs: [] });
  for (const [place, facts] of Object.entries(checkpoints)) save(run, place, facts);
  return run;
}

function save(run: string, place: string, facts: Record<string, WritableTree>): void {
  const [epoch, model] = place.split('/');
  writeTorchFile(
    join(run, `checkpoint_epoch_${epoch}_model_${model}.pt`),
    dict({ ...facts, model_state_dict: weights }),
  );
}

async function theRun(engine: Engine) {
  const [row] = await engine.call('runs.list', {});
  const { checkpointRows } = await engine.call('runs.get', { runId: row!.id });
  const accuracies = checkpointRows.map(
    ({ epoch, model, valAccuracy }) => [`${epoch}/${model}`, valAccuracy] as const,
  );
  return { row: row!, checkpointRows, accuracies: Object.fromEntries(accuracies) };
}

describe('validation accuracies', () => {
  it('in percent are percent, and fractions are fractions', async () => {
    const engine = await testEngine();
    const inPercent = await importInto(
      engine,
      runWith({ '5/1': { val_accuracy: 88.3 }, '5/2': { val_accuracy: 89 } }),
    );
    expect(inPercent.remarks).toEqual([]);
    expect((await theRun(engine)).row.valAccuracy).toMatchObject({ mean: 88.65 });
    const other = await testEngine();
    await importInto(other, runWith({ '5/1': { val_accuracy: 0.883 }, '5/2': { val_accuracy: 0.89 } }));
    expect((await theRun(other)).row.valAccuracy!.mean).toBeCloseTo(88.65, 10);
  });

  it('that could be either in a run in percent are unknown, and the run says so', async () => {
    const engine = await testEngine();
    const run = runWith({ '0/1': { val_accuracy: 0.8 }, '5/1': { val_accuracy: 97.3 } });
    const { remarks, broken } = await importInto(engine, run);
    const notes = remarks.map(({ reason }) => reason);
    expect(broken).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/run: val_accuracy is above 1 .* unknown there/)]);
    const { accuracies, row } = await theRun(engine);
    expect(accuracies).toEqual({ '0/1': null, '5/1': 97.3 });
    expect(row).toMatchObject({ state: 'ready', problems: notes });
  });

  it('change their meaning in the catalog as the run grows', async () => {
    const engine = await testEngine();
    const run = runWith({ '0/1': { val_accuracy: 0.8 } });
    await importInto(engine, run);
    expect((await theRun(engine)).accuracies).toEqual({ '0/1': 80 });
    save(run, '5/1', { val_accuracy: 97.3 });
    await importInto(engine, run);
    expect((await theRun(engine)).accuracies).toEqual({ '0/1': null, '5/1': 97.3 });
    rmSync(join(run, 'checkpoint_epoch_5_model_1.pt'));
    await importInto(engine, run);
    expect((await theRun(engine)).accuracies['0/1']).toBe(80);
  });

  it('that are no accuracies are unknown', async () => {
    const engine = await testEngine();
    const { remarks } = await importInto(
      engine,
      runWith({
        '5/1': { val_accuracy: [0.1, 0.5] },
        '5/2': { val_accuracy: 8865 },
        '5/3': { val_accuracy: Infinity },
        '5/4': { val_accuracy: NaN },
      }),
    );
    const { row, accuracies } = await theRun(engine);
    expect(Object.values(accuracies)).toEqual([null, null, null, null]);
    expect(row).toMatchObject({ valAccuracy: null, state: 'ready' });
    expect(remarks.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/3 of 4 checkpoints have a field .*model_1\.pt: val_accuracy is a list/),
    ]);
  });
});

describe('epochs', () => {
  it('are those of the names; another one inside is a note, and the run is usable', async () => {
    const engine = await testEngine();
    const { remarks, broken, checkpoints } = await importInto(
      engine,
      runWith({ '5/1': { epoch: 4 }, '5/2': { epoch: 4 } }),
    );
    expect([broken, checkpoints]).toEqual([[], 2]);
    expect(remarks.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/2 of 2 checkpoints have a different epoch inside .*the name is used/),
    ]);
    const { row, checkpointRows } = await theRun(engine);
    expect(row).toMatchObject({ state: 'ready', epochs: [5] });
    expect(checkpointRows.every(({ state, epoch }) => state === 'ready' && epoch === 5)).toBe(true);
  });

  it('that are no numbers do not stand in the way', async () => {
    const engine = await testEngine();
    const { broken, checkpoints, remarks } = await importInto(
      engine,
      runWith({ '5/1': { epoch: 'best', trainable: 13002 } }),
    );
    expect([broken, checkpoints, remarks.length]).toEqual([[], 1, 2]);
  });
});

describe('weights without a config', () => {
  const endings = ['pth', 'pth.tar', 'th', 't7', 'pkl', 'PT', 'bin', 'ckpt'];

  it('are seen under every customary ending, in a folder and by name', async () => {
    const folder = newFolder();
    const names = endings.map((ending) => `weights.${ending}`);
    for (const name of names) writeTorchFile(join(folder, name), dict({ epoch: 3, net: weights }));
    writeSafetensors(join(folder, 'S.SAFETENSORS'), weights);
    const engine = await testEngine();
    const inFolder = await importInto(engine, folder);
    expect(inFolder.recognised.map(({ path }) => basename(path)).toSorted()).toEqual(
      [...names, 'S.SAFETENSORS'].toSorted(),
    );
    expect(inFolder.broken).toEqual([]);
    const named = await importInto(engine, ...readdirSync(folder).map((name) => join(folder, name)));
    expect(named.recognised).toHaveLength(names.length + 1);
    expect(named.recognised[0]!.what).toContain('adopt');
  });

  it('are taken by name whatever they are called', async () => {
    const path = join(newFolder(), 'model_best');
    writeTorchFile(path, dict({ net: weights }));
    const { recognised } = await importInto(await testEngine(), path);
    expect(recognised).toEqual([expect.objectContaining({ what: expect.stringContaining('under "net"') })]);
  });

  it('beside a moving average: which is taken is said', async () => {
    const path = join(newFolder(), 'both.pth');
    writeTorchFile(path, dict({ model: weights, model_ema: dict({ 'lins.0.weight': tensor([4, 16]) }) }));
    const { recognised } = await importInto(await testEngine(), path);
    expect(recognised[0]!.what).toMatch(
      /MLP 16-8-4 .*under "model" are used; those under "model_ema" are not read/,
    );
  });

  it('of other formats are refused by name with what to do; other files of such endings are passed over', async () => {
    const folder = newFolder();
    for (const name of ['bare-pickle.pkl', 'arrays.npz', 'legacy.pt']) {
      copyFileSync(weightsFixture(name), join(folder, name));
    }
    copyFileSync(weightsFixture('bare-pickle.pkl'), join(folder, 'weights.pt'));
    writeFileSync(join(folder, 'vocabulary.bin'), 'any bytes');
    const engine = await testEngine();
    const { broken, passedOver } = await importInto(engine, folder);
    const reasons = (list: { path: string; reason: string }[]) =>
      Object.fromEntries(list.map(({ path, reason }) => [basename(path), reason]));
    expect(reasons(broken)).toEqual({
      'weights.pt': expect.stringMatching(/a bare Python pickle.*torch\.save\(pickle\.load/) as string,
    });
    expect(reasons(passedOver)).toMatchObject({
      'bare-pickle.pkl': expect.stringContaining('a bare Python pickle') as string,
      'arrays.npz': expect.stringContaining('NumPy arrays') as string,
      'vocabulary.bin': expect.stringContaining('not a torch.save') as string,
    });
    const named = await importInto(engine, join(folder, 'arrays.npz'), join(folder, 'vocabulary.bin'));
    expect(reasons(named.broken)).toEqual({
      'arrays.npz': expect.stringMatching(/NumPy arrays .*torch\.from_numpy/) as string,
      'vocabulary.bin': expect.stringMatching(
        /not a file that can be imported: .* under any ending/,
      ) as string,
    });
  });
});
