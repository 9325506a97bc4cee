/** A network that PyTorch exported becomes a run in the window: dialog, what is wrong with it, and the run's drawing. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { fixturePath } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('networks from PyTorch', () => {
  const workspace = newWorkspace();
  const network = fixturePath('exported/image.pt2');
  let page: Page;

  beforeAll(async () => {
    ({ page } = await openWindow(await startServed(workspace)));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const dialog = () => page.getByRole('dialog', { name: 'Network or weights from PyTorch' });
  const make = () => dialog().getByRole('button', { name: 'Make a run' }).click();

  it('says what is missing, and why a file cannot be read', async () => {
    await page.getByRole('button', { name: 'Import…' }).click();
    await page.getByRole('button', { name: 'Network or weights from PyTorch…' }).click();
    await make();
    await dialog().getByText('This is needed.').first().waitFor();
    await dialog()
      .getByLabel(/^Exported network/)
      .fill(fixturePath('exported/refused.pt2'));
    await dialog()
      .getByLabel(/^Output folder/)
      .fill(join(workspace, 'runs', 'net'));
    await make();
    await expect
      .poll(() => dialog().getByRole('alert').last().textContent(), { timeout: 60_000 })
      .toMatch(/refused\.pt2[^]*not supported: lstm/);
  });

  it('makes a run, whose drawing shows its permutation groups', async () => {
    await dialog()
      .getByLabel(/^Exported network/)
      .fill(network);
    await make();
    await dialog().waitFor({ state: 'hidden', timeout: 60_000 });
    const row = page.locator('[role=row][data-run=net]');
    await row.click({ timeout: 60_000 });
    await page.getByRole('complementary').getByRole('button', { name: 'Network…' }).click();
    const drawing = page.getByRole('dialog', { name: 'Network of net' });
    await drawing.getByText('conv.weight').first().waitFor();
    expect(await drawing.getByRole('button', { name: /^conv/ }).count()).toBeGreaterThan(0);
  });
});
