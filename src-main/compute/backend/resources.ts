/** TensorFlow resource variables and the fused Adam kernel; native back end only. */
import { attr } from './types.ts';
import type { Backend, NativeKernels, Operation, Tensor } from './types.ts';

let serial = 0;

function nativeOf(backend: Backend): NativeKernels {
  if (backend.native) return backend.native;
  throw new Error(`resource variables need the native back end; this is ${backend.name}`);
}

/** A float32 tensor that lives inside TensorFlow and is updated in place by the ResourceApply kernels. */
export class ResourceVariable {
  readonly shape: readonly number[];
  /** The resource handle, an input of ResourceApplyAdam and its like. */
  readonly handle: Tensor;
  readonly #read: Operation;
  readonly #assign: Operation;
  readonly #assignAdd: Operation;
  readonly #destroy: Operation;

  /** Copies `initial` (any shape); the caller keeps and disposes of that tensor. */
  constructor(backend: Backend, initial: Tensor) {
    const native = nativeOf(backend);
    this.shape = initial.shape;
    const dtype = { dtype: attr.type('float32') };
    this.handle = native.kernel('VarHandleOp', [], {
      ...dtype,
      container: attr.string(''),
      shared_name: attr.string(`basin-${process.pid}-${serial++}`),
      shape: attr.shape(initial.shape),
    });
    this.#read = native.operation('ReadVariableOp', dtype);
    this.#assign = native.operation('AssignVariableOp', dtype, 0);
    this.#assignAdd = native.operation('AssignAddVariableOp', dtype, 0);
    this.#destroy = native.operation('DestroyResourceOp', { ignore_lookup_error: attr.bool(true) }, 0);
    this.assign(initial);
  }

  /**
   * The value now, as a new tensor of `shape`; the caller disposes of it. It shares memory with the variable until the
   * next update, which copies only if the tensor is still alive: dispose of it before updating.
   */
  read(): Tensor {
    return this.#read(this.handle)[0]!;
  }

  assign(value: Tensor): void {
    this.#assign(this.handle, value);
  }

  assignAdd(value: Tensor): void {
    this.#assignAdd(this.handle, value);
  }

  dispose(): void {
    if (this.handle.isDisposed) return;
    this.#destroy(this.handle);
    this.handle.dispose();
  }
}

export interface AdamSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/**
 * One Adam (or, with the caller's decoupled decay, AdamW) step as PyTorch defines it, for any number of variables:
 * m += (1-b1)(g-m); v += (1-b2)(g^2-v); w -= lr/(1-b1^t) * m / (sqrt(v)/sqrt(1-b2^t) + eps)   (torch/optim/adam.py).
 * ResourceApplyAdam adds epsilon before the bias correction and takes all its scalars as float32, so the corrections are
 * computed here in float64 and folded into the learning rate and epsilon: both scaled by sqrt(1-b2^t).
 * Rounding b2 = 0.999 to float32 makes TensorFlow's 1-b2 smaller by 1.3e-5, hence v: the same factor, its square root,
 * goes into both too.
 */
export class AdamStep {
  readonly #scalars: Tensor[];
  readonly #apply: Operation;

  /** `step` counts from 1. Dispose of it after the step. */
  constructor(backend: Backend, step: number, settings: AdamSettings) {
    const { learningRate, beta1, beta2, epsilon } = settings;
    const secondMoment = Math.sqrt(1 - beta2 ** step);
    const rounding = Math.sqrt((1 - Math.fround(beta2)) / (1 - beta2));
    const rate = ((learningRate * secondMoment) / (1 - beta1 ** step)) * rounding;
    const values = [0, 0, rate, beta1, beta2, epsilon * secondMoment * rounding];
    this.#scalars = values.map((value) => backend.tf.scalar(value, 'float32'));
    this.#apply = nativeOf(backend).operation('ResourceApplyAdam', adamAttributes, 0);
  }

  /** Updates weights `w` and moments `m`, `v` in place; all four have one shape. The caller disposes of `gradient`. */
  apply(w: ResourceVariable, m: ResourceVariable, v: ResourceVariable, gradient: Tensor): void {
    this.#apply(w.handle, m.handle, v.handle, ...this.#scalars, gradient);
  }

  dispose(): void {
    for (const scalar of this.#scalars) scalar.dispose();
  }
}

const adamAttributes = {
  T: attr.type('float32'),
  use_locking: attr.bool(false),
  use_nesterov: attr.bool(false),
};
