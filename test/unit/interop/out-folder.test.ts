/** Commands that make a run folder leave none behind if they fail, and touch nothing that lay there before. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import { inNewRunFolder } from '../../../src-main/formats/out-folder.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { job, testContext } from '../../support/job.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-out-folder-'));
let count = 0;
const fresh = (): string => join(folder, `place-${++count}`, 'deep', 'run');
/** Nothing of it, nor of the folders above that were made for it. */
const nothingLeft = (directory: string): boolean => !existsSync(join(directory, '..', '..'));

/** Cancelled when the first file is done. */
function cancelledMidway() {
  const controller = new AbortController();
  const context = testContext([], controller.signal);
  return {
    ...context,
    emit: (event: Parameters<typeof context.emit>[0]) => {
      if (event.type === 'progress') controller.abort();
      context.emit(event);
    },
  };
}

describe('inNewRunFolder', () => {
  it('removes what was written and every folder that was made', async () => {
    const directory = fresh();
    const failed = inNewRunFolder(directory, (place) => {
      for (const name of ['config.yaml', 'split.json', 'checkpoint_epoch_1_model_1.pt'])
        writeFileSync(join(place, name), 'x');
      throw new Error('half-way');
    });
    await expect(failed).rejects.toThrow('half-way');
    expect(nothingLeft(directory)).toBe(true);
  });

  it('leaves what lay there before, and what is not of the run', async () => {
    const directory = fresh();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    const failed = inNewRunFolder(directory, (place) => {
      writeFileSync(join(place, 'checkpoint_epoch_1_model_1.pt'), 'x');
      writeFileSync(join(place, 'of somebody else.txt'), 'x');
      throw new Error('half-way');
    });
    await expect(failed).rejects.toThrow('half-way');
    expect(readdirSync(directory).sort()).toEqual(['notes.txt', 'of somebody else.txt']);
  });

  it('a folder with a run stays as it is', async () => {
    const directory = fresh();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'config.yaml'), 'model: {}');
    await expect(inNewRunFolder(directory, () => undefined)).rejects.toThrow(/already holds a run/);
    expect(readFileSync(join(directory, 'config.yaml'), 'utf8')).toBe('model: {}');
  });
});

describe('a command that fails leaves no folder', () => {
  it('adopt: a second file whose weights are not finite', async () => {
    const checkpoint = openCheckpoint(join(fixtureRun('sym0'), 'checkpoint_epoch_5_model_1.pt'));
    const tensors = new Map<string, TensorValue>(
      [...checkpoint.tensors].map(([name, one]) => [
        name,
        { dtype: 'float32', shape: [...one.shape], data: one.readFloat32() },
      ]),
    );
    checkpoint.close();
    const paths = ['good.pt', 'bad.pt'].map((name) => join(folder, name));
    writeTorchFile(paths[0]!, tensors);
    const bad = tensors.get('lins.2.weight')!;
    const data = Float32Array.from(bad.data as Float32Array, (v, k) => (k === 3 ? NaN : v));
    writeTorchFile(paths[1]!, new Map(tensors).set('lins.2.weight', { ...bad, data }));
    const directory = fresh();
    await expect(job('adopt', { paths, directory, activation: 'gelu' })).rejects.toThrow(
      /bad\.pt: some weights are not finite/,
    );
    expect(nothingLeft(directory)).toBe(true);
  });

  it('export-checkpoints: the second checkpoint is damaged', async () => {
    const run = join(folder, 'damaged');
    cpSync(fixtureRun('sym0'), run, { recursive: true });
    writeFileSync(join(run, 'checkpoint_epoch_5_model_2.pt'), 'no checkpoint');
    const directory = fresh();
    await expect(job('export-checkpoints', { run, directory, format: 'pt' })).rejects.toThrow(/model_2/);
    expect(nothingLeft(directory)).toBe(true);
  });

  it.each([
    ['export-checkpoints', () => ({ run: fixtureRun('sym0'), format: 'pt' })],
    ['adopt', () => ({ paths: adoptable(), activation: 'gelu' })],
  ])('%s: cancelled half-way', async (kind, params) => {
    const directory = fresh();
    const cancelled = job(kind, { ...params(), directory }, cancelledMidway());
    await expect(cancelled).rejects.toMatchObject({ name: 'CancelledError' });
    expect(nothingLeft(directory)).toBe(true);
  });
});

const adoptable = (): string[] =>
  [1, 2].map((model) => join(fixtureRun('sym0'), `checkpoint_epoch_5_model_${model}.pt`));

describe('a run under the names of a wrapper', () => {
  it('is exported under its own', async () => {
    const run = join(folder, 'wrapped');
    cpSync(fixtureRun('sym1_kappa1'), run, { recursive: true });
    const path = join(run, 'checkpoint_epoch_5_model_1.pt');
    const plain = openCheckpoint(path);
    const names = [...plain.tensors.keys()];
    const wrapped = new Map(
      [...plain.tensors].map(([name, one]): [string, TensorValue] => [
        `module._orig_mod.${name}`,
        { dtype: 'float32', shape: [...one.shape], data: one.readFloat32() },
      ]),
    );
    plain.close();
    writeTorchFile(path, new Map([['model_state_dict', wrapped]]));
    const directory = fresh();
    const { notes } = await job<{ notes: string[] }>('export-checkpoints', {
      ...{ run, directory, models: [1], epochs: [5], format: 'pt' },
    });
    expect(notes).toContainEqual(expect.stringContaining('"module._orig_mod."'));
    const exported = openCheckpoint(join(directory, 'checkpoint_epoch_5_model_1.pt'));
    expect([...exported.tensors.keys()]).toEqual(names);
    expect(exported.trainable).toContain('lins.0.weight');
    exported.close();
    const [own] = loadModels(directory, [1], 5);
    expect(own!.acting).toEqual(loadModels(fixtureRun('sym1_kappa1'), [1], 5)[0]!.acting);
    expect(own!.acting).toEqual(loadModels(run, [1], 5)[0]!.acting);
  });
});
