/** What a back end is. */
import type { Doubles } from './doubles.ts';
import type { Compiler } from './graph/compiler.ts';
import type { Attributes, Tensor, Tf } from './tensors.ts';

export const backendNames = ['tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

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
