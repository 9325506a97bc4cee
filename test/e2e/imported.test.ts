/** Results of the published scripts: imported as a folder, opened from the job, shown like our own and marked. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { writeLmcResults, writeRunWithCurves } from '../support/published-results.ts';
import { newWorkspace, startServed, stopAll, type ServedApp } from '../support/served.ts';

describe.skipIf(noBrowser)('imported results', () => {
  const workspace = newWorkspace();
  const folder = newWorkspace();
  let app: ServedApp;
  let page: Page;

  beforeAll(async () => {
    writeRunWithCurves(folder);
    writeLmcResults(folder);
    const ridge = fileURLToPath(new URL('../engine/data/ridge-polars.parquet', import.meta.url));
    copyFileSync(ridge, join(folder, 'ridge.parquet'));
    writeFileSync(join(folder, 'unrelated.json'), '{}');
    app = await startServed(workspace);
    ({ page } = await openWindow(app));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const pressed = (name: string) =>
    page.getByRole('button', { name, exact: true }).getAttribute('aria-pressed');
  const curves = () => page.getByRole('region', { name: 'Curves' });

  it('come with the folder, and the import says how many', async () => {
    await page.getByRole('button', { name: /Import a folder/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Import runs' });
    await dialog.getByRole('textbox', { name: /Folder/ }).fill(folder);
    await dialog.getByRole('button', { name: 'Import this folder' }).click();
    await dialog.waitFor({ state: 'hidden' });
    const announced = page.locator('.visually-hidden[aria-live]');
    await expect
      .poll(() => announced.textContent(), { timeout: 60_000 })
      .toMatch(/^Imported 1 run .* 7 results/);
  });

  it('open from the job of the import in the view of their kind', async () => {
    await goTo(page, 'jobs');
    await page.getByRole('button', { name: 'Open result' }).first().click();
    await page.getByRole('heading', { name: 'Interpolation' }).waitFor();
    await expect.poll(() => pressed('Imported results')).toBe('true');
    await curves().waitFor();
    await expect.poll(() => curves().textContent()).toContain('imported from');
    // Opened alone; the others of the file are one click away.
    const chips = page.getByRole('group', { name: 'Imported results shown' }).getByRole('button');
    await expect.poll(() => chips.count()).toBe(3);
    for (const name of ['mlp_sym0 (imported)', 'mlp_sym1_kappa1 (imported)']) {
      if ((await pressed(name)) === 'false') await page.getByRole('button', { name, exact: true }).click();
      await expect.poll(() => curves().textContent()).toContain(name);
    }
    await expect.poll(() => curves().textContent()).toContain('Anti-aligned (published LMC script)');
  });

  it('costs by ridge regression stand among the measures', async () => {
    await goTo(page, 'identifiability?kind=realization-cost-ridge');
    const panel = page.getByRole('tabpanel', { name: 'Realization cost, ridge' });
    await panel.waitFor();
    await expect
      .poll(() => panel.textContent())
      .toMatch(/imported\s+Fitting its own neuron’s function costs/);
  });
});
