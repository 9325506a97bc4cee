/** The values that the pickle machine works with. */
import type { DType } from '../dtype.ts';
import type { LazyTensor, TensorStorage } from '../tensor.ts';
import { Opaque } from './opaque.ts';

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
  | Opaque;

/** An element type by PyTorch's name. Without `dtype` it is one that Basin knows of but does not read. */
export interface ElementType {
  /** As in `torch.float32`, without the module. */
  readonly name: string;
  /** Per element. */
  readonly bytes: number;
  readonly dtype: DType | undefined;
}

export type PythonCall = (args: readonly PickleValue[], describe: string) => PickleValue;

export interface GlobalOptions {
  /** What REDUCE does with it; without it, it cannot be called. */
  call?: PythonCall;
  /** What NEWOBJ does with it; without it, no object of it can be made. */
  create?: PythonCall;
  /** For storage classes and dtypes. */
  element?: ElementType;
}

/** A Python name that was recognised. As a value of its own (a class, a dtype) it is read past. */
export class AllowedGlobal extends Opaque {
  readonly name: string;
  readonly call: PythonCall | undefined;
  readonly create: PythonCall | undefined;
  readonly element: ElementType | undefined;

  constructor(module: string, name: string, options: GlobalOptions) {
    super(`the Python name ${module}.${name}`);
    this.name = `${module}.${name}`;
    this.call = options.call;
    this.create = options.create;
    this.element = options.element;
  }
}

/** What a persistent id of the form ('storage', class, key, location, count) stands for. */
export class StorageReference extends Opaque {
  readonly storage: TensorStorage;
  readonly element: ElementType;
  constructor(storage: TensorStorage, element: ElementType) {
    super('a bare storage');
    this.storage = storage;
    this.element = element;
  }
}
