/** The demo's figure in one column of a paper, printed without colour: series differ by dash and marker. */
import { describe, expect, it } from 'vitest';
import { demoCurves } from '../../../src-main/cli/demo/figure.ts';
import { demoFamilies } from '../../../src-shared/demo.ts';
import { drawFigure, sizePresetNames } from '../../../src-shared/figures/index.ts';
import { luminance } from '../../../src-shared/figures/colour.ts';

const lambdas = Array.from({ length: 25 }, (_, i) => i / 24);
const pairs = (depth: number) =>
  [0.8, 1, 1.2].map((scale) => ({
    lambdas,
    test_accuracy: lambdas.map((l) => 95 - depth * scale * Math.exp(-((l - 0.5) ** 2) / 0.03)),
  }));
/** As the demo draws it. */
const demo = (size: string) => {
  const families = demoFamilies.map(({ name }, i) => {
    const depth = [40, 45, 4, 2][i]!;
    return { label: name, curves: { none: pairs(depth), activation: pairs(depth / 20) } as never };
  });
  return drawFigure({ kind: 'interpolation', data: demoCurves(families), options: { size } });
};

interface Look {
  series: string;
  colour: string;
  /** pt */
  dash: string;
  width: number;
  /** The outline of its first marker, wherever that lies. */
  marker: string;
}

const unescaped = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** How each series is drawn within the first element of a class. */
function looksIn(svg: string, what: 'series' | 'legend-item'): Look[] {
  const groups = svg.matchAll(new RegExp(`<g class="${what}" data-series="([^"]*)">(.*?)</g>`, 'gs'));
  const looks = [...groups].flatMap(([, series = '', inside = '']): Look[] => {
    const line =
      /<path d="[^"]*" fill="none" stroke="(#\w+)" stroke-width="([\d.]+)"(?: stroke-dasharray="([^"]*)")?/.exec(
        inside,
      );
    if (line === null) return [];
    const marker = /<path d="M([^"]*)" fill="#\w+" stroke="#ffffff"/.exec(inside)?.[1] ?? '';
    const [x = 0, y = 0] = (/^([-\d.]+),([-\d.]+)/.exec(marker) ?? []).slice(1).map(Number);
    const relative = (px: string, py: string) =>
      `${(Number(px) - x).toFixed(1)},${(Number(py) - y).toFixed(1)}`;
    const outline = marker.replace(/([-\d.]+),([-\d.]+)/g, (_, px: string, py: string) => relative(px, py));
    const shape = marker.includes('a') ? 'round' : outline;
    return [
      {
        series: unescaped(series),
        colour: line[1]!,
        width: Number(line[2]),
        dash: line[3] ?? '',
        marker: shape,
      },
    ];
  });
  return [...new Map(looks.map((look) => [look.series, look])).values()];
}

const grey = (colour: string): number =>
  luminance([1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) as [number, number, number]);

/** Pairs that nobody tells apart without colour: neither their dashes nor their markers differ, or only one of them. */
function alike(looks: readonly Look[]): string[] {
  return looks.flatMap((a, i) =>
    looks
      .slice(i + 1)
      .filter((b) => a.dash === b.dash || a.marker === b.marker)
      .map((b) => `${a.series} and ${b.series}`),
  );
}

/** What would hardly be seen on white paper at 300 dpi. */
function faint(looks: readonly Look[]): string[] {
  const pixel = 72 / 300;
  return looks
    .filter(({ colour, width, dash }) => {
      const parts = dash === '' ? [] : dash.split(' ').map(Number);
      const contrast = 1.05 / (grey(colour) + 0.05);
      return contrast < 2 || width < 3 * pixel || parts.some((part) => part < 4 * pixel);
    })
    .map(({ series }) => series);
}

describe('the figure of the demo without colour', () => {
  it.each(sizePresetNames)(
    'tells its series apart by dash and by marker, in panels and legend: %s',
    (size) => {
      const { svg } = demo(size);
      for (const what of ['series', 'legend-item'] as const) {
        const looks = looksIn(svg, what);
        expect(looks.map(({ series }) => series)).toEqual(demoFamilies.map(({ name }) => name));
        expect(alike(looks)).toEqual([]);
        expect(faint(looks)).toEqual([]);
      }
      // The legend shows what the panels have.
      const dashes = (what: 'series' | 'legend-item') => looksIn(svg, what).map(({ dash }) => dash);
      expect(dashes('legend-item')).toEqual(dashes('series'));
    },
  );

  it('would be said to fail if colour were all that differs, or lines were too thin', () => {
    const { svg } = demo('single');
    const plain = svg.replace(/ stroke-dasharray="[^"]*"/g, '');
    expect(alike(looksIn(plain, 'series'))).toHaveLength(6);
    const unmarked = svg.replace(/<path d="[^"]*" fill="#\w+" stroke="#ffffff"[^>]*>/g, '');
    expect(alike(looksIn(unmarked, 'legend-item'))).toHaveLength(6);
    expect(faint(looksIn(svg.replaceAll('stroke-width="1"', 'stroke-width="0.5"'), 'series'))).toHaveLength(
      4,
    );
    expect(faint(looksIn(svg.replaceAll('#0072B2', '#F0E442'), 'series'))).toEqual(['standard']);
  });

  it('has words that can be read: 7 and 8 pt at the printed size, and three ticks or more', () => {
    const { svg, panels, width } = demo('single');
    expect(width).toBe(3.25 * 72);
    const sizes = new Set(
      [...svg.matchAll(/<text[^>]* font-size="([\d.]+)"/g)].map(([, size]) => Number(size)),
    );
    expect([...sizes].sort()).toEqual([7, 8]);
    for (const { x } of panels) expect(x.ticks.length).toBeGreaterThanOrEqual(3);
    expect(panels[0]!.y.ticks.length).toBeGreaterThanOrEqual(3);
  });
});
