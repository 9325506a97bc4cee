/** Signs of activations, counted: which neurons of several models are positive on which inputs. Exact whole numbers. */
import type { Backend, Tensor3D } from '../backend/index.ts';
import type { PairIndices } from '../pairs.ts';

/** The numbers of one pair at one place; names as in the results. */
export interface SignPatterns {
  agreement_ratio: number;
  chance_agreement_ratio: number;
  positive_ratio_a: number;
  positive_ratio_b: number;
  std_per_neuron_a: number | null;
  std_per_neuron_b: number | null;
  std_per_input_a: number | null;
  std_per_input_b: number | null;
  num_activations: number;
  num_inputs: number;
}

/** What one model's signs add up to. */
interface ModelSigns {
  /** Inputs at which each neuron is positive. */
  positive: Float64Array;
  /** Sum over inputs of the deviation over neurons. */
  deviations: number;
}

export class SignCounter {
  readonly #backend: Backend;
  readonly #pairs: readonly PairIndices[];
  readonly #models: ModelSigns[] = [];
  /** Per pair and neuron: inputs at which both models are positive. */
  readonly #both: Float64Array[] = [];
  #inputs = 0;

  /** @param pairs places in the models' axis */
  constructor(backend: Backend, pairs: readonly PairIndices[]) {
    this.#backend = backend;
    this.#pairs = pairs;
  }

  /** @param activations [models, rows, n], left alone; fewer than 2^24 rows, so that float32 counts them exactly */
  add(activations: Tensor3D): void {
    const { tf } = this.#backend;
    const [models, rows, n] = activations.shape;
    const kept = tf.tidy(() => {
      const signs = tf.cast(tf.greater(activations, 0), 'float32');
      const both = this.#pairs.map(([a, b]) =>
        tf.sum(tf.mul(tf.gather(signs, [a], 0), tf.gather(signs, [b], 0)), [0, 1]),
      );
      return [tf.sum(signs, 1), tf.sum(signs, 2), tf.stack(both)];
    });
    const [perNeuron, perInput, both] = kept.map((sums) => sums.dataSync() as Float32Array);
    tf.dispose(kept);
    for (let m = 0; m < models; m++) {
      const own = (this.#models[m] ??= { positive: new Float64Array(n), deviations: 0 });
      add(own.positive, perNeuron!.subarray(m * n, (m + 1) * n));
      for (const count of perInput!.subarray(m * rows, (m + 1) * rows))
        own.deviations += deviationOf(count, n);
    }
    this.#pairs.forEach((_, p) => {
      add((this.#both[p] ??= new Float64Array(n)), both!.subarray(p * n, (p + 1) * n));
    });
    this.#inputs += rows;
  }

  /** What was counted of a pair so far. */
  patternsOf(pair: number): SignPatterns {
    const [a, b] = this.#pairs[pair]!.map((m) => this.#models[m]!) as [ModelSigns, ModelSigns];
    const both = this.#both[pair]!;
    const [inputs, n] = [this.#inputs, both.length];
    const share = (sum: (neuron: number) => number): number => {
      let total = 0;
      for (let i = 0; i < n; i++) total += sum(i);
      return total / n;
    };
    const of = ({ positive }: ModelSigns, i: number): number => positive[i]! / inputs;
    const perNeuron = ({ positive }: ModelSigns): number | null =>
      inputs < 2 ? null : share((i) => deviationOf(positive[i]!, inputs));
    const perInput = ({ deviations }: ModelSigns): number | null => (n < 2 ? null : deviations / inputs);
    return {
      agreement_ratio: share((i) => (inputs - a.positive[i]! - b.positive[i]! + 2 * both[i]!) / inputs),
      chance_agreement_ratio: share((i) => of(a, i) * of(b, i) + (1 - of(a, i)) * (1 - of(b, i))),
      ...{ positive_ratio_a: share((i) => of(a, i)), positive_ratio_b: share((i) => of(b, i)) },
      ...{ std_per_neuron_a: perNeuron(a), std_per_neuron_b: perNeuron(b) },
      ...{ std_per_input_a: perInput(a), std_per_input_b: perInput(b) },
      ...{ num_activations: n, num_inputs: inputs },
    };
  }
}

/** Sample deviation (divided by count - 1) of `ones` ones and zeros for the rest. */
const deviationOf = (ones: number, count: number): number =>
  Math.sqrt((ones * (count - ones)) / count / (count - 1));

function add(to: Float64Array, values: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += values[i]!;
}
