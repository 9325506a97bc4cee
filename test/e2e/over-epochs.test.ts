/** The Interpolation view over training: epochs are chosen and measured, barriers drawn over them; results too. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('barriers over epochs', () => {
  let page: Page;
  let resultId: string;

  beforeAll(async () => {
    const workspace = newWorkspace();
    const own = ['--workspace', workspace];
    const run = fixtureRun('sym1_kappa1');
    await basinJson(['import', run, ...own]);
    await basinJson(['groups', 'add', 'masked', 'sym1_kappa1', ...own]);
    const asked = ['run', 'interpolate', '--run', run, '--epochs', '0,5', '--models', '1,2'];
    const data = ['--data', 'mnist-10k', '--split-file', fixturePath('golden/data_split.json')];
    await basinJson([...asked, '--steps', '2', '--splits', 'test', ...data, ...own]);
    const [result] = await basinJson<{ id: string }[]>(['results', ...own]);
    resultId = result!.id;
    ({ page } = await openWindow(await startServed(workspace), { acceptDownloads: true }));
    await goTo(page, 'interpolation');
  }, 120_000);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const section = () => page.getByRole('region', { name: 'Barrier over epochs' });
  const curves = () => page.getByRole('region', { name: 'Curves' });
  const chip = (name: string) => section().getByRole('button', { name, exact: true });

  it('two epochs are chosen, measured and compared; the curves stay those of one epoch', async () => {
    await section().getByText('Choose at least two epochs').waitFor();
    // The fixture's own config names a data folder of another machine.
    await page.getByRole('button', { name: 'data: as in the run’s config' }).click();
    const sets = page.getByRole('combobox', { name: 'Data set' });
    await sets.selectOption('mnist-10k');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'data: mnist-10k' }).waitFor();
    await chip('0').click();
    await chip('1').click();
    expect(await chip('1').getAttribute('aria-pressed')).toBe('true');
    // Unaligned and aligned, at the last epoch and at the two that are compared.
    await page.getByRole('button', { name: 'Measure 6 curve sets' }).click();
    const atWork = () => page.getByRole('button', { name: /^(Measure|Cancel)/ }).count();
    await expect.poll(atWork, { timeout: 150_000 }).toBe(0);
    await section().getByRole('img').waitFor();
    expect(await section().textContent()).toContain('Test accuracy drop');
    await curves().getByRole('img').waitFor();
    // One more epoch that is there already asks for nothing.
    await chip('5').click();
    await expect.poll(() => chip('5').getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('button', { name: /^Measure/ }).waitFor({ state: 'detached' });
  });

  it('the figure is exported with its numbers', async () => {
    await section().getByRole('button', { name: 'Export barriers…' }).click();
    const dialog = page.getByRole('dialog');
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: /csv/i }).click();
    const text = readFileSync(await (await download).path(), 'utf8');
    expect(text).toContain('panel,series,pair,epoch,value');
    expect(text).toMatch(/^Unaligned,masked,1–2,1,/m);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('a result over epochs shows its barriers, and the curves of the epoch that is chosen', async () => {
    await page.evaluate((id) => {
      location.hash = `#/interpolation?result=${id}`;
    }, resultId);
    await page.reload();
    await section().getByRole('img').waitFor();
    expect(await section().getByText('Epochs to compare').count()).toBe(0);
    const epoch = page.getByRole('combobox', { name: /^epoch/ });
    expect(await epoch.getByRole('option').allTextContents()).toEqual(['last', '0', '5']);
    const captionOf = () => curves().textContent();
    const last = await captionOf();
    await epoch.selectOption('0');
    await expect.poll(captionOf).not.toBe(last);
  });
});
