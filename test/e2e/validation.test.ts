/** Forms mark the fields that cannot be used, all at once, and say what they expect. */
import { dirname } from 'node:path';
import type { Page } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('validation', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    await basinJson(['import', dirname(fixtureRun('sym0')), ...own]);
    for (const [group, run] of [
      ['plain', 'sym0'],
      ['syre', 'sym2'],
    ] as const)
      await basinJson(['groups', 'add', group, run, ...own]);
    ({ page } = await openWindow(await startServed(workspace)));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const axe = async () =>
    (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  const isMarked = (label: RegExp) => page.getByLabel(label).first().getAttribute('aria-invalid');

  it('of the form for training: several fields at once, the name among them', async () => {
    await goTo(page, 'train');
    await page.getByLabel('Preset').selectOption('w-asymmetric-small');
    const preview = page.getByRole('region', { name: 'What will be trained' });
    await preview.getByText('Trained per model').waitFor();
    await page.getByLabel(/^Learning rate/).fill('abc');
    await page.getByLabel(/^Epochs/).fill('-3');
    await page.getByLabel(/^σ_F/).fill('high');
    await page.getByRole('textbox', { name: 'Name of the run' }).fill('two words');
    const problems = () => preview.getByRole('alert').getByRole('listitem').allTextContents();
    await expect
      .poll(async () => (await problems()).map((text) => text.replace(/\s+/g, ' ').trim()).toSorted())
      .toEqual([
        'Epochs: A number of at least 0 was expected.',
        'Learning rate: A number was expected.',
        expect.stringMatching(/^Name of the run: Only letters A to Z/),
        expect.stringMatching(/^σ_F, scale of the fixed weights: A number of at least 0 was expected/),
      ]);
    for (const label of [/^Learning rate/, /^Epochs/, /^σ_F/, /^Name of the run/])
      expect([label, await isMarked(label)]).toEqual([label, 'true']);
    expect(await isMarked(/^Hidden units/)).toBe('false');
    expect(await page.getByRole('button', { name: 'Train two words' }).isDisabled()).toBe(true);
    expect(await axe()).toEqual([]);
    await preview.getByRole('button', { name: 'Learning rate' }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('0.01');
    await expect.poll(() => isMarked(/^Learning rate/)).toBe('false');
    await expect.poll(problems).toHaveLength(3);
  });

  it('of the form for training: a setting that only the list of all has is found from its problem', async () => {
    await page.getByText('All settings').click();
    const setting = (path: string) =>
      page.locator('label.setting', { has: page.getByText(path, { exact: true }) }).getByRole('textbox');
    await setting('optimizer.name').waitFor();
    await setting('scheduler.name').fill('cosin');
    const preview = page.getByRole('region', { name: 'What will be trained' });
    const link = preview.getByRole('button', { name: 'scheduler.name' });
    await link.waitFor();
    await page.getByText('All settings').click();
    await link.click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('setting-scheduler.name');
    expect(await setting('scheduler.name').getAttribute('aria-invalid')).toBe('true');
  });

  it('of what was measured: one error for one cause, with the button that mends it', async () => {
    await goTo(page, 'interpolation');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const cause = page.getByRole('alert').filter({ hasText: /data set/ });
    await cause.filter({ hasText: 'plain, syre:' }).waitFor();
    expect(await cause.count()).toBe(1);
    await cause.getByRole('button', { name: 'Choose the data…' }).click();
    await page.getByLabel('Data set').selectOption('mnist-10k');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'data: mnist-10k' }).waitFor();
  });

  it('of an analysis: nothing is asked for until every field can be used', async () => {
    await goTo(page, 'identifiability?kind=permutation-sensitivity');
    const run = page.getByRole('button', { name: 'Run', exact: true });
    await run.waitFor();
    await page.getByText('More settings').click();
    const numbers = page.getByRole('main').getByRole('spinbutton');
    const count = await numbers.count();
    expect(count).toBeGreaterThan(0);
    for (let i = 0; i < count; i++) await numbers.nth(i).fill('-7.5');
    await run.click();
    const marked = page.locator('[aria-invalid=true]');
    await expect.poll(() => marked.count()).toBe(count);
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-invalid')))
      .toBe('true');
    await page.getByText('A whole number was expected.').first().waitFor();
    expect(await axe()).toEqual([]);
    // Curves of the test before may still be measured: the status bar shows them, the view does not.
    expect(await page.getByRole('main').locator('progress').count()).toBe(0);
    // What is no number does not stand for the default.
    await numbers.first().fill('');
    await numbers.first().pressSequentially('1e');
    await expect.poll(() => numbers.first().getAttribute('aria-invalid')).toBe('true');
    for (let i = 0; i < count; i++) await numbers.nth(i).fill('');
    await expect.poll(() => marked.count()).toBe(0);
  });
});
