/** Results listed, found, opened from a link and copied; help; a form that keeps what was typed. */
import { AxeBuilder } from '@axe-core/playwright';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const long = 120_000;

describe.skipIf(noBrowser)('results and help', { timeout: 2 * long }, () => {
  const workspace = newWorkspace();
  let page: Page;
  let id: string;

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    await basinJson(['import', dirname(fixtureRun('sym0')), ...own]);
    const run = join(workspace, 'runs', 'small');
    await basinJson(
      [
        ...['train', 'standard-small', 'num_models=2', 'training.num_epochs=1', 'model.hidden_dim=16'],
        ...['seed=1', '--out', run, ...own],
      ],
      { timeoutMs: long },
    );
    await basinJson(['groups', 'add', 'plain', 'small', ...own]);
    const at = ['--run', run, '--epoch', '1', ...own];
    await basinJson(['run', 'permutation-sensitivity', '--models', '1', ...at], { timeoutMs: long });
    await basinJson(['run', 'interpolate', '--steps', '2', ...at], { timeoutMs: long });
    const listed = await basinJson<{ id: string; kind: string }[]>(['results', ...own]);
    id = listed.find(({ kind }) => kind === 'permutation-sensitivity')!.id;
    const app = await startServed(workspace);
    let context;
    ({ page, context } = await openWindow(app, { acceptDownloads: true }));
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  }, 4 * long);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const table = () => page.getByRole('table', { name: 'Results' });

  it('lists every result with kind, run and id, and finds one', async () => {
    await goTo(page, 'results');
    await expect.poll(() => table().getByRole('row').count()).toBe(4);
    await page.getByRole('textbox', { name: 'Filter results' }).fill('sensitivity small');
    await expect.poll(() => table().getByRole('row').count()).toBe(2);
    await table().getByRole('cell', { name: id, exact: true }).waitFor();
    await goTo(page, 'jobs');
    await goTo(page, 'results');
    await expect.poll(() => table().getByRole('row').count()).toBe(2);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id: rule, nodes }) => `${rule}: ${nodes[0]?.html}`)).toEqual([]);
  });

  it('goes where an address leads, even if it is set while a view still writes its own', async () => {
    await goTo(page, 'results');
    await page.getByRole('textbox', { name: 'Filter results' }).evaluate((field: HTMLInputElement) => {
      field.value = 'sensitivity';
      field.dispatchEvent(new Event('input', { bubbles: true }));
      window.location.hash = '/figures';
    });
    await page.getByRole('heading', { name: 'Figures', level: 1 }).waitFor();
    expect(await page.evaluate(() => window.location.hash)).toMatch(/^#\/figures/);
    await goTo(page, 'results');
    expect(await page.getByRole('textbox', { name: 'Filter results' }).inputValue()).toBe('sensitivity');
  });

  it('opens a result from the list, at an address that opens it again', async () => {
    await table().getByRole('row').nth(1).getByRole('button').first().click();
    await page.getByRole('heading', { name: 'Identifiability' }).waitFor();
    await expect.poll(() => page.evaluate(() => window.location.hash)).toContain(`result=${id}`);
    const verdict = page.locator('.verdict');
    const text = await verdict.textContent();
    await page.reload();
    await expect.poll(() => verdict.textContent()).toBe(text);
  });

  it('copies code that reads it, and saves it as Parquet', async () => {
    await goTo(page, 'results');
    await page.getByRole('button', { name: `Actions for ${id}` }).click();
    await page.getByRole('menuitem', { name: 'Copy as pandas' }).click();
    await expect.poll(copied).toContain(`pd.read_parquet("${id}.parquet")`);
    await page.getByRole('button', { name: `Actions for ${id}` }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'Export as Parquet' }).click();
    expect((await download).suggestedFilename()).toBe(`${id}.parquet`);
  });

  it('copies the table of barriers as LaTeX, and the figure as SVG', async () => {
    await goTo(page, 'interpolation');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    await page.getByRole('region', { name: 'Curves' }).waitFor({ timeout: long });
    await page.getByRole('button', { name: 'Copy as LaTeX' }).click();
    await expect.poll(copied).toMatch(/\\begin\{tabular\}.*plain & /s);
    await page.getByRole('button', { name: 'Export…' }).first().click();
    await page.getByRole('button', { name: 'Copy SVG' }).click();
    await expect.poll(copied).toMatch(/^<\?xml|^<svg/);
    await page.getByRole('button', { name: 'Copy PNG' }).click();
    const types = () =>
      page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types));
    await expect.poll(types).toEqual(['image/png']);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  it('explains a word, and every key', async () => {
    await page.getByRole('button', { name: 'What is barrier?' }).click();
    const glossary = page.getByRole('dialog', { name: 'Glossary' });
    await glossary.getByText('how much worse the straight line').waitFor();
    await glossary.getByRole('textbox', { name: 'Find a word' }).fill('anisotropy');
    await glossary
      .getByText('distance of a neuron’s masked')
      .or(glossary.getByText("distance of a neuron's masked"))
      .waitFor();
    await page.keyboard.press('Escape');
    await glossary.waitFor({ state: 'hidden' });
    await page.getByRole('main').focus();
    await page.keyboard.press('?');
    const keys = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await keys.getByText('Go to Results').waitFor();
    const { violations } = await new AxeBuilder({ page }).include('[role=dialog]').analyze();
    expect(violations.map(({ id: rule, nodes }) => `${rule}: ${nodes[0]?.html}`)).toEqual([]);
    await page.keyboard.press('Escape');
    await keys.waitFor({ state: 'hidden' });
  });

  it('compares two results of one kind, and only of one', async () => {
    await goTo(page, 'results');
    await page.getByRole('textbox', { name: 'Filter results' }).fill('');
    const compare = page.getByRole('button', { name: 'Compare…' });
    const boxes = (kind: string) =>
      table()
        .getByRole('row')
        .filter({ hasText: kind })
        .getByRole('checkbox', { name: /^Select / });
    await boxes('Interpolate').nth(0).check();
    await boxes('Permutation sensitivity').nth(0).check();
    expect(await compare.isDisabled()).toBe(true);
    expect(await compare.getAttribute('title')).toMatch(/^Only results of one kind can be compared/);
    await boxes('Permutation sensitivity').nth(0).uncheck();
    await boxes('Interpolate').nth(1).check();
    await compare.click();
    const dialog = page.getByRole('dialog', { name: 'Compare 2 results' });
    await dialog
      .getByRole('row', { name: /^align/ })
      .first()
      .waitFor();
    expect(await dialog.getByRole('row', { name: /^run / }).count()).toBe(0);
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('row', { name: /^run / }).first().waitFor();
    const { violations } = await new AxeBuilder({ page }).include('[role=dialog]').analyze();
    expect(violations.map(({ id: rule, nodes }) => `${rule}: ${nodes[0]?.html}`)).toEqual([]);
    await dialog.getByRole('button', { name: 'Copy as CSV' }).click();
    await expect.poll(copied).toMatch(/^value,interpolate-/);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('keeps what was typed into the form for training, and begins with the settings of a run', async () => {
    await goTo(page, 'train');
    const name = page.getByRole('textbox', { name: 'Name of the run' });
    await name.fill('two words');
    await page.getByText('only letters A to Z').waitFor();
    await name.fill('small');
    await page.getByText('there is a folder small already').waitFor();
    await name.fill('half-typed');
    await goTo(page, 'catalog');
    await page.reload();
    await goTo(page, 'train');
    await expect.poll(() => name.inputValue()).toBe('half-typed');
    await goTo(page, 'catalog');
    await page.locator('[role=row][data-run="sym1_kappa1"]').click();
    await page.getByRole('button', { name: 'Train again…' }).click();
    await page.getByText('The settings of the run sym1_kappa1').waitFor();
    await page.getByRole('button', { name: 'Train sym1_kappa1-again' }).waitFor();
  });
});
