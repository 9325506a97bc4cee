/** Curves with points that are not finite, as a figure: gaps, crosses, and a caption that says so. */
import { Resvg } from '@resvg/resvg-js';
import { describe, expect, it } from 'vitest';
import { drawFigure, figureNumbers, themeNames } from '../../../src-shared/figures/index.ts';
import { collisions, cutOff } from './overlap.ts';

const lambdas = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];
const dip = (depth: number) => lambdas.map((l) => 90 - depth * 4 * l * (1 - l));
const withGaps = (values: number[], ...at: number[]) =>
  values.map((value, i) => (at.includes(i) ? null : value));

const recipe = (curves: (number | null)[][], more: object = {}, options: object = {}) => ({
  kind: 'interpolation',
  data: {
    ...{ metric: 'accuracy', split: 'test', ...more },
    panels: [
      {
        title: 'Unaligned',
        series: [
          { label: 'W', lambdas, curves: curves.map((values, i) => ({ pair: `pair ${i + 1}`, values })) },
        ],
      },
    ],
  },
  options,
});
/** Crosses are two strokes; a circle is closed. The last one is that of the legend. */
const crosses = (svg: string): number =>
  (svg.match(/d="M[\d.]+,[\d.]+L[\d.]+,[\d.]+M[^"]*L[^"]*"/g) ?? []).length - 1;

describe('a curve with gaps', () => {
  it('alone: its points stand, a cross for each that is missing, and the caption counts them', () => {
    const { svg, caption, texts } = drawFigure(recipe([withGaps(dip(40), 3, 4)]));
    expect(crosses(svg)).toBe(2);
    expect(caption).toContain('2 of 9 points are not finite (crosses at the lower edge): it has no barrier.');
    expect(caption).not.toContain('Accuracy drop');
    expect(texts.map(({ text }) => text).join(' ')).toContain('not finite');
  });

  it('among whole ones: mean, band and barrier are those of the whole ones, which is said', () => {
    const whole = [dip(40), dip(20)];
    const { svg, caption } = drawFigure(recipe([...whole, withGaps(dip(80), 4)]));
    expect(crosses(svg)).toBe(1);
    expect(caption).toContain('mean over 2 of 3 pairs; band: minimum to maximum.');
    expect(caption).toContain('1 of 27 points is not finite');
    expect(caption).toContain('1 of 3 curves have such points and are left out of means and barriers.');
    expect(caption).toContain('mean over pairs: W (30.0).');
    const meanOf = (curves: (number | null)[][]) =>
      figureNumbers(recipe(curves)).rows.filter(([, , pair]) => pair === 'mean');
    expect(meanOf([...whole, withGaps(dip(80), 4)])).toEqual(meanOf(whole));
  });

  it('is written to tables as it is, with nothing in place of what is missing', () => {
    const { rows } = figureNumbers(recipe([withGaps(dip(40), 4)]));
    expect(rows.filter(([, , pair]) => pair === 'pair 1').map((row) => row[4])).toEqual(withGaps(dip(40), 4));
    expect(rows.filter(([, , pair]) => pair === 'mean').every((row) => row[4] === null)).toBe(true);
  });

  it.each(themeNames)('is a sound picture in every size, also if nothing is finite: %s', (theme) => {
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    for (const curves of [
      [withGaps(dip(40), 0, 8)],
      [withGaps(dip(40), ...all)],
      [dip(5), withGaps(dip(9), ...all)],
    ])
      for (const size of ['single', 'double'])
        for (const draw of ['mean', 'both', 'single']) {
          const figure = drawFigure(recipe(curves, { draw }, { theme, size }));
          expect(() => new Resvg(figure.svg, { font: { loadSystemFonts: false } })).not.toThrow();
          expect(collisions(figure)).toEqual([]);
          expect(cutOff(figure)).toEqual([]);
        }
  });
});

describe('the caption', () => {
  it('quotes barriers by the definition that was chosen, and what must be told', () => {
    const lossy = lambdas.map((l) => 1 + l + 3 * 4 * l * (1 - l));
    const told = (barrier: string) => drawFigure(recipe([lossy], { metric: 'loss', barrier })).caption;
    expect(told('chord')).toContain(
      'Loss barrier above the straight line between the ends, mean over pairs: W (3.000).',
    );
    expect(told('mean_ends')).toMatch(/above the mean of the ends, mean over pairs: W \(3\.0\d\d\)\./);
    expect(told('max_ends')).toMatch(/above the worse end, mean over pairs: W \(2\.5\d\d\)\./);
    expect(told('midpoint')).toContain('at the midpoint, mean over pairs: W (3.000).');
    const notes = ['The running statistics of BatchNorm are interpolated.'];
    expect(drawFigure(recipe([dip(4)], { notes })).caption).toMatch(/BatchNorm are interpolated\.$/);
  });
});

it('a matrix of barriers marks the pairs that have none', () => {
  const { caption, texts } = drawFigure({
    kind: 'barrier-matrix',
    data: {
      panels: [
        {
          names: ['1', '2', '3'],
          values: [
            [null, 5, null],
            [5, null, 7],
            [null, 7, null],
          ],
        },
      ],
      valueLabel: 'accuracy drop (points)',
    },
  });
  expect(texts.filter(({ text }) => text === '×')).toHaveLength(2);
  expect(caption).toContain('1 of 3 pairs have no barrier (×)');
});
