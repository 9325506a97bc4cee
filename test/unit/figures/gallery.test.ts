/** Every kind of figure at each width of a paper: what a reader sees there, and that nothing about it is cramped. */
import { describe, expect, it } from 'vitest';
import {
  drawFigure,
  figureKindNames,
  sizePresetNames,
  type FigureKindName,
  type SizePreset,
} from '../../../src-shared/figures/index.ts';
import { figureSamples } from '../../support/figure-samples.ts';
import { galleryPage } from '../../support/gallery-page.ts';
import { legendShare, outlineOf } from './outline.ts';
import { collisions, cutOff } from './overlap.ts';

const drawn = (kind: FigureKindName, size: SizePreset) =>
  drawFigure({ kind, data: figureSamples[kind], options: { size } });

describe.each(figureKindNames)('%s in a paper', (kind) => {
  it('looks as it did at each width', async () => {
    const outlines = sizePresetNames.map((size) => `${size}\n${outlineOf(drawn(kind, size))}`);
    await expect(outlines.join('\n')).toMatchFileSnapshot(`../../golden/gallery/${kind}.txt`);
  });

  it.each(sizePresetNames)('is the picture in the documentation, byte for byte: %s', async (size) => {
    await expect(drawn(kind, size).svg).toMatchFileSnapshot(`../../../docs/gallery/${kind}-${size}.svg`);
  });

  it.each(sizePresetNames)('is not cramped: %s', (size) => {
    const figure = drawn(kind, size);
    expect(collisions(figure)).toEqual([]);
    expect(cutOff(figure)).toEqual([]);
    for (const { width, height, x, y } of figure.panels) {
      expect(Math.min(width, height)).toBeGreaterThan(60);
      for (const axis of [x, y]) {
        if (axis.scale === 'category' || axis.ticks.length === 0) continue;
        expect(axis.ticks.length, `ticks of "${axis.label}"`).toBeGreaterThanOrEqual(3);
      }
    }
    expect(legendShare(figure)).toBeLessThan(0.2);
  });

  it('has text from 6 to 9 pt and lines from 0.3 to 1.4 pt at the size it is printed', () => {
    for (const size of sizePresetNames) {
      const { svg } = drawn(kind, size);
      const numbers = (pattern: RegExp) => [...svg.matchAll(pattern)].map(([, value]) => Number(value));
      const fonts = numbers(/<text[^>]* font-size="([\d.]+)"/g);
      expect(Math.max(...fonts)).toBeLessThanOrEqual(9);
      expect(Math.min(...fonts)).toBeGreaterThanOrEqual(6);
      expect(Math.max(...numbers(/fill="none" stroke="[^"]*" stroke-width="([\d.]+)"/g))).toBeLessThanOrEqual(
        1.4,
      );
    }
  });
});

it('has a page in the documentation', async () => {
  await expect(galleryPage()).toMatchFileSnapshot('../../../docs/gallery.md');
});

describe('lines', () => {
  it('are thinner in a column than on a page, and as thin as in a column if the figure is smaller', () => {
    const line = (size: object | string) =>
      Number(
        /class="series"[\s\S]*?fill="none" stroke="#\w+" stroke-width="([\d.]+)"/.exec(
          drawFigure({ kind: 'histogram', data: figureSamples.histogram, options: { size } }).svg,
        )?.[1],
      );
    const data = (size: object | string) =>
      Number(
        /class="series"[\s\S]*?stroke-width="([\d.]+)"/.exec(
          drawFigure({ kind: 'interpolation', data: figureSamples.interpolation, options: { size } }).svg,
        )?.[1],
      );
    expect(line('single')).toBeLessThan(line('double'));
    expect(
      [{ width: 2.5, unit: 'in' }, 'single', 'text', 'double', { width: 11, unit: 'in' }].map(data),
    ).toEqual([1, 1, expect.closeTo(1.257, 3), 1.4, 1.4]);
  });
});
