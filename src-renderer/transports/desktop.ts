import type { DesktopBridge } from '../../src-shared/desktop.ts';
import type { Transport } from '../../src-shared/rpc.ts';

declare global {
  interface Window {
    /** There in the desktop app only. */
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
