/** What the window says about a large import and about changes to groups: short, true, and beside what it speaks of. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeRun } from '../engine/support/make-runs.ts';
import { basin, temporaryFolder } from '../support/cli.ts';
import { closeBrowser, dragWithMouse, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('messages', () => {
  const workspace = newWorkspace();
  const sweep = temporaryFolder();
  let page: Page;
  /** The run that the group of the later tests holds. */
  let run: string;

  beforeAll(async () => {
    for (let seed = 1; seed <= 120; seed++) {
      mkdirSync(join(sweep, `seed_${seed}`));
      makeRun(join(sweep, `seed_${seed}`), { name: 'run', weights: seed, models: 1, epochs: [1] });
    }
    const app = await startServed(workspace);
    ({ page } = await openWindow(app));
    // Messages stay until they are looked at: how fast this machine is must not decide.
    await page.evaluate(() => {
      const { setTimeout } = window;
      const patient = (run: () => void, ms = 0): number => setTimeout(run, ms >= 3000 ? 1e9 : ms);
      Object.assign(window, { setTimeout: patient });
    });
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
    rmSync(sweep, { recursive: true, force: true });
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const row = (name: string) => page.locator(`[role=row][data-run="${name}"]`);
  const lane = (key: string) => page.locator(`[data-group="${key}"]`);
  const emptyLane = () => page.getByRole('listitem', { name: 'New group' });
  const message = (text: string | RegExp) =>
    page.getByRole('group', { name: 'Message' }).filter({ hasText: text });
  const errors = () => page.getByRole('region', { name: 'Errors' });
  const head = () => page.getByRole('banner').textContent();
  const shareOfWindow = async (box: Locator) =>
    (await box.boundingBox())!.height / page.viewportSize()!.height;

  async function importFolder(folder: string): Promise<void> {
    await page.getByRole('button', { name: 'Import…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Import runs' });
    await dialog.getByRole('textbox', { name: /Folder/ }).fill(folder);
    await dialog.getByRole('button', { name: 'Import this folder' }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  it('about 120 runs are one sentence in a small box, and the header counts them', async () => {
    await importFolder(sweep);
    const said = message(/^\s*Imported/);
    await said.waitFor();
    const text = (await said.locator('.text').textContent())!.trim();
    expect(text).toBe(`Imported 120 runs with 120 checkpoints from ${sweep}`);
    expect(await shareOfWindow(said)).toBeLessThan(1 / 3);
    await expect.poll(head).toContain('120 runs · 120 checkpoints');
  });

  it('on the terminal they are one line', async () => {
    const { stdout, code } = await basin(['import', sweep, '--workspace', newWorkspace()]);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toEqual([
      `120 runs with 120 checkpoints below ${sweep}: 120 new, 0 changed, 0 already known, 0 moved`,
    ]);
  });

  it('undo what they name, whatever was done since', async () => {
    const rows = page.locator('[role=row][data-run]');
    const [first, second] = [
      await rows.nth(0).getAttribute('data-run'),
      await rows.nth(1).getAttribute('data-run'),
    ];
    run = second!;
    await dragWithMouse(page, row(first!), emptyLane());
    await lane('standard').waitFor();
    await dragWithMouse(page, row(run), emptyLane());
    await lane('standard 2').waitFor();
    await message(/New group standard$/)
      .or(message(/New group standard\s/))
      .first()
      .getByRole('button', { name: 'Undo' })
      .click();
    await lane('standard').waitFor({ state: 'detached' });
    expect(await lane('standard 2').count()).toBe(1);
    await message('Undone: New group standard').first().waitFor();
  });

  it('say that a checkpoint changes nothing in a group that has its whole run', async () => {
    await page.getByRole('button', { name: `Show the checkpoints of ${run}` }).click();
    const checkpoint = page.locator('[role=row]', { hasText: 'model 1, epoch 1' });
    await checkpoint.waitFor();
    const cards = () => lane('standard 2').locator('li').allTextContents();
    const before = await cards();
    const unchanged = message(`Nothing changed: standard 2 already has the whole run ${run}`);
    await dragWithMouse(page, checkpoint, lane('standard 2'));
    await unchanged.first().waitFor();
    expect(await unchanged.first().getByRole('button', { name: 'Undo' }).count()).toBe(0);
    expect(await cards()).toEqual(before);
    await unchanged.first().getByRole('button', { name: 'Dismiss' }).click();
    await unchanged.waitFor({ state: 'detached' });

    await checkpoint.click({ button: 'right' });
    await page.getByRole('menuitem', { name: /^Add to group…/ }).click();
    const picker = page.getByRole('dialog', { name: 'Group 1 checkpoint' });
    await picker.getByRole('button', { name: /Add to standard 2/ }).click();
    await unchanged.first().waitFor();
    expect(await cards()).toEqual(before);
  });

  it('of errors cover nothing, are shown once, and fold', async () => {
    const nowhere = ['/no/such/folder', '/no/such/other'] as const;
    for (const folder of [nowhere[0], nowhere[0], nowhere[1]]) await importFolder(folder);
    await errors().getByText('/no/such/other does not exist.').waitFor();
    await errors().getByRole('button', { name: 'Show all 2 errors' }).click();
    expect(await errors().getByRole('alert').count()).toBe(2);
    const box = (await errors().boundingBox())!;
    const main = (await page.getByRole('main').boundingBox())!;
    expect(main.y + main.height).toBeLessThanOrEqual(box.y);
    expect(await shareOfWindow(errors())).toBeLessThan(1 / 3);
    await errors().getByRole('button', { name: 'Dismiss all' }).click();
    await errors().waitFor({ state: 'detached' });
  });

  it('do not pile up', async () => {
    for (let i = 0; i < 5; i++) {
      await page.getByRole('button', { name: 'Actions for the group standard 2' }).click();
      await page
        .getByRole('menuitem', { name: /^Colour/ })
        .nth(i)
        .click();
      await page.getByRole('menu').waitFor({ state: 'hidden' });
    }
    await message('New colour for standard 2').first().waitFor();
    expect(await page.getByRole('group', { name: 'Message' }).count()).toBeLessThanOrEqual(3);
  });
});
