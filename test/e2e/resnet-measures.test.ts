/** Measures of a residual network in the app: every convolution can be chosen and read. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basin } from '../support/cli.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';
import { writeResnetRun } from '../support/written-resnets.ts';

/** Jobs and first results of a worker take their time on a slow machine. */
const patient = { timeout: 150_000 };

describe.skipIf(noBrowser)('measures of a residual network', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    const folder = join(newWorkspace(), 'resnet');
    writeResnetRun(folder, { models: 1, train: 24, symmetry: 1, norm: 'group' });
    for (const args of [
      ['import', folder],
      ['run', 'realization-cost', '--run', folder, '--epoch', '1'],
      ['run', 'subspace-coherence', '--run', folder, '--epoch', '1'],
    ]) {
      const { code, stderr } = await basin([...args, '--workspace', workspace]);
      expect(code, stderr).toBe(0);
    }
    const app = await startServed(workspace);
    ({ page } = await openWindow(app));
  }, 300_000);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  it('matrices of all layers stand side by side without widening the page', async () => {
    await goTo(page, 'matrices');
    await page.locator('.large canvas').waitFor(patient);
    const multiples = page.getByRole('region', { name: 'Small multiples' });
    await expect.poll(() => multiples.locator('button.cell canvas').count(), patient).toBe(22);
    const widths = () => page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    const [content, window_] = (await widths()) as [number, number];
    expect(content).toBeLessThanOrEqual(window_);
    // Every layer is named above its matrix, inside its own column.
    const labels = await multiples.locator('.label:not(.side)').all();
    expect(await Promise.all(labels.map((label) => label.textContent()))).toContain('layer2.0.shortcut.0');
    for (const label of labels)
      expect(await label.evaluate((node) => node.scrollWidth <= node.clientWidth)).toBe(true);
    await multiples.getByRole('button', { name: /^layer3\.2\.conv2, swap cost/ }).click();
    await expect
      .poll(() => page.getByRole('main').getByRole('heading', { level: 1 }).textContent())
      .toBe('layer3.2.conv2, swap cost, model 1, epoch 1');
  });

  it('a click on an entry says that neurons of convolutions cannot be inspected yet', async () => {
    await page.locator('.large canvas').click();
    await page.getByText(/neurons are inspected for networks without any so far/).waitFor(patient);
    const right = (name: string | RegExp) =>
      page
        .getByRole('region', { name })
        .first()
        .evaluate((node) => [node.getBoundingClientRect().left, node.getBoundingClientRect().right]);
    // The panel of the neurons stands beside the matrix, not over it.
    const [, end] = (await right(/^layer3\.2\.conv2/)) as [number, number];
    const [start] = (await right('Distribution')) as [number, number];
    expect(end).toBeLessThanOrEqual(start);
  });
});
