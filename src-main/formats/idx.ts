/** IDX files, plain or gzipped: the format of MNIST's images and labels (big-endian dimensions, then unsigned bytes). */
import { constants, gunzipSync } from 'node:zlib';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { notIdx } from './not-idx.ts';
import { memorySource, openSource } from './source.ts';
import type { ByteSource } from './source.ts';
import { sizeOf } from '../../src-shared/shapes.ts';

export interface IdxArray {
  shape: number[];
  /** C order, values 0 to 255. */
  data: Uint8Array<ArrayBuffer>;
}

/** EMNIST's largest file inflates to 547 MB. */
const largestData = 2 ** 30;
const unsignedByte = 0x08;

/**
 * Reads an IDX file of unsigned bytes, with any number of dimensions.
 * @throws UserError if it is not one, is cut short, or has bytes left over.
 */
export function readIdx(path: string): IdxArray {
  const source = openSource(path);
  try {
    return readFrom(source);
  } finally {
    source.close();
  }
}

/** Images [count, rows, columns]. @throws UserError as readIdx, or for another number of dimensions. */
export function readIdxImages(path: string): {
  count: number;
  rows: number;
  columns: number;
  pixels: Uint8Array<ArrayBuffer>;
} {
  const { shape, data } = readIdx(path);
  const [count, rows, columns] = shape;
  if (shape.length !== 3) throw wrongRank(path, shape, '3 (images, rows, columns)');
  return { count: count!, rows: rows!, columns: columns!, pixels: data };
}

/** Labels [count]. @throws UserError as readIdx, or for another number of dimensions. */
export function readIdxLabels(path: string): Uint8Array<ArrayBuffer> {
  const { shape, data } = readIdx(path);
  if (shape.length !== 1) throw wrongRank(path, shape, '1 (labels)');
  return data;
}

function readFrom(source: ByteSource, packings = 0): IdxArray {
  const head = Buffer.from(source.read(0, Math.min(source.size, 512)));
  const packed = isGzip(head);
  const start = packed ? inflate(source, head, undefined) : head;
  // Packed again by a download or an archive: one layer is taken off, and the rest is read like a file.
  if (isGzip(start)) return readFrom(unpackedOnce(source, packings + 1), packings + 1);
  return packed ? readPacked(source, start) : readPlain(source, head);
}

function readPlain(source: ByteSource, head: Buffer): IdxArray {
  const { shape, start, count } = headerOf(source.name, head);
  if (source.size !== start + count) throw wrongLength(source.name, shape, start + count, source.size);
  return { shape, data: source.read(start, count) };
}

function readPacked(source: ByteSource, head: Buffer): IdxArray {
  const { shape, start, count } = headerOf(source.name, head);
  const bytes = inflate(source, source.read(0, source.size), start + count);
  if (bytes.length !== start + count) throw wrongLength(source.name, shape, start + count, bytes.length);
  return { shape, data: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, count) };
}

const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

function unpackedOnce(source: ByteSource, packings: number): ByteSource {
  if (packings > 3)
    throw new UserError(`${source.name}: it is compressed with gzip more than four times over.`);
  return memorySource(inflate(source, source.read(0, source.size), largestData), source.name);
}

function headerOf(name: string, head: Buffer): { shape: number[]; start: number; count: number } {
  const { shape, start } = parseHeader(name, head);
  const count = sizeOf(shape);
  if (count <= largestData) return { shape, start, count };
  throw new UserError(
    `${name}: offset 4: the dimensions [${shape.join(', ')}] need ${count} bytes; at most ${largestData} are read.`,
  );
}

/** Without a length: as much as the given first bytes yield. With one: all, and never more than announced. */
function inflate(source: ByteSource, packed: Uint8Array, length: number | undefined): Buffer {
  try {
    if (length === undefined) return gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    return gunzipSync(packed, { maxOutputLength: length });
  } catch (thrown) {
    const tooLong = thrown instanceof RangeError;
    const why = tooLong
      ? `it inflates to more than the ${length} bytes that are expected`
      : messageOf(thrown);
    const place = tooLong ? `offset ${length} of the inflated data` : `near offset ${damageIn(packed)}`;
    throw new UserError(`${source.name}: ${place}: the gzip data are damaged or cut short (${why}).`, {
      cause: thrown,
    });
  }
}

/** Up to here the packed bytes inflate. Found by halving: the library says what is wrong, but not where. */
function damageIn(packed: Uint8Array): number {
  let [sound, damaged] = [0, packed.length];
  // A large file is searched to a coarser step: inflating its half again and again takes its time.
  const step = packed.length > 2 ** 20 ? packed.length / 8 : 1;
  while (damaged - sound > step) {
    const middle = Math.floor((sound + damaged) / 2);
    try {
      gunzipSync(packed.subarray(0, middle), { finishFlush: constants.Z_SYNC_FLUSH });
      sound = middle;
    } catch {
      damaged = middle;
    }
  }
  return sound;
}

function parseHeader(name: string, head: Buffer): { shape: number[]; start: number } {
  const other = notIdx(head);
  if (other) throw new UserError(`${name}: ${other.what}.`, { hint: `${sentence(other.instead)}.` });
  if (head.length < 4 || head[0] !== 0 || head[1] !== 0) {
    const found = head.subarray(0, 4).toString('hex') || 'nothing';
    throw new UserError(`${name}: offset 0: an IDX file begins with two zero bytes; found ${found}.`);
  }
  if (head[2] !== unsignedByte) {
    throw new UserError(
      `${name}: offset 2: IDX type 0x${head[2]!.toString(16).padStart(2, '0')} is not supported; 0x08 (unsigned bytes) was expected.`,
    );
  }
  const rank = head[3]!;
  const start = 4 + 4 * rank;
  if (rank < 1 || rank > 8)
    throw new UserError(`${name}: offset 3: ${rank} dimensions; 1 to 8 were expected.`);
  if (head.length < start)
    throw new UserError(
      `${name}: offset ${head.length}: the file is cut short inside its ${rank} dimensions.`,
    );
  return { shape: Array.from({ length: rank }, (_, axis) => head.readUInt32BE(4 + 4 * axis)), start };
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function wrongLength(name: string, shape: number[], expected: number, found: number): UserError {
  const what = found < expected ? 'the file is cut short' : 'there are extra bytes';
  return new UserError(
    `${name}: offset ${Math.min(expected, found)}: ${what}: dimensions [${shape.join(', ')}] need ${expected} bytes with the header, found ${found}.`,
  );
}

function wrongRank(path: string, shape: number[], expected: string): UserError {
  return new UserError(
    `${path}: ${shape.length} dimensions [${shape.join(', ')}]; ${expected} were expected.`,
  );
}
