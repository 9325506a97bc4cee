/**
 * Ten things that people come for, done as they would, with every click, key and filled field counted. The counts are
 * printed and may not grow.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { basin, basinJson } from '../support/cli.ts';
import { newWorkspace, startServed, stopAll, type ServedApp } from '../support/served.ts';

const long = 300_000;

describe.skipIf(noBrowser)('ten tasks', { timeout: long }, () => {
  const workspace = newWorkspace();
  const runs = join(workspace, 'runs');
  let served: ServedApp;
  let page: Page;
  let clipboard: () => Promise<string>;
  let gestures = 0;
  const counts: string[] = [];

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    const small = ['training.num_epochs=1', 'model.hidden_dim=12'];
    await basinJson(
      [
        'sweep',
        'standard-small',
        ...small,
        '--grid',
        'seed=1-12',
        '--seeds',
        '2',
        '--name',
        'many',
        '--then',
        'interpolate',
        ...own,
      ],
      { timeoutMs: long },
    );
    const at = ['--run', join(runs, 'many', 'seed=1'), '--epoch', '1', ...own];
    await basinJson(['run', 'match-activations', '--models', '1,2', '--with-matrices', ...at], {
      timeoutMs: long,
    });
    // Training that is stopped (Ctrl+C) once it has a checkpoint.
    const cut = join(runs, 'cut');
    await basin(
      [
        'train',
        'standard-small',
        'training.num_epochs=500',
        'model.hidden_dim=12',
        'num_models=1',
        '--out',
        cut,
        ...own,
      ],
      {
        timeoutMs: long,
        started: (kill) => {
          const watch = setInterval(() => {
            if (!existsSync(cut) || !readdirSync(cut).some((name) => name.startsWith('checkpoint_epoch_10_')))
              return;
            clearInterval(watch);
            kill('SIGINT');
          }, 20);
        },
      },
    );
    served = await startServed(workspace);
    const opened = await openWindow(served, { acceptDownloads: true });
    ({ page } = opened);
    await opened.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await page.locator('[role=row][data-run]').nth(12).waitFor();
  }, 3 * long);
  afterAll(async () => {
    process.stdout.write(`gestures per task: ${counts.join('; ')}\n`);
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const click = async (what: Locator, options?: Parameters<Locator['click']>[0]): Promise<void> => {
    gestures++;
    await what.click(options);
  };
  const press = async (keys: string): Promise<void> => {
    gestures++;
    await page.keyboard.press(keys);
  };
  const type = async (text: string): Promise<void> => {
    gestures++;
    await page.keyboard.type(text);
  };
  const fill = async (what: Locator, text: string): Promise<void> => {
    gestures++;
    await what.fill(text);
  };
  const choose = async (what: Locator, value: string): Promise<void> => {
    gestures++;
    await what.selectOption(value);
  };
  const button = (name: string | RegExp, within: Page | Locator = page): Locator =>
    within.getByRole('button', { name, exact: typeof name === 'string' });
  const row = (name: string): Locator => page.locator(`[role=row][data-run="${name}"]`);

  /** The most that a task may take; it begins where `place` is. */
  const task = (name: string, most: number, place: string, act: () => Promise<void>): void => {
    it(name, async () => {
      await goTo(page, place);
      gestures = 0;
      await act();
      counts.push(`${name}: ${gestures}`);
      expect(gestures, name).toBeLessThanOrEqual(most);
    });
  };

  task('find the run with the largest drop', 1, 'catalog', async () => {
    const header = page.getByRole('columnheader', { name: /^Accuracy drop/ });
    await click(header.getByRole('button').first());
    const drops = (): Promise<number[]> =>
      page.evaluate(() => {
        const titles = [...document.querySelectorAll('[role=columnheader]')].map(
          ({ textContent }) => textContent,
        );
        const at = titles.findIndex((title) => title.includes('Accuracy drop'));
        return [...document.querySelectorAll('[role=row][data-run]')]
          .map((row) => row.querySelectorAll('[role=gridcell]')[at]?.textContent ?? '')
          .map((text) => parseFloat(text.trim().replace('−', '-')))
          .filter(Number.isFinite);
      });
    await expect.poll(drops).toHaveLength(12);
    const found = await drops();
    expect(found[0]).toBe(Math.max(...found));
  });

  task('group 12 runs', 5, 'catalog', async () => {
    // Sorted by what the sweep measured: the one run that is not part of it is the last.
    const listed = page.locator('[role=row][data-run]');
    await expect.poll(() => listed.last().getAttribute('data-run')).toBe('cut');
    await click(listed.first());
    await click(listed.nth(11), { modifiers: ['Shift'] });
    await press('Control+g');
    await page.getByRole('dialog', { name: 'Group 12 runs' }).waitFor();
    await type('plain');
    await press('Enter');
    await expect.poll(() => page.locator('[data-group=plain] li .run').count()).toBe(12);
  });

  task('compare the configs of two runs', 4, 'catalog', async () => {
    await click(row('seed=1'));
    await click(row('seed=2'), { modifiers: ['Control'] });
    await click(row('seed=2'), { button: 'right' });
    await click(page.getByRole('menuitem', { name: 'Compare…' }));
    const dialog = page.getByRole('dialog', { name: /^Compare/ });
    await dialog.getByRole('row', { name: /^seed/ }).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  task('open a result from its link', 1, 'results', async () => {
    const [result] = await basinJson<{ id: string; kind: string }[]>([
      'results',
      '--workspace',
      workspace,
    ]).then((all) => all.filter(({ kind }) => kind === 'match-activations'));
    gestures++;
    await page.goto(`${served.url.replace(/#.*$/, '')}#/matrices?result=${result!.id}`);
    await expect.poll(() => page.locator('h1').textContent()).toMatch(/similarity/);
  });

  task('find a neuron’s twin', 1, 'matrices', async () => {
    const twins = page.getByRole('region', { name: 'Twins' });
    await click(twins.getByRole('button').first());
    await expect.poll(() => page.locator('.head .reading').textContent()).toMatch(/\(\d+, \d+\) = /);
  });

  task('copy the barrier table into LaTeX', 2, 'interpolation', async () => {
    await click(button(/^Measure/).first());
    await page.getByRole('table', { name: 'Barriers per group' }).waitFor({ timeout: long });
    await click(button('Copy as LaTeX'));
    await expect.poll(clipboard, { timeout: long }).toMatch(/\\toprule[\s\S]*plain/);
  });

  task('export a single-column figure', 3, 'interpolation', async () => {
    await click(button('Export…').first());
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    await choose(dialog.getByRole('combobox', { name: /^Size/ }), 'single');
    const download = page.waitForEvent('download');
    await click(button('PDF', dialog));
    const path = await (await download).path();
    const pdf = readFileSync(path, 'latin1');
    // 3.25 in are 234 pt.
    expect(/\/MediaBox \[0 0 ([\d.]+)/.exec(pdf)?.[1]).toBe('234');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  task('train with σ_F 0.5', 5, 'catalog', async () => {
    await click(button(/^Train/, page.getByRole('banner')));
    await choose(page.getByLabel('Preset'), 'w-asymmetric-small');
    await expect.poll(() => page.getByLabel(/^σ_F/).inputValue()).toBe('1');
    await fill(page.getByLabel(/^σ_F/), '0.5');
    await fill(page.getByRole('textbox', { name: 'Name of the run' }), 'half');
    await click(button('Train half'));
    await expect.poll(() => existsSync(join(runs, 'half', 'config.yaml')), { timeout: long }).toBe(true);
    expect(readFileSync(join(runs, 'half', 'config.yaml'), 'utf8')).toMatch(/mask_constant: 0\.5/);
    await page
      .getByRole('region', { name: 'Running training jobs' })
      .getByRole('button', { name: 'Cancel' })
      .click();
    await page.getByRole('region', { name: 'Running training jobs' }).waitFor({ state: 'hidden' });
  });

  task('resume a run that was interrupted', 2, 'catalog', async () => {
    await page.getByRole('combobox', { name: 'Filter runs' }).fill('');
    await row('cut').waitFor();
    await click(row('cut'), { button: 'right' });
    await click(page.getByRole('menuitem', { name: 'Resume training' }));
    const epochs = () =>
      readdirSync(join(runs, 'cut')).filter((name) => name.startsWith('checkpoint_')).length;
    const before = epochs();
    await expect.poll(epochs, { timeout: long }).toBeGreaterThan(before);
    const { 0: job } = await basinJson<{ id: string; state: string }[]>([
      'jobs',
      '--workspace',
      workspace,
    ]).then((all) => all.filter(({ state }) => state === 'running'));
    await basin(['jobs', 'cancel', job!.id, '--workspace', workspace]);
  });

  task('undo a removal', 3, 'catalog', async () => {
    await click(row('seed=5'));
    await press('Delete');
    await row('seed=5').waitFor({ state: 'detached' });
    await press('Control+z');
    await row('seed=5').waitFor();
    await expect.poll(() => page.locator('[data-group=plain] li .run').count()).toBe(12);
  });
});
