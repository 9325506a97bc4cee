/** From imported checkpoints to a figure in a paper: measured by a real engine, seen in a browser, every file checked. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureRun } from '../support/fixtures.ts';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const places = [
  'catalog',
  'train',
  'jobs',
  'interpolation',
  'matrices',
  'identifiability',
  'symmetry',
  'figures',
];

function has(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(noBrowser)('figures', () => {
  let page: Page;

  beforeAll(async () => {
    const app = await startServed(newWorkspace());
    ({ page } = await openWindow(app, { acceptDownloads: true }));
    for (const name of ['sym0', 'sym3_kappa1']) {
      await page.getByRole('button', { name: 'Import…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Import runs' });
      await dialog.getByRole('textbox', { name: /Folder/ }).fill(fixtureRun(name));
      await dialog.getByRole('button', { name: 'Import this folder' }).click();
      await page.locator(`[role=row][data-run="${name}"]`).waitFor();
    }
    await page.getByRole('button', { name: 'Suggest groups…' }).click();
    await page.getByRole('button', { name: 'Make 2 groups' }).click();
    await page.locator('[data-group]').nth(1).waitFor();
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });

  /** The digits that the fixtures were trained on; their configs name a folder of another machine. */
  async function chooseDigits(): Promise<void> {
    await page.getByRole('button', { name: /^data:/ }).click();
    await page.getByLabel('Data set').selectOption('mnist-10k');
    await page.keyboard.press('Escape');
  }

  it('measures curves of every group and shows barriers, unaligned and aligned', async () => {
    await goTo(page, 'interpolation');
    await chooseDigits();
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const table = page.getByRole('table', { name: 'Barriers per group' });
    await table.waitFor({ timeout: 90_000 });
    await expect
      .poll(() => table.getByRole('row').nth(1).textContent(), { timeout: 90_000 })
      // Both alignments, with mean and spread.
      .toMatch(/mlp_symmetry0[^]*% *[−-]?\d+\.\d ± [\d.]+ % *[−-]?\d+\.\d ± [\d.]+ %/);
    const barriers = await table.getByRole('row').nth(1).getByRole('cell').allTextContents();
    const [unaligned, aligned] = [barriers[3]!, barriers[4]!].map((text) =>
      parseFloat(text.replace('−', '-')),
    );
    expect(unaligned).toBeLessThan(-10);
    expect(aligned).toBeGreaterThan(-5);
    await page.getByRole('img', { name: /unaligned and aligned/ }).waitFor();
  });

  it('exports SVG, PDF, PNG, CSV and JSON, all of them readable by what reads such files', async () => {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    const files: Record<string, string> = {};
    for (const [format, name] of [
      ['svg', 'SVG'],
      ['pdf', 'PDF'],
      ['png', 'PNG'],
      ['csv', 'CSV of the numbers'],
      ['json', 'JSON of the numbers'],
    ] as const) {
      const download = page.waitForEvent('download');
      await dialog.getByRole('button', { name, exact: true }).click();
      files[format] = await (await download).path();
    }
    const svg = readFileSync(files.svg!, 'utf8');
    const problems = await page.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
      return [...parsed.querySelectorAll('parsererror')].map((each) => each.textContent);
    }, svg);
    expect(problems).toEqual([]);
    expect(svg).toMatch(/<text[^>]*>[^]*Unaligned/);
    expect(svg).toContain('mlp_symmetry0');

    const png = readFileSync(files.png!);
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    const inches = Number(/viewBox="0 0 ([\d.]+) /.exec(svg)?.[1] ?? NaN) / 72;
    expect(Math.abs(png.readUInt32BE(16) - inches * 300)).toBeLessThanOrEqual(2);

    expect(readFileSync(files.csv!, 'utf8').split('\n').length).toBeGreaterThan(20);
    expect(JSON.parse(readFileSync(files.json!, 'utf8'))).toBeTypeOf('object');
    if (has('pdffonts') && has('pdftotext')) {
      const fonts = execFileSync('pdffonts', [files.pdf!], { encoding: 'utf8' }).trim().split('\n').slice(2);
      expect(fonts.length).toBeGreaterThan(0);
      // Columns: name, type, encoding, emb, sub, uni.
      for (const font of fonts) expect(font).toMatch(/TrueType.*\byes\s+yes\s+yes\b/);
      const text = execFileSync('pdftotext', [files.pdf!, '-'], { encoding: 'utf8' });
      for (const word of ['Unaligned', 'mlp_symmetry0', 'mlp_symmetry3_kappa1']) expect(text).toContain(word);
    } else process.stderr.write('NOT TESTED HERE: fonts and text of PDFs (install poppler-utils)\n');

    await dialog.getByRole('button', { name: 'Keep in Figures' }).click();
    await goTo(page, 'figures');
    await page
      .getByText(/Interpolation, test accuracy/)
      .first()
      .waitFor();
  });

  it('shows a matrix with the value under the pointer', async () => {
    await goTo(page, 'matrices');
    await page.getByRole('combobox', { name: 'run' }).selectOption({ label: 'sym0' });
    await chooseDigits();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    const canvas = page.locator('canvas').first();
    await canvas.waitFor({ timeout: 90_000 });
    const painted = await canvas.evaluate((element: HTMLCanvasElement) => {
      const { width, height } = element;
      const pixels = element.getContext('2d')!.getImageData(0, 0, width, height).data;
      const colours = new Set<number>();
      for (let i = 0; i < pixels.length; i += 4)
        colours.add((pixels[i]! << 16) | (pixels[i + 1]! << 8) | pixels[i + 2]!);
      return colours.size;
    });
    expect(painted).toBeGreaterThan(20);
    const large = page.locator('canvas').last();
    await large.hover();
    await expect.poll(() => page.getByRole('main').textContent()).toMatch(/\d+/);
  });

  it.each(['light', 'dark'] as const)(
    'has no serious accessibility problem in any view, %s',
    async (scheme) => {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      const found: string[] = [];
      for (const place of places) {
        await goTo(page, place);
        await page.waitForLoadState('networkidle');
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const { id, impact, nodes } of violations) {
          if (impact !== 'serious' && impact !== 'critical') continue;
          found.push(
            `${place}: ${id}: ${nodes
              .map((node) => node.target.join(' '))
              .slice(0, 4)
              .join(' | ')}`,
          );
        }
      }
      expect(found).toEqual([]);
    },
  );

  it('left no error behind', () => {
    expect(takeComplaints()).toEqual([]);
  });
});
