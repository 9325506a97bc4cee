/** The loss of one model after another in float64, where straight lines and curves are told apart by their last digits. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import { labelsOf, rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { valuesOfArrays } from './doubles.ts';
import type { Values } from './doubles.ts';
import { requireObjective } from './objective.ts';
import type { NamedArrays } from './permute.ts';
import { ScoreSum } from './scores.ts';

const rowsAtOnce = 1000;

/** Models of one network on the same examples. */
export class DoubleLoss {
  readonly #backend: Backend;
  readonly #network: Network;
  readonly #examples: Examples;
  readonly #models: number;
  #values: Values | undefined;

  /** @param models how many will be asked about: whether compiling pays depends on it */
  constructor(backend: Backend, network: Network, examples: Examples, models: number) {
    this.#backend = backend;
    this.#network = network;
    this.#examples = examples;
    this.#models = models;
  }

  /** Exact mean loss over all examples, by the network's objective. @param arrays parameters as they act */
  of(arrays: NamedArrays<Float64Array>): number {
    const examples = this.#examples;
    const { count } = examples;
    requireObjective(this.#network, examples);
    const values = this.#valuesOf(arrays);
    const sum = new ScoreSum(1, this.#network.objective);
    for (let start = 0; start < count; start += rowsAtOnce) {
      const end = Math.min(start + rowsAtOnce, count);
      values.each(rowsOf(examples, start, end), (logits) => {
        const numbers = logits instanceof Float64Array ? logits : this.#backend.native!.doubles.read(logits);
        sum.add(numbers, labelsOf(examples, start, end));
      });
    }
    return sum.scores().loss[0]!;
  }

  #valuesOf(arrays: NamedArrays<Float64Array>): Values {
    const [backend, network] = [this.#backend, this.#network];
    const { count } = this.#examples;
    const amount = { rows: Math.min(rowsAtOnce, count), count: count * this.#models };
    if (this.#values) this.#values.set(arrays);
    else this.#values = valuesOfArrays(backend, { network, arrays }, [network.graph.output], amount);
    return this.#values;
  }

  dispose(): void {
    this.#values?.dispose();
  }
}
