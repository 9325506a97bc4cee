/** Figures that show numbers beside a theory's: box plots with a rate, curves with their bounds. */
import { describe, expect, it } from 'vitest';
import { drawFigure, figureNumbers } from '../../../src-shared/figures/index.ts';

const panel = {
  xLabel: 'hidden units',
  categories: ['16', '64'],
  series: [
    { label: 'own', values: [[1, 2, 3], []] },
    {
      label: 'another',
      values: [
        [4, 5, 6],
        [4, 0, -1],
      ],
    },
  ],
  lines: [{ label: 'rate', values: [1, 0.5] }],
};
const boxes = (data: object) => ({
  kind: 'paired-boxes',
  data: { label: 'distance', panels: [panel], ...data },
});

const curves = (series: object) => ({
  kind: 'bounded-curves',
  data: {
    panels: [{ label: 'coherence', boundLabel: 'k/d', series: [{ label: 'a', epochs: [0, 5], ...series }] }],
  },
});

describe('box plots over a setting', () => {
  it('say how many values a logarithmic axis cannot show', () => {
    expect(drawFigure(boxes({ log: true })).caption).toMatch(/Lines: rate\. 2 values that are not positive/);
    expect(drawFigure(boxes({})).caption).not.toMatch(/not positive/);
  });

  it('have boxes and lines in their numbers', () => {
    const { rows } = figureNumbers(boxes({}));
    expect(rows).toHaveLength(9 + 2);
    expect(rows).toContainEqual(['1', 'another', '64', 1, 0]);
    expect(rows).toContainEqual(['1', 'rate', '64', 0, 0.5]);
  });

  it('refuse as many values as there are no categories for', () => {
    const lines = [{ label: 'rate', values: [1] }];
    expect(() => drawFigure(boxes({ panels: [{ ...panel, lines }] }))).toThrow(
      /one entry of values per category/,
    );
  });
});

describe('curves and their bounds', () => {
  it('have a dashed line for each bound, also in the numbers', () => {
    const bounded = curves({ curves: [[0.2, 0.3]], bound: [0.1, 0.15] });
    const dashed = (recipe: object) => drawFigure(recipe).svg.match(/stroke-dasharray/g)?.length ?? 0;
    // One more in the panel; the legend explains bounds in any case.
    expect(dashed(bounded) - dashed(curves({ curves: [[0.2, 0.3]] }))).toBe(1);
    expect(figureNumbers(bounded).rows).toEqual([
      ['coherence', 'a', '1', 0, 0.2],
      ['coherence', 'a', '1', 5, 0.3],
      ['coherence', 'a', 'k/d', 0, 0.1],
      ['coherence', 'a', 'k/d', 5, 0.15],
    ]);
  });

  it('refuse a bound of another length', () => {
    expect(() => drawFigure(curves({ curves: [[1, 2]], bound: [1] }))).toThrow(/one number per epoch/);
  });
});
