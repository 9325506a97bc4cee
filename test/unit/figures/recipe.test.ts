import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src-shared/errors.ts';
import { drawFigure, figureNumbers, numbersAsCsv } from '../../../src-shared/figures/index.ts';
import { fittedSlopes } from '../../../src-shared/figures/kinds/power-law.ts';
import { gammaOutTheory } from '../../../src-shared/figures/kinds/gamma-out.ts';
import { provenanceLine } from '../../../src-shared/provenance.ts';
import { figureSamples } from '../../support/figure-samples.ts';

const provenance = {
  basinVersion: '0.1.0',
  backend: 'tensorflow 2.21.0 (CPU, 2 threads)',
  kind: 'interpolate',
  jobVersion: 1,
  runs: [{ id: 'w-asym-7f3a', path: 'runs/w-asym-7f3a', configHash: '4f1c9a2b7788' }],
  checkpoints: [{ path: 'checkpoint_epoch_10_model_1.safetensors', sha256: 'ab'.repeat(32) }],
  seeds: { mask: 7, init: [11, 12] },
  data: 'mnist-10k, test',
};

describe('a recipe', () => {
  it('of an unknown kind, with unknown options or bad data is refused by name', () => {
    const bad = (recipe: object) => () => drawFigure(recipe);
    expect(bad({ kind: 'pie', data: {} })).toThrow(/"pie".*interpolation/s);
    expect(bad({ kind: 'toString', data: {} })).toThrow(UserError);
    expect(
      bad({ kind: 'interpolation', data: figureSamples.interpolation, options: { colour: 'red' } }),
    ).toThrow(/figure\.options/);
    expect(bad({ kind: 'interpolation', data: { ...figureSamples.interpolation, metric: 'f1' } })).toThrow(
      /figure\.data\.metric/,
    );
    expect(
      bad({ kind: 'interpolation', data: figureSamples.interpolation, options: { size: 'huge' } }),
    ).toThrow(/figure\.options\.size/);
    expect(bad({})).toThrow(UserError);
  });

  it('carries provenance into the SVG, escaped, and a line below when asked', () => {
    const caption = 'Unaligned & <aligned>';
    const made = { kind: 'interpolation', data: figureSamples.interpolation, caption, provenance };
    const { svg } = drawFigure(made);
    const stored = /<provenance[^>]*>(.*?)<\/provenance>/s
      .exec(svg)?.[1]
      ?.replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&');
    expect(JSON.parse(stored ?? '')).toEqual(provenance);
    expect(svg).toContain('<desc>Unaligned &amp; &lt;aligned&gt;</desc>');
    const below = drawFigure({ ...made, options: { captionBelow: true } });
    const words = below.texts.map((t) => t.text).join(' ');
    expect(words).toContain('w-asym-7f3a (config 4f1c9a2b)');
    expect(words).toContain(caption);
  });

  it('gives single pairs as thin lines when asked, and every pair in the numbers', () => {
    const count = (draw: string) =>
      drawFigure({ kind: 'interpolation', data: { ...figureSamples.interpolation, draw } }).svg.match(
        /stroke-width="0\.7" [^>]*opacity/g,
      )?.length ?? 0;
    expect(count('mean')).toBe(0);
    expect(count('single')).toBe(2 * 4 * 6);
    const { columns, rows } = figureNumbers({ kind: 'interpolation', data: figureSamples.interpolation });
    expect(columns).toEqual(['panel', 'series', 'pair', 'lambda', 'value']);
    expect(new Set(rows.map((r) => r[2]))).toEqual(
      new Set(['pair 1', 'pair 2', 'pair 3', 'pair 4', 'pair 5', 'pair 6', 'mean', 'min', 'max', 'std']),
    );
  });

  it("uses a group's own colour in every panel", () => {
    const panel = (title: string) => ({
      title,
      series: [
        { label: 'mine', colour: '#123456', lambdas: [0, 1], curves: [{ pair: '1–2', values: [90, 91] }] },
      ],
    });
    const figure = drawFigure({
      kind: 'interpolation',
      data: { metric: 'accuracy', split: 'val', panels: [panel('a'), panel('b')] },
    });
    expect(figure.svg.match(/stroke="#123456"/g)!.length).toBeGreaterThanOrEqual(3); // two lines and the legend
    expect(figure.series).toEqual([{ id: 'mine', label: 'mine', colour: '#123456' }]);
  });

  it('breaks lines at missing values instead of drawing through them', () => {
    const values = [90, null, 80, 81];
    const series = [{ label: 'a', lambdas: [0, 0.3, 0.6, 1], curves: [{ pair: '1–2', values }] }];
    const { svg } = drawFigure({
      kind: 'interpolation',
      data: { metric: 'accuracy', split: 'test', panels: [{ title: 't', series }] },
    });
    const line = /d="(M[^"]*)" fill="none" stroke="#0072B2" stroke-width="1"/.exec(svg)?.[1];
    expect(line?.match(/M/g)).toHaveLength(2);
  });

  it('two different figures in one page share no id', () => {
    const ids = (kind: 'interpolation' | 'boxes') =>
      new Set(
        [...drawFigure({ kind, data: figureSamples[kind] }).svg.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]),
      );
    const [a, b] = [ids('interpolation'), ids('boxes')];
    expect(a.size).toBeGreaterThan(0);
    expect([...a].filter((id) => b.has(id))).toEqual([]);
  });
});

describe('numbers', () => {
  it('are CSV that spreadsheets read: quotes doubled, missing values empty', () => {
    const table = {
      columns: ['a', 'b'],
      rows: [
        ['x, "y"', null],
        ['z', -0.5],
      ],
    };
    expect(numbersAsCsv(table)).toBe('a,b\r\n"x, ""y""",\r\nz,-0.5\r\n');
  });

  it('slopes are fitted over the range that is named', () => {
    const x = [0.001, 0.01, 0.1, 1];
    const curves = [x.map((v) => (v < 0.05 ? v ** 1.5 : v ** 0.5))];
    const fit = (fitRange?: [number, number]) =>
      fittedSlopes({ series: [{ label: 'a', x, curves }], fitRange });
    expect(fit([0.0005, 0.05])[0]!.slope).toBeCloseTo(1.5, 10);
    expect(fit()[0]!.slope).not.toBeCloseTo(1.5, 1);
  });

  it('theory of the gap of centers: sigma_F sqrt(k) m^(-2/k)', () => {
    expect(gammaOutTheory(2, 4, 16)).toBeCloseTo(2 * 2 * 0.25, 12);
  });
});

describe('provenance line', () => {
  it('names runs, data, seeds, back end and version, and says how many it leaves out', () => {
    expect(provenanceLine(provenance)).toBe(
      'w-asym-7f3a (config 4f1c9a2b) · 1 checkpoint · mnist-10k, test · seeds: mask 7, init 11, 12 · tensorflow 2.21.0 (CPU, 2 threads) · Basin 0.1.0',
    );
    const runs = Array.from({ length: 9 }, (_, i) => ({ id: `r${i}`, path: '', configHash: 'c' }));
    expect(provenanceLine({ basinVersion: '1', runs })).toBe(
      'r0 (config c), r1 (config c), r2 (config c), r3 (config c) and 5 more · Basin 1',
    );
  });
});
