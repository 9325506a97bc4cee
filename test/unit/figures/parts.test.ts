import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisDomain, horizontalAxis, numberLabels, verticalAxis } from '../../../src-shared/figures/axis.ts';
import { summarise } from '../../../src-shared/figures/kind.ts';
import { faceMetrics, type FaceName } from '../../../src-shared/figures/metrics.ts';
import { boxSummary, powerLaw, rankCorrelation } from '../../../src-shared/figures/statistics.ts';
import { escapeXml, num } from '../../../src-shared/figures/svg.ts';
import { markup, plainText, runsOf, textWidth, wrapText } from '../../../src-shared/figures/text.ts';
import { seriesStyle, themeOf } from '../../../src-shared/figures/theme.ts';

const paper = themeOf('paper');
const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe('text', () => {
  it('measures with the widths of the fonts that are shipped', () => {
    const fromPdfkit = createRequire(createRequire(import.meta.url).resolve('pdfkit'));
    const fontkit = fromPdfkit('fontkit') as {
      openSync: (file: string) => {
        unitsPerEm: number;
        hasGlyphForCodePoint: (code: number) => boolean;
        glyphForCodePoint: (code: number) => { advanceWidth: number };
      };
    };
    const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../resources/fonts');
    for (const [name, face] of Object.entries(faceMetrics) as [FaceName, (typeof faceMetrics)[FaceName]][]) {
      const [family, style] = name.split('-') as [string, string];
      const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
      const font = fontkit.openSync(path.join(folder, `Liberation${capital(family)}-${capital(style)}.ttf`));
      for (const [first, widths] of face.widths) {
        for (const [i, width] of widths.split(' ').entries()) {
          const has = font.hasGlyphForCodePoint(first + i);
          const real = has ? font.glyphForCodePoint(first + i).advanceWidth : 0;
          expect(Number(width)).toBe(Math.round((real * 1000) / font.unitsPerEm));
        }
      }
      for (const needed of 'λσγνβρ±−×√≤²₀')
        expect(font.hasGlyphForCodePoint(needed.codePointAt(0)!)).toBe(true);
    }
  });

  it('takes names literally but for their symbols', () => {
    expect(plainText('mlp_symmetry1_kappa1 *x*')).toBe('mlp_symmetry1_kappa1 *x*');
    for (const name of [
      'mlp_symmetry1_kappa1',
      'κόσμος',
      'run m=16',
      'v1.k = 3',
      'sigma_Fixed 1',
      'Σ over all',
    ])
      expect(runsOf(name), name).toEqual([{ text: name }]);
  });

  it.each([
    ['W, σ_F = 1', ['W, ', '/σ/', '_/F/', ' = 1']],
    ['W-asymmetric, sigma_F 1', ['W-asymmetric, ', '/σ/', '_/F/', ' 1']],
    ['γ_out', ['/γ/', '_out']],
    ['σ_1', ['/σ/', '_1']],
    ['β=½', ['/β/', '=½']],
    ['exact copy, ν = 1', ['exact copy, ', '/ν/', ' = 1']],
    ['k = 16, m = 64', ['/k/', ' = 16, ', '/m/', ' = 64']],
  ])('sets the symbols of %s', (text, wanted) => {
    const shown = runsOf(text).map((run) => {
      const slanted = run.italic === true ? `/${run.text}/` : run.text;
      return run.shift === 'sub' ? `_${slanted}` : slanted;
    });
    expect(shown).toEqual(wanted);
  });

  it('reads italics, subscripts and superscripts in markup', () => {
    expect(markup('*k*^{−2/k} γ_{out} σ_{F}')).toEqual([
      { text: 'k', italic: true },
      { text: '−2/k', shift: 'sup' },
      { text: ' ' },
      { text: 'γ', italic: true },
      { text: 'out', shift: 'sub' },
      { text: ' ' },
      { text: 'σ', italic: true },
      { text: 'F', shift: 'sub', italic: true },
    ]);
  });

  it('wraps to lines that fit and lose no character', () => {
    const font = { family: 'sans', size: 9 } as const;
    fc.assert(
      fc.property(
        fc.string({ maxLength: 120 }),
        fc.double({ min: 15, max: 200, noNaN: true }),
        (text, width) => {
          const lines = wrapText(text, font, width);
          for (const line of lines) expect(textWidth(line, font)).toBeLessThanOrEqual(width + 1e-9);
          const letters = (s: string): string => s.replaceAll(' ', '');
          expect(letters(lines.map(plainText).join(''))).toBe(letters(text));
        },
      ),
      { seed: 1 },
    );
  });
});

describe('svg', () => {
  it('escapes markup and drops what XML cannot hold', () => {
    expect(escapeXml('<a b="&">\u0000\ud800')).toBe('&lt;a b=&quot;&amp;&quot;&gt;\ufffd\ufffd');
  });

  it('writes short numbers, never in exponent form', () => {
    expect(
      [num(-0.0001), num(1e-9), num(12.3456), num(100), num(1e20)].map((s) => s.includes('e')),
    ).not.toContain(true);
    expect([num(-0.0001), num(12.3456), num(100)]).toEqual(['0', '12.346', '100']);
    expect(() => num(NaN)).toThrow(RangeError);
  });
});

describe('axes', () => {
  it('put every tick inside the range and the length, linear and logarithmic, reversed or not', () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('linear' as const, 'log' as const),
        fc.boolean(),
        fc.double({ min: 15, max: 600, noNaN: true }),
        (values, scale, reversed, length) => {
          const spec = { label: 'x', scale, reversed };
          const domain = axisDomain(spec, values, 0.05);
          for (const axis of [
            horizontalAxis(spec, domain, length, paper),
            verticalAxis(spec, domain, length, paper),
          ]) {
            for (const tick of axis.ticks) {
              expect(tick.value).toBeGreaterThanOrEqual(Math.min(...domain) - Math.abs(domain[0]) * 1e-9);
              expect(tick.value).toBeLessThanOrEqual(Math.max(...domain) + Math.abs(domain[1]) * 1e-9);
              expect(tick.at).toBeGreaterThanOrEqual(-1e-6 * length);
              expect(tick.at).toBeLessThanOrEqual(length * (1 + 1e-6));
            }
          }
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });

  it('contain all values (positive ones on a logarithmic axis)', () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1 }),
        fc.constantFrom('linear' as const, 'log' as const),
        (values, scale) => {
          const [low, high] = axisDomain({ label: '', scale }, values, 0.05);
          expect(low).toBeLessThan(high);
          for (const v of values) {
            if (scale === 'log' && v < 1e-300) continue;
            expect(v).toBeGreaterThanOrEqual(low - Math.abs(low) * 1e-9);
            expect(v).toBeLessThanOrEqual(high + Math.abs(high) * 1e-9);
          }
        },
      ),
      { seed: 3 },
    );
  });

  it('label neighbouring ticks differently', () => {
    fc.assert(
      fc.property(finite, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (low, span) => {
        const axis = horizontalAxis(
          { label: '' },
          [low, low + Math.max(span, Math.abs(low) * 1e-3)],
          400,
          paper,
        );
        const labels = axis.ticks.map((t) => t.lines.map(plainText).join(' '));
        expect(new Set(labels).size).toBe(labels.length);
      }),
      { seed: 4 },
    );
  });

  it('write minus signs and powers of ten as print does', () => {
    expect(numberLabels([-0.5, 0, 0.5]).map(plainText)).toEqual(['−0.5', '0', '0.5']);
    expect(numberLabels([0, 2e-7, 4e-7]).map(plainText)).toEqual(['0', '2×10−7', '4×10−7']);
    expect(numberLabels([20000, 40000]).map(plainText)).toEqual(['20,000', '40,000']);
  });
});

describe('spread', () => {
  it('bands contain the mean', () => {
    const curves = fc.array(fc.array(finite, { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(curves, (list) => {
        const { mean, low, high, std } = summarise(list);
        for (const [i, m] of mean.entries()) {
          const slack = 1e-9 * (1 + Math.abs(m));
          expect(m).toBeGreaterThanOrEqual(low[i]! - slack);
          expect(m).toBeLessThanOrEqual(high[i]! + slack);
          expect(std[i]).toBeGreaterThanOrEqual(0);
        }
      }),
      { seed: 5 },
    );
  });

  it('leaves missing values out, and keeps a gap where all are missing', () => {
    const { mean, low, std } = summarise([
      [1, NaN, 3],
      [3, NaN, NaN],
    ]);
    expect(mean).toEqual([2, NaN, 3]);
    expect(low).toEqual([1, NaN, 3]);
    expect(std[0]).toBeCloseTo(Math.SQRT2, 12);
  });
});

describe('statistics', () => {
  it('rank correlation with ties is that of the mean ranks', () => {
    // Worked out apart, in Python, from mean ranks.
    const { rho, n } = rankCorrelation([1, 2, 2, 3, 5, 8, 8, 9, 4, 0], [3, 1, 4, 4, 5, 9, 2, 6, 5, 3]);
    expect(n).toBe(10);
    expect(rho).toBeCloseTo(0.5876950896874825, 12);
  });

  it('is 1 for any increasing map, -1 for a decreasing one, and not defined for a constant', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 3 }), (xs) => {
        expect(
          rankCorrelation(
            xs,
            xs.map((x) => Math.exp(x / 9)),
          ).rho,
        ).toBeCloseTo(1, 12);
        expect(
          rankCorrelation(
            xs,
            xs.map((x) => -(x ** 3)),
          ).rho,
        ).toBeCloseTo(-1, 12);
        expect(
          rankCorrelation(
            xs,
            xs.map(() => 2),
          ).rho,
        ).toBeNaN();
      }),
      { seed: 6 },
    );
  });

  it('finds the exponent of an exact power law', () => {
    const xs = [0.003, 0.01, 0.03, 0.1];
    const fit = powerLaw(
      xs,
      xs.map((x) => 2 * x ** 1.5),
    );
    expect(fit?.slope).toBeCloseTo(1.5, 12);
    expect(fit?.factor).toBeCloseTo(2, 10);
    expect(powerLaw([1, 1], [2, 3])).toBeNull();
  });

  it('box: quartiles as NumPy, whiskers at the last values inside 1.5 box lengths', () => {
    const box = boxSummary([1, 2, 3, 4, 5, 6, 7, 100]);
    expect(box).toMatchObject({
      q1: 2.75,
      median: 4.5,
      q3: 6.25,
      low: 1,
      high: 7,
      outliers: [100],
      mean: 16,
    });
  });
});

describe('series', () => {
  it.each(['paper', 'screen-light', 'screen-dark'] as const)(
    'forty series of %s all look different',
    (name) => {
      const theme = themeOf(name);
      const looks = Array.from({ length: 40 }, (_, i) => {
        const { colour, dash } = seriesStyle(theme, i);
        return `${colour} ${dash.join(',')}`;
      });
      expect(new Set(looks).size).toBe(40);
    },
  );

  it('the first five can be told apart without colour', () => {
    const looks = Array.from({ length: 5 }, (_, i) => seriesStyle(paper, i).dash.join(','));
    expect(new Set(looks).size).toBe(5);
    expect(new Set(Array.from({ length: 8 }, (_, i) => seriesStyle(paper, i).marker)).size).toBe(8);
  });
});
