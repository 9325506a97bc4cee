/** The back end that computes: what the rest of compute/ imports. tfjs is loaded by `loadBackend`, not by this import. */
export { EagerComputation } from './computation.ts';
export type { Computation, ComputationBody } from './computation.ts';
export { assertNoLeak, tensorCount } from './count.ts';
export type { TensorCount } from './count.ts';
export type { CompileMode, Compiler } from './graph/compiler.ts';
export type { Spec } from './graph/graph.ts';
export { types } from './graph/graph.ts';
export type { Program } from './graph/program.ts';
export { numberTensor } from './graph/trace.ts';
export { loadBackend } from './load.ts';
export type { BackendOptions } from './load.ts';
export { attr } from './tensors.ts';
export type {
  Attribute,
  Attributes,
  DataType,
  Rank,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  Tf,
  Variable,
} from './tensors.ts';
export { backendNames } from './types.ts';
export type { Backend, BackendName, NativeKernels, Operation } from './types.ts';
