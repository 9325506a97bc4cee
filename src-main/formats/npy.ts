/** NumPy's .npy files: one array each. Read: C and Fortran order. Written: format 1.0, C order. */
import { UserError } from '../../src-shared/errors.ts';
import { writeAtomically } from './atomic.ts';
import { decode, dtypes, emptyData } from './dtype.ts';
import type { DType, TensorData } from './dtype.ts';
import { memorySource, openSource } from './source.ts';
import type { ByteSource } from './source.ts';
import { tensorBytes } from './tensor.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import type { TensorValue } from './tensor.ts';

const largestHeader = 65536;
const dtypeOfCode: Record<string, DType> = {
  '<f8': 'float64',
  '<f4': 'float32',
  '<f2': 'float16',
  '<i8': 'int64',
  '<i4': 'int32',
  '<i2': 'int16',
  '|i1': 'int8',
  '|u1': 'uint8',
  '|b1': 'bool',
};
const codeOfDtype = new Map(Object.entries(dtypeOfCode).map(([code, dtype]) => [dtype, code]));

/**
 * Reads an array; `data` is in C order, whatever the file's order.
 * @throws UserError if it is no .npy file, its dtype is another than those above, or its length is wrong.
 */
export function readNpy(path: string): TensorValue {
  const source = openSource(path);
  try {
    return readFrom(source);
  } finally {
    source.close();
  }
}

/** The same for bytes in memory; `name` stands for the path in messages. */
export function decodeNpy(bytes: Uint8Array, name?: string): TensorValue {
  return readFrom(memorySource(bytes, name));
}

/** The bytes of a .npy file. bfloat16 has no name in NumPy and is refused. */
export function encodeNpy(array: TensorValue): Uint8Array {
  return Buffer.concat([header(array), tensorBytes(array)]);
}

/** Writes a .npy file atomically. */
export function writeNpy(path: string, array: TensorValue): void {
  writeAtomically(path, (file) => {
    file.write(header(array));
    file.write(tensorBytes(array));
  });
}

function header({ dtype, shape }: TensorValue): Buffer {
  const code = codeOfDtype.get(dtype);
  if (code === undefined) throw new UserError(`a .npy file cannot hold ${dtype}; convert to float32 first.`);
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${code}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = Buffer.alloc(10 + length, ' ');
  bytes.write('\x93NUMPY\x01\x00', 0, 'latin1');
  bytes.writeUInt16LE(length, 8);
  bytes.write(text, 10, 'latin1');
  bytes[bytes.length - 1] = 10;
  return bytes;
}

function readFrom(source: ByteSource): TensorValue {
  const { text, dataStart } = readHeaderText(source);
  const code = /'descr'\s*:\s*'([^']{1,20})'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const dimensions = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (code === undefined || order === undefined || dimensions === undefined) {
    throw new UserError(
      `${source.name}: offset 10: descr, fortran_order and shape were expected; found ${JSON.stringify(text.slice(0, 120))}.`,
    );
  }
  const dtype = dtypeOfCode[code];
  if (!dtype) {
    throw new UserError(
      `${source.name}: offset 10: dtype "${code}" is not supported; one of ${Object.keys(dtypeOfCode).join(', ')} was expected.`,
    );
  }
  const shape = dimensions
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map(Number);
  const length = sizeOf(shape) * dtypes[dtype].bytes;
  if (shape.length > 32 || !Number.isSafeInteger(length) || length !== source.size - dataStart) {
    throw new UserError(
      `${source.name}: offset ${dataStart}: shape (${shape.join(', ')}) of ${code} needs ${length} bytes, but ${source.size - dataStart} follow the header.`,
    );
  }
  const data = decode(dtype, source.read(dataStart, length));
  return { dtype, shape, data: order === 'True' ? toCOrder(dtype, shape, data) : data };
}

function readHeaderText(source: ByteSource): { text: string; dataStart: number } {
  const head = Buffer.from(source.read(0, Math.min(source.size, 12)));
  if (head.length < 10 || head.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw new UserError(`${source.name}: offset 0: it does not begin like a .npy file.`);
  }
  const version = head[6]!;
  if (version < 1 || version > 3)
    throw new UserError(
      `${source.name}: offset 6: .npy version ${version} is not supported; 1 to 3 were expected.`,
    );
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? head.readUInt16LE(8) : head.length === 12 ? head.readUInt32LE(8) : Infinity;
  if (length > largestHeader || start + length > source.size) {
    throw new UserError(
      `${source.name}: offset 8: a header of ${length} bytes is announced, but the file has ${source.size} bytes.`,
    );
  }
  return { text: Buffer.from(source.read(start, length)).toString('latin1'), dataStart: start + length };
}

/** From first-index-fastest to last-index-fastest. */
function toCOrder(dtype: DType, shape: readonly number[], source: TensorData): TensorData {
  const target = emptyData(dtype, source.length);
  const steps = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < source.length; to++) {
    target[to] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}
