/** The window says what its engine computes with: the sentences of `basin doctor`. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import { closeBrowser, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('this machine', () => {
  let page: Page;
  beforeAll(async () => {
    ({ page } = await openWindow(await startServed()));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const dialog = () => page.getByRole('dialog', { name: 'This machine' });
  const lines = async () => {
    await dialog().getByRole('listitem').first().waitFor();
    return (await dialog().getByRole('listitem').allTextContents()).join('\n');
  };

  it('is found in the palette, and says whether it compiles', async () => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('This machine');
    await page.getByRole('option', { name: /This machine/ }).click();
    const said = await lines();
    expect(said).toMatch(/back end: (tensorflow|wasm|cpu) [\d.]+/);
    expect(said).toMatch(/computes on the (processor|GPU): \S/);
    if (hasBinding()) expect(said).toContain('compiled execution: works (XLA)');
    expect(said).toMatch(/\d GFLOP\/s/);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('is a click away in the status bar once a back end is known', async () => {
    await page
      .getByRole('contentinfo')
      .getByRole('button', { name: /^(tensorflow|wasm|cpu) / })
      .click();
    expect(await lines()).toContain('back end:');
  });
});
