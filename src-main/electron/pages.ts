/** The renderer's build under `basin://app/`: a real origin with a strict policy, unlike file://. */
import { app, net, protocol, session } from 'electron';
import { join, normalize, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contentSecurityPolicy } from '../server/csp.ts';

/** Before the app is ready, once. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'basin', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** After the app is ready. */
export function servePages(): void {
  const folder = join(app.getAppPath(), 'out', 'renderer');
  const fileOf = (url: string): string | null => {
    const path = decodeURIComponent(new URL(url).pathname);
    const file = normalize(join(folder, path === '/' ? 'index.html' : path));
    return file.startsWith(folder + sep) ? file : null;
  };
  // Electron before 25 has no protocol.handle; the smoke test runs on an old one.
  if (typeof protocol.handle === 'function') {
    protocol.handle('basin', (request) => {
      const file = fileOf(request.url);
      return file === null ? new Response('Not found', { status: 404 }) : net.fetch(pathToFileURL(file).href);
    });
  } else {
    protocol.registerFileProtocol('basin', (request, answer) => answer(fileOf(request.url) ?? { error: -6 }));
  }
  session.defaultSession.webRequest.onHeadersReceived((details, answer) => {
    answer({
      responseHeaders: { ...details.responseHeaders, 'Content-Security-Policy': [contentSecurityPolicy] },
    });
  });
}
