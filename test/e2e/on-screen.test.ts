/**
 * Every view in windows of all sizes, in a browser that is on a screen (its scroll bars take room), and every dialog
 * read by axe in both themes.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, places, takeComplaints } from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { noScreen } from '../support/screen.ts';
import { newWorkspace, startServed, stopAll, type ServedApp } from '../support/served.ts';

const long = 120_000;
/** Pixels as the page counts them: 800 x 500 is a laptop's 1600 x 1000 at 200 %. */
const sizes = [
  [800, 500],
  [800, 1000],
  [1100, 700],
  [1920, 1080],
  [3840, 2160],
] as const;

describe.skipIf(noBrowser || noScreen)('views on a screen', { timeout: 3 * long }, () => {
  const workspace = newWorkspace();
  let served: ServedApp;
  let page: Page;

  beforeAll(async () => {
    const own = ['--workspace', workspace];
    await basinJson(['import', dirname(fixtureRun('sym0')), ...own]);
    const run = join(workspace, 'runs', 'small');
    const sizesOfRun = ['num_models=2', 'training.num_epochs=1', 'model.hidden_dim=16', 'seed=1'];
    await basinJson(['train', 'standard-small', ...sizesOfRun, '--out', run, ...own], { timeoutMs: long });
    await basinJson(['groups', 'add', 'a group whose name is rather long', 'small', ...own]);
    const at = ['--run', run, '--epoch', '1', ...own];
    await basinJson(['run', 'interpolate', '--steps', '4', ...at], { timeoutMs: long });
    await basinJson(['run', 'permutation-sensitivity', '--models', '1', ...at], { timeoutMs: long });
    await basinJson(['run', 'match-activations', '--models', '1,2', '--with-matrices', ...at], {
      timeoutMs: long,
    });
    served = await startServed(workspace);
    ({ page } = await openWindow(served, { onScreen: true }));
  }, 4 * long);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  it.each(sizes)('%i x %i: nothing is out of reach', async (width, height) => {
    await page.setViewportSize({ width, height });
    const found: string[] = [];
    for (const place of places) {
      await goTo(page, place);
      await page.waitForLoadState('networkidle');
      found.push(...(await page.evaluate(outOfReach)).map((what) => `${place}: ${what}`));
    }
    expect(found).toEqual([]);
  });

  const dialogs: [string, (page: Page) => Promise<void>][] = [
    ['palette', (on) => on.keyboard.press('Control+k')],
    ['shortcuts', (on) => on.keyboard.press('?')],
    ['glossary', (on) => command(on, 'Glossary')],
    ['import', (on) => on.keyboard.press('Control+o')],
    ['machine', (on) => command(on, 'This machine')],
    ['menu of a run', (on) => on.locator('[role=row][data-run=small]').click({ button: 'right' })],
    ['suggested groups', (on) => on.getByRole('button', { name: 'Suggest groups…' }).click()],
    ['trash', (on) => on.getByRole('button', { name: 'Trash' }).click()],
    ['groups of a run', (on) => itemOfRun(on, /^Add to group/)],
    ['network', (on) => buttonOfRun(on, 'Network…')],
    ['export', (on) => exportFigure(on)],
  ];
  it.each(['light', 'dark'] as const)('axe is content with dialogs and menus, %s', async (scheme) => {
    await page.setViewportSize({ width: 1360, height: 860 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    const found: string[] = [];
    for (const [name, open] of dialogs) {
      await goTo(page, 'catalog');
      await page.locator('[role=treegrid]').focus();
      await open(page);
      const opened = page.locator('[role=dialog], [role=menu]').first();
      await opened.waitFor();
      await page.waitForLoadState('networkidle');
      // A menu lies over the page, outside of its landmarks, as menus do.
      const rules = name.startsWith('menu') ? ['region'] : [];
      const { violations } = await new AxeBuilder({ page }).disableRules(rules).analyze();
      found.push(...violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]!.target.join(' ')}`));
      await page.keyboard.press('Escape');
      await opened.waitFor({ state: 'hidden' });
    }
    expect(found).toEqual([]);
  });
});

async function command(page: Page, title: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByRole('combobox').fill(title);
  await page
    .getByRole('option', { name: new RegExp(title) })
    .first()
    .waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Search' }).waitFor({ state: 'hidden' });
}

async function itemOfRun(page: Page, name: RegExp): Promise<void> {
  await page.locator('[role=row][data-run=small]').click({ button: 'right' });
  await page.getByRole('menuitem', { name }).click();
  await page.getByRole('menu').waitFor({ state: 'hidden' });
}

async function buttonOfRun(page: Page, name: string): Promise<void> {
  await page.locator('[role=row][data-run=small]').click();
  await page.getByRole('complementary').getByRole('button', { name }).click();
}

async function exportFigure(page: Page): Promise<void> {
  await goTo(page, 'matrices');
  await page.getByRole('button', { name: 'Export…' }).first().click();
}

/** What the window cuts off and no scrolling brings back; and scroll bars of the page, which has its own inside. */
function outOfReach(): string[] {
  const page = document.documentElement;
  const over = [page.scrollWidth - page.clientWidth, page.scrollHeight - page.clientHeight];
  const found = over.some((by) => by > 0) ? [`the page scrolls by ${over.join(' x ')}`] : [];
  const scrolls = (element: Element): boolean => {
    for (let at: Element | null = element; at; at = at.parentElement) {
      const { overflowX, position } = getComputedStyle(at);
      if (/auto|scroll/.test(overflowX) && at.scrollWidth > at.clientWidth) return true;
      if (position === 'fixed') return false;
    }
    return false;
  };
  for (const element of document.querySelectorAll('button, input, select, textarea, a[href], h1')) {
    const { left, right, width, height } = element.getBoundingClientRect();
    if (width <= 1 || height <= 1 || element.closest('.visually-hidden')) continue;
    if ((left >= -1 && right <= window.innerWidth + 1) || scrolls(element)) continue;
    const name = element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '';
    found.push(
      `${element.tagName.toLowerCase()} "${name.slice(0, 40)}" at ${Math.round(left)} to ${Math.round(right)}`,
    );
  }
  return found.slice(0, 6);
}
