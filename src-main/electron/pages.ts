/** The renderer's build under `basin://app/`: a real origin with a strict policy, unlike file://. */
import { net, protocol } from 'electron';
import { join, normalize, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contentType } from '../server/content-types.ts';
import { contentSecurityPolicy } from '../server/csp.ts';
import { bundles } from './places.ts';

/** Before the app is ready, once. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'basin', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

const folder = join(bundles, 'renderer');

/** The file that an address means; undefined for anything outside the build. */
function fileOf(url: string): { path: string; headers: Record<string, string> } | undefined {
  let name: string;
  try {
    name = decodeURIComponent(new URL(url).pathname);
  } catch {
    return undefined;
  }
  const path = normalize(join(folder, name === '/' ? 'index.html' : name));
  const type = contentType(path);
  if (!path.startsWith(folder + sep) || type === undefined) return undefined;
  return {
    path,
    headers: {
      'Content-Type': type,
      'Content-Security-Policy': contentSecurityPolicy,
      'X-Content-Type-Options': 'nosniff',
    },
  };
}

/** After the app is ready. */
export function servePages(): void {
  if (typeof protocol.handle === 'function') {
    protocol.handle('basin', async (request) => {
      const file = fileOf(request.url);
      if (!file) return new Response('Not found', { status: 404 });
      const { body, status } = await net.fetch(pathToFileURL(file.path).href);
      return new Response(body, { status, headers: file.headers });
    });
    return;
  }
  // Electron before 25 has no protocol.handle; the smoke test runs on an old one.
  protocol.registerFileProtocol('basin', (request, respond) => respond(fileOf(request.url) ?? { error: -6 }));
}
