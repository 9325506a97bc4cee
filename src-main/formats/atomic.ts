/**
 * Files that appear under their final name only when complete.
 *
 * Guarantee: bytes go to a hidden temporary file in the same folder; the file is fsynced, renamed over the target, and
 * the folder is fsynced. After a crash at any moment the target holds either all of the old bytes or all of the new
 * ones (or still does not exist); at worst a file named `.NAME.PID-N.tmp` is left beside it. A failed write removes its
 * temporary file. Two writers of one target do not mix: the last rename wins.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileError } from './source.ts';

let counter = 0;

/** A file being written piece by piece; nothing is seen under its name before `commit`. */
export class AtomicFile {
  readonly path: string;
  private readonly temporary: string;
  private descriptor: number | undefined;
  private length = 0;

  /** @throws UserError if the folder does not exist or cannot be written. */
  constructor(path: string) {
    this.path = resolve(path);
    this.temporary = join(dirname(this.path), `.${basename(this.path)}.${process.pid}-${++counter}.tmp`);
    this.descriptor = this.attempt(() => openSync(this.temporary, 'wx'));
  }

  /** Bytes written so far. */
  get size(): number {
    return this.length;
  }

  /** Appends. @throws UserError if the disk is full or the like; the temporary file is then gone. */
  write(bytes: Uint8Array): void {
    const descriptor = this.openDescriptor();
    this.attempt(() => {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30));
      }
    });
    this.length += bytes.length;
  }

  /** Makes the file appear under its name. @throws UserError; the old file is then untouched. */
  commit(): void {
    const descriptor = this.openDescriptor();
    this.attempt(() => {
      fsyncSync(descriptor);
      closeSync(descriptor);
      this.descriptor = undefined;
      renameSync(this.temporary, this.path);
    });
    syncFolder(dirname(this.path));
  }

  /** Gives up and removes the temporary file. Harmless after commit or a second time. */
  abort(): void {
    if (this.descriptor === undefined) return;
    closeSync(this.descriptor);
    this.descriptor = undefined;
    removeQuietly(this.temporary);
  }

  private openDescriptor(): number {
    if (this.descriptor === undefined) throw new Error(`${this.path} was committed or given up already`);
    return this.descriptor;
  }

  private attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (thrown) {
      if (this.descriptor !== undefined) this.abort();
      else removeQuietly(this.temporary);
      throw fileError(this.path, 'write', thrown);
    }
  }
}

/** Writes a file in one go, with the guarantee above. */
export function writeFileAtomic(path: string, content: Uint8Array | string): void {
  writeAtomically(path, (file) => file.write(typeof content === 'string' ? Buffer.from(content) : content));
}

/** Runs `produce`, then commits; whatever it throws is passed on, and nothing is left behind. */
export function writeAtomically(path: string, produce: (file: AtomicFile) => void): void {
  const file = new AtomicFile(path);
  try {
    produce(file);
    file.commit();
  } finally {
    file.abort();
  }
}

/** After a failure: what is to be reported is why the write failed, not that the clean-up did too. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder itself is gone or was none.
  }
}

/** Makes the rename itself durable. Windows cannot fsync a folder, and needs not. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } catch {
    // Some network file systems refuse to fsync a folder; the file itself is already safe.
  } finally {
    closeSync(descriptor);
  }
}
