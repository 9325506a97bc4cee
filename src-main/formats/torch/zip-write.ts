/** A zip of stored entries whose data begin at multiples of 64 bytes, as PyTorch's own writer lays them out. */
import { crc32 } from 'node:zlib';

/** Where the bytes go, e.g. an AtomicFile. */
export interface ByteSink {
  readonly size: number;
  write(bytes: Uint8Array): void;
}

const alignment = 64;
const paddingField = 0x4246; // "FB", the id that PyTorch gives its padding
const wide = 0xffffffff;

interface Written {
  name: Buffer;
  crc: number;
  size: number;
  offset: number;
}

export class ZipWriter {
  private readonly sink: ByteSink;
  private readonly written: Written[] = [];

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  add(entryName: string, content: Uint8Array): void {
    const name = Buffer.from(entryName);
    const entry = { name, crc: crc32(content), size: content.length, offset: this.sink.size };
    const extra = this.localExtra(entry);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    this.common(header, 4, entry);
    header.writeUInt16LE(extra.length, 28);
    this.sink.write(Buffer.concat([header, name, extra]));
    this.sink.write(content);
    this.written.push(entry);
  }

  /** Writes the directory. Nothing can be added afterwards. */
  finish(): void {
    const start = this.sink.size;
    for (const entry of this.written) this.sink.write(this.centralEntry(entry));
    const size = this.sink.size - start;
    const count = this.written.length;
    if (start + size >= wide || count >= 0xffff) this.writeEnd64(start, size, count);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(Math.min(count, 0xffff), 8);
    end.writeUInt16LE(Math.min(count, 0xffff), 10);
    end.writeUInt32LE(Math.min(size, wide), 12);
    end.writeUInt32LE(Math.min(start, wide), 16);
    this.sink.write(end);
  }

  /** Version, flags (UTF-8 names), method (stored), no date, checksum, sizes, length of the name. */
  private common(header: Buffer, at: number, { crc, size, name }: Written): void {
    header.writeUInt16LE(size >= wide ? 45 : 20, at);
    header.writeUInt16LE(0x0800, at + 2);
    header.writeUInt16LE(0x21, at + 8); // 1980-01-01, so that equal content gives equal files
    header.writeUInt32LE(crc, at + 10);
    header.writeUInt32LE(Math.min(size, wide), at + 14);
    header.writeUInt32LE(Math.min(size, wide), at + 18);
    header.writeUInt16LE(name.length, at + 22);
  }

  private localExtra({ offset, name, size }: Written): Buffer {
    const zip64 = size >= wide ? zip64Field([size, size]) : Buffer.alloc(0);
    const unpadded = offset + 30 + name.length + zip64.length + 4;
    const padding = Buffer.alloc(4 + ((alignment - (unpadded % alignment)) % alignment), 'Z');
    padding.writeUInt16LE(paddingField, 0);
    padding.writeUInt16LE(padding.length - 4, 2);
    return Buffer.concat([zip64, padding]);
  }

  private centralEntry(entry: Written): Buffer {
    const { name, size, offset } = entry;
    const large = [...(size >= wide ? [size, size] : []), ...(offset >= wide ? [offset] : [])];
    const extra = large.length > 0 ? zip64Field(large) : Buffer.alloc(0);
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(large.length > 0 ? 45 : 20, 4);
    this.common(header, 6, entry);
    header.writeUInt16LE(extra.length, 30);
    header.writeUInt32LE(Math.min(offset, wide), 42);
    return Buffer.concat([header, name, extra]);
  }

  private writeEnd64(start: number, size: number, count: number): void {
    const end = Buffer.alloc(76);
    end.writeUInt32LE(0x06064b50, 0);
    end.writeBigUInt64LE(44n, 4);
    end.writeUInt16LE(45, 12);
    end.writeUInt16LE(45, 14);
    end.writeBigUInt64LE(BigInt(count), 24);
    end.writeBigUInt64LE(BigInt(count), 32);
    end.writeBigUInt64LE(BigInt(size), 40);
    end.writeBigUInt64LE(BigInt(start), 48);
    end.writeUInt32LE(0x07064b50, 56);
    end.writeBigUInt64LE(BigInt(start + size), 64);
    end.writeUInt32LE(1, 72);
    this.sink.write(end);
  }
}

function zip64Field(values: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, i) => field.writeBigUInt64LE(BigInt(value), 4 + 8 * i));
  return field;
}
