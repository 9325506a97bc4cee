/** A run that is trained longer is the run that would have been, had it been asked for at once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { trainJob } from '../../../src-shared/jobs/train.ts';
import { longerParams, rateAhead } from '../../../src-shared/longer-run.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-longer-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string): string => join(root, name);
const configOf = (name: string) =>
  parse(readFileSync(join(at(name), 'config.yaml'), 'utf8')) as Record<string, unknown>;
const run = (params: object) =>
  train(trainJob.params.parse(params), {
    ...{ backend: () => loadBackend(), signal: new AbortController().signal, emit: () => undefined },
  });
const config = (epochs: number) =>
  loadTrainingConfig('standard-small', [
    ...['dataset.val_split=0.95', 'model.hidden_dim=8', 'num_models=2', 'seed=5', 'model.dropout=0.1'],
    ...['scheduler=cosine', 'scheduler.T_max=3', 'training.save_every=1', `training.num_epochs=${epochs}`],
  ]);

function bytesOf(name: string, epoch: number): Map<string, string> {
  const files = readdirSync(at(name)).filter((file) => file.includes(`_epoch_${epoch}_`));
  return new Map(files.map((file) => [file, readFileSync(join(at(name), file)).toString('base64')]));
}

describe('training longer', () => {
  it('gives the weights of a single longer run, to the bit, and leaves the first run alone', async () => {
    const straight = await run({ run: at('straight'), config: config(4) });
    await run({ run: at('short'), config: config(2) });
    const before = [...bytesOf('short', 2)];
    const asked = { path: at('short'), config: configOf('short'), epoch: 2 };
    const result = await run(longerParams(asked, 4, at('longer')));
    for (const epoch of [2, 3, 4]) {
      expect(bytesOf('longer', epoch).size).toBe(4);
      expect(bytesOf('longer', epoch)).toEqual(bytesOf('straight', epoch));
    }
    expect(result.test_accuracy).toEqual(straight.test_accuracy);
    expect(result).toMatchObject({ epochs: 4, forked_from: { path: at('short'), epoch: 2 } });
    expect(configOf('longer')).toMatchObject({ training: { num_epochs: 4 } });
    expect([...bytesOf('short', 2)]).toEqual(before);
    expect(configOf('short')).toMatchObject({ training: { num_epochs: 2 } });
  });

  it('is refused without later epochs, and without a recorded order of the batches', () => {
    const known = { path: '/r', config: { optimization_seed: [1, 2] }, epoch: 10 };
    expect(() => longerParams(known, 10, '/s')).toThrow('/r is trained up to epoch 10 already.');
    expect(() => longerParams({ ...known, config: {} }, 11, '/s')).toThrow(
      /optimization_seed is not recorded/,
    );
    expect(longerParams(known, 11, '/s')).toEqual({
      run: '/s',
      fork: {
        ...{ parent: '/r', epoch: 10, child: 1 },
        settings: ['training.num_epochs=11', 'optimization_seed=[1,2]'],
      },
    });
  });
});

describe('what is said of the learning rate', () => {
  it.each([
    [{}, 'The learning rate stays at 0.1.'],
    [
      { name: 'cosine', T_max: 10 },
      'The schedule of the config continues (cosine): the learning rate is 0 in epoch 11 and 0.0976 in epoch 20. It rises in between, since T_max is 10 epochs.',
    ],
    [
      { name: 'step', step_size: 5, gamma: 0.1 },
      'The schedule of the config continues (step): the learning rate is 0.001 in epoch 11 and 0.0001 in epoch 20.',
    ],
    [{ name: 'linear_warmup', warmup_steps: 5 }, 'The learning rate stays at 0.1.'],
  ])('%j', (scheduler, said) => {
    expect(rateAhead({ optimizer: { name: 'sgd', lr: 0.1 }, scheduler }, 10, 20)).toBe(said);
  });
});
