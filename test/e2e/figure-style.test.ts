/** The style of a saved figure: chosen in the Figures view, seen at once, kept with it; refused beside its field. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFigure } from '../../src-shared/figures/index.ts';
import { basin, basinJson } from '../support/cli.ts';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { figureSamples } from '../support/figure-samples.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('the style of figures', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    const path = join(newWorkspace(), 'recipe.json');
    const series = [{ label: '对照组', values: [1, 2, 2, 3] }];
    for (const [name, kind, data] of [
      ['interpolation', 'interpolation', figureSamples.interpolation],
      ['histogram', 'histogram', figureSamples.histogram],
      ['Chinese names', 'histogram', { label: 'swap cost', series }],
    ] as const) {
      writeFileSync(path, JSON.stringify({ kind, data }));
      const out = join(newWorkspace(), 'x.svg');
      const made = await basin(['figure', path, '--out', out, '--save', name, '--workspace', workspace]);
      expect(made.code, made.stderr).toBe(0);
    }
    const at = ['--workspace', workspace];
    await basin(['run', 'rescaling-barrier', '--factors', '1,10,100', ...at]);
    const [result] = await basinJson<{ id: string }[]>(['results', ...at]);
    const styled = ['--y-label', 'loss in the middle', '--legend', 'none', '--width', 'single'];
    const out = join(newWorkspace(), 'x.svg');
    const made = await basin(['figure', result!.id, ...styled, '--out', out, '--save', 'rescaling', ...at]);
    expect(made.code, made.stderr).toBe(0);
    ({ page } = await openWindow(await startServed(workspace)));
    page.setDefaultTimeout(10_000);
    await goTo(page, 'figures');
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });

  const card = (title: string) => page.getByRole('article', { name: title });
  const dialog = () => page.getByRole('dialog', { name: 'Export figure' });
  const preview = () => dialog().getByRole('group', { name: 'Preview' });
  const open = async (title: string) => {
    await card(title).getByRole('button', { name: 'Style and export…' }).click();
    await preview().locator('svg').waitFor();
  };

  it('is seen in the preview as it is chosen, and kept with the figure', async () => {
    await open('interpolation');
    await dialog().getByRole('combobox', { name: 'Size', exact: true }).selectOption('single');
    await expect.poll(() => preview().locator('svg').getAttribute('width')).toBe('3.25in');
    await dialog().getByLabel('Lowest y').fill('60');
    await dialog().getByLabel('Highest y').fill('100');
    await dialog().getByLabel('Label of y').fill('accuracy');
    await dialog().getByLabel('Heading').fill('Four families');
    await dialog().getByRole('combobox', { name: 'Legend', exact: true }).selectOption('none');
    await expect.poll(() => preview().locator('svg').textContent()).toContain('Four families');
    expect(await preview().locator('.legend').count()).toBe(0);
    expect(await preview().textContent()).toContain('Shown at its printed size.');
    expect((await new AxeBuilder({ page }).include('.dialog').analyze()).violations).toEqual([]);
    await dialog().getByRole('button', { name: 'Save changes' }).click();
    await dialog().waitFor({ state: 'hidden' });

    await expect.poll(() => card('interpolation').textContent()).toContain('Four families');
    const figures = await basinJson<{ title: string; recipe: { options: object } }[]>([
      ...['figure', 'list', '--workspace', workspace],
    ]);
    expect(figures.find(({ title }) => title === 'interpolation')!.recipe.options).toEqual({
      ...{ theme: 'paper', letters: false, size: 'single', title: 'Four families', legend: 'none' },
      y: { range: [60, 100], label: 'accuracy' },
    });
    await open('interpolation');
    expect(await dialog().getByLabel('Lowest y').inputValue()).toBe('60');
    expect(await dialog().getByRole('combobox', { name: 'Size', exact: true }).inputValue()).toBe('single');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('is refused beside the field that is wrong, and nothing can be saved so', async () => {
    await open('histogram');
    await dialog().getByLabel('Scale of y').selectOption('log');
    const scale = dialog().getByLabel('Scale of y');
    await expect.poll(() => scale.getAttribute('aria-invalid')).toBe('true');
    const why = dialog().getByRole('alert');
    expect(await why.textContent()).toMatch(/only values above 0, and the lowest here is 0/);
    expect(await scale.getAttribute('aria-describedby')).toBe(await why.getAttribute('id'));
    for (const name of ['Save changes', 'Save as another figure', 'PDF', 'Copy PNG'])
      expect(await dialog().getByRole('button', { name, exact: true }).isDisabled(), name).toBe(true);
    await scale.selectOption('auto');
    await dialog().getByLabel('Lowest x').fill('9');
    await expect.poll(() => why.textContent()).toBe('Give both ends, or none.');
    await dialog().getByLabel('Highest x').fill('3');
    await expect.poll(() => why.textContent()).toMatch(/lower one first/);
    await dialog().getByLabel('Lowest x').fill('0');
    await why.waitFor({ state: 'detached' });
    expect(await dialog().getByRole('button', { name: 'Save changes' }).isDisabled()).toBe(false);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('says which characters PDF and PNG cannot show', async () => {
    await open('Chinese names');
    await preview().getByRole('status').waitFor();
    expect(await preview().getByRole('status').textContent()).toMatch(/lack 对 照 组 in “对照组”/);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it.each([
    ['single', 860],
    ['text', 860],
    ['double', 860],
    ['double', 600],
  ] as const)('shows all of a figure of %s width in a window %i px high', async (size, height) => {
    await page.setViewportSize({ width: height === 600 ? 800 : 1360, height });
    await open('interpolation');
    await dialog().getByRole('combobox', { name: 'Size', exact: true }).selectOption(size);
    const overflow = () => preview().evaluate((element) => element.scrollWidth - element.clientWidth);
    await expect.poll(overflow).toBe(0);
    const box = (await preview().locator('svg').boundingBox())!;
    const around = (await preview().boundingBox())!;
    expect(box.x + box.width).toBeLessThanOrEqual(around.x + around.width);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    await page.setViewportSize({ width: 1360, height: 860 });
  });

  it('goes with a saved figure into the view of its result, until somebody wants the usual one', async () => {
    await card('rescaling').getByRole('button', { name: 'Open in its view' }).click();
    const figure = page.getByRole('main').locator('svg', { hasText: 'rescaling factor' });
    await expect.poll(() => figure.textContent()).toContain('loss in the middle');
    await expect.poll(() => figure.locator('.legend').count()).toBe(0);
    await page
      .locator('figure', { hasText: 'rescaling factor' })
      .getByRole('button', { name: 'Export…' })
      .click();
    await preview().locator('svg').waitFor();
    await expect.poll(() => dialog().getByLabel('Label of y').inputValue()).toBe('loss in the middle');
    expect(await preview().locator('svg').getAttribute('width')).toBe('3.25in');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    const note = page.getByRole('main').getByText('In the style of the saved figure “rescaling”.');
    await note.getByRole('button', { name: 'Usual style' }).click();
    await note.waitFor({ state: 'detached' });
    await expect.poll(() => figure.textContent()).not.toContain('loss in the middle');
  });

  it('holds every text to its place where the fonts are other ones', async () => {
    const other = await page.context().newPage();
    for (const kind of ['interpolation', 'gamma-out'] as const) {
      const { svg, texts, width } = drawFigure({
        kind,
        data: figureSamples[kind],
        options: { size: 'single' },
      });
      // A font that is wider than the one that was measured.
      await other.setContent(svg.replace(/font-family="[^"]*"/, 'font-family="monospace"'));
      const right = await other
        .locator('svg')
        .evaluate((element) =>
          [...element.querySelectorAll('text')].map(
            (text) => text.getBoundingClientRect().right - element.getBoundingClientRect().left,
          ),
        );
      expect(right).toHaveLength(texts.length);
      expect(Math.max(...right)).toBeLessThanOrEqual((width * 96) / 72);
      for (const [i, { text, box, rotate }] of texts.entries())
        if (rotate === 0 && text.length > 1)
          expect(Math.abs(right[i]! - (box.right * 96) / 72), text).toBeLessThan(1.5);
    }
    await other.close();
  });

  it('leaves no complaint', () => {
    expect(takeComplaints()).toEqual([]);
  });
});
