/**
 * What a window may never do, whatever its content: leave the app, open windows, embed others, ask for devices. One
 * short file that nothing goes around. Follows the checklist of Electron's security documentation.
 */
import { app, session, shell, type WebContents } from 'electron';

export const appOrigin = 'basin://app';

interface Sent {
  sender: { getURL(): string };
  /** Undefined before Electron 12, null when the frame is gone already. */
  senderFrame?: { url: string; parent?: unknown } | null;
}

/** Messages are taken only from the main frame of our own page. */
export function isFromOurPage({ sender, senderFrame }: Sent): boolean {
  const frame = senderFrame === undefined ? { url: sender.getURL() } : senderFrame;
  return frame !== null && !('parent' in frame && frame.parent) && frame.url.startsWith(`${appOrigin}/`);
}

export function guardEverything(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, allow) => allow(false));
  session.defaultSession.setPermissionCheckHandler?.(() => false);
  app.on('web-contents-created', (_event, contents) => guard(contents));
}

function guard(contents: WebContents): void {
  contents.on('will-navigate', (event, url) => {
    if (!url.startsWith(`${appOrigin}/`)) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => event.preventDefault());
  // Before Electron 12 there was only the event.
  (contents as NodeJS.EventEmitter).on('new-window', (event: { preventDefault(): void }) => {
    event.preventDefault();
  });
  // Documentation links open in the person's browser; everything else opens nothing.
  contents.setWindowOpenHandler?.(({ url }) => {
    if (/^https:\/\//.test(url)) void shell.openExternal(url);
    return { action: 'deny' };
  });
}
