/** The only thing that the page sees of the desktop: a handful of functions. No Node, no Electron, no channel names. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { DesktopBridge, DesktopProblem } from '../../src-shared/desktop.ts';
import { channels } from './channels.ts';

const bridge: DesktopBridge = {
  send: (message) => ipcRenderer.send(channels.call, message),
  onMessage: (listener) => void ipcRenderer.on(channels.message, (_event, message) => listener(message)),
  onClose: (listener) => void ipcRenderer.on(channels.closed, (_event, reason) => listener(String(reason))),
  chooseFolder: () => ipcRenderer.invoke(channels.chooseFolder) as Promise<string | null>,
  // Before Electron 32 the path was a property of the file itself.
  pathOf: (file) =>
    webUtils
      ? webUtils.getPathForFile(file as Parameters<typeof webUtils.getPathForFile>[0])
      : ((file as { path?: string }).path ?? ''),
  saveFile: (filename, bytes) =>
    ipcRenderer.invoke(channels.saveFile, filename, bytes) as Promise<string | null>,
  onCommand: (listener) =>
    void ipcRenderer.on(channels.command, (_event, command) => listener(String(command))),
  connect: (address) => ipcRenderer.invoke(channels.connect, address) as Promise<DesktopProblem | null>,
  reopen: () => ipcRenderer.invoke(channels.reopen) as Promise<DesktopProblem | null>,
  takePaths: () => ipcRenderer.invoke(channels.takePaths) as Promise<string[]>,
  platform: process.platform,
};

contextBridge.exposeInMainWorld('basin', bridge);
