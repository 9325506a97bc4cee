/** The first step: from an empty workspace to the field's main result on the screen, with nothing asked in between. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('the demo in the app', () => {
  let page: Page;

  beforeAll(async () => {
    ({ page } = await openWindow(await startServed(newWorkspace())));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });

  it('trains, groups and measures four families', { timeout: 900_000 }, async () => {
    await page.getByRole('button', { name: /Run the demo/ }).click();
    // It ends in its figure, and says how far it is until then.
    await expect.poll(() => page.url()).toContain('#/interpolation');
    await page
      .getByRole('status')
      .getByText(/The demo: \d of 4 families are trained/)
      .waitFor();
    await page.getByRole('heading', { name: 'The demo is training' }).waitFor();
    const chips = page.getByRole('group', { name: 'Groups shown' }).getByRole('button');
    await expect.poll(() => chips.count(), { timeout: 700_000, interval: 1000 }).toBe(4);
    const table = page.getByRole('table', { name: 'Barriers per group' });
    const standard = table.getByRole('row', { name: /standard/ });
    await expect
      .poll(() => standard.getByRole('cell').allTextContents(), { timeout: 300_000, interval: 1000 })
      // Accuracy, loss barriers and accuracy drops, unaligned and aligned: the drop is all but gone.
      .toEqual([
        ...[expect.stringContaining('standard'), '6', expect.stringMatching(/%$/)],
        ...[expect.stringMatching(/^\d\.\d{3} ± [\d.]+$/), expect.stringMatching(/^0\.\d{3} ± [\d.]+$/)],
        ...[
          expect.stringMatching(/^\d\d\.\d ± [\d.]+ points$/),
          expect.stringMatching(/^\d\.\d ± [\d.]+ points$/),
        ],
        expect.stringMatching(/%$/),
      ]);
    expect(takeComplaints()).toEqual([]);
  });

  it('opens the curves of one result from its job', async () => {
    await goTo(page, 'jobs');
    const card = page.getByRole('article', { name: /^Interpolate.*standard/ }).first();
    const name = /: (.*)$/.exec((await card.getAttribute('aria-label')) ?? '')![1]!;
    await card.getByRole('button', { name: 'Open result' }).click();
    const chosen = page.getByRole('button', { name: 'One result', exact: true });
    await expect.poll(() => chosen.getAttribute('aria-pressed').catch(() => null)).toBe('true');
    const table = page.getByRole('table', { name: 'Barriers per group' });
    await expect.poll(() => table.locator('tbody tr').allTextContents()).toHaveLength(1);
    expect(await table.locator('tbody').textContent()).toContain(name);
    // What the person chooses then is kept.
    await page.getByRole('button', { name: 'Groups', exact: true }).click();
    await expect.poll(() => table.locator('tbody tr').allTextContents()).toHaveLength(4);

    await page.goto(`${page.url().split('#')[0]}#/interpolation?result=gone`);
    await page.getByRole('alert').getByText('no longer in the workspace').waitFor();
    expect(takeComplaints()).toEqual([]);
  });
});
