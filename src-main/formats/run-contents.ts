/** What tells one run from another: the bytes of its checkpoints, not only its config, file names and sizes. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

interface NamedFile {
  file: string;
  bytes: number;
  sample?: string | undefined;
}

/** Same config, same names and sizes: cheap, and shared by every run of a sweep. */
export function fingerprintOf(configHash: string, checkpoints: readonly NamedFile[]): string {
  const lines = checkpoints.map(({ file, bytes }) => `${file} ${bytes}`).sort();
  return createHash('sha256')
    .update([configHash, ...lines].join('\n'))
    .digest('hex');
}

/** One hash over the samples of all checkpoints; null if there are none or one of them has no sample. */
export function contentsOf(checkpoints: readonly NamedFile[]): string | null {
  if (checkpoints.length === 0 || checkpoints.some(({ sample }) => sample === undefined)) return null;
  const lines = checkpoints.map(({ file, bytes, sample }) => `${file} ${bytes} ${sample}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

const headBytes = 4096;
/** A .pt file ends with the directory of its zip archive, which holds a checksum of every tensor. */
const tailBytes = 32 * 1024;
const blockBytes = 4096;
const blocks = 10;
const wholeUpTo = headBytes + tailBytes + blocks * blockBytes;

/**
 * A hash of a file's size, head, tail and ten blocks between them (76 KiB in all), or of the whole file if it is no
 * larger than that. Two files with different samples differ; two with the same sample are confirmed by SHA-256 before
 * anybody is told that they are equal. Throws as `fs` does.
 */
export function sampleHash(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const hash = createHash('sha256').update(`${size}\n`);
    for (const [offset, length] of sampledRanges(size)) hash.update(read(descriptor, offset, length));
    return `s1:${hash.digest('hex').slice(0, 40)}`;
  } finally {
    closeSync(descriptor);
  }
}

function sampledRanges(size: number): [offset: number, length: number][] {
  if (size <= wholeUpTo) return [[0, size]];
  const step = (size - headBytes - tailBytes - blockBytes) / (blocks - 1);
  const between = Array.from({ length: blocks }, (_, i): [number, number] => [
    headBytes + Math.floor(i * step),
    blockBytes,
  ]);
  return [[0, headBytes], ...between, [size - tailBytes, tailBytes]];
}

/** Fewer bytes if the file became shorter meanwhile. */
function read(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
