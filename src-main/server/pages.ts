/** The renderer's build over HTTP: the files of one folder, nothing else of the disk. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { join, normalize, sep } from 'node:path';
import { contentType } from './content-types.ts';
import { contentSecurityPolicy } from './csp.ts';

export function securityHeaders(): Record<string, string> {
  return {
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  };
}

/** Responds with the file that `path` (from the URL, decoded) names inside `folder`; 404 for anything else. */
export async function sendPage(response: ServerResponse, folder: string, path: string): Promise<void> {
  const file = normalize(join(folder, path === '/' ? 'index.html' : path));
  const type = contentType(file);
  const found =
    file.startsWith(folder + sep) && type !== undefined && (await stat(file).catch(() => null))?.isFile();
  if (!found) {
    response
      .writeHead(404, { ...securityHeaders(), 'Content-Type': 'text/plain; charset=utf-8' })
      .end('Not found\n');
    return;
  }
  response.writeHead(200, { ...securityHeaders(), 'Content-Type': type });
  // A reader that goes away, or a page that a new build replaces, ends this response and nothing else.
  await pipeline(createReadStream(file), response).catch(() => response.destroy());
}
