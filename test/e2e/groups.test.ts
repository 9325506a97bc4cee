/** From an empty workspace to groups: by mouse, by menu, by keyboard; undone, redone, and still there after a restart. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dirname } from 'node:path';
import { fixtureRun } from '../support/fixtures.ts';
import { closeBrowser, dragWithMouse, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll, type ServedApp } from '../support/served.ts';

const fixtureNames = ['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym2', 'sym3_kappa1'];

describe.skipIf(noBrowser)('grouping', () => {
  const workspace = newWorkspace();
  let app: ServedApp;
  let page: Page;

  beforeAll(async () => {
    app = await startServed(workspace);
    ({ page } = await openWindow(app));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const row = (name: string) => page.locator(`[role=row][data-run="${name}"]`);
  const lane = (key: string) => page.locator(`[data-group="${key}"]`);
  const card = (key: string, run: string) => lane(key).locator('li', { hasText: run });
  const emptyLane = () => page.getByRole('listitem', { name: 'New group' });
  const announced = () => page.locator('.visually-hidden[aria-live]').textContent();

  /** Group -> its runs, as the board shows them at one moment: lanes come and go between two looks. */
  function board(): Promise<Record<string, string[]>> {
    return page.evaluate(() => {
      const lanes = [...document.querySelectorAll<HTMLElement>('[data-group]')];
      const runs = (lane: HTMLElement) => [...lane.querySelectorAll('li .run')].map((run) => run.textContent);
      return Object.fromEntries(lanes.map((lane) => [lane.dataset.group!, runs(lane)]));
    });
  }

  /** What the keys go to, by its accessible name. */
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute('aria-label') ?? element?.tagName;
    });

  it('starts empty, with three ways to begin', async () => {
    for (const name of [/Run the demo/, /Import a folder/, /^Train/]) {
      await page.getByRole('main').getByRole('button', { name }).waitFor();
    }
  });

  it('keeps a folder that is typed before the list of folders is there', async () => {
    // The question for the list is held back until the path is typed.
    await page.evaluate(() => {
      const { send } = WebSocket.prototype;
      const held: (() => void)[] = [];
      WebSocket.prototype.send = function (this: WebSocket, data: Uint8Array<ArrayBuffer>) {
        if (!new TextDecoder().decode(data).includes('files.browse')) send.call(this, data);
        else held.push(() => send.call(this, data));
      };
      Object.assign(window, {
        release: () => {
          WebSocket.prototype.send = send;
          for (const each of held) each();
        },
      });
    });
    await page.getByRole('button', { name: 'Import…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Import runs' });
    const path = dialog.getByRole('textbox', { name: /Folder/ });
    await path.fill('/typed/by/hand');
    await page.evaluate(() => (window as unknown as { release: () => void }).release());
    await dialog.getByRole('listitem').first().waitFor();
    expect(await path.inputValue()).toBe('/typed/by/hand');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
  });

  it('imports a folder through the dialog, without touching its files', async () => {
    const folder = dirname(fixtureNames.map(fixtureRun)[0]!);
    await page.getByRole('button', { name: /Import a folder/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Import runs' });
    await dialog.getByRole('textbox', { name: /Folder/ }).fill(folder);
    await dialog.getByRole('button', { name: 'Go', exact: true }).click();
    await dialog.getByRole('button', { name: /sym0\s*run/ }).waitFor();
    await dialog.getByRole('button', { name: 'Import this folder' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await expect.poll(() => page.locator('[role=row][data-run]').count()).toBe(fixtureNames.length);
    await expect.poll(announced).toMatch(/^Imported 5 runs with \d+ checkpoints/);
  });

  it('makes a group by dropping on the empty lane', async () => {
    await dragWithMouse(page, row('sym0'), emptyLane());
    await expect.poll(board).toEqual({ standard: ['sym0'] });
    await expect.poll(announced).toBe('New group standard');
  });

  it('takes a whole selection, and a run may be in several groups', async () => {
    await row('sym1_kappa0').click();
    await row('sym1_kappa1').click({ modifiers: ['Control'] });
    await expect.poll(() => page.locator('[role=row][data-run][aria-selected=true]').count()).toBe(2);
    await dragWithMouse(page, row('sym1_kappa1'), emptyLane());
    await expect.poll(async () => Object.keys(await board())).toHaveLength(2);
    const [, key] = Object.keys(await board());
    await expect.poll(async () => (await board())[key!]).toEqual(['sym1_kappa0', 'sym1_kappa1']);

    await dragWithMouse(page, row('sym0'), lane(key!));
    await expect.poll(async () => (await board())[key!]).toContain('sym0');
    expect((await board()).standard).toEqual(['sym0']);
    const inTable = () => row('sym0').getByRole('gridcell').last().textContent();
    await expect.poll(inTable).toContain('standard');
    await expect.poll(inTable).toContain(key);
  });

  it('moves between groups and reorders within one', async () => {
    const [, key] = Object.keys(await board());
    await dragWithMouse(page, card(key!, 'sym1_kappa1'), lane('standard'), { x: 0.5, y: 0.95 });
    await expect.poll(async () => (await board()).standard).toEqual(['sym0', 'sym1_kappa1']);
    expect((await board())[key!]).not.toContain('sym1_kappa1');
    await expect.poll(announced).toBe('Moved 1 run to standard');

    await dragWithMouse(page, card('standard', 'sym1_kappa1'), card('standard', 'sym0'), { x: 0.5, y: 0.1 });
    await expect.poll(async () => (await board()).standard).toEqual(['sym1_kappa1', 'sym0']);
  });

  it('undoes and redoes each step', async () => {
    const now = await board();
    await page.locator('[role=treegrid]').focus();
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await board()).standard).toEqual(['sym0', 'sym1_kappa1']);
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await board()).standard).toEqual(['sym0']);
    await page.keyboard.press('Control+Shift+z');
    await expect.poll(async () => (await board()).standard).toEqual(['sym0', 'sym1_kappa1']);
    await page.keyboard.press('Control+Shift+z');
    await expect.poll(board).toEqual(now);
  });

  it('does all that by menu', async () => {
    await row('sym2').click({ button: 'right' });
    await page.getByRole('menuitem', { name: /^Add to group…/ }).click();
    const picker = page.getByRole('dialog', { name: 'Group 1 run' });
    await picker.getByRole('button', { name: /Add to standard/ }).click();
    await picker.waitFor({ state: 'hidden' });
    await expect.poll(async () => (await board()).standard).toEqual(['sym1_kappa1', 'sym0', 'sym2']);

    await page.getByRole('button', { name: 'Actions for sym2 in standard' }).click();
    await page.getByRole('menuitem', { name: 'Up', exact: true }).click();
    await expect.poll(async () => (await board()).standard).toEqual(['sym1_kappa1', 'sym2', 'sym0']);

    await page.getByRole('button', { name: 'Actions for sym2 in standard' }).click();
    await page.getByRole('menuitem', { name: 'Remove from the group' }).click();
    await expect.poll(async () => (await board()).standard).toEqual(['sym1_kappa1', 'sym0']);
  });

  it('does all that by keyboard', async () => {
    await page.locator('[role=treegrid]').focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    const first = (await page.locator('[role=row][data-run]').first().getAttribute('data-run'))!;
    await page.keyboard.press('Control+g');
    const picker = page.getByRole('dialog', { name: 'Group 1 run' });
    // The dialog puts the cursor into the field by itself.
    await expect.poll(focused).toBe('Name of a new group');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Enter');
    await picker.waitFor({ state: 'hidden' });
    await expect.poll(async () => (await board())['by keyboard']).toEqual([first]);

    await lane('by keyboard').getByRole('button', { name: 'by keyboard', exact: true }).focus();
    await page.keyboard.press('F2');
    await expect.poll(focused).toMatch(/[Nn]ame/);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('SYRE, renamed');
    await page.keyboard.press('Enter');
    await expect.poll(async () => Object.keys(await board())).toContain('SYRE, renamed');

    await page.getByRole('button', { name: `Actions for ${first} in SYRE, renamed` }).focus();
    await page.keyboard.press('Enter');
    const menu = page.getByRole('menu');
    await expect.poll(() => menu.evaluate((list) => list.contains(document.activeElement))).toBe(true);
    const chosen = () => menu.locator('[data-highlighted]').allTextContents().then(String);
    for (let i = 0; i < 20 && !/Move to standard/.test(await chosen()); i++) {
      const before = await chosen();
      await page.keyboard.press('ArrowDown');
      await expect.poll(chosen).not.toBe(before);
    }
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await board()).standard).toContain(first);
    expect((await board())['SYRE, renamed']).toEqual([]);
    await menu.waitFor({ state: 'hidden' });
  });

  it('filters, sorts and opens the checkpoints of a run', async () => {
    const filter = page.getByRole('combobox', { name: 'Filter runs' });
    await filter.fill('symmetry:1 sigma_F>0');
    await expect.poll(() => page.locator('[role=row][data-run]').count()).toBe(1);
    await filter.fill('');
    await expect.poll(() => page.locator('[role=row][data-run]').count()).toBe(5);
    await page.getByRole('button', { name: 'Show the checkpoints of sym0' }).click();
    await page.getByText(/model 1, epoch 5/).waitFor();
  });

  it('proposes groups, with a preview, and takes them as one step', async () => {
    const before = await board();
    await page.getByRole('button', { name: 'Suggest groups…' }).click();
    const dialog = page.getByRole('dialog', { name: /Suggest/ });
    await dialog.getByRole('button', { name: /^Make \d+ groups?$/ }).click();
    await expect
      .poll(async () => Object.keys(await board()).length)
      .toBeGreaterThan(Object.keys(before).length);
    // Until it is gone, the dialog keeps the focus.
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('[role=treegrid]').focus();
    await page.keyboard.press('Control+z');
    await expect.poll(board).toEqual(before);
  });

  it('is still there after a restart', async () => {
    const before = await board();
    await app.stop();
    await expect.poll(() => page.getByRole('main').textContent()).toContain('The engine was stopped.');
    await page.getByRole('button', { name: 'Reconnect' }).waitFor();
    takeComplaints();
    await page.context().close();
    app = await startServed(workspace);
    ({ page } = await openWindow(app));
    await row('sym0').waitFor();
    expect(await board()).toEqual(before);
  });

  it('says when the engine dies under it', async () => {
    app.kill('SIGKILL');
    const lost = page.getByRole('alert').filter({ hasText: 'Engine not reachable' });
    await lost.waitFor();
    expect(await lost.textContent()).toMatch(
      /The engine stopped or cannot be reached\.[^]*No saved work is lost/,
    );
    takeComplaints();
  });
});
