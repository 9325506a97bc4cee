/** The manners of the desktop app in a real Electron: menu, workspaces, other engines, one window, its place, its end. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { basinJson } from '../support/cli.ts';
import {
  choose,
  closeDesktops,
  labelsIn,
  noElectron,
  openDesktop,
  quitDesktop,
  respondToBoxes,
  startAgain,
  takeAsked,
  windowOf,
  type Desktop,
} from '../support/electron.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noElectron)('the desktop', () => {
  const [first, second] = [newWorkspace(), newWorkspace()];
  const settings = newWorkspace();
  let desktop: Desktop;

  beforeAll(async () => {
    desktop = await openDesktop({ settings, args: ['--workspace', first, fixtureRun('sym3_kappa1')] });
    // Menu items are the page's to obey.
    await desktop.page.locator('nav').textContent();
  });
  afterAll(async () => {
    await closeDesktops();
    await stopAll();
  });

  const text = (selector: string) =>
    desktop.page.evaluate((css) => document.querySelector(css)?.textContent ?? '', selector);
  const click = (selector: string) =>
    desktop.page.evaluate((css) => document.querySelector<HTMLElement>(css)!.click(), selector);
  const there = (selector: string) => expect.poll(() => desktop.page.locator(selector).count());
  const row = (run: string) => `[role=row][data-run="${run}"]`;
  const item = (...labels: string[]) => choose(desktop.app, ...labels);
  const title = () =>
    desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getTitle());
  const asked = () => takeAsked(desktop.app);

  /** The window was made anew, on this workspace. */
  async function shows(workspace: string): Promise<void> {
    await expect.poll(async () => (await windowOf(desktop.app)) !== desktop.page).toBe(true);
    desktop.page = await windowOf(desktop.app);
    await expect.poll(() => text('header .workspace')).toContain(workspace.split('/').at(-1));
  }

  async function chooseFolderNext(folder: string): Promise<void> {
    await desktop.app.evaluate(({ dialog }, path) => {
      Object.assign(dialog, {
        showOpenDialog: () => Promise.resolve({ canceled: false, filePaths: [path] }),
      });
    }, folder);
  }

  describe('menu', () => {
    it.each([
      ['Train', '#/train'],
      ['Jobs', '#/jobs'],
      ['Interpolation', '#/interpolation'],
      ['Matrices', '#/matrices'],
      ['Identifiability', '#/identifiability'],
      ['Symmetry', '#/symmetry'],
      ['Figures', '#/figures'],
      ['Catalog and groups', '#/catalog'],
    ])('Go > %s', async (label, hash) => {
      await item('Go', label);
      await expect.poll(() => desktop.page.url()).toContain(hash);
      await expect.poll(() => text('nav [aria-current=page]')).toContain(label);
    });

    it('View: the details panel, the theme', async () => {
      const panel = () => desktop.page.locator('aside').count();
      const before = await panel();
      await item('View', 'Details panel');
      await expect.poll(panel).toBe(1 - before);
      await item('View', 'Details panel');
      await expect.poll(panel).toBe(before);
      for (const theme of ['dark', 'light']) {
        await item('View', `Theme: ${theme}`);
        await expect
          .poll(() => desktop.page.evaluate(() => document.documentElement.dataset.theme))
          .toBe(theme);
      }
    });

    it('every other item that is the page’s: what it names opens, or changes the groups', async () => {
      await item('Go', 'Search…');
      await there('[role=dialog] input').toBe(1);
      await desktop.page.keyboard.press('Escape');
      await there('[role=dialog]').toBe(0);
      await item('File', 'Import a folder…');
      await expect.poll(() => text('.dialog-title')).toBe('Import runs');
      await desktop.page.keyboard.press('Escape');
      await there('[role=dialog]').toBe(0);

      await there(row('sym3_kappa1')).toBe(1);
      const create = { type: 'create', architecture: 'mlp', key: 'by menu', members: [] };
      await desktop.page.evaluate((edit) => {
        const { basin } = window as unknown as { basin: { send(message: unknown): void } };
        basin.send({ type: 'call', id: 9100, name: 'groups.edit', args: { edit } });
      }, create);
      await there('[data-group="by menu"]').toBe(1);
      await item('Edit', 'Undo');
      await there('[data-group="by menu"]').toBe(0);
      await item('Edit', 'Redo');
      await there('[data-group="by menu"]').toBe(1);
    });
  });

  describe('workspaces', () => {
    it('opens another and lists both, the newest first', async () => {
      await chooseFolderNext(second);
      await item('File', 'Open workspace…');
      await shows(second);
      expect(await title()).toBe(`Basin · ${second}`);
      expect(await labelsIn(desktop.app, 'File', 'Recent workspaces')).toEqual([second, first]);
    });

    it('opens a recent one', async () => {
      await item('File', 'Recent workspaces', first);
      await shows(first);
      expect(await labelsIn(desktop.app, 'File', 'Recent workspaces')).toEqual([first, second]);
      await there('[data-group="by menu"]').toBe(1);
    });

    it('says that a recent one is gone, and takes it off the list', async () => {
      await respondToBoxes(desktop.app, 0);
      renameSync(second, `${second}-moved`);
      await item('File', 'Recent workspaces', second);
      await expect.poll(asked).toEqual([expect.objectContaining({ message: `${second} no longer exists.` })]);
      expect(await labelsIn(desktop.app, 'File', 'Recent workspaces')).toEqual([first]);
      expect(existsSync(second)).toBe(false);
      renameSync(`${second}-moved`, second);
    });
  });

  describe('an engine elsewhere', () => {
    const address = '#engine-address';
    const connect = async (url: string) => {
      await there(address).toBe(1);
      await desktop.page.fill(address, url, { force: true });
      await click('[role=dialog] button[type=submit]');
    };

    it('that cannot be had is told in the dialog, and the one before stays', async () => {
      await item('File', 'Connect to engine…');
      await connect('http://127.0.0.1:1/?token=abc');
      await expect
        .poll(() => text('[role=dialog] [role=alert]'))
        .toMatch(/no engine answers at 127\.0\.0\.1:1/);
      await connect('http://127.0.0.1:1/');
      await expect.poll(() => text('[role=dialog] [role=alert]')).toMatch(/expected http:\/\//);
      await desktop.page.keyboard.press('Escape');
      await there('[role=dialog]').toBe(0);
      await item('Edit', 'Undo');
      await there('[data-group="by menu"]').toBe(0);
      await item('Edit', 'Redo');
      await there('[data-group="by menu"]').toBe(1);
    });

    it('is shown once it has responded; then this machine’s again', async () => {
      const served = await startServed();
      await item('File', 'Connect to engine…');
      await connect(served.url);
      await shows(served.workspace);
      await expect.poll(() => text('footer')).toContain(`Engine: 127.0.0.1:${served.port}`);
      expect(await title()).toBe(`Basin · 127.0.0.1:${served.port}`);

      served.kill('SIGKILL');
      await expect.poll(() => text('main h1')).toBe('Engine not reachable');
      await click('main [role=alert] button');
      await expect.poll(() => text('main [role=alert]')).toMatch(/no engine answers at 127\.0\.0\.1/);

      await item('File', 'Use this machine’s engine');
      await shows(first);
      await expect.poll(() => text('footer')).toContain('Engine: this machine');
    });

    it('is left by a file that is on this machine', async () => {
      const served = await startServed();
      await item('File', 'Connect to engine…');
      await connect(served.url);
      await shows(served.workspace);
      expect(await startAgain({ settings, args: [fixtureRun('sym0')] })).toBe(0);
      await expect
        .poll(asked)
        .toEqual([
          expect.objectContaining({ message: expect.stringContaining('on this machine, but') as string }),
        ]);
      await item('File', 'Use this machine’s engine');
      await shows(first);
    });
  });

  describe('a second start', () => {
    it('brings the first window forward and hands over a folder', async () => {
      await desktop.app.evaluate(({ BrowserWindow }) => {
        const window = BrowserWindow.getAllWindows()[0]!;
        const focus = window.focus.bind(window);
        const seen = globalThis as unknown as { focused: number };
        seen.focused = 0;
        window.focus = () => {
          seen.focused++;
          focus();
        };
      });
      expect(await startAgain({ settings, args: [fixtureRun('sym0')] })).toBe(0);
      await there(row('sym0')).toBe(1);
      expect(
        await desktop.app.evaluate(() => (globalThis as unknown as { focused: number }).focused),
      ).toBeGreaterThan(0);
      expect(await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    });

    it('hands over a file, and says what is not there', async () => {
      const file = join(fixtureRun('sym2'), 'config.yaml');
      expect(await startAgain({ settings, args: [file, '/no/such/folder'] })).toBe(0);
      await there(row('sym2')).toBe(1);
      await expect
        .poll(asked)
        .toEqual([expect.objectContaining({ message: 'There is no /no/such/folder.' })]);
    });

    it('switches to the workspace that it names', async () => {
      expect(await startAgain({ settings, args: [`--workspace=${second}`] })).toBe(0);
      await shows(second);
      expect(await startAgain({ settings, args: [`--workspace=${first}`] })).toBe(0);
      await shows(first);
    });
  });

  /** A request of the page's own kind, over its bridge. */
  function call<T>(name: string, args: object = {}): Promise<T> {
    return desktop.page.evaluate(
      ([wanted, given]) =>
        new Promise((resolve, reject) => {
          const { basin } = window as unknown as { basin: Bridge };
          const id = 9000 + Math.floor(Math.random() * 1e9);
          basin.onMessage((message) => {
            if (message.id !== id) return;
            if (message.type === 'response') resolve(message.value as never);
            else reject(new Error(JSON.stringify(message)));
          });
          basin.send({ type: 'call', id, name: wanted, args: given });
        }),
      [name, args] as const,
    );
  }

  async function train(run: string, ...overrides: string[]): Promise<void> {
    const config = loadTrainingConfig('standard-small', [
      'model.hidden_dim=16',
      'num_models=1',
      ...overrides,
    ]);
    await call('jobs.submit', { kind: 'train', params: { run: join(first, 'runs', run), config } });
  }

  const stateOf = async (run: string) =>
    (await call<{ title: string; state: string }[]>('jobs.list')).find((job) => job.title.endsWith(run))
      ?.state;

  /** The one box that has come up. */
  async function box(): Promise<{ message: string; detail?: string; buttons: string[] }> {
    const boxes: Awaited<ReturnType<typeof asked>> = [];
    await expect.poll(async () => boxes.push(...(await asked()))).toBe(1);
    return boxes[0]!;
  }

  it('About names versions, the engine and its back end', async () => {
    await train('short', 'training.num_epochs=1');
    await expect.poll(() => stateOf('short'), { timeout: 120_000 }).toBe('done');
    await item('Help', 'About Basin');
    const { message, detail } = await box();
    expect(message).toMatch(/^Basin \d+\.\d+\.\d+/);
    expect(detail).toMatch(/^Engine \d+\.\d+\.\d+ on /m);
    expect(detail).toContain(`Workspace ${first}`);
    expect(detail).toMatch(/^Back end (tensorflow|wasm) [\d.]+ \(CPU, \d+ threads?\)/m);
    expect(detail).toMatch(/Electron \d+\.\d+\.\d+, Chromium \d+/);
  });

  describe('with a job running', () => {
    it('asks before another engine takes its place, and before it closes', async () => {
      await train('long', 'training.num_epochs=5000');
      await expect.poll(() => stateOf('long')).toBe('running');
      await item('File', 'Recent workspaces', second);
      expect(await box()).toMatchObject({
        message: 'A job is still running',
        buttons: ['Keep running', 'Stop and switch'],
      });
      await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
      expect(await box()).toMatchObject({
        message: 'A job is still running',
        buttons: ['Keep running', 'Stop and close'],
      });
      expect(await stateOf('long')).toBe('running');
      expect(await title()).toBe(`Basin · ${first}`);
    });

    it('stops it when told to, and opens where and as large as it was', async () => {
      const place = { x: 120, y: 60, width: 1000, height: 700 };
      await desktop.app.evaluate(
        ({ BrowserWindow }, bounds) => BrowserWindow.getAllWindows()[0]!.setBounds(bounds),
        place,
      );
      await expect.poll(boundsNow).toEqual(place);
      await respondToBoxes(desktop.app, 1);
      await quitDesktop(desktop);
      const jobs = await basinJson<{ title: string; state: string; resumable: boolean }[]>([
        ...['jobs', '--workspace', first],
      ]);
      expect(jobs.find((job) => job.title.endsWith('long'))).toMatchObject({
        state: 'interrupted',
        resumable: true,
      });
      // Without a word: the workspace and the place of the last time.
      desktop = await openDesktop({ settings, args: [] });
      await expect.poll(() => text('header .workspace')).toContain(first.split('/').at(-1));
      await expect.poll(boundsNow).toEqual(place);
      await quitDesktop(desktop);
    });

    it('does not open where no screen is', async () => {
      const file = join(settings, 'basin', 'window.json');
      const kept = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...kept, x: 5000, y: -3000 }));
      desktop = await openDesktop({ settings, args: [] });
      const { x, y } = await boundsNow();
      expect(x).toBeLessThan(1400);
      expect(y).toBeGreaterThanOrEqual(0);
    });
  });

  const boundsNow = () =>
    desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getBounds());
});

interface Bridge {
  onMessage(listener: (message: { type: string; id: number; value?: unknown }) => void): void;
  send(message: unknown): void;
}
