import type { Backend, Tensor } from '../backend/index.ts';
import { examplesTensor } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { forwardStacked } from './forward.ts';
import type { StackedNetwork } from './stack.ts';

export interface Scores {
  /** Exact mean cross entropy over all examples, per model; infinite or NaN if the network overflows. */
  loss: number[];
  /**
   * Percent, 0 to 100, per model. Ties go to the lowest class, as in PyTorch's argmax. NaN if any example has a logit
   * that is NaN, or an infinite one as its largest: which class is the largest then depends on the order of sums.
   */
  accuracy: number[];
}

/** Sums cross entropy and correct answers over batches, in float64. */
export class ScoreSum {
  readonly #loss: Float64Array;
  readonly #correct: Float64Array;
  #count = 0;

  constructor(models: number) {
    this.#loss = new Float64Array(models);
    this.#correct = new Float64Array(models);
  }

  /** @param logits [M, labels.length, classes] */
  add(logits: Float32Array, labels: Int32Array): void {
    const models = this.#loss.length;
    const classes = logits.length / (models * labels.length);
    for (let m = 0; m < models; m++) {
      for (let row = 0; row < labels.length; row++) {
        this.#addRow(m, logits, (m * labels.length + row) * classes, classes, labels[row]!);
      }
    }
    this.#count += labels.length;
  }

  #addRow(model: number, logits: Float32Array, start: number, classes: number, label: number): void {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[start + c]! > logits[start + best]!) best = c;
    const top = logits[start + best]!;
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[start + c]! - top);
    this.#loss[model]! += Math.log(sum) + top - logits[start + label]!;
    // NaN exactly if a logit is NaN, or the largest one infinite.
    if (Number.isNaN(sum)) this.#correct[model] = NaN;
    else if (best === label) this.#correct[model]! += 1;
  }

  scores(): Scores {
    return {
      loss: Array.from(this.#loss, (sum) => sum / this.#count),
      accuracy: Array.from(this.#correct, (sum) => (100 * sum) / this.#count),
    };
  }
}

/** Rows per pass such that the widest intermediate of all models stays near 32 MB: larger passes are no faster. */
export function rowsPerPass(network: StackedNetwork): number {
  const widest = Math.max(...network.layers.map((layer) => layer.outputs));
  return Math.max(64, Math.floor(2 ** 23 / (widest * network.models)));
}

/**
 * Exact loss and accuracy of stacked networks on a whole split.
 * @param between called between passes; throw there to stop
 */
export async function evaluateStacked(
  backend: Backend,
  network: StackedNetwork,
  examples: Examples,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<Scores> {
  const sum = new ScoreSum(network.models);
  const x = examplesTensor(backend, examples);
  const rows = Math.min(examples.count, rowsPerPass(network));
  for (let start = 0; start < examples.count; start += rows) {
    const size = Math.min(rows, examples.count - start);
    const batch: Tensor = size === examples.count ? x.clone() : backend.tf.slice(x, [start, 0], [size, -1]);
    const { logits } = forwardStacked(backend, network, batch);
    sum.add(logits.dataSync() as Float32Array, examples.labels.subarray(start, start + size));
    backend.tf.dispose([batch, logits]);
    await between();
  }
  return sum.scores();
}
