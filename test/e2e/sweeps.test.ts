/** A sweep as a person makes one: the form, the runs as they finish, the plot; stopped, resumed, renamed, removed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const long = 600_000;
const patient = { timeout: 280_000 };

describe.skipIf(noBrowser)('sweeps', { timeout: long }, () => {
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

  const preview = () => page.getByRole('region', { name: 'What the sweep would do' });
  const axis = (n: number) => page.getByRole('group', { name: `Varied setting ${n}`, exact: true });
  const cells = () => page.locator('[data-cell]');
  const states = () => cells().locator('.state > span').allTextContents();
  const heading = () => page.getByRole('heading', { level: 1 }).textContent();
  /** The address of what is seen, as query. */
  const query = () => Object.fromEntries(new URLSearchParams(page.url().split('?').at(-1)));

  async function expectAccessible(): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await expect.poll(() => page.locator('html').getAttribute('data-theme')).toBe(colorScheme);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    }
  }

  it('says what a sweep is if there is none, and leads to the form', async () => {
    await goTo(page, 'sweeps');
    await page.getByRole('heading', { name: 'No sweeps yet' }).waitFor();
    await expectAccessible();
    await page.keyboard.press('n');
    await page.getByRole('heading', { name: 'New sweep' }).waitFor();
    expect(query()).toEqual({ new: 'yes' });
    await expectAccessible();
  });

  it('shows the runs before any is trained, and what is wrong with a setting', async () => {
    await expect.poll(() => page.getByLabel('Preset').inputValue()).toBe('standard-small');
    await axis(1).getByRole('combobox', { name: 'Setting' }).fill('optimizer.lr');
    await axis(1).getByText('in the preset: 0.001').waitFor();
    await axis(1).getByLabel('Values').fill('1e-3,,1e-2');
    await axis(1).getByRole('alert').getByText('a value between two commas is empty').waitFor();
    await axis(1).getByLabel('Values').fill('1e-3, 1e-2');
    await page.getByRole('button', { name: 'Vary another setting' }).click();
    await axis(2).getByRole('combobox', { name: 'Setting' }).fill('seeed');
    await axis(2).getByLabel('Values').fill('1-2');
    await preview().getByRole('alert').getByText('seeed').waitFor();
    await axis(2).getByRole('combobox', { name: 'Setting' }).fill('seed');
    await page.getByLabel('Other settings of every run').fill('training.num_epochs=1\nmodel.hidden_dim=8');
    await page.getByLabel('Networks of each run').fill('2');
    await preview().getByText('2 × 2 = 4 runs, 8 networks').waitFor();
    expect(await preview().getByRole('listitem').allTextContents()).toEqual([
      ...['lr=1e-3+seed=1', 'lr=1e-3+seed=2', 'lr=1e-2+seed=1', 'lr=1e-2+seed=2'],
    ]);
    await page.getByLabel('Name of the sweep').fill('rates');
    await preview()
      .getByText(/runs\/rates$/)
      .waitFor();
  });

  it('trains every run; they appear as they finish, and the measure over what was varied', async () => {
    await page.getByRole('button', { name: 'Train 4 runs' }).click();
    await expect.poll(heading).toBe('rates');
    await expect.poll(() => cells().count()).toBe(4);
    await expect
      .poll(async () => (await states()).filter((state) => state === 'done').length, patient)
      .toBeGreaterThan(0);
    await expect.poll(states, patient).toEqual(['done', 'done', 'done', 'done']);
    await page.getByRole('status').getByText('all 4 done').waitFor();
    const plot = page.getByRole('img', { name: 'test accuracy (%) over lr' });
    await plot.waitFor();
    // Seeds are repetitions: one line, and a point for each rate.
    const plots = page.getByRole('region', { name: 'Measures over what was varied' });
    await plots
      .getByRole('paragraph')
      .getByText('Each point is the mean over the runs that differ only in seed')
      .waitFor();
    await page.getByRole('button', { name: 'seed', exact: true }).click();
    await plot.getByText('seed = 2').waitFor();
    await page.getByRole('combobox', { name: 'Measure' }).selectOption('loss barrier');
    await page.getByRole('img', { name: 'loss barrier over lr' }).waitFor();
    await page.getByRole('checkbox', { name: 'Logarithmic' }).check();
    await page.getByText('How to read this').click();
    await page.getByText('A setting that was varied from left to right').waitFor();
    await expectAccessible();
  });

  it('groups the runs by a setting, and is seen alike from its address', async () => {
    const groups = () => page.locator('tr.group th').allTextContents();
    await expect.poll(groups).toEqual(['lr = 1e-3', 'lr = 1e-2']);
    await page.getByRole('combobox', { name: 'Group by' }).selectOption('seed');
    await expect.poll(groups).toEqual(['seed = 1', 'seed = 2']);
    await expect.poll(query).toMatchObject({ sweep: 'rates', group: 'seed', log: 'yes', metric: 'barrier' });
    await page.reload();
    await expect.poll(groups).toEqual(['seed = 1', 'seed = 2']);
    await page.getByRole('img', { name: 'loss barrier over lr' }).waitFor();
    await page.getByRole('combobox', { name: 'Show', exact: true }).selectOption('failed');
    await page.getByText('No run is in this state.').waitFor();
    await page.getByRole('combobox', { name: 'Show', exact: true }).selectOption('all runs');
  });

  it('exports the plot and the table', async () => {
    await page
      .getByRole('region', { name: 'Measures over what' })
      .getByRole('button', { name: 'Export…' })
      .click();
    await page.getByRole('dialog', { name: 'Export figure' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'More actions for this sweep' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'Export as CSV' }).click();
    const file = join(workspace, 'table.csv');
    await (await download).saveAs(file);
    const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
    expect(head).toMatch(/^optimizer\.lr,seed,run,state,outdated,test_accuracy,/);
    expect(rows).toHaveLength(4);
  });

  it('opens a run in the catalog, and is renamed', async () => {
    await page.getByRole('button', { name: 'lr=1e-3+seed=1' }).click();
    await page.locator('[role=row][data-run="lr=1e-3+seed=1"][aria-selected=true]').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'More actions for this sweep' }).click();
    await page.getByRole('menuitem', { name: 'Rename…' }).click();
    await page.getByRole('textbox', { name: 'Title of the sweep' }).fill('Rates of learning');
    await page.keyboard.press('Enter');
    await expect.poll(heading).toBe('Rates of learning');
  });

  it('can be cancelled, and then resumes only what is missing', async () => {
    await goTo(page, 'sweeps?new=yes');
    await axis(1).getByRole('combobox', { name: 'Setting' }).fill('seed');
    await axis(1).getByLabel('Values').fill('1-3');
    await page.getByLabel('Other settings of every run').fill('training.num_epochs=1\nmodel.hidden_dim=8');
    await page.getByLabel('Networks of each run').fill('1');
    await page.getByRole('checkbox', { name: 'Interpolate' }).uncheck();
    await page.getByLabel('Name of the sweep').fill('again');
    await page.getByRole('button', { name: 'Train 3 runs' }).click();
    await expect.poll(async () => (await states())[0], patient).toBe('done');
    await page.getByRole('button', { name: 'Cancel' }).click();
    const resume = page.getByRole('button', { name: 'Resume what is missing' });
    await resume.waitFor();
    const written = readFileSync(join(workspace, 'runs', 'again', 'seed=1', 'metrics.json'), 'utf8');
    await resume.click();
    await expect.poll(states, patient).toEqual(['done', 'done', 'done']);
    await resume.waitFor({ state: 'hidden' });
    expect(readFileSync(join(workspace, 'runs', 'again', 'seed=1', 'metrics.json'), 'utf8')).toBe(written);
  });

  it('is listed with how far it is, and removed with its runs, which can be taken back', async () => {
    await goTo(page, 'sweeps?all=yes');
    const row = page.getByRole('row', { name: /Rates of learning/ });
    await row.getByText('all 4 done').waitFor();
    await expectAccessible();
    await row.getByRole('button', { name: 'Actions for Rates of learning' }).click();
    await page.getByRole('menuitem', { name: 'Remove…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Remove Rates of learning' });
    await dialog.getByRole('radio', { name: /go to the trash/ }).check();
    await dialog.getByRole('button', { name: 'Remove the sweep and its runs' }).click();
    await row.waitFor({ state: 'hidden' });
    await page.getByText('Removed Rates of learning; 4 runs moved to the trash').first().waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await goTo(page, 'catalog');
    await page.locator('[role=row][data-run="lr=1e-3+seed=1"]').waitFor();
  });

  it('says so if there is no sweep of that name', async () => {
    await goTo(page, 'sweeps?sweep=never');
    await page.getByText('There is no sweep "never"').waitFor();
    await page.getByRole('button', { name: 'Show all sweeps' }).click();
    await page.getByRole('row', { name: /again/ }).waitFor();
  });
});
