/** The app's one window: where it was, what it shows, who may talk to it. */
import {
  BrowserWindow,
  app,
  dialog,
  ipcMain,
  nativeTheme,
  screen,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
} from 'electron';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFile } from 'node:fs/promises';
import type { DesktopBridge } from '../../src-shared/desktop.ts';
import { channels } from './channels.ts';
import { appOrigin, isFromOurPage } from './guard.ts';
import { writeSettingsFile } from './settings-file.ts';
import type { EngineLink } from './engine-link.ts';
import { bundles } from './places.ts';

const boundsSchema = z.object({
  x: z.int().optional(),
  y: z.int().optional(),
  width: z.int().min(640),
  height: z.int().min(480),
  maximized: z.boolean().default(false),
});
type Bounds = z.infer<typeof boundsSchema>;

const boundsFile = () => join(app.getPath('userData'), 'window.json');

function savedBounds(): Bounds {
  const fallback: Bounds = { width: 1360, height: 860, maximized: false };
  try {
    const bounds = boundsSchema.parse(JSON.parse(readFileSync(boundsFile(), 'utf8')));
    return isReachable(bounds) ? bounds : fallback;
  } catch {
    return fallback;
  }
}

/** A window on a screen that was unplugged could not be taken hold of: its top edge must lie on one that is there. */
function isReachable({ x, y, width }: Bounds): boolean {
  if (x === undefined || y === undefined) return true;
  const grip = 80;
  return screen
    .getAllDisplays()
    .some(
      ({ bounds: d }) =>
        x + width >= d.x + grip && x <= d.x + d.width - grip && y >= d.y - 10 && y <= d.y + d.height - grip,
    );
}

export function rememberPlace(window: BrowserWindow): void {
  writeSettingsFile(boundsFile(), {
    ...window.getNormalBounds(),
    maximized: window.isMaximized(),
  } satisfies Bounds);
}

/** `engine`: where it runs, for the status bar. */
export function openWindow(engine: string): BrowserWindow {
  const { maximized, x, y, ...size } = savedBounds();
  const window = new BrowserWindow({
    ...size,
    ...(x === undefined || y === undefined ? {} : { x, y }),
    minWidth: 860,
    minHeight: 560,
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#17181a' : '#fbfbfa',
    webPreferences: {
      preload: join(bundles, 'preload', 'index.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  if (maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => rememberPlace(window));
  void window.loadURL(`${appOrigin}/index.html?engine=${encodeURIComponent(engine)}`);
  return window;
}

/** Connects the window with the engine, until either ends. The returned function disconnects. */
export function attach(window: BrowserWindow, link: EngineLink): () => void {
  let attached = true;
  let ended: string | undefined;
  const toPage = (channel: string, value: unknown) => {
    if (attached && !window.isDestroyed()) window.webContents.send(channel, value);
  };
  const onCall = (event: IpcMainEvent, message: unknown) => {
    if (event.sender !== window.webContents || !isFromOurPage(event)) return;
    // A page that came later asks an engine that is gone: it must not wait for a response.
    if (ended === undefined) link.send(message);
    else toPage(channels.closed, ended);
  };
  ipcMain.on(channels.call, onCall);
  link.onMessage((message) => toPage(channels.message, message));
  link.onClose((reason) => {
    ended = reason;
    toPage(channels.closed, reason);
  });
  return () => {
    attached = false;
    ipcMain.removeListener(channels.call, onCall);
  };
}

/** Runs a command of the page, as a menu item does. */
export function tellPage(window: BrowserWindow | undefined, command: string): void {
  window?.webContents.send(channels.command, command);
}

type Responses = Pick<DesktopBridge, 'connect' | 'reopen' | 'takePaths'>;

/** What the page may ask for besides dialogs. */
export function respondToPage(window: () => BrowserWindow | undefined, responses: Responses): void {
  const isOurs = (event: IpcMainInvokeEvent) =>
    event.sender === window()?.webContents && isFromOurPage(event);
  ipcMain.handle(channels.connect, (event, address: unknown) =>
    isOurs(event) ? responses.connect(z.string().max(2000).parse(address)) : null,
  );
  ipcMain.handle(channels.reopen, (event) => (isOurs(event) ? responses.reopen() : null));
  ipcMain.handle(channels.takePaths, (event) => (isOurs(event) ? responses.takePaths() : []));
}

/** Native dialogs that the page may ask for. A file is written only where the person just chose. */
export function respondToDialogs(window: () => BrowserWindow | undefined): void {
  ipcMain.handle(channels.chooseFolder, async (event) => {
    const parent = window();
    if (!parent || !isFromOurPage(event)) return null;
    const choice = await dialog.showOpenDialog(parent, {
      properties: ['openDirectory'],
      title: 'Import runs from a folder',
    });
    return choice.filePaths[0] ?? null;
  });
  ipcMain.handle(channels.saveFile, async (event, filename: unknown, bytes: unknown) => {
    const parent = window();
    if (!parent || !isFromOurPage(event)) return null;
    const name = z.string().max(255).parse(filename).replace(/[/\\]/g, '_');
    const data = z.instanceof(Uint8Array).parse(bytes);
    const choice = await dialog.showSaveDialog(parent, { defaultPath: name });
    if (choice.canceled || !choice.filePath) return null;
    await writeFile(choice.filePath, data);
    return choice.filePath;
  });
}
