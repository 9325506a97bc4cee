/** One recipe for interpolations: the app, `basin figure` and the demo draw the same from the same pairs. */
import { expect, it } from 'vitest';
import { demoCurves } from '../../../src-main/cli/demo/figure.ts';
import type { CurvesByTreatment } from '../../../src-main/cli/demo/summary.ts';
import { figureOfResults, type FigureChoice } from '../../../src-main/cli/figure-from-result.ts';
import { interpolationRecipe } from '../../../src-renderer/interpolation/curves.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { normStatistics, normStatisticsNote } from '../../../src-shared/jobs/norm-statistics.ts';
import type { NormStatistics } from '../../../src-shared/jobs/norm-statistics.ts';
import {
  alignmentTitle,
  interpolationFigure,
  panelsByAlignment,
  storedEndsNote,
} from '../../../src-shared/presentations/interpolation-figure.ts';

const note = 'Read this with the curve.';

function pair(two: number, more: Partial<Interpolation> = {}): Interpolation {
  return {
    ...{ model1_index: 1, model2_index: two, epoch: 5, lambdas: [0, 0.5, 1] },
    checkpoint_path_1: '/runs/a/checkpoint_epoch_5_model_1.pt',
    checkpoint_path_2: `/runs/a/checkpoint_epoch_5_model_${two}.pt`,
    ...{
      distance: 1,
      normalized_distance: 1,
      num_params: 10,
      align: 'none',
      test_accuracy: [90, 50 + two, 92],
    },
    ...more,
  };
}

const unaligned = [pair(2, { note }), pair(3)];
const aligned = unaligned.map((each): Interpolation => ({ ...each, align: 'activation' }));
const titles = ['Unaligned', 'Aligned by activations'];
const choice: FigureChoice = { metric: 'accuracy', split: 'test', barrier: 'chord', scale: 'linear' };
const stored = (pairs: Interpolation[]) => ({
  ...{ id: 'interpolate-1', kind: 'interpolate', title: 'family' },
  result: {
    ...{ pairs, warnings: [], split_sizes: { test: 100 } },
    backend: { name: 'tensorflow', version: '2.21.0', device: 'cpu', threads: 2 },
  },
});

it('names the ways of aligning', () => {
  expect([...unaligned, ...aligned].map(alignmentTitle)).toEqual(titles.flatMap((title) => [title, title]));
  expect(alignmentTitle({ align: 'weight' })).toBe('Aligned by weights');
  expect(alignmentTitle({ align: 'activation', mode: 'reference-lmc-script' })).toBe(
    'Anti-aligned (published LMC script)',
  );
});

it('is the same in the app, on the command line and in the demo', () => {
  const shared = interpolationFigure(
    panelsByAlignment([{ label: 'family', pairs: [...unaligned, ...aligned] }]),
    {
      ...{ metric: 'accuracy', split: 'test', band: 'range', draw: 'mean', barrier: 'chord' },
    },
  )!;
  expect(shared.data.panels.map(({ title }) => title)).toEqual(titles);
  expect(shared.data.panels[0]!.series).toEqual([
    {
      ...{ label: 'family', lambdas: [0, 0.5, 1] },
      curves: [
        { pair: '1–2', values: [90, 52, 92] },
        { pair: '1–3', values: [90, 53, 92] },
      ],
    },
  ]);
  expect(shared.data.notes).toEqual([note]);

  const { barrier: _barrier, ...withoutBarrier } = shared.data;
  const curves = { none: unaligned, activation: aligned, weight: [], reference_lmc_script: [] };
  expect(demoCurves([{ label: 'family', curves: curves as CurvesByTreatment }])).toEqual(withoutBarrier);

  const { band: _band, draw: _draw, ...withoutLooks } = shared.data;
  expect(figureOfResults([stored([...unaligned, ...aligned])], choice).data).toEqual(withoutLooks);

  const measured = (align: 'none' | 'activation', pairs: Interpolation[]) => ({
    group: {
      ...{ id: 'g', architecture: 'mlp', key: 'family', colour: '#0072b2', notes: '', members: [] },
    },
    ...{ align, pairs, midpoints: [], notes: [], captionNotes: [], provenance: [], resultIds: [] },
  });
  const app = interpolationRecipe(
    [
      { title: titles[0]!, measured: [measured('none', unaligned)] },
      { title: titles[1]!, measured: [measured('activation', aligned)] },
    ],
    {
      ...{ split: 'test', metric: 'accuracy', draw: 'mean', band: 'range' },
      barrier: 'chord',
    },
  )!;
  const coloured = shared.data.panels.map(({ title, series }) => ({
    title,
    series: series.map((each) => ({ ...each, colour: '#0072b2' })),
  }));
  expect(app.data).toEqual({ ...shared.data, panels: coloured });
  for (const recipe of [shared, app]) expect(drawFigure(recipe).caption).toContain(note);
});

it('makes one series of results about the same runs, one for each way of aligning; of the same way, one each', () => {
  const one = (title: string, pairs: Interpolation[]) => ({ ...stored(pairs), title });
  const [none, activation] = [
    one('Interpolate, unaligned: mlp_7', unaligned),
    one('Interpolate, aligned by activations: mlp_7', aligned),
  ];
  const labels = (results: ReturnType<typeof one>[]) =>
    drawFigure(figureOfResults(results, choice)).series.map(({ label }) => label);
  expect(labels([none, activation])).toEqual(['mlp_7']);
  const again = one('Interpolate, unaligned: mlp_7', unaligned.slice(0, 1));
  expect(labels([none, again])).toEqual(['Interpolate, unaligned: mlp_7']);
  expect(labels([none, one('Interpolate, unaligned: mlp_8', unaligned)])).toEqual(['mlp_7', 'mlp_8']);
});

it('keeps curves with different norm statistics in panels of their own, and tells of each in the caption', () => {
  const about = (norm_statistics: NormStatistics): Interpolation =>
    pair(2, {
      norm_statistics,
      ...(norm_statistics !== 'interpolate' && { statistics_batch: 1000 }),
      note: normStatisticsNote(norm_statistics, { batch: 1000, train: 7200 }),
    });
  const pairs = normStatistics.map(about);
  const panels = panelsByAlignment([{ label: 'family', pairs: [...pairs, pair(3)] }]);
  expect(panels.map(({ title }) => title)).toEqual([
    'Unaligned, norm statistics interpolated',
    'Unaligned, norm statistics re-estimated (batches of 1,000)',
    'Unaligned, norm statistics of the batch (batches of 1,000)',
    'Unaligned',
  ]);
  expect(panels.map(({ series }) => series[0]!.pairs.length)).toEqual([1, 1, 1, 1]);
  const { caption } = drawFigure(interpolationFigure(panels, { metric: 'accuracy', split: 'test' })!);
  for (const { note: told } of pairs) expect(caption).toContain(told);
  expect(caption).toContain('7,200 examples of the train split, not augmented, in batches of 1,000');
});

it('says what the models reach as stored if the ends of their curves are others', () => {
  const ends = (...accuracies: (number | null)[]) => ({ stored_ends: { test_accuracy: accuracies } });
  expect(storedEndsNote([pair(2)])).toBeUndefined();
  expect(storedEndsNote([pair(2, ends(97.12, 96.5)), pair(3, ends(97.12, null))])).toBe(
    'With the norm statistics in their files the models reach 96.5 to 97.1 % on test.',
  );
  expect(storedEndsNote([pair(2, ends(null, null))])).toBeUndefined();
});

it('the scatter of predictions carries the notes of its curves in the caption', () => {
  const panels = [{ x: { label: 'x' }, y: { label: 'y' }, series: [] }];
  expect(drawFigure({ kind: 'scatter', data: { panels, notes: [note] } }).caption).toContain(note);
});

it('leaves out what was not evaluated; the command line refuses a result that lacks the split', () => {
  const series = [{ label: 'family', pairs: unaligned }];
  const panels = [{ title: 'x', series }];
  expect(interpolationFigure(panels, { metric: 'loss', split: 'test' })).toBeNull();
  expect(() => figureOfResults([stored(unaligned)], { ...choice, split: 'val' })).toThrow(
    'The result has no val accuracy',
  );
});
