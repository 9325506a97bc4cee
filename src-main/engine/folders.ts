/** Folders and files, of which a missing one is no error. */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync } from 'node:fs';

/** Names in a folder; none where it cannot be read. */
export function readdirOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What a file says; nothing if it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A name that appeared in the folder survives a power cut after this. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
