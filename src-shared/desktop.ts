import type { ClientMessage, ServerMessage } from './rpc.ts';

/** Why something could not be done, and what to do about it. */
export interface DesktopProblem {
  message: string;
  hint?: string | undefined;
}

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
  /** Shows the engine at the address that `basin serve` printed. Null when that worked: the window is then made anew. */
  connect(address: string): Promise<DesktopProblem | null>;
  /** The same engine again after it was lost; null as with `connect`. */
  reopen(): Promise<DesktopProblem | null>;
  /** Folders and files to import that were named outside of the window; each is given once. Told by `take-paths`. */
  takePaths(): Promise<string[]>;
  readonly platform: string;
}
