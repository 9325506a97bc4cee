import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportFigure } from '../../../src-main/engine/figures/export.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { drawFigure, figureKindNames } from '../../../src-shared/figures/index.ts';
import { figureSamples } from '../../support/figure-samples.ts';

const provenance = {
  basinVersion: '0.1.0',
  backend: 'tensorflow 2.21.0',
  seeds: { mask: 7 },
  data: 'mnist-10k, test',
};
const interpolation = {
  kind: 'interpolation',
  data: figureSamples.interpolation,
  provenance,
  options: { size: 'double' },
};
const poppler = spawnSync('pdftotext', ['-v']).status === 0;
if (!poppler)
  console.warn('SKIPPED: poppler-utils (pdftotext, pdffonts, pdfinfo) is not here; PDFs are not read back');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'basin-figures-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function readPdf(tool: string, recipe: unknown, ...after: string[]): Promise<string> {
  const file = path.join(folder, 'figure.pdf');
  writeFileSync(file, await exportFigure(recipe, 'pdf'));
  const { stdout, stderr } = spawnSync(tool, [file, ...after], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout;
}

describe('every format', () => {
  it.each(['svg', 'pdf', 'png', 'csv', 'json'] as const)(
    '%s has the same bytes each time',
    async (format) => {
      const [a, b] = [await exportFigure(interpolation, format), await exportFigure(interpolation, format)];
      expect(a.length).toBeGreaterThan(500);
      expect(Buffer.compare(a, b)).toBe(0);
    },
  );

  it('numbers as JSON hold title, provenance, columns and rows', async () => {
    const text = new TextDecoder().decode(await exportFigure(interpolation, 'json'));
    const { title, provenance: kept, columns, rows } = JSON.parse(text) as Record<string, unknown>;
    expect(title).toBe('Test accuracy along the segment');
    expect(kept).toMatchObject(provenance);
    expect(columns).toEqual(['panel', 'series', 'pair', 'lambda', 'value']);
    expect((rows as unknown[]).length).toBe(2 * 4 * 25 * (6 + 4));
  });
});

describe.runIf(poppler)('PDF', () => {
  it('has selectable text: labels, legend, Greek letters', async () => {
    const text = await readPdf('pdftotext', interpolation, '-layout', '-');
    for (const word of [
      'Unaligned',
      'Aligned by activations',
      'Test accuracy (%)',
      'standard',
      'SYRE',
      'λ',
      'σ',
      '0.25',
      '90',
    ]) {
      expect(text).toContain(word);
    }
  });

  it.each(['paper', 'screen-dark'] as const)(
    'embeds its fonts as TrueType subsets with a map to Unicode: %s',
    async (theme) => {
      const fonts = await readPdf('pdffonts', { ...interpolation, options: { theme } });
      const lines = fonts.trim().split('\n').slice(2);
      // Symbols are italic, as in the SVG.
      expect(fonts).toContain(theme === 'paper' ? 'LiberationSerif-Italic' : 'LiberationSans-Italic');
      for (const line of lines) {
        expect(line).toMatch(theme === 'paper' ? /LiberationSerif/ : /LiberationSans/);
        expect(line).toMatch(/CID TrueType\s+Identity-H\s+yes yes yes/);
      }
    },
  );

  it('is one page of the true size, PDF 1.4, with provenance in its information', async () => {
    const info = await readPdf('pdfinfo', interpolation, '-custom');
    expect(info).toMatch(/BasinProvenance:.*mnist-10k/);
    const general = await readPdf('pdfinfo', interpolation);
    const { height } = drawFigure(interpolation);
    expect(general).toMatch(/Pages:\s+1\n/);
    expect(general).toMatch(/PDF version:\s+1\.4/);
    expect(general).toMatch(/Encrypted:\s+no/);
    const [, width, tall] = /Page size:\s+([\d.]+) x ([\d.]+) pts/.exec(general) ?? [];
    expect(Number(width)).toBeCloseTo(6.75 * 72, 2);
    expect(Number(tall)).toBeCloseTo(height, 2);
    expect(general).toContain('mnist-10k, test · seeds: mask 7');
  });

  it('keeps lines as vectors and a matrix as one image', async () => {
    const images = async (kind: 'interpolation' | 'matrix') =>
      (await readPdf('pdfimages', { kind, data: figureSamples[kind] }, '-list')).trim().split('\n').length -
      2;
    const list = spawnSync('pdfimages', ['-v']);
    if (list.status !== 0) return;
    expect(await images('interpolation')).toBe(0);
    expect(await images('matrix')).toBe(4); // three panels and the colour bar
  });

  it.each(figureKindNames)('of kind %s has every text of the figure', async (kind) => {
    const recipe = { kind, data: figureSamples[kind] };
    const letters = (s: string): string => [...s.replace(/\s/g, '')].sort().join('');
    const text = await readPdf('pdftotext', recipe, '-raw', '-');
    const wanted = drawFigure(recipe)
      .texts.map((t) => t.text)
      .join('');
    expect(letters(text.replaceAll('\f', ''))).toBe(letters(wanted));
  });
});

describe('PNG', () => {
  const chunks = (png: Uint8Array): Map<string, Buffer> => {
    const found = new Map<string, Buffer>();
    const bytes = Buffer.from(png);
    for (let at = 8; at < bytes.length;) {
      const length = bytes.readUInt32BE(at);
      const type = bytes.toString('latin1', at + 4, at + 8);
      found.set(
        type === 'iTXt' ? `iTXt ${bytes.toString('utf8', at + 8, bytes.indexOf(0, at + 8))}` : type,
        bytes.subarray(at + 8, at + 8 + length),
      );
      at += 12 + length;
    }
    return found;
  };

  it.each([300, 600])('at %d dpi has the pixels and the physical size of the figure', async (dpi) => {
    const found = chunks(await exportFigure(interpolation, 'png', { dpi }));
    expect(found.get('IHDR')!.readUInt32BE(0)).toBe(6.75 * dpi);
    const physical = found.get('pHYs')!;
    expect(physical.readUInt32BE(0)).toBe(Math.round(dpi / 0.0254));
    expect(physical[8]).toBe(1);
  });

  it('holds its provenance', async () => {
    const found = chunks(await exportFigure(interpolation, 'png', { dpi: 100 }));
    const text = found.get('iTXt Basin provenance')!.toString('utf8');
    expect(JSON.parse(text.slice(text.indexOf('{')))).toMatchObject(provenance);
    expect(found.has('iTXt Title')).toBe(true);
  });

  it('too large to open is refused with the number of pixels', async () => {
    const huge = { ...interpolation, options: { size: { width: 100, unit: 'in' } } };
    await expect(exportFigure(huge, 'png', { dpi: 600 })).rejects.toThrow(UserError);
  });
});
