/** Random access to the bytes of one file, on disk or in memory, without reading more than is asked for. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { UserError, messageOf } from '../../src-shared/errors.ts';

/** readSync takes a 32-bit length; larger ranges are read in pieces of this size. */
const largestRead = 1 << 30;

export interface ByteSource {
  /** What error messages call it: the path, or a name given by the caller. */
  readonly name: string;
  /** Length in bytes when it was opened. */
  readonly size: number;
  /**
   * The bytes [offset, offset + length), in a buffer of their own (byteOffset 0).
   * @throws UserError if the range leaves the file.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

/**
 * Opens a regular file for reading.
 * @throws UserError if it does not exist, cannot be read, or is a directory, pipe or device.
 */
export function openSource(path: string): ByteSource {
  const descriptor = openRegularFile(path);
  const size = fstatSync(descriptor).size;
  let open = true;
  return {
    name: path,
    size,
    read(offset, length) {
      if (!open) throw new Error(`${path} was closed before a tensor of it was read`);
      checkRange(path, size, offset, length);
      const bytes = newBytes(length);
      let done = 0;
      while (done < length) {
        const count = readSync(descriptor, bytes, done, Math.min(length - done, largestRead), offset + done);
        if (count === 0)
          throw new UserError(
            `${path}: the file was truncated while it was read (at offset ${offset + done}).`,
          );
        done += count;
      }
      return bytes;
    },
    close() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** The same for bytes that are in memory already. `name` stands for the path in messages. */
export function memorySource(bytes: Uint8Array, name = 'bytes in memory'): ByteSource {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      const copy = newBytes(length);
      copy.set(bytes.subarray(offset, offset + length));
      return copy;
    },
    close() {
      // Nothing to give back.
    },
  };
}

/**
 * A whole file, if it is no larger than `limit` bytes.
 * @throws UserError as openSource, or if it is larger.
 */
export function readWholeFile(path: string, limit: number): Uint8Array<ArrayBuffer> {
  const source = openSource(path);
  try {
    if (source.size > limit) {
      throw new UserError(
        `${path} has ${source.size} bytes; at most ${limit} were expected for this kind of file.`,
      );
    }
    return source.read(0, source.size);
  } finally {
    source.close();
  }
}

/** A UserError for a failed file operation, in words instead of errno names. */
export function fileError(path: string, action: string, thrown: unknown): UserError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const reasons: Record<string, string> = {
    ENOENT: 'it does not exist',
    ENOTDIR: 'a part of the path is a file, not a folder',
    EISDIR: 'it is a folder; a file was expected',
    EACCES: 'permission is denied',
    EPERM: 'permission is denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EMFILE: 'too many files are open',
    ENAMETOOLONG: 'the name is too long',
    ELOOP: 'its symbolic links form a loop',
  };
  return new UserError(`cannot ${action} ${path}: ${reasons[code] ?? messageOf(thrown)}.`, { cause: thrown });
}

/** Hex SHA-256 of all its bytes. */
export function sha256OfSource(source: ByteSource): string {
  const hash = createHash('sha256');
  const chunk = 4 * 2 ** 20;
  for (let at = 0; at < source.size; at += chunk)
    hash.update(source.read(at, Math.min(chunk, source.size - at)));
  return hash.digest('hex');
}

function openRegularFile(path: string): number {
  let descriptor: number;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (thrown) {
    throw fileError(path, 'open', thrown);
  }
  const stats = fstatSync(descriptor);
  if (stats.isFile()) return descriptor;
  closeSync(descriptor);
  throw new UserError(
    `cannot open ${path}: it is a ${stats.isDirectory() ? 'folder' : 'pipe or device'}; a file was expected.`,
  );
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new UserError(
    `${name}: the file is cut short or damaged: ${length} bytes were expected at offset ${offset}, but it has ${size} bytes.`,
  );
}

/** Not zero-filled: every byte is written before anyone sees it. Never a slice of a shared pool. */
function newBytes(length: number): Uint8Array<ArrayBuffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, length);
}
