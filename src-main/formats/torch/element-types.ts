/** The element types that PyTorch's files name, and the storage classes of the older ones. */
import { dtypes } from '../dtype.ts';
import type { DType } from '../dtype.ts';
import type { ElementType } from './values.ts';

/** Of those that Basin does not read: bytes per element (of a packed group, as PyTorch counts them). */
const unread: Record<string, number> = {
  ...{ complex32: 4, bcomplex32: 4, complex64: 8, complex128: 16 },
  ...{ qint8: 1, quint8: 1, qint32: 4, quint4x2: 1, quint2x4: 1 },
  ...{ float8_e5m2: 1, float8_e4m3fn: 1, float8_e5m2fnuz: 1, float8_e4m3fnuz: 1, float8_e8m0fnu: 1 },
  ...{ float4_e2m1fn_x2: 1, uint16: 2, uint32: 4, uint64: 8 },
  ...{ bits8: 1, bits16: 2, bits1x8: 1, bits2x4: 1, bits4x2: 1 },
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].flatMap((n) => [`int${n}`, `uint${n}`]).map((n) => [n, 1])),
};

/** By PyTorch's name, without "torch.". */
export const elementTypes = new Map<string, ElementType>([
  ...Object.entries(dtypes).map(
    ([name, { bytes }]) => [name, { name, bytes, dtype: name as DType }] as [string, ElementType],
  ),
  ...Object.entries(unread).map(
    ([name, bytes]) => [name, { name, bytes, dtype: undefined }] as [string, ElementType],
  ),
]);

const classes: Record<string, string> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  UntypedStorage: 'uint8',
  ComplexDoubleStorage: 'complex128',
  ComplexFloatStorage: 'complex64',
  QInt8Storage: 'qint8',
  QInt32Storage: 'qint32',
  QUInt8Storage: 'quint8',
  QUInt4x2Storage: 'quint4x2',
  QUInt2x4Storage: 'quint2x4',
};

/** By the name of the class, without module. */
export const storageClasses = new Map(
  Object.entries(classes).map(([name, element]) => [name, elementTypes.get(element)!]),
);
