/** What is seen is in the address: it comes back after another view and a reload, and can be sent as a link. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const patient = { timeout: 60_000 };

describe.skipIf(noBrowser)('addresses of views', { timeout: 300_000 }, () => {
  let page: Page;

  beforeAll(async () => {
    const workspace = newWorkspace();
    const own = ['--workspace', workspace];
    await basinJson(['import', fixtureRun('sym0'), fixtureRun('sym1_kappa1'), ...own]);
    await basinJson(['groups', 'add', 'standard', 'sym0', ...own]);
    await basinJson(['groups', 'add', 'W-asymmetric', 'sym1_kappa1', ...own]);
    const which = ['--run', fixtureRun('sym1_kappa1'), '--models', '1', '--epoch', '0,5'];
    await basinJson(['run', 'realization-cost', ...which, '--data', 'mnist-10k', ...own]);
    const window = await openWindow(await startServed(workspace));
    ({ page } = window);
    await window.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  }, 300_000);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const query = () => Object.fromEntries(new URLSearchParams(page.url().split('?').at(-1)));

  /** What the button copies, opened in another window. */
  async function openedLink(): Promise<Page> {
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('Copied the link to this view').first().waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await page.context().newPage();
    await other.goto(link);
    return other;
  }

  it('Interpolation: what was measured is there again, and nothing is measured twice', async () => {
    await goTo(page, 'interpolation');
    await page.getByRole('button', { name: /^data:/ }).click();
    await page.getByLabel('Data set').selectOption('mnist-10k');
    await page.getByLabel('Data set').press('Escape');
    await page.getByRole('group', { name: 'Groups shown' }).getByRole('button', { name: 'standard' }).click();
    await page.getByRole('combobox', { name: /^metric/ }).selectOption('loss');
    await page.getByLabel('points').fill('5');
    await page.getByLabel('points').press('Enter');
    await page.getByRole('combobox', { name: /^alignment/ }).selectOption('by weights');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const rows = (of: Page) =>
      of.getByRole('table', { name: 'Barriers per group' }).locator('tbody tr').allTextContents();
    const isMeasured = async (of: Page) => {
      const found = await rows(of);
      return found.length === 1 && !found[0]!.includes('–') ? found[0]! : '';
    };
    await expect.poll(() => isMeasured(page), patient).toMatch(/^ ?W-asymmetric/);
    const before = await rows(page);
    expect(query()).toMatchObject({ metric: 'loss', points: '5', align: 'weight', data: 'mnist-10k' });

    const measure = (of: Page) => of.getByRole('button', { name: /^Measure/ }).count();
    await goTo(page, 'catalog');
    await goTo(page, 'interpolation');
    await expect.poll(() => rows(page)).toEqual(before);
    await page.reload();
    await expect.poll(() => rows(page)).toEqual(before);
    expect(await page.getByLabel('points').inputValue()).toBe('5');
    expect(await measure(page)).toBe(0);

    const other = await openedLink();
    await expect.poll(() => rows(other)).toEqual(before);
    expect(await measure(other)).toBe(0);
    await other.close();
  });

  it('Interpolation: all groups are shown if none were chosen, and the address does not list them', async () => {
    await page.evaluate(() => localStorage.clear());
    await page.goto(`${page.url().split('#')[0]}#/catalog`);
    await goTo(page, 'interpolation');
    const chips = page.getByRole('group', { name: 'Groups shown' }).getByRole('button');
    await expect
      .poll(() => chips.evaluateAll((all) => all.map((chip) => chip.getAttribute('aria-pressed'))))
      .toEqual(['true', 'true']);
    expect(page.url()).not.toContain('groups=');
  });

  it('says what a link asks for that the view does not know', async () => {
    await goTo(page, 'interpolation?split=tests&points=5');
    await page.getByRole('status').getByText('“split=tests”').waitFor();
    expect(await page.getByLabel('points').inputValue()).toBe('5');
    // A result of Matrices that is gone.
    await goTo(page, 'matrices?result=gone');
    await page.getByText('The result gone is no longer in the workspace').waitFor();
    await page.getByRole('heading', { level: 1, name: /swap cost/ }).waitFor();
  });

  it('Matrices: result, layer, epoch, order, range of colours and neurons', async () => {
    await goTo(page, 'matrices');
    const heading = (of: Page) => of.getByRole('main').getByRole('heading', { level: 1 }).textContent();
    await expect.poll(() => heading(page), patient).toBe('lins.0, swap cost, model 1, epoch 5');
    await page.getByLabel('shown').selectOption('realization cost');
    await page.getByRole('button', { name: /^lins\.2, realization cost, model 1, epoch 0/ }).click();
    await page.getByLabel('order').selectOption('by value');
    await page.getByLabel('colour range').selectOption('own, for each matrix');
    await page.getByRole('spinbutton', { name: 'Row', exact: true }).fill('3');
    await page.getByRole('spinbutton', { name: 'Column', exact: true }).fill('41');
    await page.getByRole('button', { name: 'Go', exact: true }).click();
    const neurons = (of: Page) => of.getByRole('region', { name: 'Neurons 3 and 41', exact: true });
    await neurons(page).waitFor();
    await expect.poll(query).toMatchObject({
      ...{ layer: 'lins.2', epoch: '0', order: 'by value', range: 'own', at: '3,41' },
    });
    const check = async (of: Page) => {
      await expect.poll(() => heading(of), patient).toBe('lins.2, realization cost, model 1, epoch 0');
      await neurons(of).waitFor();
      expect(await of.getByLabel('order').inputValue()).toBe('by value');
      expect(await of.getByLabel('colour range').inputValue()).toBe('own');
    };
    await goTo(page, 'catalog');
    await goTo(page, 'matrices');
    await check(page);
    await page.reload();
    await check(page);
    const other = await openedLink();
    await check(other);
    await other.close();
  });

  it('Back leads to the address before, in the same view', async () => {
    await goTo(page, 'matrices?layer=lins.1');
    await page.getByRole('heading', { level: 1, name: /^lins\.1, swap cost/ }).waitFor(patient);
    await goTo(page, 'matrices?layer=lins.3');
    await page.getByRole('heading', { level: 1, name: /^lins\.3, swap cost/ }).waitFor(patient);
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: /^lins\.1, swap cost/ }).waitFor(patient);
  });

  it('Identifiability: the tab, its result and what was entered into each form', async () => {
    await goTo(page, 'identifiability?kind=similarity');
    const similarity = page.getByRole('tabpanel', { name: 'Similarity over training' });
    await similarity.getByRole('combobox', { name: 'Run' }).selectOption({ label: 'sym1_kappa1' });
    await similarity.getByRole('group', { name: 'Models' }).getByRole('button', { name: '4' }).click();
    await page.getByRole('tab', { name: 'Realization cost', exact: true }).click();
    const verdict = page.locator('.verdict');
    await verdict.waitFor(patient);
    expect(query()).toMatchObject({ kind: 'realization-cost', result: expect.stringMatching(/./) });
    const text = await verdict.textContent();
    await page.reload();
    await expect.poll(() => verdict.textContent().catch(() => ''), patient).toBe(text);
    await page.getByRole('tab', { name: 'Similarity over training' }).click();
    const models = similarity.getByRole('group', { name: 'Models' });
    await expect
      .poll(() => models.getByRole('button', { name: '4' }).getAttribute('aria-pressed'))
      .toBe('false');
    const run = similarity.getByRole('combobox', { name: 'Run' });
    expect(await run.evaluate((menu: HTMLSelectElement) => menu.selectedOptions[0]!.label)).toBe(
      'sym1_kappa1',
    );
  });

  it('Symmetry: the playground and the open experiment', async () => {
    await goTo(page, 'symmetry');
    await page
      .getByRole('combobox', { name: /^Width/ })
      .first()
      .selectOption({ index: 0 });
    await page.getByRole('slider', { name: /^t =/ }).fill('0.25');
    await page.getByRole('tab', { name: 'Curvature bound' }).click();
    await expect.poll(query).toMatchObject({ width: '1', t: '0.25', kind: 'curvature-bound' });
    await page.reload();
    await page.getByText('t = 0.25').waitFor();
    await page.getByText('c = 4').waitFor();
    expect(await page.getByRole('tab', { name: 'Curvature bound' }).getAttribute('aria-selected')).toBe(
      'true',
    );
  });
});
