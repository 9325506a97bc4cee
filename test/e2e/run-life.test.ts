/** A run's life in the catalog: named, tagged, found, compared, put away, removed and brought back. */
import { dirname } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AxeBuilder } from '@axe-core/playwright';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('the life of runs', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    await basinJson(['import', dirname(fixtureRun('sym0')), '--workspace', workspace]);
    const app = await startServed(workspace);
    ({ page } = await openWindow(app));
    await row('sym0').waitFor();
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const row = (name: string) => page.locator(`[role=row][data-run="${name}"]`);
  const names = () =>
    page
      .locator('[role=row][data-run]:not([hidden])')
      .evaluateAll((rows) => rows.map((each) => (each as HTMLElement).dataset['run']!).toSorted());
  const filter = () => page.getByRole('combobox', { name: 'Filter runs' });
  const details = () => page.getByRole('complementary', { name: 'Details' });

  it('renames a run, tags it and keeps notes on it', async () => {
    await row('sym0').click();
    await details().getByRole('textbox', { name: 'Name of the run' }).fill('baseline');
    await page.keyboard.press('Enter');
    await row('baseline').waitFor();
    await details().getByRole('combobox', { name: 'Add a tag' }).fill('paper');
    await page.keyboard.press('Enter');
    await details().getByRole('button', { name: 'Remove the tag paper' }).waitFor();
    await details().getByRole('textbox', { name: 'Notes on the run' }).fill('for figure 2');
    await details().getByRole('button', { name: 'Star' }).click();
    await row('baseline').getByTitle('Starred').waitFor();
    await page.reload();
    await row('baseline').click();
    const notes = details().getByRole('textbox', { name: 'Notes on the run' });
    await expect.poll(() => notes.inputValue()).toBe('for figure 2');
  });

  it('refuses a name that another run has, and shows the old one again', async () => {
    const field = details().getByRole('textbox', { name: 'Name of the run' });
    await field.fill('sym2');
    await page.keyboard.press('Enter');
    const refusal = page.getByText(/Another run is named "sym2".*Choose another name/s);
    await refusal.waitFor();
    await expect.poll(() => field.inputValue()).toBe('baseline');
    await page.getByRole('button', { name: 'Dismiss' }).first().click();
  });

  it('finds runs by tag, by what they are not, and by either of two; says what no run has', async () => {
    await filter().fill('tag:paper');
    await expect.poll(names).toEqual(['baseline']);
    await filter().fill('sigma_F>0 -sym2 -sym3_kappa1');
    await expect.poll(names).toEqual(['sym1_kappa1']);
    await filter().fill('baseline OR sym2');
    await expect.poll(names).toEqual(['baseline', 'sym2']);
    await filter().fill('tagg:paper');
    await page.getByText(/No run has a property "tagg"\..*tag/).waitFor();
    await filter().fill('norm>1');
    await page.getByText('norm is text').waitFor();
    await filter().fill('is:starred');
    await expect.poll(names).toEqual(['baseline']);
  });

  it('is found again as it was left, and from its address', async () => {
    await goTo(page, 'jobs');
    await goTo(page, 'catalog');
    await expect.poll(() => filter().inputValue()).toBe('is:starred');
    expect(await page.evaluate(() => window.location.hash)).toBe('#/catalog?filter=is%3Astarred');
    await page.reload();
    await expect.poll(names).toEqual(['baseline']);
    await filter().fill('');
    await expect.poll(names).toHaveLength(5);
  });

  it('compares two runs from the menu of the selection', async () => {
    await row('sym1_kappa0').click();
    await row('sym1_kappa1').click({ modifiers: ['Control'] });
    await row('sym1_kappa1').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Compare…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Compare 2 runs' });
    const line = dialog.getByRole('row', { name: /^σ_F/ });
    await expect.poll(() => line.getByRole('cell').allTextContents()).toEqual(['0.0', '1.0']);
    expect(await dialog.getByRole('row', { name: /^num_models/ }).count()).toBe(0);
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('row', { name: /^num_models/ }).waitFor();
    const { violations } = await new AxeBuilder({ page }).include('[role=dialog]').analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('draws the network of a run, and points out what a group permutes', async () => {
    await row('sym1_kappa1').click();
    await details().getByRole('button', { name: 'Network…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Network of sym1_kappa1' });
    await dialog.getByText('lins.0.weight').waitFor();
    await dialog.getByRole('button', { name: /^P_0/ }).click();
    await dialog.getByText(/lins\.0\.weight, axis 0; .*It would also move/s).waitFor();
    expect(await dialog.locator('.pointed').count()).toBeGreaterThan(1);
    const { violations } = await new AxeBuilder({ page }).include('[role=dialog]').analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('archives a run, and lists it when asked', async () => {
    await row('sym2').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Archive' }).click();
    await expect.poll(names).not.toContain('sym2');
    await page.getByRole('button', { name: '1 archived' }).click();
    await expect.poll(names).toEqual(['sym2']);
    await row('sym2').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Take out of the archive' }).click();
    await expect.poll(names).toEqual([]);
    await filter().fill('');
    await expect.poll(names).toHaveLength(5);
  });

  it('removes a run with one key, and undoes that with another', async () => {
    await row('sym3_kappa1').click();
    await page.locator('[role=treegrid]').focus();
    await page.keyboard.press('Delete');
    await expect.poll(names).not.toContain('sym3_kappa1');
    await page.keyboard.press('Control+z');
    await expect.poll(names).toContain('sym3_kappa1');
  });

  it('brings a run back from the trash, and forgets one only when asked twice', async () => {
    await row('sym3_kappa1').click();
    await details().getByRole('button', { name: 'Remove' }).click();
    // Until it is gone the rows below it are about to move up, and a click would hit another one.
    await expect.poll(names).toHaveLength(4);
    await row('sym2').click({ button: 'right' });
    const menu = page.getByRole('menu', { name: 'Actions for sym2' });
    await menu.getByRole('menuitem', { name: /Move to the trash/ }).click();
    await expect.poll(names).toHaveLength(3);
    await page.getByRole('menu').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Trash' }).click();
    const dialog = page.getByRole('dialog', { name: 'Trash' });
    await dialog.getByRole('button', { name: 'Restore sym2' }).click();
    await expect.poll(names).toHaveLength(4);
    await dialog.getByRole('button', { name: 'Restore sym2' }).waitFor({ state: 'hidden' });
    await dialog.getByRole('button', { name: 'Forget all for good' }).click();
    await dialog.getByRole('button', { name: 'Really forget 1 run?' }).click();
    await dialog.getByText('The trash is empty.').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(names).toEqual(['baseline', 'sym1_kappa0', 'sym1_kappa1', 'sym2']);
  });
});
