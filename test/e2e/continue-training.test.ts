/** A run's training taken up again from the run itself: longer, resumed, again. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const long = 120_000;

describe.skipIf(noBrowser)('training taken up again', { timeout: 2 * long }, () => {
  const workspace = newWorkspace();
  const folder = (run: string) => join(workspace, 'runs', run);
  const small = [
    'num_models=1',
    'model.hidden_dim=8',
    'dataset.val_split=0.9',
    'training.save_every=1',
    'seed=1',
  ];
  let page: Page;

  beforeAll(async () => {
    const train = ['train', 'standard-small', ...small, 'training.num_epochs=1'];
    await basinJson([...train, '--out', folder('short'), '--workspace', workspace], { timeoutMs: long });
    ({ page } = await openWindow(await startServed(workspace)));
  }, long);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const row = (name: string) => page.locator(`[role=row][data-run="${name}"]`);
  const details = () => page.getByRole('complementary', { name: 'Details' });
  const stateOf = async (name: string) => (await row(name).locator('.flag').allTextContents()).join();

  it('trains a finished run longer from its menu, says what that means, and marks what cannot be', async () => {
    await row('short').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Train longer…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Train short longer' });
    const until = dialog.getByRole('textbox', { name: 'Last epoch' });
    const start = dialog.getByRole('button', { name: 'Train', exact: true });
    await dialog.getByText('The learning rate stays at').waitFor();
    await until.fill('1');
    await dialog.getByText('A whole number above 1, the last epoch of this run.').waitFor();
    expect([await until.getAttribute('aria-invalid'), await start.isDisabled()]).toEqual(['true', true]);
    await dialog.getByRole('textbox', { name: 'Name of the new run' }).fill('short');
    await dialog.getByText('There is a folder short already.').waitFor();
    expect(await dialog.getByRole('alert').count()).toBe(2);
    const { violations } = await new AxeBuilder({ page }).include('[role=dialog]').analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await until.fill('3');
    await dialog.getByRole('textbox', { name: 'Name of the new run' }).fill('');
    await start.click();
    await dialog.waitFor({ state: 'hidden' });
    await row('short-to3').waitFor();
    await expect.poll(() => stateOf('short-to3'), { timeout: long }).toBe('');
    expect(existsSync(join(folder('short-to3'), 'checkpoint_epoch_3_model_1.safetensors'))).toBe(true);
    // The header follows: epochs 0 and 1 of the one, 1 to 3 of the other.
    await expect.poll(() => page.getByRole('banner').textContent()).toContain('2 runs · 5 checkpoints');
    const config = parse(readFileSync(join(folder('short-to3'), 'config.yaml'), 'utf8')) as object;
    expect(config).toMatchObject({ training: { num_epochs: 3 }, fork: { path: folder('short'), epoch: 1 } });
  });

  it('resumes a stopped run from its details, and from the palette', async () => {
    await goTo(page, 'train');
    await page.getByLabel('Preset').selectOption('standard-small');
    await page.getByLabel(/^Models/).fill('1');
    await page.getByLabel(/^Epochs/).fill('500');
    await page.getByLabel(/^Save every/).fill('1');
    await page.getByLabel(/^Hidden units/).fill('8');
    await page.getByRole('textbox', { name: 'Name of the run' }).fill('stopped');
    await page.getByRole('button', { name: 'Train stopped', exact: true }).click();
    const saved = (epoch: number) =>
      expect
        .poll(() => existsSync(join(folder('stopped'), `checkpoint_epoch_${epoch}_model_1.safetensors`)), {
          timeout: long,
        })
        .toBe(true);
    const cancel = () => page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await saved(1);
    await cancel();
    await goTo(page, 'catalog');
    await expect.poll(() => stateOf('stopped'), { timeout: long }).toBe('interrupted');
    await row('stopped').click();
    expect(await details().getByRole('button', { name: 'Train longer…' }).count()).toBe(0);
    await details().getByRole('button', { name: 'Resume training' }).click();
    await page.getByRole('group', { name: 'Message' }).filter({ hasText: 'Resuming stopped' }).waitFor();
    await expect.poll(() => stateOf('stopped'), { timeout: long }).toBe('training');
    await goTo(page, 'jobs');
    await cancel();
    await goTo(page, 'catalog');
    await expect.poll(() => stateOf('stopped'), { timeout: long }).toBe('interrupted');
    await page.keyboard.press('Control+k');
    await page
      .getByRole('combobox', { name: /Search|Find/ })
      .or(page.locator('.palette-input'))
      .first()
      .fill('resume');
    await page.keyboard.press('Enter');
    await expect.poll(() => stateOf('stopped'), { timeout: long }).toBe('training');
    await goTo(page, 'jobs');
    await cancel();
    await expect.poll(() => page.getByRole('button', { name: 'Cancel', exact: true }).count()).toBe(0);
  });

  it('opens the form for a fork, and the form for training with the same settings, from the menu', async () => {
    await goTo(page, 'catalog');
    await row('short').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Fork…' }).click();
    await details().getByLabel('From epoch').waitFor();
    await row('short').click({ button: 'right' });
    await page.getByRole('menuitem', { name: /^Train again/ }).click();
    await page.getByRole('button', { name: 'Train short-again' }).waitFor();
  });
});
