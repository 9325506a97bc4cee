/** A real Chromium, driven as a person would; tests skip themselves, loudly, where there is none. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core';
import { openScreen, type Screen } from './screen.ts';
import type { ServedApp } from './served.ts';

const candidates = [
  process.env.BASIN_CHROMIUM,
  process.env.BASIN_TEST_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const binary = candidates.find((path) => path !== undefined && path !== '' && existsSync(path));

/** For `describe.skipIf`. With CI=true nothing is skipped: a missing browser is then a failure. */
export const noBrowser = binary === undefined && process.env.CI !== 'true';
if (noBrowser) process.stderr.write('NOT TESTED HERE: the pages in a browser (set BASIN_CHROMIUM)\n');

const programs = { ...(binary === undefined ? {} : { executablePath: binary }) };
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser: Browser | undefined;
let onScreen: { browser: Browser; screen: Screen } | undefined;
/** Errors of pages since the last look; a test that leaves any fails. */
const complaints: string[] = [];

export async function openBrowser(): Promise<Browser> {
  browser ??= await chromium.launch({ ...programs, args: flags });
  return browser;
}

/** With a window on a screen: only there do scroll bars take room, as they do on people's desks. */
export async function openBrowserOnScreen(): Promise<Browser> {
  if (!onScreen) {
    const screen = await openScreen('4000x2400');
    const env = { ...process.env, DISPLAY: screen.display } as Record<string, string>;
    onScreen = { screen, browser: await chromium.launch({ ...programs, args: flags, headless: false, env }) };
  }
  return onScreen.browser;
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
  await onScreen?.browser.close();
  onScreen?.screen.close();
  onScreen = undefined;
}

/** A window on the served app. Everything that it prints as an error is a complaint. */
export async function openWindow(
  app: ServedApp,
  options: Parameters<Browser['newContext']>[0] & { onScreen?: boolean } = {},
): Promise<{ page: Page; context: BrowserContext }> {
  const { onScreen: wanted, ...rest } = options;
  const opened = await (wanted ? openBrowserOnScreen() : openBrowser());
  const context = await opened.newContext({
    viewport: { width: 1360, height: 860 },
    reducedMotion: 'reduce',
    ...rest,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  page.on('console', (message) => {
    // A page knocks at an engine that was stopped until it is back; what it says meanwhile is for the tests to see.
    // One that is just closing resets connections instead of refusing them.
    const isDown = /net::ERR_(?:CONNECTION_(?:REFUSED|RESET|CLOSED)|EMPTY_RESPONSE)/.test(message.text());
    if (message.type() === 'error' && !isDown) complaints.push(`console: ${message.text()}`);
  });
  await page.goto(app.url);
  await page.getByRole('main').waitFor();
  return { page, context };
}

/** What pages complained about; empties the list. */
export function takeComplaints(): string[] {
  return complaints.splice(0);
}

/** Every view, by its address. */
export const places = [
  'catalog',
  'train',
  'sweeps',
  'jobs',
  'results',
  'interpolation',
  'matrices',
  'identifiability',
  'symmetry',
  'figures',
];

/** Opens a place by its address, as a link does. */
export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    window.location.hash = hash;
  }, `/${place}`);
  // The place before may still be on the screen: first the rail turns, then the view's own code arrives.
  await page.locator(`nav a[href="#/${place.split('?')[0]}"][aria-current=page]`).waitFor();
  await page.getByRole('main').getByRole('heading').first().waitFor();
}

/** With the mouse, button by button: what a person's hand does, in steps, so that every `dragover` fires. */
export async function dragWithMouse(
  page: Page,
  from: Locator,
  to: Locator,
  at: { x: number; y: number } = { x: 0.5, y: 0.5 },
): Promise<void> {
  const start = (await from.boundingBox())!;
  await page.mouse.move(start.x + Math.min(60, start.width / 2), start.y + start.height / 2);
  await page.mouse.down();
  await page.mouse.move(start.x + Math.min(70, start.width / 2 + 10), start.y + start.height / 2 + 6, {
    steps: 3,
  });
  const end = (await to.boundingBox())!;
  const target = { x: end.x + end.width * at.x, y: end.y + end.height * at.y };
  await page.mouse.move(target.x, target.y, { steps: 6 });
  await page.mouse.move(target.x, target.y);
  await page.mouse.up();
}
