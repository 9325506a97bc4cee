/**
 * The zip container of a PyTorch file, read in place: the list of entries first, one entry's bytes when asked for, so
 * that a file of many gigabytes is never in memory as a whole. (General zip libraries want all bytes at once.)
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import type { ByteSource } from '../source.ts';

/** torch.save stores its entries; a re-compressed file is taken too, as long as one entry inflates to no more than this. */
const largestInflatedTensor = 128 * 2 ** 20;
/** No deflated data inflate to more than this many times their size. */
const bestRatio = 1033;
const mostEntries = 1_000_000;
const checksumChunk = 4 * 2 ** 20;

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;

export interface ZipEntry {
  readonly name: string;
  /** Bytes after inflating. */
  readonly size: number;
  readonly storedSize: number;
  readonly compressed: boolean;
  readonly crc: number;
  /** Where its local header begins. */
  readonly headerOffset: number;
  /** First byte that belongs to another entry or to the central directory. */
  readonly limit: number;
}

export class ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Where the list of entries begins. */
  readonly directoryOffset: number;
  private readonly source: ByteSource;
  private readonly largestInflated: number;
  private readonly dataStarts = new Map<string, number>();
  private readonly verified = new Set<string>();

  constructor(
    source: ByteSource,
    entries: ReadonlyMap<string, ZipEntry>,
    directoryOffset: number,
    largestInflated: number,
  ) {
    this.source = source;
    this.largestInflated = largestInflated;
    this.entries = entries;
    this.directoryOffset = directoryOffset;
  }

  /** All bytes of an entry, its CRC-32 checked. */
  read(entry: ZipEntry): Uint8Array<ArrayBuffer> {
    return entry.compressed ? this.inflate(entry) : this.readRange(entry, 0, entry.size);
  }

  /**
   * Part of an entry. The checksum covers the whole entry, so the first read of a part streams all of it once
   * (in small pieces) to check it.
   */
  readRange(entry: ZipEntry, offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (entry.compressed) return this.inflate(entry).slice(offset, offset + length);
    const start = this.dataStart(entry);
    const whole = offset === 0 && length === entry.size;
    if (!whole && !this.verified.has(entry.name)) this.verify(entry, start);
    const bytes = this.source.read(start + offset, length);
    if (whole && !this.verified.has(entry.name)) this.accept(entry, crc32(bytes));
    return bytes;
  }

  private verify(entry: ZipEntry, start: number): void {
    let crc = 0;
    for (let done = 0; done < entry.size; done += checksumChunk) {
      crc = crc32(this.source.read(start + done, Math.min(checksumChunk, entry.size - done)), crc);
    }
    this.accept(entry, crc);
  }

  private accept(entry: ZipEntry, crc: number): void {
    if (crc !== entry.crc) {
      throw this.bad(
        entry,
        `its checksum is ${hex(crc)}, but ${hex(entry.crc)} was expected: the file is damaged`,
      );
    }
    this.verified.add(entry.name);
  }

  private inflate(entry: ZipEntry): Uint8Array<ArrayBuffer> {
    const { size, storedSize } = entry;
    const most = Math.min(this.largestInflated, bestRatio * storedSize + 64);
    if (size > most)
      throw this.bad(entry, `it is compressed and would inflate to ${size} bytes; at most ${most} are read`);
    const packed = this.source.read(this.dataStart(entry), storedSize);
    let bytes: Buffer;
    try {
      bytes = inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
    } catch (thrown) {
      throw this.bad(
        entry,
        `its compressed data cannot be inflated to the ${size} bytes announced (${messageOf(thrown)})`,
      );
    }
    if (bytes.length !== size)
      throw this.bad(entry, `it inflates to ${bytes.length} bytes, not to the ${size} announced`);
    this.accept(entry, crc32(bytes));
    return new Uint8Array(bytes);
  }

  /** Reads and checks the entry's local header; the data begin after its own name and extra field. */
  private dataStart(entry: ZipEntry): number {
    const known = this.dataStarts.get(entry.name);
    if (known !== undefined) return known;
    const { headerOffset } = entry;
    const nameLength = Buffer.byteLength(entry.name);
    const view = buffer(
      this.source.read(headerOffset, Math.min(30 + nameLength, this.source.size - headerOffset)),
    );
    if (view.length < 30 + nameLength || view.readUInt32LE(0) !== localSignature) {
      throw this.bad(entry, `no local header at offset ${headerOffset}: the file is cut short or damaged`);
    }
    if (view.readUInt16LE(26) !== nameLength || view.toString('utf8', 30, 30 + nameLength) !== entry.name) {
      throw this.bad(entry, `the local header at offset ${headerOffset} has another name than the directory`);
    }
    const start = headerOffset + 30 + nameLength + view.readUInt16LE(28);
    if (start + entry.storedSize > entry.limit) {
      throw this.bad(
        entry,
        `its ${entry.storedSize} bytes at offset ${start} overlap what follows at offset ${entry.limit}`,
      );
    }
    this.dataStarts.set(entry.name, start);
    return start;
  }

  private bad(entry: ZipEntry, why: string): UserError {
    const place = why.includes('offset') ? '' : ` at offset ${entry.headerOffset}`;
    return new UserError(`${this.source.name}: zip entry "${entry.name}"${place}: ${why}.`);
  }
}

/**
 * Reads the central directory.
 * @param limits largestInflated: bytes that one compressed entry may inflate to
 * @throws UserError for anything that is not a plain, single-disk zip whose entries have safe, distinct names and do
 * not overlap.
 */
export function openZip(source: ByteSource, limits: { largestInflated?: number } = {}): ZipArchive {
  const { offset, size, count } = findDirectory(source);
  const bytes = buffer(source.read(offset, size));
  const raw: Omit<ZipEntry, 'limit'>[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || bytes.readUInt32LE(at) !== centralSignature) {
      throw bad(source, offset + at, `entry ${i + 1} of ${count} of the zip directory is missing`);
    }
    const entry = readCentralEntry(source, bytes, at, offset + at);
    raw.push(entry.entry);
    at = entry.next;
  }
  return new ZipArchive(
    source,
    withLimits(source, raw, offset),
    offset,
    limits.largestInflated ?? largestInflatedTensor,
  );
}

function readCentralEntry(
  source: ByteSource,
  bytes: Buffer,
  at: number,
  where: number,
): { entry: Omit<ZipEntry, 'limit'>; next: number } {
  const flags = bytes.readUInt16LE(at + 8);
  const method = bytes.readUInt16LE(at + 10);
  const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
  const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
  const next = extraEnd + bytes.readUInt16LE(at + 32);
  if (next > bytes.length) throw bad(source, where, 'an entry runs past the end of the zip directory');
  const name = bytes.toString('utf8', at + 46, nameEnd);
  checkName(source, where, name);
  if (flags & 0x2041) throw bad(source, where, `entry "${name}" is encrypted`);
  if (method !== 0 && method !== 8)
    throw bad(
      source,
      where,
      `entry "${name}" has compression method ${method}; stored or deflated was expected`,
    );
  const wide = zip64Reader(source, bytes.subarray(nameEnd, extraEnd), where);
  const size = wide(bytes.readUInt32LE(at + 24));
  const storedSize = wide(bytes.readUInt32LE(at + 20));
  const headerOffset = wide(bytes.readUInt32LE(at + 42));
  if (method === 0 && size !== storedSize)
    throw bad(source, where, `entry "${name}" is stored, but its two sizes differ (${storedSize}, ${size})`);
  const crc = bytes.readUInt32LE(at + 16);
  return { entry: { name, size, storedSize, compressed: method === 8, crc, headerOffset }, next };
}

/** Entries in file order must not overlap: each ends before the next one's header begins. */
function withLimits(
  source: ByteSource,
  raw: Omit<ZipEntry, 'limit'>[],
  directory: number,
): Map<string, ZipEntry> {
  const sorted = raw.toSorted((a, b) => a.headerOffset - b.headerOffset);
  const limits = new Map<string, number>();
  sorted.forEach((entry, i) => {
    const limit = sorted[i + 1]?.headerOffset ?? directory;
    if (entry.headerOffset + 30 + entry.storedSize > limit) {
      throw bad(
        source,
        entry.headerOffset,
        `zip entry "${entry.name}" overlaps what follows at offset ${limit}`,
      );
    }
    limits.set(entry.name, limit);
  });
  const entries = new Map<string, ZipEntry>();
  for (const entry of raw) {
    if (entries.has(entry.name))
      throw bad(source, entry.headerOffset, `two zip entries have the name "${entry.name}"`);
    entries.set(entry.name, { ...entry, limit: limits.get(entry.name)! });
  }
  return entries;
}

function findDirectory(source: ByteSource): { offset: number; size: number; count: number } {
  const tailSize = Math.min(source.size, 22 + 65535);
  // The end record usually is the last 22 bytes; a comment may follow it.
  for (const length of new Set([Math.min(source.size, 4096), tailSize])) {
    const tail = buffer(source.read(source.size - length, length));
    for (let at = length - 22; at >= 0; at--) {
      if (tail.readUInt32LE(at) === endSignature && at + 22 + tail.readUInt16LE(at + 20) === length) {
        return directoryAt(source, tail.subarray(at), source.size - length + at);
      }
    }
  }
  throw new UserError(
    `${source.name}: no zip directory at the end of the file (offset ${source.size}): it is cut short, damaged or not a zip file.`,
  );
}

function directoryAt(
  source: ByteSource,
  end: Buffer,
  endOffset: number,
): { offset: number; size: number; count: number } {
  if (end.readUInt16LE(4) !== 0 || end.readUInt16LE(6) !== 0)
    throw bad(source, endOffset, 'a zip over several disks is not supported');
  let count = end.readUInt16LE(10);
  let size = end.readUInt32LE(12);
  let offset = end.readUInt32LE(16);
  let limit = endOffset;
  const locator = endOffset >= 20 ? buffer(source.read(endOffset - 20, 20)) : undefined;
  if (locator?.readUInt32LE(0) === locator64Signature) {
    limit = safe(source, locator.readBigUInt64LE(8), endOffset);
    const end64 = limit + 56 <= endOffset ? buffer(source.read(limit, 56)) : undefined;
    if (end64?.readUInt32LE(0) !== end64Signature)
      throw bad(source, endOffset, `no zip64 end record at offset ${limit}`);
    count = safe(source, end64.readBigUInt64LE(32), limit);
    size = safe(source, end64.readBigUInt64LE(40), limit);
    offset = safe(source, end64.readBigUInt64LE(48), limit);
  }
  if (offset + size > limit)
    throw bad(source, endOffset, `the zip directory (${size} bytes at ${offset}) runs past offset ${limit}`);
  if (count > mostEntries || count * 46 > size)
    throw bad(source, endOffset, `${count} zip entries cannot fit into a directory of ${size} bytes`);
  return { offset, size, count };
}

/** Sizes and offsets of 0xFFFFFFFF stand, in this order, as 64-bit numbers in extra field 1. */
function zip64Reader(source: ByteSource, extra: Buffer, where: number): (narrow: number) => number {
  let at = 0;
  let field: Buffer | undefined;
  while (at + 4 <= extra.length && !field) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) field = extra.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  let used = 0;
  return (narrow) => {
    if (narrow !== 0xffffffff) return narrow;
    if (!field || used + 8 > field.length) throw bad(source, where, 'a zip64 size is missing');
    used += 8;
    return safe(source, field.readBigUInt64LE(used - 8), where);
  };
}

function checkName(source: ByteSource, where: number, name: string): void {
  const parts = name.split('/');
  const unsafe =
    name.startsWith('/') || /[\\\0\uFFFD]/.test(name) || /^[a-z]:/i.test(name) || parts.includes('..');
  if (name === '' || unsafe)
    throw bad(source, where, `the zip entry name ${JSON.stringify(name.slice(0, 100))} is not allowed`);
}

function safe(source: ByteSource, value: bigint, where: number): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw bad(source, where, `the zip size or offset ${value} is absurd`);
  return Number(value);
}

function bad(source: ByteSource, offset: number, why: string): UserError {
  return new UserError(`${source.name}: offset ${offset}: ${why}.`);
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
