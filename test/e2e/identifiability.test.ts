/** The Identifiability view in a browser: whole groups are measured, the result is in words and pictures, a figure is exported. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const long = 120_000;

describe.skipIf(noBrowser)('measures of identifiability', { timeout: 2 * long }, () => {
  let page: Page;

  beforeAll(async () => {
    const workspace = newWorkspace();
    const own = ['--workspace', workspace];
    await basinJson(['import', fixtureRun('sym0'), fixtureRun('sym1_kappa1'), ...own]);
    await basinJson(['groups', 'add', 'standard', 'sym0', ...own]);
    await basinJson(['groups', 'add', 'W-asymmetric', 'sym1_kappa1', ...own]);
    ({ page } = await openWindow(await startServed(workspace)));
  }, 2 * long);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const panel = (name: string) => page.getByRole('tabpanel', { name, exact: true });

  /** The runs were trained on MNIST in a folder that is not here: the embedded digits stand in. */
  async function chooseDigits(): Promise<void> {
    await page.getByRole('button', { name: 'data: as in the run’s config' }).click();
    const choice = page.getByRole('combobox', { name: 'Data set' });
    await choice.selectOption('mnist-10k');
    await page.keyboard.press('Escape');
    await choice.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'data: mnist-10k' }).waitFor();
  }

  it('whole groups are measured over training and their figure is exported', async () => {
    await goTo(page, 'identifiability?kind=match-activations');
    const matching = panel('Match activations');
    await matching.getByRole('combobox', { name: 'Measure' }).selectOption('whole groups');
    const groups = matching.getByRole('group', { name: 'Groups' });
    for (const name of ['standard', 'W-asymmetric']) {
      await expect
        .poll(() => groups.getByRole('button', { name, exact: true }).getAttribute('aria-pressed'))
        .toBe('true');
    }
    await chooseDigits();
    await matching.getByRole('spinbutton', { name: /Random permutations/ }).fill('4');
    await matching.getByRole('button', { name: 'Run', exact: true }).click();
    await expect
      .poll(() => matching.locator('.verdict').textContent(), { timeout: long })
      .toMatch(/keep their slots: W-asymmetric \(\d+ %\).*do not keep their slots: standard \(−?\d+ %\)/);
    const figure = matching.getByRole('figure').filter({ hasText: 'Matching over training' });
    await figure.locator('svg').first().waitFor();
    await expect.poll(() => figure.textContent()).toContain('W-asymmetric, hidden layer 3');
    await figure.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    await dialog.getByLabel('Preview').locator('svg').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'SVG', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('matching-objective.svg');
    const svg = readFileSync(await download.path(), 'utf8');
    expect(svg).toContain('standard, hidden layer 1');
    // What was measured on what goes into the file.
    expect(svg).toContain('sym1_kappa1');
    await dialog.getByRole('button', { name: 'Save to Figures' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await goTo(page, 'figures');
    await page.getByText('Matching over training').first().waitFor();
  });

  it('a result is there again after the view was left, and asking again computes nothing', async () => {
    await goTo(page, 'identifiability?kind=match-activations');
    const matching = panel('Match activations');
    await matching.getByRole('figure').first().waitFor();
    await goTo(page, 'identifiability?kind=similarity');
    const similarity = panel('Similarity over training');
    await similarity.getByRole('combobox', { name: 'Run' }).selectOption({ label: 'sym1_kappa1' });
    for (const model of ['3', '4']) {
      await similarity.getByRole('group', { name: 'Models' }).getByRole('button', { name: model }).click();
    }
    await chooseDigits();
    const run = similarity.getByRole('button', { name: 'Run', exact: true });
    await run.click();
    await expect
      .poll(() => similarity.locator('.verdict').textContent(), { timeout: long })
      .toContain('predictions of two networks agree');
    await expect.poll(() => run.isEnabled()).toBe(true);
    await run.click();
    await similarity.getByText('Cached result: nothing was recomputed.').waitFor();
  });

  it('the prediction is there again after a reload, and a measure leads to its matrices', async () => {
    await goTo(page, 'identifiability?kind=prediction&data=mnist-10k');
    const points = panel('Prediction').getByRole('row', { name: /^sym/ });
    await page.getByRole('heading', { name: 'Nothing measured yet' }).waitFor();
    await panel('Prediction').getByRole('button', { name: 'Measure 2 runs' }).first().click();
    await expect.poll(() => points.count(), { timeout: long }).toBe(2);
    const numbers = await points.allTextContents();
    await page.reload();
    await expect.poll(() => points.allTextContents(), { timeout: 30_000 }).toEqual(numbers);
    expect(await page.getByRole('button', { name: 'All runs are measured' }).isDisabled()).toBe(true);
    await page.getByRole('tab', { name: 'Permutation sensitivity' }).click();
    await panel('Permutation sensitivity').getByRole('link', { name: 'Matrices and neurons' }).click();
    await page.getByRole('heading', { level: 1, name: /swap cost, model 1/ }).waitFor();
    expect(page.url()).toContain('result=permutation-sensitivity');
  });

  it('every measure has a form that can be read', async () => {
    await goTo(page, 'identifiability');
    const tabs = page.getByRole('tab');
    await expect.poll(() => tabs.count()).toBe(13);
    for (let i = 0; i < 13; i++) {
      await tabs.nth(i).click();
      await expect.poll(() => tabs.nth(i).getAttribute('aria-selected')).toBe('true');
      const name = (await tabs.nth(i).textContent())!.trim();
      await panel(name).waitFor();
      // No field falls back to raw JSON names or shows code to a person.
      expect(await panel(name).textContent()).not.toMatch(/\[object|undefined|\bNaN\b/);
    }
  });
});
