/** `basin figure --colours --range --share`: laid over a recipe, or refused. */
import { describe, expect, it } from 'vitest';
import { parseRange, withColours } from '../../../src-main/cli/figure-look.ts';

const matrix = { kind: 'matrix', data: { rows: [], valueLabel: 'cost', colours: 'viridis' } };

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
