/** Training on varied images: exact after a stop, one model alone or among others, compiled or not. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { moveOf } from '../../../src-main/compute/data/augment.ts';
import { augmented } from '../../../src-main/compute/data/augment.ts';
import { readRun } from '../../../src-main/compute/load-models.ts';
import { loadAnalysisData } from '../../../src-main/compute/analysis-data.ts';
import { loadDataset } from '../../../src-main/compute/data/index.ts';
import { freshModels } from '../../../src-main/compute/models/index.ts';
import { sizeOverrides } from '../../../src-shared/config.ts';
import { planTraining } from '../../../src-main/compute/training/plan.ts';
import { TrainingSession } from '../../../src-main/compute/training/session.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { job } from '../../support/job.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-varied-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, 'cifar');
mkdirSync(folder);
for (const name of ['data_batch_1.bin', 'test_batch.bin'])
  copyFileSync(fixturePath(`cifar/${name}`), join(folder, name));

const overrides = [
  ...['dataset=cifar10', `dataset.data_dir=${folder}`, 'dataset.batch_size=8', 'model.input_dim=3072'],
  ...['model.hidden_dim=8', 'num_models=2', 'seed=5', 'training.num_epochs=4', 'training.save_every=1'],
];

function trained(name: string, more: string[] = []): Promise<TrainResult> {
  const config = loadTrainingConfig('standard-small', [...overrides, ...more]);
  return job<TrainResult>('train', { run: join(root, name), config });
}

function weights(run: string, epoch: number, model: number): Float32Array {
  const file = openCheckpoint(join(root, run, `checkpoint_epoch_${epoch}_model_${model}.safetensors`));
  try {
    return file.tensors.get('lins.0.weight')!.readFloat32();
  } finally {
    file.close();
  }
}

describe('a run on varied images', () => {
  it('goes on exactly where it stopped', async () => {
    const whole = await trained('whole');
    await trained('parts', ['training.num_epochs=4']);
    for (const file of readdirSync(join(root, 'parts')))
      if (/epoch_[34]_/.test(file)) rmSync(join(root, 'parts', file));
    const resumed = await job<TrainResult>('train', { run: join(root, 'parts'), resume: true });
    expect(resumed.resumed_from).toBe(2);
    expect(resumed.test_loss).toEqual(whole.test_loss);
    for (const model of [1, 2]) expect(weights('parts', 4, model)).toEqual(weights('whole', 4, model));
  });

  it('learns other weights than on the images as they are, and the setting is recorded', async () => {
    await trained('plain', ['dataset.augmentation=null']);
    expect(weights('plain', 0, 1)).toEqual(weights('whole', 0, 1));
    expect(weights('plain', 1, 1)).not.toEqual(weights('whole', 1, 1));
    const config = readFileSync(join(root, 'whole', 'config.yaml'), 'utf8');
    expect(config).toMatch(/augmentation:\n {4}flip: true\n {4}pad: 4\n {4}evaluation: none/);
  });

  it('is evaluated on varied train and val images if it is said, here and in an analysis', async () => {
    const on = ['dataset.augmentation.evaluation=train-and-val', 'dataset.val_split=0.5'];
    const [varied, plain] = [
      await trained('varied', on),
      await trained('unvaried', ['dataset.val_split=0.5']),
    ];
    expect(weights('varied', 4, 1)).toEqual(weights('unvaried', 4, 1));
    expect(varied.val_loss).not.toEqual(plain.val_loss);
    expect(varied.test_loss).toEqual(plain.test_loss);
    type Curves = { val_loss: number[]; test_loss: number[] };
    const curve = (run: string): Promise<Curves> =>
      job<Curves>('interpolate', { run: join(root, run), epoch: 4, steps: 2, splits: ['val', 'test'] });
    const [a, b] = [await curve('varied'), await curve('unvaried')];
    expect(a.test_loss).toEqual(b.test_loss);
    expect(a.val_loss).not.toEqual(b.val_loss);
    // The ends are the models of the run, seen as training saw them.
    expect(a.val_loss[0]).toBeCloseTo(varied.val_loss![0]!, 5);
  });

  it('is not compared with training if norm statistics go by batches, which are of the images as they are', async () => {
    const run = readRun(join(root, 'varied'));
    const varied = await loadAnalysisData(run, {}, ['val', 'test']);
    expect([varied.isRunSplit, varied.warnings]).toEqual([true, []]);
    const plain = await loadAnalysisData(run, {}, ['train', 'val'], 'file');
    expect(plain.isRunSplit).toBe(false);
    expect(plain.warnings).toEqual([expect.stringMatching(/images without augmentation.*are not compared/)]);
    const test = await loadAnalysisData(run, {}, ['test'], 'file');
    expect([test.isRunSplit, test.warnings]).toEqual([true, []]);
  });

  it('can be one of residual networks, which take the size of the images', async () => {
    const small = ['dataset=cifar10', `dataset.data_dir=${folder}`, 'dataset.batch_size=8', 'num_models=1'];
    const facts = { features: 3072, classes: 10, shape: [3, 32, 32] };
    const preset = loadTrainingConfig('resnet-small');
    const sizes = sizeOverrides(preset, small, facts);
    expect(sizes).toEqual(['model.input_shape=[3,32,32]']);
    const config = loadTrainingConfig('resnet-small', [...small, ...sizes, 'training.num_epochs=1']);
    const { test_loss, parameters } = await job<TrainResult>('train', { run: join(root, 'res'), config });
    expect(test_loss[0]).toBeGreaterThan(0);
    expect(parameters).toBe(272_474);
    const wrong = loadTrainingConfig('resnet-small', small);
    await expect(job('train', { run: join(root, 'wrong'), config: wrong })).rejects.toMatchObject({
      message: expect.stringMatching(
        /model\.input_shape is \[1, 32, 32\], but examples of cifar10.* are images of 3 x 32 x 32/,
      ) as string,
      hint: 'Set model.input_shape=[3, 32, 32].',
    });
    expect(readdirSync(root)).not.toContain('wrong');
  });

  it('of rows of numbers is refused before anything is written', async () => {
    const config = loadTrainingConfig('standard-small', [
      ...['dataset=gaussian-subspace', 'model.input_dim=512', 'model.output_dim=20'],
      ...['dataset.gaussian_subspace_dataset.num_samples_train=50', '+dataset.augmentation.flip=true'],
      'dataset.gaussian_subspace_dataset.num_samples_test=10',
    ]);
    await expect(job('train', { run: join(root, 'none'), config })).rejects.toThrow(
      /rows of numbers; only images/,
    );
    expect(readdirSync(root)).not.toContain('none');
  });
});

describe('a step on varied images', async () => {
  const backend = await loadBackend();
  const cifar = await loadDataset({ name: 'cifar10', dataDir: folder });
  const plan = planTraining(loadTrainingConfig('standard-small', overrides));
  const { augmentation, spec, optimizer, seeds } = plan;
  const rows = [Int32Array.of(3, 11, 0, 19, 7), Int32Array.of(2, 2, 23, 4, 9)];
  const moves = rows.map((own, m) =>
    Array.from(own, (row) => moveOf(augmentation!, seeds.optimization[m]!, 1, row)),
  );

  function losses(models: number[], way: 'eager' | 'xla' | 'graph'): number[] {
    const states = [...freshModels(spec, seeds)].filter((_, m) => models.includes(m));
    const settings = { spec, optimizer, augmentation, batchSize: 5, totalSteps: 1 };
    const execution = { way, steps_per_call: 1 } as const;
    const session = new TrainingSession(backend, { ...settings, execution }, states, cifar.train);
    try {
      const input = {
        rows: models.map((m) => rows[m]!),
        moves: models.map((m) => moves[m]!),
        learningRate: 0.01,
      };
      return [...session.run([input])[0]!, ...session.run([input])[0]!];
    } finally {
      session.dispose();
    }
  }

  it('gives the same loss compiled, as a graph and one by one', () => {
    const wanted = losses([0, 1], 'eager');
    for (const way of ['graph', 'xla'] as const)
      losses([0, 1], way).forEach((loss, i) => expect(loss).toBeCloseTo(wanted[i]!, 5));
  });

  it('is the same for a model alone', () => {
    const [all, alone] = [losses([0, 1], 'eager'), losses([1], 'eager')];
    expect(alone[0]).toBeCloseTo(all[1]!, 6);
    expect(alone[1]).toBeCloseTo(all[3]!, 5);
  });

  it('sees the images that a varied copy holds', () => {
    const own = { augmentation: augmentation!, seed: seeds.optimization[0]!, epoch: 1 };
    const copy = augmented(
      cifar.train,
      Int32Array.from({ length: 24 }, (_, i) => i),
      own,
    );
    const settings = { spec, optimizer, batchSize: 5, totalSteps: 1 };
    const [state] = [...freshModels(spec, seeds)];
    const session = new TrainingSession(backend, settings, [state!], copy);
    const [loss] = session.run([{ rows: [rows[0]!], learningRate: 0.01 }]);
    session.dispose();
    expect(loss![0]).toBeCloseTo(losses([0], 'eager')[0]!, 6);
  });
});
