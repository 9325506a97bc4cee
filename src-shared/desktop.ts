import type { ClientMessage, ServerMessage } from './rpc.ts';

/** What the desktop's preload script puts on `window.basin`, and nothing else of Electron or Node. */
export interface DesktopBridge {
  send(message: ClientMessage): void;
  onMessage(listener: (message: ServerMessage) => void): void;
  onClose(listener: (reason: string) => void): void;
  /** Null when the person cancelled. */
  chooseFolder(): Promise<string | null>;
  /** Absolute path of a dropped file or folder (a DOM `File`). */
  pathOf(file: object): string;
  /** Asks where and writes; the path, or null when the person cancelled. */
  saveFile(filename: string, bytes: Uint8Array): Promise<string | null>;
  /** A menu item was chosen: its command's name, as in the renderer's command list. */
  onCommand(listener: (command: string) => void): void;
  readonly platform: string;
}
