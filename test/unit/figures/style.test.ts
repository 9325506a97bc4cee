/** Axes as somebody wants them in a paper: what is drawn, and what is refused because it would hide values. */
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src-shared/errors.ts';
import { drawFigure, type FigureKindName } from '../../../src-shared/figures/index.ts';
import { figureSamples } from '../../support/figure-samples.ts';

const drawn = (kind: FigureKindName, options: object) =>
  drawFigure({ kind, data: figureSamples[kind], options });

function refusal(kind: FigureKindName, options: object): string {
  try {
    drawn(kind, options);
  } catch (error) {
    if (error instanceof UserError) return [error.message, error.hint ?? ''].join(' ').trim();
    throw error;
  }
  return '';
}

describe('the range of an axis', () => {
  it('is the one that is asked for, in all panels that share it; the caption says what is cut', () => {
    const figure = drawn('interpolation', { y: { range: [80, 100] } });
    expect(figure.panels.map(({ y }) => [y.from, y.to])).toEqual([
      [80, 100],
      [80, 100],
    ]);
    expect(figure.caption).toMatch(
      /The y axis shows 80 to 100; the values lie from .* beyond the axis are cut off\.$/,
    );
    expect(drawn('interpolation', { y: { range: [0, 100] } }).caption).not.toContain('cut off');
  });

  it('cuts lines at the edge of the panel, and leaves markers whole where nothing is cut', () => {
    const clip = (options: object) => {
      const figure = drawn('interpolation', options);
      const [, height] =
        /<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)"/.exec(figure.svg) ?? [];
      return Number(height) - figure.panels[0]!.height;
    };
    expect(clip({})).toBeCloseTo(8, 2);
    expect(clip({ y: { range: [80, 100] } })).toBeCloseTo(0, 2);
  });

  it('keeps ticks where the own ones of a kind are too few', () => {
    const [panel] = drawn('interpolation', { x: { range: [0.4, 0.6] }, size: 'text' }).panels;
    expect(panel!.x.ticks.length).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ['histogram', { y: { range: [5, 5] } }, /figure\.options\.y\.range: .*lower one first/],
    ['histogram', { y: { range: [9, 5] } }, /figure\.options\.y\.range: .*lower one first/],
    [
      'histogram',
      { y: { range: [500, 600] } },
      /figure\.options\.y\.range: 500 to 600 shows none of the values, which lie from 0 to/,
    ],
    [
      'chord-deviation',
      { x: { range: [0, 1] } },
      /figure\.options\.x\.range: 0 to 1: a logarithmic axis begins above 0/,
    ],
    ['matrix', { x: { range: [0, 10] } }, /figure\.options\.x\.range: a matrix/],
    ['boxes', { x: { range: [0, 2] } }, /figure\.options\.x\.range: the x axis has names/],
    [
      'training-curves',
      { y: { range: [0, 1] } },
      /figure\.options\.y\.range: .*different y axes .*Name one panel, from 1 to 2/,
    ],
    [
      'training-curves',
      { y: { range: [0, 1], panel: 3 } },
      /figure\.options\.y\.panel: 3, but the figure has 2 panels/,
    ],
    ['interpolation', { y: { range: [80, 100], panel: 1 } }, /figure\.options\.y\.panel: all panels share/],
    ['interpolation', { y: { rnage: [80, 100] } }, /rnage/],
  ] as const)('of %s is refused: %o', (kind, options, message) => {
    expect(refusal(kind, options)).toMatch(message);
  });
});

describe('the scale of an axis', () => {
  it('is logarithmic if all values are above 0', () => {
    const [panel] = drawn('interpolation', { y: { scale: 'log' } }).panels;
    expect(panel!.y.scale).toBe('log');
    expect(panel!.y.from).toBeGreaterThan(0);
    expect(panel!.y.ticks.length).toBeGreaterThanOrEqual(2);
  });

  it('of one panel alone', () => {
    const figure = drawn('training-curves', { y: { scale: 'linear', panel: 1 } });
    expect(figure.panels.map(({ y }) => y.scale)).toEqual(['linear', 'linear']);
    expect(drawn('training-curves', {}).panels.map(({ y }) => y.scale)).toEqual(['log', 'linear']);
  });

  it('brings back values that the own logarithmic axis of a kind leaves out', () => {
    const data = { label: 'd', log: true, panels: [{ groups: [{ label: 'a', values: [-1, 1, 2, 3] }] }] };
    expect(drawFigure({ kind: 'boxes', data }).caption).toContain('1 values that are not positive');
    const linear = drawFigure({ kind: 'boxes', data, options: { y: { scale: 'linear' } } });
    expect(linear.panels[0]!.y.from).toBeLessThan(-1);
    expect(linear.caption).not.toContain('not positive');
  });

  it.each([
    [
      'barrier-over-epochs',
      { y: { scale: 'log' } },
      /figure\.options\.y\.scale: .*above 0, and the lowest here is 0\. Choose the linear/,
    ],
    ['histogram', { y: { scale: 'log' } }, /figure\.options\.y\.scale: .*lowest here is 0/],
    ['symmetry-curve', { x: { scale: 'log' } }, /figure\.options\.x\.scale/],
    ['histogram', { y: { scale: 'sqrt' } }, /figure\.options\.y\.scale/],
  ] as const)('of %s is refused: %o', (kind, options, message) => {
    expect(refusal(kind, options)).toMatch(message);
  });
});

describe('labels and legend', () => {
  it('takes labels of its own', () => {
    const figure = drawn('histogram', { x: { label: 'cost γ_out' }, y: { label: 'pairs' } });
    expect(figure.panels[0]!.x.label).toBe('cost γout');
    expect(figure.texts.map(({ text }) => text)).toContain('pairs');
    expect(refusal('histogram', { y: { label: ' ' } })).toMatch(
      /figure\.options\.y\.label: expected some text/,
    );
  });

  it('draws no legend if none is wanted, and its room goes back', () => {
    const [without, below] = [drawn('histogram', { legend: 'none' }), drawn('histogram', {})];
    expect(without.svg).not.toContain('class="legend"');
    expect(without.legend).toBeNull();
    expect(without.height).toBeLessThan(below.height - 8);
    expect(without.series).toHaveLength(2);
  });

  it('puts the legend into an empty place of a panel', () => {
    const figure = drawn('histogram', { legend: 'inside' });
    const [panel] = figure.panels;
    const { left, top, width, height } = figure.legend!;
    expect(left).toBeGreaterThan(panel!.left);
    expect(top).toBeGreaterThan(panel!.top);
    expect(left + width).toBeLessThan(panel!.left + panel!.width);
    expect(top + height).toBeLessThan(panel!.top + panel!.height);
    expect(figure.height).toBe(drawn('histogram', { legend: 'none' }).height);
  });

  it('puts it below if every place would cover something', () => {
    const points = Array.from({ length: 40 }, (_, i) => Array.from({ length: 40 }, (_, j) => [i, j])).flat();
    const data = {
      panels: [
        {
          x: { label: 'x' },
          y: { label: 'y' },
          series: [{ label: 'everywhere', points: points.map(([x, y]) => ({ x, y })) }],
        },
      ],
    };
    const options = { legend: 'inside' };
    const figure = (data_: unknown) => drawFigure({ kind: 'scatter', data: data_, options });
    expect(figure(data).legend!.top).toBeGreaterThan(
      figure(data).panels[0]!.top + figure(data).panels[0]!.height,
    );
  });

  it('is part of the recipe: the same style gives the same file after a trip through JSON', () => {
    const recipe = {
      kind: 'interpolation',
      data: figureSamples.interpolation,
      options: { legend: 'inside', y: { range: [60, 100], label: 'accuracy' }, size: 'single', title: 'T' },
    };
    expect(drawFigure(JSON.parse(JSON.stringify(recipe))).svg).toBe(drawFigure(recipe).svg);
  });
});
