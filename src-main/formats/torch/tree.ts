/** What a PyTorch file holds once unpickled: plain values, plain containers, tensors. */
import type { LazyTensor, TensorValue } from '../tensor.ts';
import type { Opaque } from './opaque.ts';

/**
 * A dict is a Map (so that keys such as `__proto__` are inert data); a list is an array; a tuple or torch.Size is a
 * frozen array; an int beyond 2^53 is a bigint; torch.device is its name as a string. What is of no use is opaque.
 */
export type Tree = TreeScalar | TreeMap | readonly Tree[] | Uint8Array | LazyTensor | Opaque;
export type TreeScalar = null | boolean | number | bigint | string;
export type TreeMap = Map<Tree, Tree>;

/**
 * What can be written: the same, with tensors in memory. A whole number up to 2^53 is written as an int, unless it is
 * marked as a PythonFloat; any other number as a float.
 */
export type WritableTree =
  | TreeScalar
  | PythonFloat
  | ReadonlyMap<WritableTree, WritableTree>
  | readonly WritableTree[]
  | LazyTensor
  | TensorValue;

/** A number to be written as a Python float even if it is whole (`1.0`, not `1`). */
export class PythonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A Python tuple: a frozen array. */
export function tuple<T>(...items: T[]): readonly T[] {
  return Object.freeze(items);
}

export function isTreeMap(value: unknown): value is TreeMap {
  return value instanceof Map;
}
