/** The app's one window: where it was, what it shows, who may talk to it. */
import {
  BrowserWindow,
  app,
  dialog,
  ipcMain,
  screen,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
} from 'electron';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFile } from 'node:fs/promises';
import { channels } from './channels.ts';
import { appOrigin, isFromOurPage } from './guard.ts';
import type { EngineLink } from './link.ts';
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
    // A window on a screen that was unplugged could not be reached.
    const visible = screen
      .getAllDisplays()
      .some(
        ({ bounds: d }) =>
          (bounds.x ?? 0) < d.x + d.width && (bounds.y ?? 0) < d.y + d.height && (bounds.x ?? 0) >= d.x - 40,
      );
    return visible ? bounds : fallback;
  } catch {
    return fallback;
  }
}

export function openWindow(): BrowserWindow {
  const { maximized, x, y, ...size } = savedBounds();
  const window = new BrowserWindow({
    ...size,
    ...(x === undefined || y === undefined ? {} : { x, y }),
    minWidth: 860,
    minHeight: 560,
    show: false,
    backgroundColor: '#fbfbfa',
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
  window.on('close', () => {
    const state: Bounds = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    writeFileSync(boundsFile(), JSON.stringify(state));
  });
  void window.loadURL(`${appOrigin}/index.html`);
  return window;
}

/** Connects the window with the engine, until either ends. The returned function disconnects. */
export function attach(window: BrowserWindow, link: EngineLink): () => void {
  const fromUs = (event: IpcMainEvent | IpcMainInvokeEvent) =>
    event.sender === window.webContents && isFromOurPage(event);
  const onCall = (event: IpcMainEvent, message: unknown) => {
    if (fromUs(event)) link.send(message);
  };
  const toPage = (channel: string, value: unknown) => {
    if (!window.isDestroyed()) window.webContents.send(channel, value);
  };
  ipcMain.on(channels.call, onCall);
  link.onMessage((message) => toPage(channels.message, message));
  link.onClose((reason) => toPage(channels.closed, reason));
  return () => ipcMain.removeListener(channels.call, onCall);
}

/** Native dialogs that the page may ask for. A file is written only where the person just chose. */
export function answerDialogs(window: () => BrowserWindow | undefined): void {
  ipcMain.handle(channels.chooseFolder, async (event) => {
    const parent = window();
    if (!parent || !isFromOurPage(event)) return null;
    const answer = await dialog.showOpenDialog(parent, {
      properties: ['openDirectory'],
      title: 'Import runs from a folder',
    });
    return answer.filePaths[0] ?? null;
  });
  ipcMain.handle(channels.saveFile, async (event, filename: unknown, bytes: unknown) => {
    const parent = window();
    if (!parent || !isFromOurPage(event)) return null;
    const name = z.string().max(255).parse(filename).replace(/[/\\]/g, '_');
    const data = z.instanceof(Uint8Array).parse(bytes);
    const answer = await dialog.showSaveDialog(parent, { defaultPath: name });
    if (answer.canceled || !answer.filePath) return null;
    await writeFile(answer.filePath, data);
    return answer.filePath;
  });
}
