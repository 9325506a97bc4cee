/** The run table as a person arranges it: columns, measures, filters that complete and are saved. */
import { dirname, join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const long = 120_000;

describe.skipIf(noBrowser)('the run table', { timeout: 2 * long }, () => {
  const workspace = newWorkspace();
  const small = join(workspace, 'runs', 'small');
  let page: Page;
  /** Percentage points, from the results themselves. */
  const drops = new Map<string, number>();

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    await basinJson(['import', dirname(fixtureRun('sym0')), ...own]);
    for (const [name, rate] of [
      ['small', '1e-3'],
      ['other', '1e-2'],
    ] as const) {
      const out = join(workspace, 'runs', name);
      const settings = [
        'num_models=2',
        'training.num_epochs=1',
        'model.hidden_dim=16',
        `optimizer.lr=${rate}`,
      ];
      await basinJson(['train', 'standard-small', ...settings, 'seed=1', '--out', out, ...own], {
        timeoutMs: long,
      });
      const measure = ['--run', out, '--epoch', '1', '--steps', '2', '--splits', 'test', ...own];
      const { test_accuracy_drops: found } = await basinJson<{ test_accuracy_drops: { chord: number } }>(
        ['run', 'interpolate', ...measure],
        { timeoutMs: long },
      );
      drops.set(name, found.chord);
    }
    const app = await startServed(workspace);
    ({ page } = await openWindow(app, { viewport: { width: 1600, height: 900 } }));
    await row('small').waitFor();
  }, 4 * long);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const row = (name: string) => page.locator(`[role=row][data-run="${name}"]`);
  const head = (title: string) => page.getByRole('columnheader', { name: title, exact: false });
  const titles = () =>
    page
      .getByRole('columnheader')
      .evaluateAll((cells) => cells.map((cell) => (cell as HTMLElement).dataset['column']!));
  const names = () =>
    page
      .locator('[role=row][data-run]:not([hidden])')
      .evaluateAll((rows) =>
        rows
          .toSorted(
            (a, b) => Number(a.getAttribute('aria-rowindex')) - Number(b.getAttribute('aria-rowindex')),
          )
          .map((each) => (each as HTMLElement).dataset['run']!),
      );
  const cell = async (name: string, column: string) => {
    const at = (await titles()).indexOf(column);
    return row(name).getByRole('gridcell').nth(at);
  };
  const widthOf = async (title: string) => (await head(title).boundingBox())!.width;
  const filter = () => page.getByRole('combobox', { name: 'Filter runs' });
  const chooser = () => page.getByRole('dialog', { name: 'Columns' });

  async function choose(...columns: string[]): Promise<void> {
    await page.getByRole('button', { name: /^Columns/ }).click();
    for (const column of columns) await chooser().getByRole('checkbox', { name: column }).click();
    await page.keyboard.press('Escape');
    await chooser().waitFor({ state: 'hidden' });
  }

  it('finds the run with the largest accuracy drop with one click', async () => {
    const [largest] = [...drops].toSorted(([, a], [, b]) => b - a)[0]!;
    const shown = await cell(largest, 'drop');
    await expect.poll(() => shown.textContent()).toBe(drops.get(largest)!.toFixed(1));
    await head('Accuracy drop').getByRole('button').click();
    await expect.poll(async () => (await names())[0]).toBe(largest);
    expect(await shown.getAttribute('title')).toMatch(
      /percentage points over 1 pair.*test split, epoch 1, unaligned/,
    );
    await page.reload();
    await expect.poll(async () => (await names())[0]).toBe(largest);
  });

  it('shows chosen measures, tags and dates as columns, in the order of choice, also after a reload', async () => {
    await choose('Test accuracy', 'Loss barrier', 'Tags', 'Added');
    const expected = [
      ...['name', 'family', 'sigmaF', 'data', 'models', 'epochs', 'accuracy', 'drop'],
      ...['test', 'barrier', 'tags', 'date', 'groups'],
    ];
    const all = async () => {
      const { runColumns } = await page.evaluate(
        () => JSON.parse(localStorage.getItem('basin.preferences')!) as { runColumns: { id: string }[] },
      );
      return runColumns.map(({ id }) => id);
    };
    await expect.poll(all).toEqual(expected);
    const test = await cell('small', 'test');
    await expect.poll(() => test.textContent()).toMatch(/^\d+\.\d ± \d+\.\d %$/);
    await page.reload();
    await expect.poll(titles).toEqual(expect.arrayContaining(['test', 'barrier', 'tags']));
  });

  it('moves columns with the mouse and with the keys', async () => {
    await head('Run').getByRole('button').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Default columns' }).click();
    await head('Accuracy drop').dragTo(head('Family'));
    await expect.poll(async () => (await titles()).slice(0, 3)).toEqual(['name', 'drop', 'family']);
    await head('Accuracy drop').getByRole('button').focus();
    await page.keyboard.press('Alt+Shift+ArrowRight');
    await expect.poll(async () => (await titles()).slice(0, 3)).toEqual(['name', 'family', 'drop']);
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Move left' }).click();
    await expect.poll(async () => (await titles()).slice(0, 3)).toEqual(['name', 'drop', 'family']);
  });

  it('widens a column with the mouse and with the keys, and keeps that', async () => {
    const before = await widthOf('Family');
    const grip = (await head('Family').locator('.grip').boundingBox())!;
    await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
    await page.mouse.down();
    await page.mouse.move(grip.x + 40, grip.y + 5, { steps: 4 });
    await page.mouse.move(grip.x + grip.width / 2 - 50, grip.y + 5, { steps: 4 });
    await page.mouse.up();
    await expect.poll(async () => Math.round((await widthOf('Family')) - before)).toBe(-50);
    await head('Family').getByRole('button').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await expect.poll(async () => Math.round((await widthOf('Family')) - before)).toBe(-34);
    await page.reload();
    await row('small').waitFor();
    await expect.poll(async () => Math.round((await widthOf('Family')) - before)).toBe(-34);
    await head('Family').getByRole('button').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Default columns' }).click();
    await expect.poll(async () => Math.round((await widthOf('Family')) - before)).toBeGreaterThanOrEqual(0);
    await expect.poll(titles).toContain('data');
  });

  it('marks a number whose checkpoints have changed', async () => {
    const drop = await cell('small', 'drop');
    expect(await drop.getByText('may be wrong').count()).toBe(0);
    const file = join(small, 'checkpoint_epoch_1_model_1.safetensors');
    const bytes = readFileSync(file);
    writeFileSync(file, Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)]));
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await drop.getByText('may be wrong').waitFor({ state: 'attached' });
    expect(await drop.getAttribute('title')).toMatch(/^Outdated: .*checkpoint_epoch_1_model_1.*changed/);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    writeFileSync(file, bytes);
  });

  it('completes keys and values, and filters by measures', async () => {
    await filter().pressSequentially('dat');
    const list = page.getByRole('listbox', { name: 'Completions' });
    await list.getByRole('option', { name: /^data:/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => filter().inputValue()).toBe('data:');
    await list.getByRole('option', { name: /^mnist-10k.*2 runs/ }).click();
    await expect.poll(() => filter().inputValue()).toBe('data:mnist-10k ');
    await expect.poll(async () => (await names()).toSorted()).toEqual(['other', 'small']);
    const [largest] = [...drops].toSorted(([, a], [, b]) => b - a)[0]!;
    const between = [...drops.values()].reduce((a, b) => a + b, 0) / 2;
    await filter().fill(`drop>${between}`);
    await expect.poll(names).toEqual([largest]);
    await filter().fill('aligned_barrier>1');
    await page.getByText('No run has a value of aligned_barrier yet').waitFor();
  });

  it('explains how to filter, and tries an example', async () => {
    await page.getByRole('button', { name: 'How to filter' }).click();
    const help = page.getByRole('dialog', { name: 'How to filter' });
    await help.getByText('loss barrier of the newest unaligned').waitFor();
    const { violations } = await new AxeBuilder({ page }).include('.filter-help').analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await help.getByRole('button', { name: 'sigma_F>0', exact: true }).click();
    await expect.poll(() => filter().inputValue()).toBe('sigma_F>0');
  });

  it('saves a filter with the workspace, applies it in another window, and brings back a removed one', async () => {
    await filter().fill('data:mnist-10k');
    await page.getByRole('button', { name: 'Saved filters' }).click();
    const saved = page.getByRole('dialog', { name: 'Saved filters' });
    await saved.getByRole('textbox', { name: 'Save data:mnist-10k as' }).fill('ours');
    await page.keyboard.press('Enter');
    await saved.waitFor({ state: 'hidden' });
    await page.evaluate(() => localStorage.clear());
    await goTo(page, 'jobs');
    await page.evaluate(() => localStorage.clear());
    await goTo(page, 'catalog');
    await expect.poll(() => filter().inputValue()).toBe('');
    await page.getByRole('button', { name: 'Saved filters' }).click();
    await saved.getByRole('button', { name: 'Apply the filter ours' }).click();
    await expect.poll(async () => (await names()).toSorted()).toEqual(['other', 'small']);
    await page.getByRole('button', { name: 'Saved filters' }).click();
    await saved.getByRole('button', { name: 'Remove the saved filter ours' }).click();
    await saved.getByText('No saved filters yet.').waitFor();
    await page.keyboard.press('Escape');
    await page
      .getByRole('group', { name: 'Message' })
      .filter({ hasText: 'Saved filter ours removed' })
      .getByRole('button', { name: 'Undo' })
      .click();
    await page.getByRole('button', { name: 'Saved filters' }).click();
    await saved.getByRole('button', { name: 'Apply the filter ours' }).waitFor();
    await page.keyboard.press('Escape');
  });

  it('follows an address while it is open', async () => {
    await goTo(page, 'catalog?filter=sym0&sort=-epochs');
    await expect.poll(names).toEqual(['sym0']);
    expect(await head('Epochs').getAttribute('aria-sort')).toBe('descending');
  });
});
