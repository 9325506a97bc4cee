/** Norm statistics in the Interpolation view: a choice for networks that have some, told in the caption and in exports. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const fixtures = fileURLToPath(new URL('../fixtures/norm-statistics', import.meta.url));

describe.skipIf(noBrowser)('norm statistics', () => {
  let page: Page;

  beforeAll(async () => {
    const app = await startServed(newWorkspace());
    ({ page } = await openWindow(app, { acceptDownloads: true }));
    for (const [i, folder] of [fixtures, fixtureRun('sym0')].entries()) {
      await page.getByRole('button', { name: i === 0 ? /Import a folder/ : 'Import…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Import runs' });
      await dialog.getByRole('textbox', { name: /Folder/ }).fill(folder);
      await dialog.getByRole('button', { name: 'Import this folder' }).click();
      await dialog.waitFor({ state: 'hidden' });
      await page.locator(`[role=row][data-run="${i === 0 ? 'mlp' : 'sym0'}"]`).waitFor();
    }
    await goTo(page, 'interpolation');
    await page.getByRole('button', { name: 'Two checkpoints' }).click();
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const choice = () => page.getByRole('combobox', { name: /^norm statistics/ });
  const caption = () => page.getByRole('region', { name: 'Curves' }).locator('.caption');

  async function choose(run: string): Promise<void> {
    for (const [name, model] of [
      ['First', '1'],
      ['Second', '2'],
    ] as const) {
      const end = page.getByRole('group', { name: `${name} checkpoint` });
      await end.getByLabel('run').selectOption({ label: run });
      await end.getByLabel('model').selectOption(model);
    }
    await page.getByRole('button', { name: /^Measure \d/ }).waitFor();
  }

  it('are a choice only if a network has some', async () => {
    await choose('sym0');
    expect(await choice().count()).toBe(0);
    await choose('declared');
    expect(await choice().inputValue()).toBe('re-estimate');
    await choose('mlp');
    expect(await choice().inputValue()).toBe('re-estimate');
    const names = await choice().getByRole('option').allTextContents();
    expect(names).toEqual(['interpolated', 're-estimated at each point (recommended)', 'of each batch']);
  });

  it('are told in the caption, and measured anew for another choice', async () => {
    await page.getByLabel('batch size').fill('40');
    await page.getByLabel('batch size').press('Enter');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    await expect
      .poll(() => caption().textContent(), { timeout: 150_000 })
      .toContain('means over the 105 examples of the train split, not augmented, in batches of 40');
    expect(await caption().textContent()).toContain(
      'With the norm statistics in their files the models reach',
    );

    await choice().selectOption('batch');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    await expect
      .poll(() => caption().textContent(), { timeout: 150_000 })
      .toContain('statistics of the batch that is evaluated');
    expect(await caption().textContent()).not.toContain('re-estimated');

    // Known already: nothing to measure.
    await choice().selectOption('re-estimate');
    await expect.poll(() => caption().textContent()).toContain('re-estimated at each point');
    expect(await page.getByRole('button', { name: /^Measure \d/ }).count()).toBe(0);

    await choice().selectOption('interpolate');
    expect(await page.getByLabel('batch size').count()).toBe(0);
    await page.getByRole('button', { name: /^Measure \d/ }).waitFor();
    await choice().selectOption('re-estimate');
  });

  it('stand under the exported figure', async () => {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Numbers as JSON', exact: true }).click();
    const text = readFileSync(await (await download).path(), 'utf8');
    expect(text).toContain('The statistics of BatchNorm are re-estimated at each point');
  });
});
