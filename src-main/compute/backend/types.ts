import type * as tfjs from '@tensorflow/tfjs';
import type { Doubles } from './doubles.ts';
import type { Compiler } from './graph/compile.ts';

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

export const backendNames = ['tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

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

/** A raw operation with its attributes settled: inputs in, `outputs` tensors out. The caller disposes of them. */
export type Operation = (...inputs: Tensor[]) => Tensor[];

/**
 * Raw TensorFlow kernels by their name in TensorFlow's op registry, without tfjs around them (no tape, no shape checks
 * but TensorFlow's own). About 18 microseconds a call.
 */
export interface NativeKernels {
  /** Settles the attributes once, for an operation that a hot loop calls often. `outputs`: how many tensors come out. */
  operation(name: string, attributes?: Attributes, outputs?: number): Operation;
  /** Calls once an operation with one output. */
  kernel(name: string, inputs: readonly Tensor[], attributes?: Attributes): Tensor;
  /** Calls once an operation with any number of outputs, zero included. */
  kernel(name: string, inputs: readonly Tensor[], attributes: Attributes, outputs: number): Tensor[];
  /** Float64 tensors, which tfjs does not know. */
  readonly doubles: Doubles;
  /** Turns tfjs computations into compiled ones. */
  readonly compiler: Compiler;
}

export interface Backend {
  readonly name: BackendName;
  /** Of the library that computes: TensorFlow's for `tensorflow`, tfjs's for the others. */
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
  /** Threads that one operation may use. */
  readonly threads: number;
  /** The GPU rounds the factors of float32 matrix products, as measured when it started; absent: it does not. */
  readonly precision?: 'tf32';
  /** Why this is not the back end asked for, and what would change that. Absent when it is. */
  readonly reason?: string;
  readonly fix?: string;
  /** `tensorflow 2.21.0 (CPU, 2 threads)`, as shown in status bar and CLI header, and recorded with every result. */
  readonly label: string;
  readonly tf: Tf;
  /** Raw TensorFlow operations; only on `tensorflow`. */
  readonly native?: NativeKernels;
  /** `native.kernel`, or an error that says which back end lacks it. */
  readonly kernel: NativeKernels['kernel'];
}
