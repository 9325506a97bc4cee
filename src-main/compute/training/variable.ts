/** A float32 tensor that training changes: a TensorFlow resource on the native back end, a plain tensor elsewhere. */
import { ResourceVariable } from '../backend/index.ts';
import type { Backend, Tensor } from '../backend/index.ts';

export interface Variable {
  readonly shape: readonly number[];
  /** The value now; the caller's to dispose of, best before the next change (a change copies it otherwise). */
  read(): Tensor;
  /** Copies `value`, which stays the caller's. */
  assign(value: Tensor): void;
  dispose(): void;
}

class PlainVariable implements Variable {
  readonly #backend: Backend;
  #value: Tensor;

  constructor(backend: Backend, initial: Tensor) {
    this.#backend = backend;
    this.#value = backend.tf.keep(initial.clone());
  }

  get shape(): readonly number[] {
    return this.#value.shape;
  }

  read(): Tensor {
    return this.#value.clone();
  }

  assign(value: Tensor): void {
    // Kept: it must outlive a tidy it may be assigned in.
    const next = this.#backend.tf.keep(value.clone());
    this.#value.dispose();
    this.#value = next;
  }

  dispose(): void {
    this.#value.dispose();
  }
}

export function variableOf(backend: Backend, values: Float32Array, shape: readonly number[]): Variable {
  const initial = backend.tf.tensor(values, [...shape], 'float32');
  const variable = backend.native
    ? new ResourceVariable(backend, initial)
    : new PlainVariable(backend, initial);
  initial.dispose();
  return variable;
}
