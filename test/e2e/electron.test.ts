/** The desktop app in a real Electron: window, preload bridge, IPC to an engine, import by path, one export. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeDesktops, noElectron, openDesktop } from '../support/electron.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, stopAll } from '../support/served.ts';

describe.skipIf(noElectron)('the desktop app', () => {
  const workspace = newWorkspace();
  const folder = newWorkspace();
  let app: ElectronApplication;
  let page: Page;

  beforeAll(async () => {
    const args = ['--workspace', workspace, fixtureRun('sym0')];
    ({ app, page } = await openDesktop({ settings: folder, args }));
  });
  afterAll(async () => {
    await closeDesktops();
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
      bridge: [
        'chooseFolder',
        'connect',
        'onClose',
        'onCommand',
        'onMessage',
        'pathOf',
        'platform',
        'reopen',
        'saveFile',
        'send',
        'takePaths',
      ],
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
    await expect.poll(() => page.locator('[role=row][data-run="sym2"]').count()).toBe(1);
  });

  it('names a file that is dropped on the field of a path, and does not import it', async () => {
    const dropped = join(fixtureRun('sym2'), 'config.yaml');
    // By events: this Electron lacks what clicks wait for.
    const go = (hash: string): Promise<void> =>
      page.evaluate((to) => {
        window.location.hash = to;
      }, hash);
    await go('#/train');
    const click = (): Promise<boolean> =>
      page.evaluate(() => {
        const buttons = [...document.querySelectorAll('button')];
        const found = buttons.find((button) => button.textContent === 'Add data…');
        found?.click();
        return found !== undefined;
      });
    await expect.poll(click).toBe(true);
    await page.evaluate(() => {
      const input = document.createElement('input');
      input.type = 'file';
      input.id = 'dropped';
      document.body.append(input);
    });
    await page.locator('#dropped').setInputFiles(dropped);
    const drop = (): Promise<string | undefined> =>
      page.evaluate(() => {
        const labels = [...document.querySelectorAll('#add-data label')];
        const label = labels.find(({ textContent }) => textContent?.startsWith('Training inputs'));
        const field = label?.querySelector('input');
        const transfer = new DataTransfer();
        transfer.items.add(document.querySelector<HTMLInputElement>('#dropped')!.files![0]!);
        field?.dispatchEvent(
          new DragEvent('drop', { dataTransfer: transfer, cancelable: true, bubbles: true }),
        );
        return field?.value;
      });
    await expect.poll(drop).toBe(dropped);
    await page.evaluate(() => document.querySelector('#dropped')!.remove());
    await page.keyboard.press('Escape');
    await go('#/catalog');
  });

  it('stays where it is, and runs no script from text', async () => {
    const before = page.url();
    await app.evaluate(({ BrowserWindow }) => {
      const seen = globalThis as unknown as { left: string[] };
      seen.left = [];
      BrowserWindow.getAllWindows()[0]!.webContents.on('will-navigate', (event, url) => {
        seen.left.push(`${url} ${event.defaultPrevented ? 'refused' : 'allowed'}`);
      });
    });
    await page.evaluate(() => {
      setTimeout(() => (window.location.href = 'https://example.com/'));
    });
    await expect
      .poll(() => app.evaluate(() => (globalThis as unknown as { left: string[] }).left))
      .toEqual(['https://example.com/ refused']);
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

  // The last one: under a debugger, Electron 9 responds to the page no more once it was refused a window.
  it('opens no other window', async () => {
    await app.evaluate(({ BrowserWindow, shell }) => {
      const seen = globalThis as unknown as { refused: string[] };
      seen.refused = [];
      // Old versions say it by an event; newer ones hand an address on to the person's browser in its place.
      const contents = BrowserWindow.getAllWindows()[0]!.webContents as unknown as NodeJS.EventEmitter;
      contents.on('new-window', (event: { defaultPrevented: boolean }, url: string) => {
        if (event.defaultPrevented) seen.refused.push(url);
      });
      shell.openExternal = (url) => Promise.resolve(void seen.refused.push(url));
    });
    await page.evaluate(() => {
      setTimeout(() => window.open('https://example.com/'));
    });
    await expect
      .poll(() => app.evaluate(() => (globalThis as unknown as { refused: string[] }).refused))
      .toEqual(['https://example.com/']);
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
