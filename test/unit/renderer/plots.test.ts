/** Plots that one works in: zoom, pan, hidden series and readings, on figures as the screen has them. */
import { describe, expect, it } from 'vitest';
import { howToRead, howToReadMatrix } from '../../../src-renderer/plots/how-to-read.ts';
import { readingAt, stopsOf } from '../../../src-renderer/plots/reading.ts';
import {
  boxed,
  panned,
  shareOf,
  valueAt,
  withZoom,
  zoomAbout,
  type Place,
} from '../../../src-renderer/plots/viewport.ts';
import {
  drawFigure,
  figureKindNames,
  type FigureRecipe,
  type Zoom,
} from '../../../src-shared/figures/index.ts';
import { entryFor } from '../../../src-renderer/glossary.ts';

const curve = (label: string, ...all: (number | null)[][]) => ({
  ...{ label, lambdas: [0, 0.5, 1] },
  curves: all.map((values, k) => ({ pair: `1–${k + 2}`, values })),
});
const recipe = (draw: 'mean' | 'both', ...panels: ReturnType<typeof curve>[][]): FigureRecipe => ({
  kind: 'interpolation',
  data: {
    ...{ metric: 'accuracy', split: 'test', draw },
    panels: panels.map((series, i) => ({ title: `panel ${i}`, series })),
  },
});
const two = recipe(
  'mean',
  [curve('a', [90, 50, 92], [92, 70, 94]), curve('b', [80, 75, 80])],
  [curve('a', [90, 88, 92])],
);
const look = (of: FigureRecipe, zooms: Zoom[] = [], hidden: string[] = []) =>
  drawFigure(of, { zooms, hidden });
const place = (index: number, zooms: Zoom[] = [], of = two): Place => ({
  ...{ index, panel: look(of, zooms).panels[index]!, whole: look(of).panels[index]! },
});

describe('zoom', () => {
  it('keeps the place under the pointer, and enlarges both axes of all panels that share them', () => {
    const at = [0.25, 0.75] as const;
    const zoom = zoomAbout(place(1), at, 2);
    const [first, second] = look(two, [zoom]).panels;
    for (const axis of ['x', 'y'] as const) {
      const { from, to } = second![axis];
      expect(first![axis]).toMatchObject({ from, to });
    }
    const before = place(1).whole;
    expect(second!.x.to - second!.x.from).toBeCloseTo((before.x.to - before.x.from) / 2, 9);
    expect(valueAt(second!.x, at[0])).toBeCloseTo(valueAt(before.x, at[0]), 9);
    expect(valueAt(second!.y, at[1])).toBeCloseTo(valueAt(before.y, at[1]), 9);
  });

  it('never shows more than there is: zooming out ends with the whole, moving at its edge', () => {
    const near = zoomAbout(place(0), [0.5, 0.5], 4);
    expect(withZoom([near], zoomAbout(place(0, [near]), [0.5, 0.5], 1 / 100))).toEqual([]);
    const moved = panned(place(0, [near]), [5, -5]);
    const { panel, whole } = place(0, [moved]);
    expect(panel.x.from).toBeCloseTo(whole.x.from, 9);
    expect(panel.y.to).toBeCloseTo(whole.y.to, 9);
    expect(panel.x.to - panel.x.from).toBeCloseTo((whole.x.to - whole.x.from) / 4, 9);
  });

  it('takes a box; a thin one zooms along one axis, a click none', () => {
    const thin = [0.02, 0.02] as const;
    expect(boxed(place(0), [0.5, 0.5], [0.51, 0.49], thin)).toBeNull();
    const across = boxed(place(0), [0.2, 0.5], [0.6, 0.505], thin)!;
    expect(across.y).toBeNull();
    const { whole } = place(0);
    expect(across.x![0]).toBeCloseTo(valueAt(whole.x, 0.2), 9);
    expect(across.x![1]).toBeCloseTo(valueAt(whole.x, 0.6), 9);
  });

  it('works on logarithmic axes and leaves categories alone', () => {
    const log = { ...place(0).whole.x, scale: 'log' as const, from: 1, to: 1e4 };
    expect(valueAt(log, 0.5)).toBeCloseTo(100, 9);
    expect(shareOf(log, 10)).toBeCloseTo(0.25, 9);
    const panel = { ...place(0).whole, x: { ...log, scale: 'category' as const } };
    expect(zoomAbout({ index: 0, panel, whole: panel }, [0.5, 0.5], 2).x).toBeNull();
  });

  it('has ticks wherever it is, and no marks beyond the panel', () => {
    const zoom = { panel: 0, x: [0.3, 0.4] as const, y: null };
    const texts = look(two, [zoom]).texts.map(({ text }) => text);
    expect(texts.filter((text) => /^0\.3\d*$/.test(text)).length).toBeGreaterThan(1);
  });
});

describe('hidden series', () => {
  it('are not drawn and do not count for the axes; the others keep their colours', () => {
    const all = look(two);
    const without = look(two, [], ['a']);
    expect(all.svg).toContain('class="series" data-series="a"');
    expect(without.svg).not.toContain('class="series" data-series="a"');
    expect(without.svg).toContain('class="legend-item" data-series="a" opacity="0.35"');
    expect(without.panels[0]!.y.from).toBeGreaterThan(all.panels[0]!.y.from + 10);
    expect(without.series).toEqual(all.series);
    expect(without.legendItems.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('and zooms change nothing in the file', () => {
    expect(drawFigure(two).svg).toBe(drawFigure(two, { zooms: [], hidden: [] }).svg);
  });
});

describe('what is read off', () => {
  it('is the value of every series at the nearest place, with its band, and the nearest curve', () => {
    const panel = place(0).panel;
    expect(stopsOf(panel)).toEqual([0, 0.5, 1]);
    const reading = readingAt(panel, [0.4, shareOf(panel.y, 74)])!;
    expect(reading.x).toBe(0.5);
    expect(reading.rows.map(({ series, value, band }) => [series, value, band])).toEqual([
      ['a', 60, [50, 70]],
      ['b', 75, undefined],
    ]);
    expect(reading.rows[reading.nearest]!.series).toBe('b');
    expect(readingAt(panel, [0.4, null])!.nearest).toBe(-1);
  });

  it('names the pair of a single curve', () => {
    const [panel] = look(recipe('both', [curve('a', [90, 50, 92], [92, 70, 94])])).panels;
    const reading = readingAt(panel!, [0.5, shareOf(panel!.y, 69)])!;
    expect(reading.rows[reading.nearest]).toMatchObject({ series: 'a', name: '1–3', value: 70 });
  });

  it('is nothing where there are only gaps, and no hidden series', () => {
    const [gaps] = look(recipe('mean', [curve('a', [90, null, 92])])).panels;
    expect(stopsOf(gaps!)).toEqual([0, 1]);
    const [hidden] = look(two, [], ['a']).panels;
    expect(readingAt(hidden!, [0.5, 0])!.rows.map(({ series }) => series)).toEqual(['b']);
  });
});

describe('how to read a figure', () => {
  it.each(figureKindNames)('is told of %s, with words that the glossary has', (kind) => {
    const { axes, values, terms } = howToRead({ kind, data: {} as never });
    expect(axes).toMatch(/\.$/);
    if (kind !== 'matrix') expect(values).toMatch(/\.$/);
    for (const term of terms) expect(entryFor(term), term).toBeDefined();
  });

  it.each(['swap cost', 'cost', 'realization cost (ridge objective)', 'similarity'])(
    'of a matrix: %s',
    (label) => {
      const { values, terms } = howToReadMatrix(label);
      expect(values).not.toBe('');
      for (const term of terms) expect(entryFor(term), term).toBeDefined();
    },
  );
});
