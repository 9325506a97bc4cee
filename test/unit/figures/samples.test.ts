import { Resvg } from '@resvg/resvg-js';
import { describe, expect, it } from 'vitest';
import {
  drawFigure,
  figureKindNames,
  figureKinds,
  figureNumbers,
  themeNames,
} from '../../../src-shared/figures/index.ts';
import { figureSamples } from '../../support/figure-samples.ts';
import { collisions, cutOff } from './overlap.ts';

const recipe = (kind: keyof typeof figureSamples, options: object = {}) => ({
  kind,
  data: figureSamples[kind],
  options,
});

/** Every label anywhere in the data that a reader of the file must find. */
function labelsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(labelsIn);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === 'string'
      ? ['label', 'title', 'xLabel', 'yLabel'].includes(key)
        ? [item]
        : []
      : labelsIn(item),
  );
}

const bare = (text: string): string => text.replace(/[\s_*{}]/g, '');

describe.each(figureKindNames)('figure kind %s', (kind) => {
  it('draws the same again, and from its recipe after a trip through JSON', () => {
    expect(drawFigure(recipe(kind)).svg).toBe(drawFigure(recipe(kind)).svg);
    const stored: unknown = JSON.parse(JSON.stringify(recipe(kind)));
    expect(drawFigure(stored).svg).toBe(drawFigure(recipe(kind)).svg);
  });

  it.each(themeNames)(
    'is a valid SVG of its true size with every label in it, none over another: %s',
    (theme) => {
      for (const size of ['single', 'double', { width: 900, unit: 'px' }]) {
        const figure = drawFigure(recipe(kind, { theme, size }));
        const rendered = new Resvg(figure.svg, { font: { loadSystemFonts: false } }); // throws where not well-formed
        expect(rendered.width).toBeCloseTo((figure.width / 72) * 96, 0);
        expect(collisions(figure)).toEqual([]);
        expect(cutOff(figure)).toEqual([]);
        const words = bare(figure.texts.map((t) => t.text).join(''));
        for (const label of labelsIn(figureSamples[kind])) expect(words).toContain(bare(label));
      }
    },
  );

  it('gives its numbers as a table without holes', () => {
    const table = figureNumbers(recipe(kind));
    expect(table.rows.length).toBeGreaterThan(3);
    for (const row of table.rows) {
      expect(row).toHaveLength(table.columns.length);
      for (const value of row) expect(typeof value === 'number' ? Number.isFinite(value) : true).toBe(true);
    }
  });

  it('describes itself in a sentence', () => {
    expect(figureKinds[kind].title).not.toBe('');
    expect(drawFigure(recipe(kind)).caption).toMatch(/^.{10,}\.$/s);
  });
});
