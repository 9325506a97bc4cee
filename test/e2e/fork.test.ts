/** From the form for training to the children of a run: dropout and an optimizer chosen there, a fork in the details. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('forks in the app', () => {
  const workspace = newWorkspace();
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

  const file = (run: string, name: string) => join(workspace, 'runs', run, name);
  const configOf = (run: string) => parse(readFileSync(file(run, 'config.yaml'), 'utf8')) as unknown;
  const saved = (run: string, epoch: number) =>
    expect
      .poll(() => existsSync(file(run, `checkpoint_epoch_${epoch}_model_2.safetensors`)), { timeout: 60_000 })
      .toBe(true);

  it('trains with the settings of the form', async () => {
    await goTo(page, 'train');
    await page.getByLabel('Preset').selectOption('standard-small');
    await page.getByLabel(/^Models/).fill('2');
    await page.getByLabel(/^Epochs/).fill('1');
    await page.getByLabel(/^Save every/).fill('1');
    await page.getByLabel(/^Dropout/).fill('0.1');
    await page.getByLabel(/^Optimizer/).selectOption('rmsprop');
    await page.getByLabel(/^Gradient norm, at most/).fill('2');
    await page.getByRole('textbox', { name: 'Name of the run' }).fill('parent');
    await page.getByRole('button', { name: 'Train parent', exact: true }).click();
    await saved('parent', 1);
    expect(configOf('parent')).toMatchObject({
      model: { dropout: 0.1 },
      optimizer: { name: 'rmsprop' },
      training: { clip_grad_norm: 2 },
    });
  });

  it('forks a run from its details', async () => {
    await goTo(page, 'catalog');
    await page.getByRole('row', { name: /parent/ }).click();
    const details = page.getByRole('complementary', { name: 'Details' });
    await details.getByText('Fork', { exact: true }).click();
    // The last epoch has nothing after it.
    expect(await details.getByLabel('From epoch').getByRole('option').allTextContents()).toEqual(['0']);
    await details.getByRole('button', { name: 'Train', exact: true }).click();
    for (const run of ['parent-fork0-1', 'parent-fork0-2']) await saved(run, 1);
    expect(configOf('parent-fork0-2')).toMatchObject({
      fork: { epoch: 0, child: 2 },
      model: { dropout: 0.1 },
    });
    await page.getByRole('row', { name: /parent-fork0-1/ }).click();
    await expect.poll(() => details.textContent()).toMatch(/Forked from\s*parent, epoch 0/);
  });
});
