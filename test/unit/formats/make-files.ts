/** Builds small files, sound and hostile, byte by byte. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll } from 'vitest';

/** A folder of its own for one test file, removed afterwards. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'basin-formats-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface ZipPart {
  name: string;
  bytes: Uint8Array;
  deflated?: boolean;
  /** Lies of the directory about this entry. */
  claim?: {
    crc?: number;
    size?: number;
    storedSize?: number;
    offset?: number;
    flags?: number;
    method?: number;
  };
  /** Another name in the local header. */
  localName?: string;
}

/** A zip file; with `zip64`, all sizes and offsets are given in 64-bit extra fields. */
export function zipOf(
  parts: readonly ZipPart[],
  options: { zip64?: boolean; comment?: string } = {},
): Buffer {
  const pieces: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const part of parts) {
    const stored = part.deflated ? deflateRawSync(part.bytes) : Buffer.from(part.bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    const localName = Buffer.from(part.localName ?? part.name);
    local.writeUInt16LE(localName.length, 26);
    central.push(centralEntry(part, stored.length, offset, options.zip64 ?? false));
    pieces.push(local, localName, stored);
    offset += 30 + localName.length + stored.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  const narrow = (value: number, width: number): number => (options.zip64 ? 2 ** (8 * width) - 1 : value);
  end.writeUInt16LE(narrow(parts.length, 2), 10);
  end.writeUInt32LE(narrow(directory.length, 4), 12);
  end.writeUInt32LE(narrow(offset, 4), 16);
  end.writeUInt16LE(Buffer.byteLength(options.comment ?? ''), 20);
  const end64 = options.zip64 ? [endRecord64(offset, directory.length, parts.length)] : [];
  return Buffer.concat([...pieces, directory, ...end64, end, Buffer.from(options.comment ?? '')]);
}

function centralEntry(part: ZipPart, storedLength: number, at: number, zip64: boolean): Buffer {
  const { claim = {} } = part;
  const name = Buffer.from(part.name);
  const size = claim.size ?? part.bytes.length;
  const storedSize = claim.storedSize ?? storedLength;
  const offset = claim.offset ?? at;
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(claim.flags ?? 0, 8);
  header.writeUInt16LE(claim.method ?? (part.deflated ? 8 : 0), 10);
  header.writeUInt32LE(claim.crc ?? crc32(part.bytes), 16);
  header.writeUInt32LE(zip64 ? 0xffffffff : storedSize, 20);
  header.writeUInt32LE(zip64 ? 0xffffffff : size, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(zip64 ? 28 : 0, 30);
  header.writeUInt32LE(zip64 ? 0xffffffff : offset, 42);
  const extra = Buffer.alloc(zip64 ? 28 : 0);
  if (zip64) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    [size, storedSize, offset].forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i));
  }
  return Buffer.concat([header, name, extra]);
}

function endRecord64(offset: number, size: number, count: number): Buffer {
  const record = Buffer.alloc(76);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(offset + size), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

/** Pickle opcodes, to be concatenated. */
export const op = {
  proto: (version = 2) => Buffer.from([0x80, version]),
  stop: Buffer.from('.'),
  mark: Buffer.from('('),
  none: Buffer.from('N'),
  true: Buffer.from([0x88]),
  emptyTuple: Buffer.from(')'),
  emptyList: Buffer.from(']'),
  emptyDict: Buffer.from('}'),
  tuple: Buffer.from('t'),
  tuple1: Buffer.from([0x85]),
  append: Buffer.from('a'),
  appends: Buffer.from('e'),
  setItem: Buffer.from('s'),
  setItems: Buffer.from('u'),
  reduce: Buffer.from('R'),
  newObject: Buffer.from([0x81]),
  build: Buffer.from('b'),
  persistentId: Buffer.from('Q'),
  stackGlobal: Buffer.from([0x93]),
  int: (value: number) => {
    const bytes = Buffer.alloc(5, 'J');
    bytes.writeInt32LE(value, 1);
    return bytes;
  },
  long: (bytes: readonly number[]) => Buffer.from([0x8a, bytes.length, ...bytes]),
  text: (value: string) => {
    const body = Buffer.from(value);
    const head = Buffer.alloc(5, 'X');
    head.writeUInt32LE(body.length, 1);
    return Buffer.concat([head, body]);
  },
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  put: (index: number) => Buffer.from([0x71, index]),
  get: (index: number) => Buffer.from([0x68, index]),
};

export function pickle(...parts: Uint8Array[]): Buffer {
  return Buffer.concat([op.proto(), ...parts, op.stop]);
}

const longOf = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return op.long([...bytes]);
};

export interface TensorClaim {
  storageClass?: string;
  key?: string;
  count?: number;
  offset?: number;
  shape?: readonly number[];
  stride?: readonly number[];
}

/** The opcodes that rebuild one tensor; by default two float32 in storage "0". */
export function tensorOps(claim: TensorClaim = {}, view: Uint8Array = Buffer.alloc(0)): Buffer {
  const {
    storageClass = 'FloatStorage',
    key = '0',
    count = 2,
    offset = 0,
    shape = [2],
    stride = [1],
  } = claim;
  const numbers = (values: readonly number[]): Buffer[] => [op.mark, ...values.map(longOf), op.tuple];
  return Buffer.concat([
    op.global('torch._utils', '_rebuild_tensor_v2'),
    ...[
      op.mark,
      op.mark,
      op.text('storage'),
      op.global('torch', storageClass),
      op.text(key),
      op.text('cpu'),
      longOf(count),
      view,
    ],
    ...[op.tuple, op.persistentId, longOf(offset), ...numbers(shape), ...numbers(stride)],
    ...[
      Buffer.from([0x89]),
      op.global('collections', 'OrderedDict'),
      op.emptyTuple,
      op.reduce,
      op.tuple,
      op.reduce,
    ],
  ]);
}

/** The same in the format before PyTorch 1.6, whose storages may be views of others. */
export function legacyTensorOps({ view, ...claim }: TensorClaim & { view?: Uint8Array } = {}): Buffer {
  return tensorOps(claim, view ?? op.none);
}

/** Opcodes in place of those of a sound file of the format before PyTorch 1.6; null leaves the count out. */
export interface LegacyClaim {
  magic?: Uint8Array;
  version?: Uint8Array;
  machine?: Uint8Array;
  root?: Uint8Array;
  keys?: Uint8Array;
  count?: bigint | null;
  data?: Uint8Array;
}

/** By default `{"w": tensor([1., 2.])}`. */
export function legacyFile(claim: LegacyClaim = {}): Buffer {
  const {
    magic = op.long([0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]),
    version = op.int(1001),
    machine = dictOps({ little_endian: Buffer.from([0x88]) }),
    root = dictOps({ w: legacyTensorOps() }),
    keys = Buffer.concat([op.emptyList, op.text('0'), op.append]),
    count = 2n,
    data = new Uint8Array(Float32Array.of(1, 2).buffer),
  } = claim;
  const header = Buffer.alloc(count === null ? 0 : 8);
  if (count !== null) header.writeBigInt64LE(count);
  return Buffer.concat([...[magic, version, machine, root, keys].map((part) => pickle(part)), header, data]);
}

/** A dict with string keys. */
export function dictOps(entries: Readonly<Record<string, Uint8Array>> | [string, Uint8Array][]): Buffer {
  const list = Array.isArray(entries) ? entries : Object.entries(entries);
  return Buffer.concat([
    op.emptyDict,
    op.mark,
    ...list.flatMap(([key, value]) => [op.text(key), value]),
    op.setItems,
  ]);
}

/** A .pt file around a pickle, with storages as given (default: storage "0" of two float32, 1 and 2). */
export function torchZip(
  data: Uint8Array,
  options: {
    storages?: Record<string, Uint8Array>;
    byteorder?: string;
    zip64?: boolean;
    more?: ZipPart[];
  } = {},
): Buffer {
  const {
    storages = { '0': new Uint8Array(Float32Array.of(1, 2).buffer) },
    byteorder = 'little',
    more = [],
  } = options;
  const parts: ZipPart[] = [
    { name: 'archive/data.pkl', bytes: data },
    { name: 'archive/byteorder', bytes: Buffer.from(byteorder) },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, bytes })),
    { name: 'archive/version', bytes: Buffer.from('3\n') },
    ...more,
  ];
  return zipOf(parts, { zip64: options.zip64 ?? false });
}
