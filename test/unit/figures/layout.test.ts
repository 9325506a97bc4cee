import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src-shared/errors.ts';
import { drawFigure, type FigureRecipe } from '../../../src-shared/figures/index.ts';
import { collisions, cutOff } from './overlap.ts';

const lambdas = [0, 0.25, 0.5, 0.75, 1];
const curves = (values: number[]) => [{ pair: '1–2', values }];

function interpolation(labels: string[], options: FigureRecipe['options'], values = [94, 90, 70, 90, 94]) {
  const series = labels.map((label, i) => ({ label, lambdas, curves: curves(values.map((v) => v - i)) }));
  return drawFigure({
    kind: 'interpolation',
    data: {
      metric: 'accuracy',
      split: 'test',
      panels: [
        { title: 'Unaligned', series },
        { title: 'Aligned by activations, Pearson correlation', series },
      ],
    },
    options,
  });
}

const expectTidy = (figure: ReturnType<typeof drawFigure>): void => {
  expect(collisions(figure)).toEqual([]);
  expect(cutOff(figure)).toEqual([]);
};

describe('hard cases of layout', () => {
  const long = Array.from(
    { length: 12 },
    (_, i) => `mlp_symmetry${i}_kappa1_noInterpolation, a run with a long name of its own`,
  );

  it.each(['bottom', 'top', 'right'] as const)('twelve long names in one column, legend %s', (legend) => {
    const figure = interpolation(long, { size: { width: 3.25, height: 6, unit: 'in' }, legend });
    expectTidy(figure);
    const words = figure.texts
      .map((t) => t.text)
      .join('')
      .replaceAll(' ', '');
    for (const label of long) expect(words).toContain(label.replaceAll(' ', ''));
  });

  it('a name that is one word and wider than the sheet', () => {
    expectTidy(interpolation(['x'.repeat(200), 'short'], { size: 'single' }));
  });

  it('huge letters on a small sheet', () => {
    expectTidy(interpolation(['standard', 'SYRE'], { size: { width: 5, unit: 'in' }, fontSize: 18 }));
  });

  it('a tiny sheet', () => {
    expectTidy(interpolation(['standard'], { size: { width: 45, height: 60, unit: 'mm' } }));
  });

  it('says so where nothing fits, with the size', () => {
    expect(() => interpolation(['standard'], { size: { width: 20, height: 10, unit: 'mm' } })).toThrow(
      UserError,
    );
    expect(() => interpolation(['standard'], { size: { width: 20, height: 10, unit: 'mm' } })).toThrow(
      /0\.79 x 0\.39 in/,
    );
  });

  it.each([
    [1e-9, 3e-9],
    [123456, 123457],
    [-5e7, 5e7],
    [0, 0],
    [99.99, 100],
  ])('values from %d to %d', (low, high) => {
    expectTidy(interpolation(['a'], { size: 'single' }, [low, high, low, high, low]));
  });

  it('forty categories and a heading of several lines', () => {
    const names = Array.from({ length: 40 }, (_, i) => `W-asymmetric, σ_F = ${i / 10}`);
    const groups = names.map((label, i) => ({ label, values: [i + 1, i + 2, i + 4] }));
    for (const size of ['single', 'double'] as const) {
      const title =
        'A heading that runs over more than one line because somebody wrote a whole sentence into it';
      const data = { label: 'distance of projected centers', log: true, panels: [{ groups }] };
      expectTidy(drawFigure({ kind: 'boxes', data, options: { size, title, captionBelow: true } }));
    }
  });

  it('a grid of twelve matrices with a colour bar for each row', () => {
    const matrix = Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j) => (i - j) * 12345));
    const row = Array.from({ length: 4 }, (_, k) => ({ title: `lins.${k}, σ_F = 1, epoch 100`, matrix }));
    const data = { rows: [row, row, row], valueLabel: 'swap cost of neurons i and j', scale: 'signed-sqrt' };
    for (const size of ['single', 'text', 'double'])
      expectTidy(drawFigure({ kind: 'matrix', data, options: { size } }));
  });

  it('many thresholds close together', () => {
    const lines = Array.from({ length: 7 }, (_, i) => ({ value: 1 + i * 0.02, label: `threshold ${i}` }));
    const data = { label: 'cost', series: [{ label: 'a', values: [0, 1, 2, 3] }], lines };
    expectTidy(drawFigure({ kind: 'histogram', data }));
  });

  it('any names, sizes and letters', () => {
    const name = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' });
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 9 }),
        fc.double({ min: 3, max: 9, noNaN: true }),
        fc.double({ min: 5, max: 13, noNaN: true }),
        fc.constantFrom('bottom' as const, 'top' as const, 'right' as const),
        fc.constantFrom('paper' as const, 'screen-dark' as const),
        (labels, width, fontSize, legend, theme) => {
          let figure;
          try {
            figure = interpolation(labels, { size: { width, unit: 'in' }, fontSize, legend, theme });
          } catch (error) {
            if (error instanceof UserError) return; // no room: said, not drawn
            throw error;
          }
          expectTidy(figure);
        },
      ),
      { numRuns: 40, seed: 20261122 },
    );
  });
});

describe('sizes', () => {
  it.each([
    ['single', 3.25],
    ['double', 6.75],
    ['text', 5.5],
    ['full', 5.5], // as figures that were kept under the width's former name have it
  ] as const)('%s is %d inches wide, in the SVG too', (size, inches) => {
    const figure = interpolation(['a'], { size });
    expect(figure.width).toBeCloseTo(inches * 72, 9);
    expect(figure.svg).toContain(`width="${inches}in"`);
  });

  it('keeps a given size in millimetres', () => {
    const figure = interpolation(['a'], { size: { width: 127, height: 76.2, unit: 'mm' } });
    expect([figure.width, figure.height]).toEqual([expect.closeTo(360, 6), expect.closeTo(216, 6)]);
    expect(figure.svg).toContain('width="5in" height="3in"');
  });

  it('has axis labels of 8 pt, ticks of 7 pt, axes of 0.8 pt and lines of 1.4 pt on a page', () => {
    const { svg } = interpolation(['a'], { theme: 'paper' });
    expect(svg).toMatch(/font-size="8"[^>]*>(<tspan>)?interpolation coefficient/);
    expect(svg).toMatch(/font-size="7"[^>]*>0\.25</);
    expect(svg).toMatch(/class="axes"[^>]*stroke-width="0\.8"/);
    expect(svg).toMatch(/stroke="#0072B2" stroke-width="1\.4"/);
  });
});

describe('shared axes', () => {
  it('show the same range in both panels, with tick labels once', () => {
    const figure = interpolation(['a'], {});
    const [left, right] = figure.panels;
    expect({ ...left!.y, ticks: [] }).toEqual(right!.y);
    expect(left!.y.ticks).toContain('90');
    expect(left!.x).toEqual(right!.x);
    expect(figure.texts.filter((t) => t.text === '90')).toHaveLength(1);
  });
});
