/** numpy's scalars, as numbers; its arrays are read past. Trainers save metrics as such. */
import { opaqueTensor, Opaque, OpaqueObject } from './opaque.ts';
import { AllowedGlobal } from './values.ts';
import type { PickleValue, PythonCall } from './values.ts';
import { wrong } from './rebuild.ts';

/** `numpy.dtype('f8')`; its state then says the byte order. */
class NumpyDType extends Opaque {
  readonly code: string;
  littleEndian = true;

  constructor(code: string) {
    super(`the numpy dtype ${code}`);
    this.code = code;
  }

  /** (version, byte order, ...); "|" stands for a single byte. */
  override build(state: unknown): boolean {
    if (!Array.isArray(state) || !['<', '|', '=', '>'].includes(state[1] as string)) return false;
    this.littleEndian = state[1] !== '>';
    return true;
  }
}

/** Read past among weights; the pickles of data sets (formats/cifar.ts) are read for what it holds. */
export class NumpyArray extends OpaqueObject {
  /** Undefined for one that its state did not fill, or not as C-order bytes. */
  content: { shape: readonly number[]; dtype: string; bytes: Uint8Array } | undefined;

  constructor() {
    super('a numpy array', 'torch.as_tensor(array)');
  }

  /** (version, shape, dtype, is Fortran, data); Python 2 wrote the data as a text. */
  override build(state?: unknown): boolean {
    if (!Array.isArray(state) || state.length !== 5) return true;
    const [, shape, dtype, fortran, data] = state as PickleValue[];
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
    const isShape = Array.isArray(shape) && shape.every((size) => typeof size === 'number');
    if (isShape && dtype instanceof NumpyDType && fortran === false && bytes instanceof Uint8Array)
      this.content = { shape: shape as readonly number[], dtype: dtype.code, bytes };
    return true;
  }
}

/** dtype(code, align, copy) */
export const numpyDType: PythonCall = (args, describe) => {
  const [code] = args;
  if (typeof code !== 'string' || args.length > 3 || code.length > 40)
    throw wrong(describe, 'numpy.dtype', 'the code of a dtype');
  return new NumpyDType(code);
};

/** _reconstruct(numpy.ndarray, shape, code): an array that its state fills. */
export const numpyArray: PythonCall = (args, describe) => {
  const [type] = args;
  if (args.length !== 3 || !(type instanceof AllowedGlobal) || type.name !== 'numpy.ndarray')
    throw wrong(describe, 'numpy _reconstruct', '(ndarray, shape, code)');
  return new NumpyArray();
};

/** scalar(dtype, bytes) */
export const numpyScalar: PythonCall = (args, describe) => {
  const [dtype, bytes] = args;
  if (args.length !== 2 || !(dtype instanceof NumpyDType))
    throw wrong(describe, 'numpy scalar', '(dtype, bytes)');
  const reader = readers[dtype.code];
  if (!reader || !(bytes instanceof Uint8Array)) return new Opaque('a numpy value');
  const [width, read] = reader;
  if (bytes.length !== width) throw wrong(describe, 'numpy scalar', `${width} bytes for ${dtype.code}`);
  return read(new DataView(bytes.buffer, bytes.byteOffset, width), dtype.littleEndian);
};

export const numpyTensor = (): Opaque =>
  opaqueTensor('a tensor of an accelerator, saved as a numpy array', 'tensor.cpu()');

type Read = (view: DataView, littleEndian: boolean) => PickleValue;

const readers: Record<string, [number, Read] | undefined> = {
  f8: [8, (view, little) => view.getFloat64(0, little)],
  f4: [4, (view, little) => view.getFloat32(0, little)],
  i8: [8, (view, little) => narrow(view.getBigInt64(0, little))],
  i4: [4, (view, little) => view.getInt32(0, little)],
  i2: [2, (view, little) => view.getInt16(0, little)],
  i1: [1, (view) => view.getInt8(0)],
  u8: [8, (view, little) => narrow(view.getBigUint64(0, little))],
  u4: [4, (view, little) => view.getUint32(0, little)],
  u2: [2, (view, little) => view.getUint16(0, little)],
  u1: [1, (view) => view.getUint8(0)],
  b1: [1, (view) => view.getUint8(0) !== 0],
};

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
