/** The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes, little-endian, in C order. */
import { UserError } from '../../src-shared/errors.ts';
import { writeAtomically } from './atomic.ts';
import { dtypes } from './dtype.ts';
import type { DType } from './dtype.ts';
import { parseHeader } from './safetensors-header.ts';
import type { HeaderEntry } from './safetensors-header.ts';
import { memorySource, openSource } from './source.ts';
import type { ByteSource } from './source.ts';
import { LazyTensor, contiguousStride, tensorBytes } from './tensor.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import type { TensorValue } from './tensor.ts';

export interface SafetensorsFile {
  /** In the order of the file. */
  readonly tensors: Map<string, LazyTensor>;
  /** Free text by key, as given by whoever wrote the file. */
  readonly metadata: Map<string, string>;
  close(): void;
}

/** The format's own limit on the header (100 MB). */
const largestHeader = 100_000_000;

const codes: Record<DType, string> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};
const dtypeOfCode = new Map<string, DType>(
  Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]),
);

/**
 * Opens a file; reads its header only.
 * @throws UserError if the header is damaged, or the tensors overlap, leave gaps or run past the end of the file.
 */
export function openSafetensors(path: string): SafetensorsFile {
  return openSafetensorsSource(openSource(path));
}

/** The same for bytes in memory; `name` stands for the path in messages. */
export function openSafetensorsBytes(bytes: Uint8Array, name?: string): SafetensorsFile {
  return openSafetensorsSource(memorySource(bytes, name));
}

/**
 * Writes tensors and free text under `path`, atomically, one tensor in memory at a time. Tensors keep
 * their order, except that wider elements come first, so that each tensor is aligned to its element's width.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, LazyTensor | TensorValue>,
  metadata: ReadonlyMap<string, string> = new Map(),
): void {
  const entries = [...tensors].sort(([, a], [, b]) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes);
  const header: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  if (metadata.size > 0) header['__metadata__'] = Object.fromEntries(metadata);
  let end = 0;
  for (const [name, { dtype, shape }] of entries) {
    if (name === '__metadata__')
      throw new UserError(`${path}: a tensor cannot be named "__metadata__" in safetensors.`);
    const begin = end;
    end += sizeOf(shape) * dtypes[dtype].bytes;
    header[name] = { dtype: codes[dtype], shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  writeAtomically(path, (file) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(padded.length));
    file.write(length);
    file.write(padded);
    for (const [, tensor] of entries) file.write(tensorBytes(tensor));
  });
}

/** The same for a source, which it closes. */
export function openSafetensorsSource(source: ByteSource): SafetensorsFile {
  try {
    const { text, dataStart } = readHeaderText(source);
    const { tensors, metadata } = parseHeader(text, source.name);
    checkCoverage(source, tensors, source.size - dataStart);
    const lazy = new Map<string, LazyTensor>();
    for (const [name, entry] of tensors) {
      const { code, shape, begin, end } = entry;
      const dtype = dtypeOfCode.get(code);
      if (!dtype)
        throw bad(
          source,
          name,
          entry,
          `dtype ${code} is not supported; one of ${Object.values(codes).join(', ')} was expected`,
        );
      const expected = sizeOf(shape) * dtypes[dtype].bytes;
      if (expected !== end - begin) {
        throw bad(
          source,
          name,
          entry,
          `shape [${shape.join(', ')}] of ${code} needs ${expected} bytes, but data_offsets give ${end - begin}`,
        );
      }
      const storage = { key: name, byteLength: expected, bytes: reader(source, dataStart + begin) };
      lazy.set(name, new LazyTensor(dtype, storage, shape, contiguousStride(shape), 0));
    }
    return { tensors: lazy, metadata, close: () => source.close() };
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

function reader(
  source: ByteSource,
  start: number,
): (offset: number, length: number) => Uint8Array<ArrayBuffer> {
  return (offset, length) => source.read(start + offset, length);
}

function readHeaderText(source: ByteSource): { text: string; dataStart: number } {
  if (source.size < 8) {
    throw new UserError(
      `${source.name}: offset 0: a file of ${source.size} bytes is not a safetensors file (8 bytes of header length were expected).`,
    );
  }
  const first = source.read(0, Math.min(source.size, 16384));
  const announced = Buffer.from(first.buffer, 0, 8).readBigUInt64LE();
  if (announced > BigInt(Math.min(largestHeader, source.size - 8)) || announced < 2n) {
    throw new UserError(
      `${source.name}: offset 0: a header of ${announced} bytes is announced; between 2 and ${Math.min(largestHeader, source.size - 8)} were expected.`,
    );
  }
  const length = Number(announced);
  const bytes = 8 + length <= first.length ? first.subarray(8, 8 + length) : source.read(8, length);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError(`${source.name}: offset 8: the header is not valid UTF-8.`);
  }
  return { text, dataStart: 8 + length };
}

/** Every byte of the data belongs to exactly one tensor (the format's own rule). */
function checkCoverage(
  source: ByteSource,
  tensors: ReadonlyMap<string, HeaderEntry>,
  dataLength: number,
): void {
  const sorted = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, entry] of sorted) {
    const { begin, end } = entry;
    if (begin < at)
      throw bad(
        source,
        name,
        entry,
        `its data (${begin} to ${end}) overlap another tensor's, which end at ${at}`,
      );
    if (begin > at)
      throw bad(source, name, entry, `the bytes ${at} to ${begin} before its data belong to no tensor`);
    at = end;
  }
  if (at > dataLength) {
    throw new UserError(
      `${source.name}: offset ${source.size}: the file is cut short: the header describes ${at} bytes of data, but ${dataLength} are there.`,
    );
  }
  if (at < dataLength) {
    throw new UserError(
      `${source.name}: offset ${source.size - dataLength + at}: ${dataLength - at} bytes after the last tensor belong to no tensor.`,
    );
  }
}

function bad(source: ByteSource, name: string, { place }: HeaderEntry, why: string): UserError {
  return new UserError(
    `${source.name}: offset ${place()}: tensor ${JSON.stringify(name.slice(0, 200))}: ${why}.`,
  );
}
