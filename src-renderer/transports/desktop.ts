import type { ClientMessage, ServerMessage, Transport } from '../../src-shared/rpc.ts';

/** What the preload script puts on `window`, and nothing else of Electron or Node. */
export interface DesktopBridge {
  send(message: ClientMessage): void;
  onMessage(listener: (message: ServerMessage) => void): void;
  onClose(listener: (reason: string) => void): void;
  /** Native dialogs and menu; absent in the served app. */
  chooseFolder(): Promise<string | null>;
  /** Absolute path of a dropped file or folder. */
  pathOf(file: File): string;
  saveFile(filename: string, bytes: Uint8Array): Promise<string | null>;
  /** A menu item was chosen: its command's name. */
  onCommand(listener: (command: string) => void): void;
  readonly platform: string;
}

declare global {
  interface Window {
    basin?: DesktopBridge;
  }
}

export function desktopTransport(bridge: DesktopBridge): Transport {
  return {
    send: (message) => bridge.send(message),
    onMessage: (listener) => bridge.onMessage(listener),
    onClose: (listener) => bridge.onClose(listener),
    close: () => undefined,
  };
}
