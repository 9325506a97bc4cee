/** Figures in the Electron that the tests have, which may be years older than the one that is shipped. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, noBrowser, openBrowser } from '../support/browser.ts';
import { builtinsOf, calledIn, missingIn, scriptsIn } from '../support/builtins.ts';
import { basinJson } from '../support/cli.ts';
import { closeDesktops, noElectron, openDesktop } from '../support/electron.ts';
import { newWorkspace, stopAll } from '../support/served.ts';

const long = 240_000;

describe.skipIf(noElectron)('figures in the desktop app', { timeout: long }, () => {
  const workspace = newWorkspace();
  const run = join(workspace, 'runs', 'small');
  let page: Page;
  let pages: string;
  const errors: string[] = [];

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    const sizes = ['num_models=2', 'training.num_epochs=1', 'model.hidden_dim=16'];
    await basinJson(['train', 'standard-small', ...sizes, '--out', run, ...own]);
    await basinJson(['groups', 'add', 'small', 'small', ...own]);
    const asked = ['--run', run, '--epoch', '1', ...own];
    await basinJson(['run', 'interpolate', '--splits', 'test', '--midpoint', ...asked]);
    await basinJson(['run', 'interpolate', '--splits', 'test', '--align', 'activation', ...asked]);
    await basinJson(['run', 'permutation-sensitivity', '--models', '1', ...asked]);
    await basinJson(['run', 'match-activations', '--models', '1,2', '--with-matrices', ...asked]);
    const desktop = await openDesktop({ settings: newWorkspace(), args: own });
    ({ page, pages } = desktop);
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
  }, long);
  afterAll(async () => {
    await closeDesktops();
    await closeBrowser();
    await stopAll();
  });

  const open = (place: string) =>
    page.evaluate((hash) => {
      window.location.hash = hash;
    }, `/${place}`);
  const count = (selector: string) => expect.poll(() => page.locator(selector).count());
  const text = (selector: string) => expect.poll(() => page.locator(selector).first().textContent());

  it('draws curves, with their axes and legend', async () => {
    await open('interpolation');
    const figure = 'section[aria-label=Curves] [role=img] svg';
    await count(figure).toBe(1);
    // A line and nine points in each of two panels.
    await expect.poll(() => page.locator(`${figure} path[d*=L]`).count()).toBeGreaterThanOrEqual(2);
    await text(figure).toContain('small');
    await text(figure).toContain('Unaligned');
    const box = await page.evaluate(
      (selector) =>
        document.querySelector(selector)!.getBoundingClientRect().toJSON() as {
          width: number;
          height: number;
        },
      figure,
    );
    expect(box.width).toBeGreaterThan(300);
    expect(box.height).toBeGreaterThan(100);
    await count('[role=alert]').toBe(0);
  });

  it('draws a matrix, in more than one colour', async () => {
    // The newest result: similarities of the neurons of two models.
    await open('matrices');
    await text('h1').toContain('similarity');
    await count('section.card canvas').toBeGreaterThan(0);
    await expect
      .poll(() =>
        page.evaluate(() => {
          const canvas = document.querySelector<HTMLCanvasElement>('section.card canvas')!;
          const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(data.buffer)).size;
        }),
      )
      .toBeGreaterThan(10);
    await count('[role=alert]').toBe(0);
  });

  it('draws what a measure gives', async () => {
    await open('identifiability?kind=permutation-sensitivity');
    await count('[role=tabpanel] figure svg path').toBeGreaterThan(3);
    await count('[role=alert]').toBe(0);
  });

  it('reported no error meanwhile', () => expect(errors).toEqual([]));

  /** Asked for before they are called, or a script's own function of that name. */
  const harmless = new Set([
    'AsyncDisposableStack.prototype.use',
    'DisposableStack.prototype.use',
    'Document.prototype.getAnimations',
    'Element.prototype.getAnimations',
    'Element.prototype.checkVisibility',
    'URL.canParse',
  ]);

  it.skipIf(noBrowser)('its pages call no function that this Electron lacks', async () => {
    const modern = await (await openBrowser()).newPage();
    // Some functions are there in secure contexts only, as the app's own pages are.
    await modern.route('https://basin.test/', (route) => route.fulfill({ body: '' }));
    await modern.goto('https://basin.test/');
    const missing = missingIn(await builtinsOf(page), await builtinsOf(modern));
    const called = [...scriptsIn(join(pages, 'assets'))].flatMap(([script, code]) =>
      calledIn(code, missing)
        .filter((name) => !harmless.has(name))
        .map((name) => `${script}: ${name}`),
    );
    expect(called).toEqual([]);
  });
});
