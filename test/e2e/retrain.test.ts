/** A run that is trained again at the same path: no view shows the old numbers as if they were of the new weights. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { newWorkspace, startServed, stopAll, type ServedApp } from '../support/served.ts';

const long = 120_000;

describe.skipIf(noBrowser)('training again at the same path', { timeout: 2 * long }, () => {
  const workspace = newWorkspace();
  const own = ['--workspace', workspace];
  const run = join(workspace, 'runs', 'twice');
  const aside = join(newWorkspace(), 'first');
  let app: ServedApp;
  let page: Page;
  /** Ids of results that the page asked for, once for each time. */
  const fetched: string[] = [];

  /** A small network, trained for one epoch from this seed. */
  const train = (seed: number) =>
    basinJson(
      [
        ...['train', 'standard-small', 'num_models=2', 'training.num_epochs=1', 'model.hidden_dim=16'],
        ...[`seed=${seed}`, '--out', run, ...own],
      ],
      { timeoutMs: long },
    );

  beforeAll(async () => {
    await train(1);
    cpSync(run, aside, { recursive: true, preserveTimestamps: true });
    await basinJson(['groups', 'add', 'again', 'twice', ...own]);
    app = await startServed(workspace);
    ({ page } = await openWindow(app));
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const id = /"results\.get","args":\{"resultId":"([^"]+)"/.exec(payload.toString())?.[1];
        if (id !== undefined) fetched.push(id);
      });
    });
    await page.reload();
  }, 2 * long);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const curves = () => page.getByRole('region', { name: 'Curves' });
  /** The drawn line of the group, as its path. */
  const line = () =>
    curves()
      .locator('svg path[d]')
      .evaluateAll((paths) => paths.map((path) => path.getAttribute('d')).join(' '));
  const measure = async (): Promise<void> => {
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    await curves().waitFor({ timeout: long });
    // Both alignments are there: nothing is left to measure, or to cancel.
    const open = page.getByRole('button', { name: /^(Measure \d.*|Cancel)$/ });
    await expect.poll(() => open.count(), { timeout: long }).toBe(0);
  };
  /** As when the person comes back to the window from the terminal. */
  const comeBack = () => page.evaluate(() => window.dispatchEvent(new Event('focus')));
  let first: string;

  it('shows the curve that was measured, and fetches its result once', async () => {
    await goTo(page, 'interpolation');
    await measure();
    first = await line();
    expect(first).toMatch(/^M/);
    await goTo(page, 'catalog');
    await goTo(page, 'interpolation');
    await expect.poll(line).toBe(first);
    expect(fetched.length).toBeGreaterThan(0);
    expect(new Set(fetched).size).toBe(fetched.length);
  });

  it('takes the old curve away, says why, and shows the new one once it is measured', async () => {
    rmSync(run, { recursive: true });
    await train(2);
    await comeBack();
    await page.getByText(/The files of again have changed since the curves were measured/).waitFor();
    await expect.poll(() => curves().count()).toBe(0);
    await measure();
    const second = await line();
    expect(second).toMatch(/^M/);
    expect(second).not.toBe(first);
    // A window that opens now, and knows nothing of before, sees the same.
    await page.reload();
    await curves().waitFor();
    await expect.poll(line).toBe(second);
  });

  it('marks the old result where it is opened by itself', async () => {
    await goTo(page, 'jobs');
    const old = page.getByRole('article', { name: /^Interpolate, unaligned/ }).last();
    await old.getByRole('button', { name: 'Open result' }).click();
    await page.getByRole('alert').filter({ hasText: 'This result is outdated.' }).waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/twice\/\S+ .*changed after it was measured/);
  });

  it('finds the first curve again, unmeasured, when the first weights come back', async () => {
    rmSync(run, { recursive: true });
    cpSync(aside, run, { recursive: true });
    await goTo(page, 'catalog');
    await goTo(page, 'interpolation');
    await comeBack();
    // The one result that was opened is still what the view is about.
    await page.getByRole('button', { name: 'Groups', exact: true }).click();
    await expect.poll(line).toBe(first);
    expect(await page.getByRole('button', { name: /^Measure \d/ }).count()).toBe(0);
  });

  it('marks matrices, measures and kept figures alike', async () => {
    await basinJson(
      [
        ...['run', 'permutation-sensitivity', '--run', run, '--models', '1', '--epoch', '1'],
        ...['--data', 'mnist-10k', ...own],
      ],
      { timeoutMs: long },
    );
    await goTo(page, 'interpolation');
    await page.getByRole('button', { name: 'Export…' }).click();
    await page.getByRole('button', { name: 'Save to Figures' }).click();
    await goTo(page, 'figures');
    await page.getByRole('article').first().locator('svg').first().waitFor();
    // Of the results behind the figure, one may still be known as outdated from before: until it is compared again.
    await expect.poll(() => page.getByText('is outdated').count(), { timeout: long }).toBe(0);
    rmSync(run, { recursive: true });
    await train(3);
    await comeBack();
    await page.getByRole('alert').filter({ hasText: 'This figure is outdated.' }).waitFor();
    await goTo(page, 'matrices');
    await page.getByRole('alert').filter({ hasText: 'This result is outdated.' }).waitFor();
    await goTo(page, 'identifiability?kind=permutation-sensitivity');
    await page.getByRole('alert').filter({ hasText: 'This result is outdated.' }).waitFor();
    const choice = page.getByRole('combobox', { name: 'result' });
    await expect.poll(() => choice.locator('option').first().textContent()).toContain('(outdated)');
  });
});
