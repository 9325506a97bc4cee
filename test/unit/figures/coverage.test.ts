/** Names in every script: kept in SVG; in PDF and PNG shown, or replaced by a box and said. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportFigure, exportWarnings } from '../../../src-main/engine/figures/export.ts';
import { lackingTexts, forShippedFonts } from '../../../src-shared/figures/coverage.ts';
import { drawFigure, figureKindNames, lackingWarning } from '../../../src-shared/figures/index.ts';
import { figureSamples } from '../../support/figure-samples.ts';

const curve = (label: string) => ({
  label,
  lambdas: [0, 1],
  curves: [{ pair: '1–2', values: [90, 91] }],
});
const figureOf = (...labels: string[]) => ({
  kind: 'interpolation',
  data: { metric: 'accuracy', split: 'test', panels: [{ title: 'Unaligned', series: labels.map(curve) }] },
});
const names = [
  '对照组 σ_F=1',
  'контроль β=½',
  'ablation 🔬 & <b>"50%"',
  'w_{asym}^2 $\\kappa$ #1',
  'Việt Łódź',
];

function hasPoppler(): boolean {
  try {
    execFileSync('which', ['pdftotext'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('characters that the fonts lack', () => {
  it('are found, each once, and only they', () => {
    expect(lackingTexts(drawFigure(figureOf(...names)))).toEqual([
      { text: '对照组 σF=1', characters: ['对', '照', '组'] },
      { text: 'ablation 🔬 & <b>"50%"', characters: ['🔬'] },
    ]);
    const family = lackingTexts(drawFigure(figureOf('👩‍👩‍👧 👩‍👩‍👧', 'ok ✔️')));
    expect(family.map(({ characters }) => characters)).toEqual([['👩‍👩‍👧'], ['✔️']]);
    const [flags] = lackingTexts(drawFigure(figureOf('🇩🇪🇫🇷 👍🏽 1️⃣ q̃ 组')));
    expect(flags!.characters).toEqual(['🇩🇪', '🇫🇷', '👍🏽', '1️⃣', 'q̃', '组']);
  });

  it.each(figureKindNames)('are in no text of Basin’s own: %s', (kind) => {
    expect(lackingWarning(drawFigure({ kind, data: figureSamples[kind] }))).toBeUndefined();
  });

  it('are said for PDF and PNG, by name', () => {
    const recipe = figureOf(...names);
    for (const format of ['pdf', 'png'] as const) {
      const [warning, ...more] = exportWarnings(recipe, format);
      expect(warning).toMatch(/lack 对 照 组 in “对照组 σF=1”; 🔬 in “ablation 🔬/);
      expect(more).toEqual([]);
    }
    for (const format of ['svg', 'csv', 'json'] as const) expect(exportWarnings(recipe, format)).toEqual([]);
    expect(exportWarnings(figureOf('контроль β=½', 'Việt Łódź'), 'pdf')).toEqual([]);
    expect(exportWarnings(figureOf(...'零一二三四五'), 'pdf')[0]).toMatch(/characters in 2 further texts/);
  });

  it('stay in the SVG', async () => {
    const svg = new TextDecoder().decode(await exportFigure(figureOf(...names), 'svg'));
    expect(svg).toContain('对照组');
    expect(svg).toContain('🔬 &amp; &lt;b&gt;&quot;50%&quot;');
  });

  it('are boxes in the drawing for PDF and PNG, one for each, and all else is as it was', () => {
    const { svg } = drawFigure(figureOf(...names));
    const drawn = forShippedFonts(svg);
    expect(drawn).toContain('>□□□ <');
    expect(drawn).toContain('ablation □ &amp; &lt;b&gt;&quot;50%&quot;');
    expect(drawn).toContain('w_{asym}^2 $\\kappa$ #1');
    expect(forShippedFonts(drawn)).toBe(drawn);
    const plain = drawFigure(figureOf('контроль')).svg;
    expect(forShippedFonts(plain)).toBe(plain.replace(/ textLength="[\d.]+" lengthAdjust="\w+"/g, ''));
    // What is no text drawn, such as names in attributes, is left alone.
    expect(drawn.match(/data-series="对照组 σ_F=1"/g)!.length).toBe(
      svg.match(/data-series="对照组 σ_F=1"/g)!.length,
    );
  });

  it('leave ink in the PNG', async () => {
    const [boxes, blank] = await Promise.all(
      ['组组组', '   x'].map((label) => exportFigure(figureOf(label), 'png', { dpi: 72 })),
    );
    expect(Buffer.from(boxes!).equals(Buffer.from(blank!))).toBe(false);
  });

  it.runIf(hasPoppler())('are boxes in the text of the PDF', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'basin-pdf-'));
    const path = join(folder, 'f.pdf');
    writeFileSync(path, await exportFigure(figureOf(...names), 'pdf'));
    const text = execFileSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(text).toContain('□□□');
    for (const part of ['контроль', 'ablation □ & <b>"50%"', 'Łódź']) expect(text).toContain(part);
  });
});
