/** The tensors of tfjs, and attributes of TensorFlow's own operations. */
import type * as tfjs from '@tensorflow/tfjs';

/** All of tfjs, as the loaded back end's module. */
export type Tf = typeof tfjs;
export type Tensor = tfjs.Tensor;
export type {
  DataType,
  Rank,
  Scalar,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  Variable,
} from '@tensorflow/tfjs';

/** An attribute of a raw TensorFlow operation; make them with `attr`. */
export type Attribute =
  | { readonly kind: 'type'; readonly value: KernelType }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: number | readonly number[] }
  | { readonly kind: 'float'; readonly value: number | readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'shape'; readonly value: readonly number[] };
export type Attributes = Readonly<Record<string, Attribute>>;
export type KernelType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool' | 'resource';

/** Attributes of raw operations by kind: `attr.type('float32')`, `attr.bool(true)`, `attr.string('NCHW')`. */
export const attr = {
  type: (value: KernelType): Attribute => ({ kind: 'type', value }),
  bool: (value: boolean): Attribute => ({ kind: 'bool', value }),
  int: (value: number | readonly number[]): Attribute => ({ kind: 'int', value }),
  float: (value: number | readonly number[]): Attribute => ({ kind: 'float', value }),
  string: (value: string): Attribute => ({ kind: 'string', value }),
  shape: (value: readonly number[]): Attribute => ({ kind: 'shape', value }),
};
