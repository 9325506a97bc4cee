/** Runs on examples with several binary labels: trained, measured, and what is not about such examples refused by name. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planTraining } from '../../../src-main/compute/training/plan.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import {
  interpolationFigure,
  panelsByAlignment,
} from '../../../src-shared/presentations/interpolation-figure.ts';
import { interpolation } from '../../../src-shared/figures/kinds/interpolation.ts';
import { themeOf } from '../../../src-shared/figures/theme.ts';
import { trainingCurvesRecipe } from '../../../src-renderer/training/curves.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import { add, npy } from '../../support/add-data.ts';
import { job } from '../../support/job.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-multilabel-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const section = 'dataset.multilabel_subspace_dataset';
const settings = [
  ...[`${section}.num_samples_train=1500`, `${section}.num_samples_test=400`, 'training.num_epochs=4'],
  ...['num_models=2', 'seed=3', 'training.save_every=1', 'model.hidden_dim=32'],
];
const configOf = (more: string[] = []) => loadTrainingConfig('multilabel-small', [...settings, ...more]);

const runs = { 'binary-cross-entropy': '', 'soft-labels': '' };
const results: Record<string, TrainResult> = {};
beforeAll(async () => {
  for (const loss of Object.keys(runs) as (keyof typeof runs)[]) {
    runs[loss] = join(root, loss);
    const config = configOf([`${section}.loss=${loss}`]);
    results[loss] = await job<TrainResult>('train', { run: runs[loss], config });
  }
}, 120_000);

const metricsOf = (run: string): EpochMetrics[] =>
  JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8')) as EpochMetrics[];

describe('a run on binary labels', () => {
  it.each(['binary-cross-entropy', 'soft-labels'] as const)(
    'with %s learns, and names its loss everywhere',
    (loss) => {
      const metrics = metricsOf(runs[loss]);
      for (const m of [0, 1])
        expect(metrics.at(-1)!.valLoss![m]!).toBeLessThan(0.9 * metrics[0]!.valLoss![m]!);
      expect(new Set(metrics.map(({ lossName }) => lossName))).toEqual(new Set([loss]));
      expect(results[loss]).toMatchObject({ loss_name: loss });
      expect(parse(readFileSync(join(runs[loss], 'config.yaml'), 'utf8'))).toMatchObject({
        dataset: { multilabel_subspace_dataset: { loss } },
      });
      const labels = trainingCurvesRecipe(metrics, 'm', ['trainLoss', 'valAccuracy'])!.data.panels.map(
        ({ label }) => label,
      );
      expect(labels[0]).toMatch(
        loss === 'soft-labels' ? /cross entropy with soft labels/ : /binary cross entropy/,
      );
      expect(labels[1]).toBe('validation label accuracy (%)');
    },
  );

  it('starts near log 2 and chance with binary cross entropy', () => {
    const [first] = metricsOf(runs['binary-cross-entropy']);
    for (const m of [0, 1]) {
      expect(Math.abs(first!.valLoss![m]! - Math.LN2)).toBeLessThan(0.1);
      expect(Math.abs(first!.valAccuracy![m]! - 50)).toBeLessThan(15);
    }
  });

  it('goes on exactly where it stopped', async () => {
    const config = configOf();
    const again = await job<TrainResult>('train', { run: join(root, 'again'), config });
    for (const model of [1, 2])
      for (const epoch of [3, 4])
        rmSync(join(root, 'again', `checkpoint_epoch_${epoch}_model_${model}.safetensors`));
    const resumed = await job<TrainResult>('train', { run: join(root, 'again'), resume: true });
    expect(resumed.resumed_from).toBe(2);
    expect(resumed.test_loss).toEqual(again.test_loss);
    expect(again.test_loss).toEqual(results['binary-cross-entropy']!.test_loss);
  });
});

interface Curves {
  test_loss: number[];
  val_accuracy: number[];
  loss_name?: string;
  warnings: string[];
}

describe('its analyses', () => {
  const ask = (more: object = {}): Promise<Curves> =>
    job<Curves>('interpolate', { run: runs['soft-labels'], epoch: 4, steps: 4, ...more });

  it('interpolate, as it is and aligned, with the loss of the run', async () => {
    const plain = await ask();
    expect(plain.loss_name).toBe('soft-labels');
    expect(plain.warnings).toEqual([
      expect.stringMatching(/^Loss: cross entropy with soft labels.*Accuracy: share/),
    ]);
    // The ends are the models as training saw them.
    for (const [end, m] of [
      [0, 0],
      [4, 1],
    ] as const) {
      expect(plain.test_loss[end]).toBeCloseTo(results['soft-labels']!.test_loss[m]!, 5);
      expect(plain.val_accuracy[end]).toBeCloseTo(metricsOf(runs['soft-labels']).at(-1)!.valAccuracy![m]!, 5);
    }
    for (const align of ['weight', 'activation']) {
      const aligned = await ask({ align });
      expect(aligned.loss_name).toBe('soft-labels');
      for (const end of [0, 4]) expect(aligned.test_loss[end]).toBeCloseTo(plain.test_loss[end]!, 4);
      expect(aligned.test_loss[2]!).toBeLessThan(plain.test_loss[2]!);
    }
  });

  it('name the loss on the axis and in the caption', async () => {
    const one = (await ask()) as unknown as Interpolation;
    const other = (await ask({ run: runs['binary-cross-entropy'] })) as unknown as Interpolation;
    const draw = (pairs: Interpolation[], metric: 'loss' | 'accuracy') => {
      const { data } = interpolationFigure(panelsByAlignment([{ label: 'a', pairs }]), {
        metric,
        split: 'test',
      })!;
      const parsed = interpolation.schema.parse(data);
      const [row] = interpolation.content(parsed, themeOf('paper')).rows;
      expect(row![0]!.y.label).toBe(
        `Test ${data.metricName ?? (metric === 'loss' ? 'loss (nats)' : 'accuracy (%)')}`,
      );
      expect(interpolation.describe(parsed)).toContain(data.notes!.join(' '));
      return { name: data.metricName, notes: data.notes!.join(' ') };
    };
    expect(draw([one], 'loss').name).toBe('cross entropy with soft labels (nats)');
    expect(draw([one], 'loss').notes).toMatch(/not divided by the number of labels/);
    expect(draw([one], 'accuracy').name).toBe('label accuracy (%)');
    expect(draw([one, other], 'loss').name).toBe('losses of different kinds (nats)');
    expect(draw([one, other], 'loss').notes).toMatch(/cannot be compared/);
    const usual = { ...one, loss_name: undefined } as unknown as Interpolation;
    expect(draw([usual], 'loss')).toEqual({ name: undefined, notes: '' });
    expect(draw([usual, other], 'accuracy').name).toBe('accuracy of different kinds (%)');
  });

  it('match and merge', async () => {
    for (const kind of ['match-weights', 'match-activations'])
      expect(await job(kind, { run: runs['soft-labels'], epoch: 4 })).toBeTruthy();
    const directory = join(root, 'merged');
    await job('merge', { run: runs['soft-labels'], epoch: 4, directory });
    expect(existsSync(directory)).toBe(true);
  });

  it('refuse what goes by one class per example, and data of other labels', async () => {
    await expect(job('similarity', { run: runs['soft-labels'] })).rejects.toThrow(
      /predictions agree or not only if every example has one class; those of .* have 8 binary labels each/,
    );
    const inputs = npy(
      'float32',
      [20, 64],
      Float32Array.from({ length: 1280 }, (_, i) => Math.sin(i)),
    );
    const labels = npy(
      'int32',
      [20],
      Int32Array.from({ length: 20 }, (_, i) => i % 2),
    );
    await add({ name: 'classes', inputs, labels });
    await expect(ask({ data: { name: 'classes' } })).rejects.toThrow(
      /its examples have one class each, but .* was trained on examples with 8 binary labels each/,
    );
  });
});

describe('a config', () => {
  const plan = (more: string[]) => planTraining(configOf(more));

  it('without the loss is refused with what there is', () => {
    expect(() => plan([`~${section}.loss`])).toThrow(`${section}.loss is missing`);
    expect(() => plan([`${section}.loss=hinge`])).toThrow(/loss/);
  });

  it('must have an output per label, and no smoothing', () => {
    for (const outputs of [7, 9])
      expect(() => plan([`model.output_dim=${outputs}`])).toThrow(/multilabel-subspace has 8 binary labels/);
    expect(() => plan(['training.label_smoothing=0.1'])).toThrow(/label_smoothing is for classes and tokens/);
    expect(plan([]).objective).toEqual({ loss: 'binary-cross-entropy', labels: 8 });
  });
});
