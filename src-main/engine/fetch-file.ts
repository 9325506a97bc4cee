/** One file from one URL, resumable and checked. */
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledError, messageOf, UserError } from '../../src-shared/errors.ts';
import { hashFile } from './inputs.ts';

export interface WantedFile {
  name: string;
  bytes: number;
  sha256: string;
}

export interface FetchRequest {
  url: string;
  folder: string;
  file: WantedFile;
  signal: AbortSignal;
  /** Bytes of the file that are on the disk now. */
  onBytes: (bytes: number) => void;
  stallAfter: number;
}

/** A connection that breaks is taken up again this often, as long as each time brings something. */
const attempts = 4;

export function partOf(folder: string, file: WantedFile): string {
  return join(folder, `.${file.name}.part`);
}

export async function isComplete(folder: string, file: WantedFile): Promise<boolean> {
  const path = join(folder, file.name);
  const found = await stat(path).catch(() => undefined);
  return found?.size === file.bytes && (await hashFile(path)) === file.sha256;
}

/**
 * Fetches into a part file, goes on where one broke off, checks size and SHA-256, then renames. Throws UserError that
 * names the URL and what was wrong with its response; what was received well stays for the next mirror.
 */
export async function fetchFile(request: FetchRequest): Promise<void> {
  const { url, folder, file, signal } = request;
  const part = partOf(folder, file);
  let trouble = '';
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = await sizeOf(part);
    if (before < file.bytes) trouble = await receive(request, part, before);
    if (signal.aborted) throw new CancelledError();
    const now = await sizeOf(part);
    if (now >= file.bytes) break;
    if (now <= before) throw new UserError(`${url}: ${trouble}.`);
  }
  const size = await sizeOf(part);
  if (size < file.bytes) throw new UserError(`${url}: ${trouble}.`);
  const sha256 = await hashFile(part);
  if (sha256 !== file.sha256) {
    // Nothing tells which of its bytes are wrong.
    await rm(part, { force: true });
    throw new UserError(
      `${url}: wrong content: its SHA-256 is ${sha256.slice(0, 12)}..., expected ${file.sha256.slice(0, 12)}...; the file was deleted.`,
    );
  }
  await rename(part, join(folder, file.name));
  await syncFolder(folder);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

/** Appends what the server sends. Returns what went wrong, '' when the response came to its end. */
async function receive(request: FetchRequest, part: string, from: number): Promise<string> {
  const { url, file, signal, stallAfter } = request;
  const stalled = new AbortController();
  const either = AbortSignal.any([signal, stalled.signal]);
  let timer = setTimeout(() => stalled.abort(), stallAfter);
  try {
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    // The hash is that of the file as stored: nothing on the way may unpack it.
    const response = await fetch(url, {
      signal: either,
      headers: { ...headers, 'accept-encoding': 'identity' },
    });
    const start = startOf(response, from);
    if (typeof start === 'string') return start;
    if (!response.body) return 'the response is empty';
    const handle = await open(part, start === 0 ? 'w' : 'a');
    try {
      let size = start;
      for await (const chunk of response.body) {
        clearTimeout(timer);
        timer = setTimeout(() => stalled.abort(), stallAfter);
        size += chunk.length;
        if (size > file.bytes) return await tooLong(handle, file);
        await handle.writeFile(chunk);
        request.onBytes(size);
      }
      await handle.sync();
      return size < file.bytes ? `it ended after ${size} of ${file.bytes} bytes` : '';
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isDiskError(error)) throw error;
    if (stalled.signal.aborted) return `no data arrived for ${Math.round(stallAfter / 1000)} s`;
    return `the connection broke: ${causeOf(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Where the server's bytes begin in the file, or why its response cannot be used. */
function startOf(response: Response, from: number): number | string {
  if (response.status === 200) return 0;
  if (response.status === 206) {
    const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    return Number(start) === from ? from : `the server sent other bytes than those requested, from ${from}`;
  }
  return `the server responded ${response.status} ${response.statusText}`.trim();
}

/** More bytes than the file has: another file, from its first byte on. */
async function tooLong(handle: FileHandle, file: WantedFile): Promise<string> {
  await handle.truncate(0);
  return `the server sent more than the file's ${file.bytes} bytes`;
}

function isDiskError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO'].includes(String(error.code))
  );
}

function causeOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
