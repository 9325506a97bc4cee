/** A computation with state of its own: compiled, or operation by operation. */
import type { Tensor, Tf } from './tensors.ts';

/** Given arguments and state, returns outputs and the state's next values. Pure: it runs in a tidy or a trace. */
export type ComputationBody = (
  args: Tensor[],
  state: Tensor[],
) => { outputs: readonly Tensor[]; state: readonly Tensor[] };

export interface Computation {
  /** One call: outputs, the caller's to dispose of; the state takes its next value. */
  run(args: readonly Tensor[]): Tensor[];
  /** Copies the value into state `index`. */
  set(index: number, value: Tensor): void;
  /** As `set`, several at once; each index once. */
  setAll(values: readonly (readonly [index: number, value: Tensor])[]): void;
  /** State `index` as it is now; the caller's to dispose of. */
  get(index: number): Tensor;
  /** As `get`, several at once. */
  getAll(indices: readonly number[]): Tensor[];
  dispose(): void;
}

/** Runs `body` as it is, one operation after another. All state has to be set before the first call. */
export class EagerComputation implements Computation {
  readonly #tf: Tf;
  readonly #body: ComputationBody;
  readonly #state: Tensor[] = [];

  constructor(tf: Tf, body: ComputationBody) {
    this.#tf = tf;
    this.#body = body;
  }

  run(args: readonly Tensor[]): Tensor[] {
    const { outputs, next } = this.#tf.tidy(() => {
      const result = this.#body([...args], [...this.#state]);
      // Clones: what is passed through unchanged must survive on its own.
      const own = (tensor: Tensor): Tensor => this.#tf.keep(tensor.clone());
      return { outputs: result.outputs.map(own), next: result.state.map(own) };
    });
    this.#tf.dispose(this.#state.splice(0, this.#state.length, ...next));
    return outputs;
  }

  set(index: number, value: Tensor): void {
    this.#state[index]?.dispose();
    this.#state[index] = this.#tf.keep(value.clone());
  }

  setAll(values: readonly (readonly [index: number, value: Tensor])[]): void {
    for (const [index, value] of values) this.set(index, value);
  }

  get(index: number): Tensor {
    return this.#state[index]!.clone();
  }

  getAll(indices: readonly number[]): Tensor[] {
    return indices.map((index) => this.get(index));
  }

  dispose(): void {
    this.#tf.dispose(this.#state.splice(0, this.#state.length));
  }
}
