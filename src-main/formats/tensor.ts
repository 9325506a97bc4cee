/** A tensor inside a file: what it is, and where its elements lie. Nothing is read before `read()`. */
import { UserError } from '../../src-shared/errors.ts';
import { decode, dtypes, emptyData, encode } from './dtype.ts';
import type { DType, TensorData } from './dtype.ts';
import { sizeOf } from '../../src-shared/shapes.ts';

export type { DType, TensorData } from './dtype.ts';

/** A stretch of elements that one or more tensors are views of. */
export interface TensorStorage {
  /** Unique within the file; tensors with the same storage share memory in PyTorch. */
  readonly key: string;
  readonly byteLength: number;
  /** A copy of part of it. @throws UserError if the file is cut short or its checksum is wrong. */
  bytes(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** A tensor in memory, as the writers take it: `data` in C order, its length the product of `shape`. */
export interface TensorValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/**
 * A tensor that repeats elements of its storage (stride 0) may be far larger than its file. Up to this many elements
 * that is honoured; beyond, it is taken for an attempt to exhaust memory.
 */
const largestExpansion = 2 ** 24;

export class LazyTensor {
  readonly dtype: DType;
  /** Dimensions; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** In elements, one per dimension. */
  readonly stride: readonly number[];
  /** In elements. */
  readonly storageOffset: number;
  readonly storage: TensorStorage;

  /** Use `lazyTensor`, which checks that every element lies inside the storage. */
  constructor(
    dtype: DType,
    storage: TensorStorage,
    shape: readonly number[],
    stride: readonly number[],
    offset: number,
  ) {
    this.dtype = dtype;
    this.storage = storage;
    this.shape = shape;
    this.stride = stride;
    this.storageOffset = offset;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** All elements in C order (the last dimension runs fastest), as the typed array of the dtype. */
  read(): TensorData {
    const { size, dtype, storage } = this;
    const width = dtypes[dtype].bytes;
    if (size === 0) return emptyData(dtype, 0);
    if (isContiguous(this.shape, this.stride))
      return decode(dtype, storage.bytes(this.storageOffset * width, size * width));
    const span = spanOf(this.shape, this.stride);
    return gather(this, decode(dtype, storage.bytes(this.storageOffset * width, span * width)));
  }

  /** All elements as float64, whatever the dtype. @throws UserError for an int64 beyond 2^53. */
  readFloat64(): Float64Array<ArrayBuffer> {
    const data = this.read();
    if (data instanceof Float64Array) return data;
    return data instanceof BigInt64Array ? Float64Array.from(data, exactNumber) : Float64Array.from(data);
  }

  /** All elements as float32, rounded where the dtype is wider. */
  readFloat32(): Float32Array<ArrayBuffer> {
    const data = this.read();
    if (data instanceof Float32Array) return data;
    return data instanceof BigInt64Array ? Float32Array.from(data, exactNumber) : Float32Array.from(data);
  }

  /** All elements in C order as little-endian bytes of the dtype: what a writer copies, exactly. */
  readBytes(): Uint8Array<ArrayBuffer> {
    const width = dtypes[this.dtype].bytes;
    if (isContiguous(this.shape, this.stride)) {
      return this.storage.bytes(this.storageOffset * width, this.size * width);
    }
    return encode(this.dtype, this.read());
  }
}

/**
 * A tensor over part of a storage.
 * @param describe what the message starts with, e.g. the file and the offset of the pickle opcode.
 * @throws UserError if shape or stride are not what they must be, or an element would lie outside the storage.
 */
export function lazyTensor(
  dtype: DType,
  storage: TensorStorage,
  layout: { shape: readonly number[]; stride: readonly number[]; storageOffset: number },
  describe: string,
): LazyTensor {
  const { shape, stride, storageOffset } = layout;
  const what = `shape [${shape.join(', ')}], stride [${stride.join(', ')}], storage offset ${storageOffset}`;
  const refuse = (why: string): never => {
    throw new UserError(`${describe}: a tensor with ${what} ${why}.`);
  };
  const natural = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (shape.length !== stride.length) refuse('has a different number of strides than dimensions');
  if (shape.length > 64) refuse('has more than 64 dimensions');
  if (!shape.every(natural) || !natural(storageOffset)) refuse('has a negative or absurd size');
  if (!stride.every(natural)) refuse('has a negative or absurd stride');
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size)) refuse('has more elements than any machine holds');
  const capacity = Math.floor(storage.byteLength / dtypes[dtype].bytes);
  const end = size === 0 ? 0 : storageOffset + spanOf(shape, stride);
  if (!(end <= capacity))
    refuse(`needs ${end} elements, but its storage "${storage.key}" holds ${capacity} of ${dtype}`);
  if (size > capacity && size > largestExpansion) {
    refuse(
      `repeats the ${capacity} elements of its storage ${size} times; at most ${largestExpansion} are read`,
    );
  }
  return new LazyTensor(dtype, storage, shape, stride, storageOffset);
}

/** A tensor in memory in the guise of one in a file. */
export function inMemory(value: TensorValue, key = 'memory'): LazyTensor {
  const bytes = tensorBytes(value);
  const storage = {
    key,
    byteLength: bytes.length,
    bytes: (from: number, length: number) => bytes.slice(from, from + length),
  };
  return new LazyTensor(value.dtype, storage, [...value.shape], contiguousStride(value.shape), 0);
}

/** Strides of a C-ordered array. */
export function contiguousStride(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    stride[axis] = step;
    step *= Math.max(shape[axis]!, 1);
  }
  return stride;
}

/** The elements of a tensor, wherever it is, as bytes in C order. */
export function tensorBytes(tensor: LazyTensor | TensorValue): Uint8Array<ArrayBuffer> {
  if (tensor instanceof LazyTensor) return tensor.readBytes();
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    throw new Error(
      `a tensor of shape [${tensor.shape.join(', ')}] was given ${tensor.data.length} elements`,
    );
  }
  return encode(tensor.dtype, tensor.data);
}

/** Distance from the first to one past the last element, in elements; size must not be 0. */
function spanOf(shape: readonly number[], stride: readonly number[]): number {
  let last = 0;
  for (let axis = 0; axis < shape.length; axis++) last += (shape[axis]! - 1) * stride[axis]!;
  return last + 1;
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return false;
    step *= shape[axis]!;
  }
  return true;
}

function gather(tensor: LazyTensor, source: TensorData): TensorData {
  const { shape, stride, size } = tensor;
  const target = emptyData(tensor.dtype, size);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < size; to++) {
    target[to] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= stride[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}

function exactNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new UserError(`the int64 value ${value} is too large to represent exactly (beyond 2^53).`);
  }
  return number;
}
