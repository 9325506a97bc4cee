/** `basin figure --y-range` and the like: laid over a recipe's options, taken away, refused in the flags' own words. */
import { describe, expect, it } from 'vitest';
import { inFlags, styledOptions, type StyleFlags } from '../../../src-main/cli/figure-style.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { drawFigure, type FigureKindName } from '../../../src-shared/figures/index.ts';
import { figureSamples } from '../../support/figure-samples.ts';

describe('flags of style', () => {
  it('leave alone what a recipe chose and they do not name', () => {
    const stored = {
      theme: 'paper',
      legend: 'right',
      y: { range: [0, 100], label: 'acc' },
      x: { scale: 'log' },
    };
    expect(styledOptions(stored, {})).toEqual(stored);
    expect(styledOptions(stored, { legend: 'none', yRange: [80, 100], title: 'T' })).toEqual({
      ...stored,
      title: 'T',
      legend: 'none',
      y: { range: [80, 100], label: 'acc' },
    });
  });

  it('take away what a recipe chose with auto', () => {
    const stored = { y: { range: [0, 100], label: 'acc' }, x: { scale: 'log', panel: 2 } };
    expect(styledOptions(stored, { yRange: 'auto', xScale: 'auto' })).toEqual({ y: { label: 'acc' } });
  });

  it('refuse a panel about which nothing is said', () => {
    expect(() => styledOptions({}, { panel: 2 })).toThrow(/--panel: nothing is said/);
    expect(styledOptions({}, { panel: 2, yScale: 'log' })).toEqual({ y: { panel: 2, scale: 'log' } });
  });

  it.each<[FigureKindName, StyleFlags, RegExp]>([
    ['histogram', { yScale: 'log' }, /^--y-scale: a logarithmic axis shows only values above 0/],
    ['histogram', { yRange: [500, 600] }, /^--y-range: 500 to 600 shows none of the values/],
    ['training-curves', { yLabel: 'both' }, /^--y-label: the panels have different y axes/],
    ['training-curves', { yLabel: 'both', panel: 9 }, /^--panel: 9, but the figure has 2 panels/],
  ])('of %s %o are refused by name', async (kind, flags, message) => {
    const options = styledOptions({}, flags);
    const draw = inFlags(() =>
      Promise.resolve().then(() => drawFigure({ kind, data: figureSamples[kind], options })),
    );
    await expect(draw).rejects.toThrow(message);
    await expect(draw).rejects.toBeInstanceOf(UserError);
  });
});
