/** Own data in the app: added through the dialog, refused by row, chosen, trained on. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { encodeNpy } from '../../src-main/formats/npy.ts';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('own data', () => {
  const workspace = newWorkspace();
  const [inputs, labels, bad] = ['x.npy', 'y.npy', 'bad.npy'].map((name) => join(workspace, name)) as [
    string,
    string,
    string,
  ];
  let page: Page;

  beforeAll(async () => {
    const data = Float32Array.from({ length: 60 * 5 }, (_, i) => Math.sin(i));
    writeFileSync(inputs, encodeNpy({ dtype: 'float32', shape: [60, 5], data }));
    const classes = Int32Array.from({ length: 60 }, (_, i) => i % 4);
    writeFileSync(labels, encodeNpy({ dtype: 'int32', shape: [60], data: classes }));
    writeFileSync(
      bad,
      encodeNpy({ dtype: 'int32', shape: [60], data: classes.map((v, i) => (i === 7 ? -3 : v)) }),
    );
    ({ page } = await openWindow(await startServed(workspace)));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  it('is added, refused by row if it does not fit, and trained on with networks of its size', async () => {
    await goTo(page, 'train');
    await page.getByLabel('Preset').selectOption('standard-small');
    await page.getByRole('button', { name: 'Add data…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a data set' });
    await dialog.getByLabel(/^Name/).fill('toy');
    await dialog.getByLabel(/^Training inputs/).fill(inputs);
    await dialog.getByLabel(/^Training labels/).fill(bad);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await expect
      .poll(() => dialog.getByRole('alert').textContent(), { timeout: 60_000 })
      .toMatch(/bad\.npy: row 7 .*the label is -3/);
    // What was wrong is not said of what was changed since, nor when the dialog is opened again.
    await dialog.getByLabel(/^Training labels/).fill(labels);
    expect(await dialog.getByRole('alert').count()).toBe(0);
    // Submitted twice at once: added once, and nothing is refused.
    await dialog.locator('form').evaluate((form: HTMLFormElement) => {
      form.requestSubmit();
      form.requestSubmit();
    });
    await expect.poll(() => dialog.isVisible(), { timeout: 60_000 }).toBe(false);
    await page.getByRole('button', { name: 'Add data…' }).click();
    expect(await dialog.getByRole('alert').count()).toBe(0);
    await page.keyboard.press('Escape');

    const choice = page.getByLabel(/^Data set/);
    await expect.poll(() => choice.inputValue()).toBe('toy');
    expect(await page.locator('.data').textContent()).toContain('54 + 6 of 5 numbers, 4 classes');
    const preview = page.getByRole('region', { name: 'What will be trained' });
    await expect.poll(() => preview.locator('dl').textContent()).toMatch(/Layers\s*5-64-64-64-4/);
    expect(await preview.locator('li', { hasText: 'dataset=toy' }).getAttribute('title')).toBe(
      'instead of mnist-10k',
    );
    await page.getByLabel(/^Models/).fill('1');
    await page.getByLabel(/^Epochs/).fill('1');
    await page.getByRole('textbox', { name: 'Name of the run' }).fill('own');
    await page.getByRole('button', { name: 'Train own', exact: true }).click();
    const run = join(workspace, 'runs', 'own');
    await expect
      .poll(() => existsSync(join(run, 'checkpoint_epoch_1_model_1.safetensors')), { timeout: 60_000 })
      .toBe(true);
    const config = parse(readFileSync(join(run, 'config.yaml'), 'utf8')) as Record<string, unknown>;
    expect(config['dataset']).toMatchObject({ name: 'toy', data_dir: join(workspace, 'data', 'toy') });
    expect(config['model']).toMatchObject({ input_dim: 5, output_dim: 4 });

    // The preset's own data again: nothing is left of the choice.
    await choice.selectOption('mnist-10k');
    await expect.poll(() => preview.locator('dl').textContent()).toMatch(/Layers\s*784-64-64-64-10/);
  });
});
