/** The values that the pickle machine works with. */
import type { DType } from '../dtype.ts';
import type { LazyTensor, TensorStorage } from '../tensor.ts';

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | Map<PickleValue, PickleValue>
  | LazyTensor
  | AllowedGlobal
  | StorageReference;

/** A Python name that was recognised. `call` is what REDUCE does with it; without it, it cannot be called. */
export class AllowedGlobal {
  readonly name: string;
  readonly call: ((args: readonly PickleValue[], describe: string) => PickleValue) | undefined;
  /** For storage classes: the dtype of their elements. */
  readonly dtype: DType | undefined;

  constructor(module: string, name: string, options: { call?: AllowedGlobal['call']; dtype?: DType }) {
    this.name = `${module}.${name}`;
    this.call = options.call;
    this.dtype = options.dtype;
  }
}

/** What a persistent id of the form ('storage', class, key, location, count) stands for. */
export class StorageReference {
  readonly storage: TensorStorage;
  readonly dtype: DType;
  constructor(storage: TensorStorage, dtype: DType) {
    this.storage = storage;
    this.dtype = dtype;
  }
}
