/** Plots that one works in: zoomed, moved, read off, with series hidden, by pointer and keys; files stay as they are. */
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('plots', { timeout: 120_000 }, () => {
  let page: Page;

  beforeAll(async () => {
    const workspace = newWorkspace();
    const own = ['--workspace', workspace];
    for (const [name, key] of [
      ['sym0', 'standard'],
      ['sym1_kappa1', 'W-asymmetric'],
    ] as const) {
      await basinJson(['import', fixtureRun(name), ...own]);
      await basinJson(['groups', 'add', key, name, ...own]);
    }
    ({ page } = await openWindow(await startServed(workspace), { acceptDownloads: true }));
    await goTo(page, 'interpolation?data=mnist-10k&points=5&align=weight');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    await curves('W-asymmetric').nth(1).waitFor({ timeout: 100_000 });
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'hidden' });
  }, 300_000);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  beforeEach(async () => {
    await plane().focus();
    await page.keyboard.press('0');
    const all = page.getByRole('button', { name: 'Show all series' });
    if (await all.isVisible()) await all.click();
    await curves('standard').nth(1).waitFor();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const card = () => page.getByRole('region', { name: 'Curves', exact: true });
  const plane = () => card().getByRole('application');
  const legend = (name: string) =>
    card().getByRole('group', { name: 'Series shown' }).getByRole('button', { name });
  const curves = (name: string) => card().locator(`g.series[data-series="${name}"] path[fill=none]`);
  const tip = () => card().locator('.tip').textContent();
  /** The labels of the vertical axis. */
  const ticks = () => card().locator('svg text[text-anchor=end]').allTextContents();
  const isZoomed = () => card().getByRole('button', { name: 'Reset zoom' }).isVisible();

  async function at(x: number, y: number): Promise<[number, number]> {
    const box = (await plane().boundingBox())!;
    return [box.x + x * box.width, box.y + y * box.height];
  }

  it('a box zooms in on both panels, a double click shows all again', async () => {
    const before = await ticks();
    await page.mouse.move(...(await at(0.15, 0.2)));
    await page.mouse.down();
    await page.mouse.move(...(await at(0.3, 0.4)), { steps: 4 });
    await page.mouse.up();
    await expect.poll(ticks).not.toEqual(before);
    expect(await isZoomed()).toBe(true);
    await page.mouse.dblclick(...(await at(0.3, 0.3)));
    await expect.poll(ticks).toEqual(before);
    expect(await isZoomed()).toBe(false);
  });

  it('the wheel zooms where the pointer is, Shift and a drag move', async () => {
    const before = await ticks();
    await page.mouse.move(...(await at(0.25, 0.3)));
    await page.mouse.wheel(0, -300);
    await expect.poll(isZoomed).toBe(true);
    const near = await ticks();
    expect(near).not.toEqual(before);
    await page.keyboard.down('Shift');
    await page.mouse.down();
    await page.mouse.move(...(await at(0.25, 0.6)), { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await expect.poll(ticks).not.toEqual(near);
    await card().getByRole('button', { name: 'Reset zoom' }).click();
    await expect.poll(ticks).toEqual(before);
  });

  it('the page scrolls under the wheel until the plot was clicked', async () => {
    await page.getByRole('heading', { level: 1 }).click();
    await page.mouse.move(...(await at(0.25, 0.3)));
    await page.mouse.wheel(0, 200);
    await expect.poll(() => page.getByRole('main').evaluate((main) => main.scrollTop)).toBeGreaterThan(0);
    expect(await isZoomed()).toBe(false);
    await page.getByRole('main').evaluate((main) => main.scrollTo(0, 0));
  });

  it('reads values off, with their group and pair', async () => {
    await page.mouse.move(...(await at(0.26, 0.3)));
    await expect.poll(tip).toMatch(/λ = 0\.5.*standard.*\d \(?[^]*to.*W-asymmetric/);
    await page.getByRole('combobox', { name: /^lines/ }).selectOption('every pair');
    await expect.poll(() => curves('standard').count()).toBe(12);
    await page.mouse.move(...(await at(0.27, 0.3)));
    await expect.poll(tip).toMatch(/standard, 1–2.*standard, 3–4/);
    await page.getByRole('combobox', { name: /^lines/ }).selectOption('mean and band');
  });

  it('the legend hides a series and shows one alone, and the address says so', async () => {
    const before = await ticks();
    await legend('standard').click();
    await expect.poll(() => curves('standard').count()).toBe(0);
    expect(await legend('standard').getAttribute('aria-pressed')).toBe('false');
    await expect.poll(ticks).not.toEqual(before);
    await expect.poll(() => page.url()).toContain('hide=standard');
    await legend('standard').dblclick();
    await expect.poll(() => curves('standard').count()).toBe(2);
    expect(await curves('W-asymmetric').count()).toBe(0);
    await card().getByRole('button', { name: 'Show all series' }).click();
    await expect.poll(() => curves('W-asymmetric').count()).toBe(2);
  });

  it('keys read, zoom, move and reset', async () => {
    await plane().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect.poll(tip).toMatch(/λ = 0\.25/);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.locator('.announced').textContent()).toMatch(/Aligned.*0\.25: standard/);
    const before = await ticks();
    await page.keyboard.press('+');
    await expect.poll(ticks).not.toEqual(before);
    const near = await ticks();
    await page.keyboard.press('Shift+ArrowDown');
    await expect.poll(ticks).not.toEqual(near);
    await page.keyboard.press('0');
    await expect.poll(ticks).toEqual(before);
    // The legend is reached with Tab.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await expect.poll(() => card().locator('[aria-pressed=false]').count()).toBe(1);
  });

  it('the exported figure has everything, whatever is looked at', async () => {
    await plane().focus();
    await page.keyboard.press('+');
    await legend('standard').click();
    await expect.poll(isZoomed).toBe(true);
    await page.getByRole('button', { name: 'Export…', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'SVG', exact: true }).click(),
    ]);
    const svg = readFileSync(await download.path(), 'utf8');
    expect(svg).toContain('class="series" data-series="standard"');
    expect(svg).not.toContain('opacity="0.35"');
    await dialog.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('says how to read it, and explains its words', async () => {
    const how = card().locator('details', { hasText: 'How to read this' });
    await how.getByText('How to read this').click();
    await how.getByText(/Test accuracy along the straight line/).waitFor();
    await how.getByRole('button', { name: 'What is barrier?' }).click();
    const glossary = page.getByRole('dialog', { name: 'Glossary' });
    await glossary.waitFor();
    await page.keyboard.press('Escape');
    await glossary.waitFor({ state: 'hidden' });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    await how.getByText('How to read this').click();
  });

  it('a number among all pairs leads to the neurons of its two models', async () => {
    await page.getByText('All pairs', { exact: true }).click();
    const table = page.getByRole('figure').filter({ hasText: 'standard, unaligned' });
    // Row 2, column 3.
    await table.getByRole('row').nth(2).getByRole('cell').nth(2).getByRole('link').click();
    await page.getByRole('spinbutton', { name: 'First model' }).waitFor();
    expect(await page.getByRole('spinbutton', { name: 'First model' }).inputValue()).toBe('2');
    expect(await page.getByRole('spinbutton', { name: 'Second model' }).inputValue()).toBe('3');
    const run = page.getByRole('combobox', { name: 'run', exact: true });
    expect(await run.evaluate((menu: HTMLSelectElement) => menu.selectedOptions[0]!.label)).toBe('sym0');
    await page.goBack();
    await plane().waitFor();
  });

  it('an empty view says what to do, with a button that does it', async () => {
    const chips = page.getByRole('group', { name: 'Groups shown' });
    for (const name of ['standard', 'W-asymmetric']) await chips.getByRole('button', { name }).click();
    await page.getByText('Choose at least one group above.').waitFor();
    await page.getByRole('button', { name: 'Show all groups' }).click();
    await curves('W-asymmetric').nth(1).waitFor();
  });

  it('Symmetry: one style for one thing in both plots, and the projection is named', async () => {
    await goTo(page, 'symmetry');
    const styles = (name: string) =>
      page.locator(`g.series[data-series="${name}"] path[fill=none]`).evaluateAll((paths) =>
        paths.map((path) => {
          // Dashes are as long as the stroke is wide, which follows the width of the figure.
          const width = Number(path.getAttribute('stroke-width'));
          const dash = (path.getAttribute('stroke-dasharray') ?? '').split(/[ ,]+/).filter(Boolean);
          return [path.getAttribute('stroke'), ...dash.map((each) => (Number(each) / width).toFixed(1))].join(
            ' ',
          );
        }),
      );
    for (const name of ['straight line', 'symmetry curve']) {
      await expect.poll(async () => (await styles(name)).length).toBe(2);
      expect(new Set(await styles(name)).size).toBe(1);
    }
    for (const line of ['Curve projected', 'orthogonally onto the plane'])
      await page.locator('svg text', { hasText: line }).first().waitFor();
    await goTo(page, 'interpolation');
    await plane().waitFor();
  });

  // 680: a window of 1360 at 200 % zoom.
  it.each([680, 800, 1360, 3840])('fits a window %i px wide, without a second scroll bar', async (width) => {
    await page.setViewportSize({ width, height: 860 });
    for (const place of ['interpolation', 'symmetry', 'identifiability', 'matrices']) {
      await goTo(page, place);
      const overflow = () =>
        page.evaluate(() => {
          const main = document.querySelector('main')!;
          const root = document.documentElement;
          return [
            root.scrollHeight - root.clientHeight,
            root.scrollWidth - root.clientWidth,
            main.scrollWidth - main.clientWidth,
          ];
        });
      await expect.poll(overflow, { message: place, timeout: 10_000 }).toEqual([0, 0, 0]);
    }
    await page.setViewportSize({ width: 1360, height: 860 });
    await goTo(page, 'interpolation');
    await plane().waitFor();
  });
});
