/** Folders, where a missing one is no error. */
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs';

/** Names in a folder; none where it cannot be read. */
export function readdirOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
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
