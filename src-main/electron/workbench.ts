/** The window and the engine that it shows: opening, switching from one to another, closing. */
import { app, dialog, type BrowserWindow } from 'electron';
import { existsSync, realpathSync } from 'node:fs';
import type { DesktopProblem } from '../../src-shared/desktop.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { aboutLines } from './about.ts';
import { openLocalEngine, openRemoteEngine, type OpenedEngine } from './engine.ts';
import type { Launch } from './launch.ts';
import { setMenu } from './menu.ts';
import { root } from './places.ts';
import { forgetWorkspace, readSettings, rememberWorkspace } from './settings.ts';
import { attach, openWindow, rememberPlace, respondToDialogs, respondToPage, tellPage } from './window.ts';

let window: BrowserWindow | undefined;
let opened: OpenedEngine | undefined;
let detach: (() => void) | undefined;
/** One switch after the other: the engine before must have let go of its workspace. */
let lastSwitch: Promise<unknown> = Promise.resolve();
let closing = false;
let quitting = false;
/** Named outside of the window, not yet taken by its page. */
const waitingPaths: string[] = [];

/** The first engine and its window. False when there is none to show: the app ends. */
export async function openFirst(wanted: string | undefined): Promise<boolean> {
  const last = readSettings().recentWorkspaces.find((path) => existsSync(path));
  let workspace = wanted ?? last;
  for (;;) {
    try {
      show(await openLocalEngine(root, workspace));
      return true;
    } catch (error) {
      const other = await askForAnother(error);
      if (other === undefined) {
        app.exit(1);
        return false;
      }
      workspace = other;
    }
  }
}

async function askForAnother(error: unknown): Promise<string | undefined> {
  const { message, hint } = problemOf(error);
  process.stderr.write(`basin: ${message}${hint === undefined ? '' : `\n  ${hint}`}\n`);
  const { response } = await dialog.showMessageBox({
    type: 'error',
    message,
    ...(hint === undefined ? {} : { detail: hint }),
    buttons: ['Quit', 'Open another workspace…'],
    defaultId: 1,
    cancelId: 0,
  });
  return response === 1 ? chooseFolder() : undefined;
}

function show(engine: OpenedEngine): void {
  const before = window;
  detach?.();
  if (before) rememberPlace(before);
  opened = engine;
  window = openWindow(engine.link.where);
  detach = attach(window, engine.link);
  window.setTitle(`Basin · ${engine.workspace || engine.link.where}`);
  window.on('page-title-updated', (event) => event.preventDefault());
  window.on('close', (event) => {
    if (quitting) return;
    event.preventDefault();
    void close();
  });
  before?.destroy();
  if (engine.workspace) rememberWorkspace(engine.workspace);
  refreshMenu();
}

/** Also what the menu's Quit comes to: it closes the window. */
async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  try {
    await lastSwitch;
    if (!(await mayInterrupt('Stop and close'))) return;
    quitting = true;
    window?.hide();
    await opened?.link.close().catch(() => undefined);
    app.quit();
  } finally {
    closing = false;
  }
}

/** Jobs under way end with their engine: the person decides. Training goes on from its last checkpoint next time. */
async function mayInterrupt(goOn: string): Promise<boolean> {
  const running = (await opened?.runningJobs().catch(() => 0)) ?? 0;
  if (running === 0 || !window) return true;
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: running === 1 ? 'A job is still running' : `${running} jobs are still running`,
    detail: 'Training can be resumed from its last checkpoint; other analyses start again.',
    buttons: ['Keep running', goOn],
    defaultId: 0,
    cancelId: 0,
  });
  return response === 1;
}

function switchTo(open: () => Promise<OpenedEngine>): Promise<DesktopProblem | null> {
  const switched = lastSwitch.then(() => replaceEngine(open)).catch(problemOf);
  lastSwitch = switched;
  return switched;
}

/** The engine before stays open until the next one has responded, and is kept where that one cannot be had. */
async function replaceEngine(open: () => Promise<OpenedEngine>): Promise<null> {
  if (quitting || !(await mayInterrupt('Stop and switch'))) return null;
  const next = await open();
  const before = opened;
  show(next);
  await before?.link.close().catch(() => undefined);
  return null;
}

async function openWorkspace(path: string | undefined): Promise<void> {
  await lastSwitch;
  if (path !== undefined && opened?.workspace && isSame(path, opened.workspace)) return bringToFront();
  complain(await switchTo(() => openLocalEngine(root, path)));
}

function isSame(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}

async function openRecent(path: string): Promise<void> {
  if (existsSync(path)) return openWorkspace(path);
  forgetWorkspace(path);
  refreshMenu();
  complain({
    message: `${path} no longer exists.`,
    hint: 'It was removed from the list. If it was moved, open it with File > Open workspace….',
  });
}

async function chooseFolder(): Promise<string | undefined> {
  const choice = await dialog.showOpenDialog({ properties: ['openDirectory', 'createDirectory'] });
  return choice.filePaths[0];
}

async function chooseWorkspace(): Promise<void> {
  const chosen = await chooseFolder();
  if (chosen !== undefined) await openWorkspace(chosen);
}

async function useThisMachine(): Promise<void> {
  if (opened?.workspace) return bringToFront();
  await openWorkspace(readSettings().recentWorkspaces.find((path) => existsSync(path)));
}

export function bringToFront(): void {
  if (window?.isMinimized()) window.restore();
  window?.show();
  window?.focus();
}

/** What a start, the first or a later one, asked for. */
export async function take({ workspace, paths, missing }: Launch): Promise<void> {
  if (workspace !== undefined) await openWorkspace(workspace);
  if (missing.length > 0) complain({ message: `There is no ${missing.join(', no ')}.` });
  if (paths.length === 0 || !window) return;
  if (!opened?.workspace) {
    return complain({
      message: `${paths.join(', ')} is on this machine, but the window shows the engine at ${opened?.link.where}.`,
      hint: 'File > Use this machine’s engine, then import; or copy the folder to the other machine.',
    });
  }
  waitingPaths.push(...paths);
  tellPage(window, 'take-paths');
}

/** What the page may ask of the desktop. */
export function respondToWindow(): void {
  const current = () => window;
  respondToDialogs(current);
  respondToPage(current, {
    connect: (address) => switchTo(() => openRemoteEngine(address)),
    reopen: () => switchTo(() => opened!.again()),
    takePaths: () => Promise.resolve(waitingPaths.splice(0)),
  });
}

function problemOf(error: unknown): DesktopProblem {
  const hint = error instanceof UserError ? error.hint : undefined;
  return { message: messageOf(error), ...(hint === undefined ? {} : { hint }) };
}

function complain(problem: DesktopProblem | null): void {
  if (!problem) return;
  const box = {
    type: 'error' as const,
    message: problem.message,
    ...(problem.hint === undefined ? {} : { detail: problem.hint }),
    buttons: ['OK'],
  };
  void (window ? dialog.showMessageBox(window, box) : dialog.showMessageBox(box));
}

async function about(): Promise<void> {
  const [message, ...lines] = await aboutLines(opened);
  const box = { message: message!, detail: lines.join('\n'), buttons: ['OK'] };
  await (window ? dialog.showMessageBox(window, box) : dialog.showMessageBox(box));
}

function refreshMenu(): void {
  setMenu(() => window, {
    useLocal: () => void useThisMachine(),
    chooseWorkspace: () => void chooseWorkspace(),
    openRecent: (path) => void openRecent(path),
    recentWorkspaces: readSettings().recentWorkspaces,
    about: () => void about(),
  });
}
