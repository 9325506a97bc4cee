/** Curves of what was tracked while models trained, and the form that asks for it. */
import { describe, expect, it } from 'vitest';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import type { Tracked } from '../../../src-shared/tracking.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { fieldsOf, valuesOf } from '../../../src-renderer/training/fields.ts';
import { trackedFigures } from '../../../src-renderer/training/tracked.ts';

const at = (epoch: number, tracked?: Tracked): EpochMetrics => ({
  ...{ epoch, trainLoss: null, valLoss: null, valAccuracy: null },
  ...(tracked && { tracked }),
});

const pairs: Tracked['pairs'] = [
  [1, 2],
  [1, 3],
];

describe('curves of what was tracked', () => {
  it('are none if nothing was', () => {
    expect(trackedFigures([at(0), at(1)])).toEqual([]);
  });

  it('have a line for each pair, at the epochs that were measured', () => {
    const figures = trackedFigures([
      at(0, { pairs, agreement: [0.1, 0.2] }),
      at(1, { pairs, updateCosine: [0.3, 0.4] }),
      at(2, { pairs, agreement: [0.5, 0.6], updateCosine: [0.7, 0.8] }),
    ]);
    expect(figures.map(({ label }) => label)).toEqual(['Similarity of the models while they train']);
    const [cosine, agreement] = figures[0]!.recipe.data.panels;
    expect(cosine).toMatchObject({
      label: 'cosine of updates',
      series: [
        {
          epochs: [1, 2],
          models: [
            { name: '1–2', values: [0.3, 0.7] },
            { name: '1–3', values: [0.4, 0.8] },
          ],
        },
      ],
    });
    expect(agreement!.series[0]!.epochs).toEqual([0, 2]);
    expect(drawFigure(figures[0]!.recipe).svg).toContain('cosine of updates');
  });

  it('leave out of a logarithmic axis what it cannot show', () => {
    const [figure] = trackedFigures([
      at(0, { topEigenvalues: [5, 0] }),
      at(1, { topEigenvalues: [6, -1e-17], cka: 0.5, relativeChange: null }),
    ]);
    const [largest, cka, ...others] = figure!.recipe.data.panels;
    expect(largest).toMatchObject({
      log: true,
      series: [{ models: [{ values: [5, 6] }, { values: [null, null] }] }],
    });
    expect(cka).toMatchObject({
      label: 'CKA with epoch 0',
      series: [{ epochs: [1], models: [{ values: [0.5] }] }],
    });
    expect(others).toEqual([]);
    const apart = trackedFigures([at(0, { topEigenvalues: [5] }), at(1, { cka: 0.5 })], true);
    expect(apart.map(({ label, recipe }) => [label, recipe.data.panels.length])).toEqual([
      ['Tangent kernel of model 1 while it trains: largest eigenvalues', 1],
      ['Tangent kernel of model 1 while it trains: CKA with epoch 0', 1],
    ]);
  });

  it('show barriers of lines, or of the mean of all models', () => {
    const four = (values: number[]) => ({
      chord: values,
      mean_ends: values,
      max_ends: values,
      midpoint: values,
    });
    const lines = trackedFigures([at(0, { pairs, lossBarriers: four([1, 2]), accuracyDrops: four([3, 4]) })]);
    expect(lines[0]!.recipe.data.panels.map(({ label }) => label)).toEqual([
      'test loss barrier (chord)',
      'drop of test accuracy (points)',
    ]);
    const mean = trackedFigures([at(0, { pairs, midpoint: { loss: 0.5, accuracy: 7 } })]);
    expect(mean[0]!.recipe.data.panels.map(({ series }) => series[0]!.models[0]!.values)).toEqual([
      [0.5],
      [7],
    ]);
  });
});

describe('the form for training', () => {
  const paths = (overrides: string[]) => {
    const values = valuesOf(loadTrainingConfig('standard-small', overrides));
    return fieldsOf(values, values, {}).map(({ path }) => path);
  };

  it('offers how often something is tracked once it is', () => {
    expect(paths([])).toContain('interpolation.enabled');
    expect(paths([])).not.toContain('interpolation.save_every');
    expect(paths(['interpolation=grid'])).toContain('interpolation.save_every');
  });

  it('offers nothing that takes two models for one', () => {
    const one = paths(['num_models=1']).filter((path) => path.endsWith('.enabled'));
    expect(one).toEqual(['training.early_stopping.enabled', 'training.ntk_tracking.enabled']);
  });
});
