/** The desktop door: one window on one engine. */
import { app, dialog, type BrowserWindow } from 'electron';
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { openLocalEngine, type OpenedEngine } from './engine.ts';
import { guardEverything } from './guard.ts';
import { remoteLink } from './link.ts';
import { setMenu } from './menu.ts';
import { declareScheme, servePages } from './pages.ts';
import { root } from './places.ts';
import { askForAddress } from './prompt.ts';
import { readSettings, rememberWorkspace } from './settings.ts';
import { answerDialogs, attach, openWindow } from './window.ts';

let window: BrowserWindow | undefined;
let opened: OpenedEngine | undefined;
let detach: (() => void) | undefined;
let quitting = false;

/** `--workspace DIR`, else the environment's, else the last one. */
function wantedWorkspace(argv: readonly string[]): string | undefined {
  const at = argv.indexOf('--workspace');
  const named = at === -1 ? undefined : argv[at + 1];
  return named ?? process.env.BASIN_WORKSPACE ?? readSettings().recentWorkspaces[0];
}

/** Folders given on the command line (or by the file manager) are imported. */
function wantedImports(argv: readonly string[]): string[] {
  const named = argv.indexOf('--workspace');
  return argv
    .slice(1)
    .filter((word, i) => !word.startsWith('-') && (named === -1 || i !== named))
    .map((word) => resolve(word))
    .filter((path) => path !== root && existsSync(path) && statSync(path).isDirectory());
}

function importAll(paths: readonly string[]): void {
  for (const path of paths) {
    opened?.link.send({
      type: 'call',
      id: 0,
      name: 'jobs.submit',
      args: { kind: 'import', params: { paths: [path] } },
    });
  }
}

function show(engine: OpenedEngine): void {
  detach?.();
  opened = engine;
  window?.destroy();
  window = openWindow();
  detach = attach(window, engine.link);
  window.setTitle(`Basin · ${engine.workspace || engine.link.where}`);
  window.on('page-title-updated', (event) => event.preventDefault());
  window.on('close', (event) => void beforeClose(event));
  if (engine.workspace) rememberWorkspace(engine.workspace);
  refreshMenu();
}

/** Jobs under way end with the engine: the person decides. Training goes on from its last checkpoint next time. */
async function beforeClose(event: Electron.Event): Promise<void> {
  if (quitting || !opened || !window) return;
  event.preventDefault();
  const running = await opened.runningJobs().catch(() => 0);
  if (running > 0) {
    const { response } = await dialog.showMessageBox(window, {
      type: 'question',
      message: running === 1 ? 'A job is still running' : `${running} jobs are still running`,
      detail: 'Training can be resumed from its last checkpoint; other analyses start again.',
      buttons: ['Keep running', 'Stop and close'],
      defaultId: 0,
      cancelId: 0,
    });
    if (response === 0) return;
  }
  await quit();
}

async function quit(): Promise<void> {
  quitting = true;
  await opened?.link.close().catch(() => undefined);
  app.quit();
}

async function switchTo(open: () => Promise<OpenedEngine>): Promise<void> {
  const before = opened;
  try {
    if (before) await before.link.close();
    show(await open());
  } catch (error) {
    await complain(error);
    if (before?.workspace) show(await openLocalEngine(root, before.workspace));
  }
}

async function complain(error: unknown): Promise<void> {
  const hint = error instanceof UserError ? error.hint : undefined;
  process.stderr.write(`basin: ${messageOf(error)}${hint === undefined ? '' : `\n  ${hint}`}\n`);
  await dialog.showMessageBox({
    type: 'error',
    message: messageOf(error),
    ...(hint === undefined ? {} : { detail: hint }),
    buttons: ['OK'],
  });
}

async function chooseWorkspace(path?: string): Promise<void> {
  const chosen =
    path ?? (await dialog.showOpenDialog({ properties: ['openDirectory', 'createDirectory'] })).filePaths[0];
  if (chosen) await switchTo(() => openLocalEngine(root, chosen));
}

async function connectTo(): Promise<void> {
  const address = await askForAddress(window);
  if (!address) return;
  await switchTo(async () => ({
    link: await remoteLink(address),
    workspace: '',
    runningJobs: () => Promise.resolve(0),
  }));
}

function about(): void {
  void dialog.showMessageBox({
    message: `Basin ${app.getVersion()}`,
    detail: [
      'A workbench for linear mode connectivity.',
      `Electron ${process.versions.electron ?? '?'}, Chromium ${process.versions.chrome ?? '?'}, Node ${process.versions.node}`,
      `Engine: ${opened?.link.where ?? 'none'}${opened?.workspace ? `, ${opened.workspace}` : ''}`,
      'The back end in use is shown at the bottom of the window.',
    ].join('\n'),
    buttons: ['OK'],
  });
}

function refreshMenu(): void {
  setMenu(() => window, {
    connect: () => void connectTo(),
    useLocal: () => void switchTo(() => openLocalEngine(root, readSettings().recentWorkspaces[0])),
    openWorkspace: (path) => void chooseWorkspace(path),
    recentWorkspaces: readSettings().recentWorkspaces,
    about,
  });
}

async function start(): Promise<void> {
  guardEverything();
  servePages();
  answerDialogs(() => window);
  try {
    show(await openLocalEngine(root, wantedWorkspace(process.argv)));
    importAll(wantedImports(process.argv));
  } catch (error) {
    await complain(error);
    app.exit(1);
  }
}

if (app.requestSingleInstanceLock()) {
  declareScheme();
  app.on('second-instance', (_event, argv) => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
    importAll(wantedImports(argv));
  });
  app.on('window-all-closed', () => {
    if (quitting) app.quit();
  });
  app.whenReady().then(start, (error: unknown) => {
    process.stderr.write(`basin: ${messageOf(error)}\n`);
    app.exit(1);
  });
} else {
  app.quit();
}
