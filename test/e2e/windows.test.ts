/** Windows from small to very large, and 200 % zoom: what matters stays on the screen, and nothing is wider than the window. */
import { dirname } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

/** The last one: 1360 x 860 at 200 %. */
const sizes = [
  [800, 600],
  [1100, 700],
  [1360, 860],
  [1920, 1080],
  [3840, 2160],
  [680, 430],
] as const;

describe.skipIf(noBrowser)('windows of all sizes', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    await basinJson(['import', dirname(fixtureRun('sym0')), ...own]);
    await basinJson(['groups', 'add', 'plain', 'sym0', ...own]);
    ({ page } = await openWindow(await startServed(workspace)));
    await page.locator('[role=row][data-run="sym0"]').click();
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const row = () => page.locator('[role=row][data-run="sym0"]');
  const isInside = async (inner: Locator, outer: Locator): Promise<boolean> => {
    const [a, b] = [(await inner.boundingBox())!, (await outer.boundingBox())!];
    return a.x >= b.x && a.x + a.width <= b.x + b.width + 1;
  };
  const scrollsSideways = () =>
    page.evaluate(() => {
      const main = document.querySelector('main')!;
      const { documentElement: html } = document;
      return (
        html.scrollWidth > html.clientWidth ||
        html.scrollHeight > html.clientHeight ||
        main.scrollWidth > main.clientWidth
      );
    });

  it.each(sizes)('%i x %i: accuracy and groups of runs are on the screen', async (width, height) => {
    await page.setViewportSize({ width, height });
    await goTo(page, 'catalog');
    const table = page.getByRole('treegrid');
    for (const title of ['Run', 'Val. accuracy', 'Groups']) {
      const head = page.getByRole('columnheader', { name: title, exact: false });
      await expect.poll(() => isInside(head, table)).toBe(true);
    }
    // At least six rows: at 200 % too.
    expect((await table.boundingBox())!.height).toBeGreaterThan(7 * 32);
    await row().getByText('plain').scrollIntoViewIfNeeded();
    expect(await isInside(row().getByText('plain'), table)).toBe(true);
    expect(await scrollsSideways()).toBe(false);
  });

  it.each(sizes)('%i x %i: no other view is wider than the window', async (width, height) => {
    await page.setViewportSize({ width, height });
    for (const place of ['train', 'jobs', 'results']) {
      await goTo(page, place);
      if (place === 'train') await page.getByText('Trained per model').waitFor();
      expect([place, await scrollsSideways()]).toEqual([place, false]);
    }
  });

  it('lays the details over a narrow window when asked, and away again', async () => {
    await page.setViewportSize({ width: 800, height: 600 });
    await goTo(page, 'catalog');
    const details = page.getByRole('complementary', { name: 'Details' });
    expect(await details.count()).toBe(0);
    await page.getByRole('button', { name: 'Details', exact: true }).click();
    await details.getByRole('textbox', { name: 'Name of the run' }).waitFor();
    expect(await isInside(details, page.getByRole('main'))).toBe(true);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'detached' });
    await page.keyboard.press('Control+i');
    await details.getByRole('button', { name: 'Close the details' }).click();
    await details.waitFor({ state: 'detached' });
    await page.setViewportSize({ width: 1360, height: 860 });
    await details.waitFor();
  });

  it.each([
    [800, 600],
    [680, 430],
  ] as const)('%i x %i: dialogs fit', async (width, height) => {
    await page.setViewportSize({ width, height });
    await goTo(page, 'catalog');
    await row().click();
    for (const command of [
      'Keyboard shortcuts',
      'Glossary',
      'Import a folder',
      'Suggest groups',
      'Show the trash',
    ]) {
      await page.keyboard.press('Control+k');
      await page.locator('.palette-input').fill(command);
      await page.keyboard.press('Enter');
      const dialog = page.locator('.dialog');
      await dialog.waitFor();
      const box = (await dialog.boundingBox())!;
      expect([
        command,
        box.x >= 0,
        box.y >= 0,
        box.x + box.width <= width,
        box.y + box.height <= height,
      ]).toEqual([command, true, true, true, true]);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
    }
  });

  it('finds analyses, settings and words in the palette, which opens empty', async () => {
    await page.setViewportSize({ width: 1360, height: 860 });
    const input = page.locator('.palette-input');
    const first = () => page.locator('.palette-item').first().innerText();
    await page.keyboard.press('Control+k');
    await expect.poll(() => input.inputValue()).toBe('');
    await page.keyboard.type('permutation sens');
    await expect.poll(first).toMatch(/^Permutation sensitivity/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Identifiability' }).waitFor();
    await expect
      .poll(() => page.evaluate(() => window.location.hash))
      .toContain('kind=permutation-sensitivity');
    await page.keyboard.press('Control+k');
    await expect.poll(() => input.inputValue()).toBe('');
    await page.keyboard.type('learning rate');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('field-optimizer.lr');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('anisotropy');
    await page
      .getByRole('option', { name: /what it means/ })
      .first()
      .click();
    await page.getByRole('dialog', { name: 'Glossary' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('sym');
    const sections = () => page.locator('.palette-heading').allTextContents();
    await expect.poll(async () => (await sections()).at(-1)).toBe('Runs');
    await expect.poll(async () => (await sections())[0]).toBe('Go');
    const { violations } = await new AxeBuilder({ page }).include('.palette').analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await page.keyboard.press('Escape');
  });
});
