/** `basin figure --colours --range --share`: laid over a recipe, or refused. */
import { describe, expect, it } from 'vitest';
import { parseRange, withColours } from '../../../src-main/cli/figure-look.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';

const matrix = { kind: 'matrix', data: { rows: [], valueLabel: 'cost', colours: 'viridis' } };

const values = [
  [1, 2],
  [3, 4],
];
const contours = { xLabel: 'x', yLabel: 'y', valueLabel: 'loss', x: [0, 1], y: [0, 1], values };

describe('a range of colours in a recipe', () => {
  it.each<[string, object]>([
    ['matrix', { rows: [[{ matrix: values }]], valueLabel: 'cost' }],
    ['barrier-matrix', { panels: [{ names: ['a', 'b'], values }], valueLabel: 'barrier' }],
    ['plane-contour', contours],
  ])('of the kind %s has the lower value first', (kind, data) => {
    expect(() => drawFigure({ kind, data: { ...data, range: [4, 1] } })).toThrow(
      /data\.range.*lower value first/,
    );
    expect(drawFigure({ kind, data: { ...data, range: [1, 4] } }).svg).toMatch(/^<svg/);
  });

  it('is above 0 if the scale is logarithmic', () => {
    const data = { ...contours, scale: 'log', range: [0, 4] };
    expect(() => drawFigure({ kind: 'plane-contour', data })).toThrow(/above 0 for the logarithmic scale/);
  });
});

describe('colours on the command line', () => {
  it('stand in place of those of the recipe', () => {
    expect(withColours(matrix, { colours: 'swap-costs', range: [-1, 9], share: 'all' })).toEqual({
      kind: 'matrix',
      data: { rows: [], valueLabel: 'cost', colours: 'swap-costs', range: [-1, 9], share: 'all' },
    });
    expect(withColours(matrix, {})).toBe(matrix);
  });

  it('are refused if the figure has none', () => {
    expect(() => withColours({ kind: 'boxes', data: {} }, { colours: 'viridis' })).toThrow(
      /--colours: a figure of the kind boxes/,
    );
    expect(() => withColours({ kind: 'plane-contour', data: {} }, { share: 'all' })).toThrow(/--share/);
  });

  it.each(['1', '1,2,3', '2,1', '1,1', ',1', 'a,b', '1,Infinity'])('--range %s is refused', (text) => {
    expect(() => parseRange(text)).toThrow(/lower one first/);
  });

  it('reads negative numbers', () => {
    expect(parseRange('-2.5,30')).toEqual([-2.5, 30]);
  });
});
