/** The main job in the desktop app: runs grouped with a real mouse, curves measured, a matrix seen, figures saved. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basinJson } from '../support/cli.ts';
import { closeDesktops, noElectron, openDesktop } from '../support/electron.ts';
import { noScreenMouse, ScreenMouse } from '../support/screen-mouse.ts';
import { newWorkspace, stopAll } from '../support/served.ts';

const long = 240_000;

describe.skipIf(noElectron || noScreenMouse)('the workbench in the desktop app', { timeout: long }, () => {
  const workspace = newWorkspace();
  const folder = newWorkspace();
  let app: ElectronApplication;
  let page: Page;
  let mouse: ScreenMouse;
  const errors: string[] = [];

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    const sizes = ['num_models=2', 'training.num_epochs=1', 'model.hidden_dim=16'];
    for (const name of ['one', 'two'])
      await basinJson(['train', 'standard-small', ...sizes, '--out', join(workspace, 'runs', name), ...own]);
    const at = ['--run', join(workspace, 'runs', 'one'), '--epoch', '1', ...own];
    await basinJson(['run', 'match-activations', '--models', '1,2', '--with-matrices', ...at]);
    const desktop = await openDesktop({ settings: folder, args: own });
    ({ app, page } = desktop);
    mouse = new ScreenMouse(page, desktop.display);
    page.on('pageerror', ({ message }) => {
      // The dialogs' library looks for what can have the focus by a selector that Electron 9 cannot read.
      if (!/not\(\[inert\] \*\).*is not a valid selector/.test(message)) errors.push(message);
    });
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
  }, long);
  afterAll(async () => {
    await closeDesktops();
    await stopAll();
  });

  const groups = () =>
    page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('[data-group]')].map((lane) =>
        [...lane.querySelectorAll('li .run')].map((run) => run.textContent),
      ),
    );
  const count = (selector: string) => expect.poll(() => page.locator(selector).count(), { timeout: long });
  const saveTo = (path: string) =>
    app.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
    }, path);

  it('groups runs by drag and drop', async () => {
    await mouse.drag('[role=row][data-run=one]', '[aria-label="New group"]');
    await expect.poll(groups).toEqual([['one']]);
    await mouse.drag('[role=row][data-run=two]', '[data-group]');
    // Dropped on its upper half, the second comes first.
    await expect.poll(async () => (await groups()).map((runs) => runs.sort())).toEqual([['one', 'two']]);
  });

  it('measures the curves of that group', async () => {
    await mouse.press('nav a[href="#/interpolation"]');
    await mouse.press('main button', /^Measure \d/);
    await count('section[aria-label=Curves] [role=img] svg').toBe(1);
    await count('section[aria-label=Curves] [role=img] svg path[d*=L]').toBeGreaterThanOrEqual(2);
    await count('[role=alert]').toBe(0);
  });

  it('saves their figure as PDF and as SVG, to the files that the person names', async () => {
    await mouse.press('main button', /^Export…$/);
    for (const [format, start] of [
      ['PDF', '%PDF-'],
      ['SVG', '<svg'],
    ] as const) {
      const file = join(folder, `curves.${format.toLowerCase()}`);
      await saveTo(file);
      await mouse.press('[role=dialog] button', new RegExp(`^${format}$`));
      await expect
        .poll(() => {
          try {
            return readFileSync(file, 'latin1').slice(0, 400);
          } catch {
            return '';
          }
        })
        .toContain(start);
    }
    await page.keyboard.press('Escape');
    await count('[role=dialog]').toBe(0);
  });

  it('shows the matrix of a matching, cell by cell under the mouse', async () => {
    await mouse.press('nav a[href="#/matrices"]');
    await mouse.moveTo('section.card canvas');
    await expect.poll(() => page.locator('.head .reading').textContent()).toMatch(/\(\d+, \d+\) = /);
    await count('[role=alert]').toBe(0);
  });

  it('reported no error meanwhile', () => expect(errors).toEqual([]));
});
