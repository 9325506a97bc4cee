/** From pairs at several epochs to the barriers over them: which numbers, under which names. */
import { expect, it } from 'vitest';
import { figureOfResults, type FigureChoice } from '../../../src-main/cli/figure-from-result.ts';
import { drawFigure, figureNumbers } from '../../../src-shared/figures/index.ts';
import { interpolateJob, pairsOf } from '../../../src-shared/jobs/interpolate.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { barrierOverEpochsFigure } from '../../../src-shared/presentations/barrier-figure.ts';
import { panelsByAlignment } from '../../../src-shared/presentations/interpolation-figure.ts';

/** Accuracies 90 and 90 at the ends; `drop` points less in the middle, or no number there. */
const pair = (
  epoch: number,
  two: number,
  drop: number | null,
  more: Partial<Interpolation> = {},
): Interpolation => ({
  ...{ model1_index: 1, model2_index: two, epoch, lambdas: [0, 0.5, 1], align: 'none' },
  checkpoint_path_1: `/runs/a/checkpoint_epoch_${epoch}_model_1.pt`,
  checkpoint_path_2: `/runs/a/checkpoint_epoch_${epoch}_model_${two}.pt`,
  ...{ distance: 1, normalized_distance: 1, num_params: 10 },
  test_accuracy: [90, drop === null ? null : 90 - drop, 90],
  ...more,
});

const pairs = [pair(5, 2, 8), pair(0, 2, 1), pair(0, 3, 3), pair(5, 3, null)];
const aligned = pairs.map((each): Interpolation => ({ ...each, align: 'weight' }));
const choice: FigureChoice = { metric: 'accuracy', split: 'test', barrier: 'chord', scale: 'linear' };
const stored = (id: string, of: readonly Interpolation[], title = `Interpolate, unaligned: ${id}`) => ({
  ...{ id, kind: 'interpolate', title },
  result: {
    ...{ pairs: [...of], warnings: [], split_sizes: { test: 100 } },
    backend: { name: 'tensorflow', version: '2.21.0', device: 'cpu', threads: 2 },
  },
});

it('has one curve per pair of models, one panel per way of aligning, gaps where there is no number', () => {
  const recipe = barrierOverEpochsFigure(
    panelsByAlignment([{ label: 'family', colour: '#0072b2', pairs: [...pairs, ...aligned] }]),
    choice,
  );
  const series = [
    {
      ...{ label: 'family', colour: '#0072b2', epochs: [0, 5] },
      pairs: [
        { pair: '1–2', values: [1, 8] },
        { pair: '1–3', values: [3, null] },
      ],
    },
  ];
  expect(recipe).toMatchObject({
    kind: 'barrier-over-epochs',
    data: {
      panels: [
        { title: 'Unaligned', series },
        { title: 'Aligned by weights', series },
      ],
    },
  });
  const { caption } = drawFigure(recipe);
  expect(caption).toMatch(/^Test accuracy drop below the straight line between the ends/);
  expect(caption).toContain('mean over 2 pairs; band: minimum to maximum.');
  expect(caption).toContain('2 of 8 barriers are missing');
  const means = figureNumbers(recipe).rows.filter((row) => row[0] === 'Unaligned' && row[2] === 'mean');
  expect(means.map((row) => row.slice(3))).toEqual([
    [0, 2],
    [5, 8],
  ]);
});

it('pairs of several runs under one name keep their runs apart', () => {
  const other = (epoch: number) =>
    pair(epoch, 2, 4, {
      checkpoint_path_1: `/runs/b/checkpoint_epoch_${epoch}_model_1.pt`,
      checkpoint_path_2: `/runs/b/checkpoint_epoch_${epoch}_model_2.pt`,
    });
  const recipe = barrierOverEpochsFigure(
    panelsByAlignment([{ label: 'group', pairs: [pair(0, 2, 1), pair(5, 2, 2), other(0), other(5)] }]),
    choice,
  );
  expect(recipe?.data.panels[0]?.series[0]?.pairs).toEqual([
    { pair: 'a 1–a 2', values: [1, 2] },
    { pair: 'b 1–b 2', values: [4, 4] },
  ]);
});

it('there is none of one epoch, nor on a split that was not evaluated', () => {
  const panels = (of: readonly Interpolation[]) => panelsByAlignment([{ label: 'family', pairs: of }]);
  expect(barrierOverEpochsFigure(panels([pair(5, 2, 1), pair(5, 3, 2)]), choice)).toBeNull();
  expect(barrierOverEpochsFigure(panels(pairs), { ...choice, split: 'val' })).toBeNull();
  expect(pairsOf(interpolateJob.result.parse(stored('a', pairs).result))).toHaveLength(4);
});

it('basin figure draws it from a result over epochs, or from results of single epochs if asked', () => {
  const whole = figureOfResults([stored('a', pairs)], choice);
  expect(whole.kind).toBe('barrier-over-epochs');
  const curves = figureOfResults([stored('a', pairs)], { ...choice, which: 'curves' });
  expect(curves).toMatchObject({
    kind: 'interpolation',
    data: { panels: [{ title: 'Unaligned, epoch 5' }, { title: 'Unaligned, epoch 0' }] },
  });
  const singles = [
    stored(
      'a',
      pairs.filter(({ epoch }) => epoch === 0),
    ),
    stored(
      'b',
      pairs.filter(({ epoch }) => epoch === 5),
      'Interpolate, unaligned: a',
    ),
  ];
  // As ever: curves of several results in one panel.
  expect(figureOfResults(singles, choice)).toMatchObject({ kind: 'interpolation', data: { panels: [{}] } });
  const asked = figureOfResults(singles, { ...choice, which: 'barrier' });
  expect(asked).toMatchObject({ data: { panels: [{ series: [{ label: 'a', epochs: [0, 5] }] }] } });
  expect(() => figureOfResults(singles, { ...choice, which: 'nothing' })).toThrow(
    /1 \(Curves\)|no such figure/,
  );
});
