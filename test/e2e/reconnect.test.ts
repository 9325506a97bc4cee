/** An open page and the engine behind it: back by itself after a restart, or told how to get in again. */
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  closeBrowser,
  goTo,
  noBrowser,
  openBrowser,
  openWindow,
  takeComplaints,
} from '../support/browser.ts';
import { basinJson } from '../support/cli.ts';
import { newWorkspace, startServed, stopAll, type ServedApp } from '../support/served.ts';

describe.skipIf(noBrowser)('a page whose engine was stopped', () => {
  const workspace = newWorkspace();
  let app: ServedApp;
  let page: Page;
  let context: BrowserContext;

  beforeAll(async () => {
    app = await startServed(workspace);
    ({ page, context } = await openWindow(app));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    // A refused page is an error to the browser; here it is what is looked at.
    const others = takeComplaints().filter((text) => !/status of 401|WebSocket connection/.test(text));
    expect(others).toEqual([]);
  });

  const heading = () => page.getByRole('main').getByRole('heading').first().textContent();
  const port = () => ['--port', String(app.port)];

  it('says so, and what the button found', async () => {
    await goTo(page, 'jobs');
    await app.stop();
    await expect.poll(heading).toBe('Engine not reachable');
    await page.getByRole('button', { name: 'Reconnect' }).click();
    await page.getByText(`Nothing answers at 127.0.0.1:${app.port} yet.`).waitFor();
  });

  it('comes back by itself, where it was, when the engine does', async () => {
    app = await startServed(workspace, port());
    await expect.poll(heading, { timeout: 30_000 }).toBe('Jobs');
    expect(new URL(page.url()).hash).toBe('#/jobs');
  });

  it('says that its session has expired when another workspace is served there, and enters with its address', async () => {
    await app.stop();
    const other = await startServed(newWorkspace(), port());
    await expect.poll(heading, { timeout: 30_000 }).toBe('Your session has expired');
    const field = page.getByRole('textbox', { name: 'New address' });
    const enter = page.getByRole('button', { name: 'Enter' });
    await field.fill('nonsense');
    await enter.click();
    await page.getByText('This is not a Basin address').waitFor();
    await field.fill(`http://127.0.0.1:${app.port}/?token=${'x'.repeat(32)}`);
    await enter.click();
    await page.getByText('This address was already used').waitFor();
    const { url } = await basinJson<{ url: string }>([
      ...['serve', '--new-address', '--workspace', other.workspace],
    ]);
    // As it is printed on a machine that is reached through a tunnel with another port.
    await field.fill(url.replace(String(app.port), '9000'));
    await enter.click();
    await expect.poll(heading).toBe('Jobs');
    await expect
      .poll(() => page.locator('header').textContent())
      .toContain(other.workspace.split('/').at(-1));
  });

  it('gives an address for another browser, which works once', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('New address');
    await page.getByRole('option', { name: /New address for another browser/ }).click();
    await page.getByText('It was copied to the clipboard.').waitFor();
    const url = await page.evaluate(() => navigator.clipboard.readText());
    expect(url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${app.port}/\\?token=[\\w-]{32}$`));
    for (const [status, title] of [
      [200, 'Basin'],
      [401, ''],
    ] as const) {
      const stranger = await (await openBrowser()).newContext();
      const tab = await stranger.newPage();
      const reply = await tab.goto(url);
      expect([reply!.status(), await tab.title()]).toEqual([status, title]);
      await stranger.close();
    }
  });
});
