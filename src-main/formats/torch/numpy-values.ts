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

class NumpyArray extends OpaqueObject {
  constructor() {
    super('a numpy array', 'torch.as_tensor(array)');
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
