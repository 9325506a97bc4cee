/** Loss and accuracy of logits, summed in double precision: on the host, or as part of a compiled computation. */
import { attr } from '../backend/index.ts';
import type { Attributes, NativeKernels, Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';

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

  /** @param logits [M, rows, classes] with rows >= labels.length; those beyond, and of label -1, do not count */
  add(logits: Float32Array | Float64Array, labels: Int32Array, rows = labels.length): void {
    const models = this.#loss.length;
    const classes = logits.length / (models * rows);
    for (let m = 0; m < models; m++) {
      for (let row = 0; row < labels.length; row++) {
        if (labels[row]! < 0) continue;
        this.#addRow(m, logits, (m * rows + row) * classes, classes, labels[row]!);
      }
    }
    this.#count += countOf(labels);
  }

  /** @param sums of the examples with these labels, as `scoreSums` makes them, [M] each */
  addSums([loss, correct, undecided]: readonly Float64Array[], labels: Int32Array): void {
    for (let m = 0; m < this.#loss.length; m++) {
      this.#loss[m]! += loss![m]!;
      this.#correct[m]! += undecided![m]! > 0 ? NaN : correct![m]!;
    }
    this.#count += countOf(labels);
  }

  #addRow(
    model: number,
    logits: Float32Array | Float64Array,
    start: number,
    classes: number,
    label: number,
  ): void {
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

/** Examples that count. */
const countOf = (labels: Int32Array): number =>
  labels.reduce((count, label) => (label < 0 ? count : count + 1), 0);

const double = 'float64';

/**
 * The same sums inside a compiled computation, with TensorFlow's own kernels: tfjs knows no doubles.
 * @param logits [M, B, classes] @param labels [B] int32; rows of label -1 do not count
 * @returns float64 [M] each: cross entropy, right answers, examples without a largest class
 */
export function scoreSums(maths: Maths, native: NativeKernels, logits: Tensor, labels: Tensor): Tensor[] {
  const { tf } = maths;
  const kernel = (name: string, inputs: Tensor[], attributes: Attributes = {}): Tensor =>
    native.kernel(name, inputs, { T: attr.type(double), ...attributes });
  const reduce = (name: 'Max' | 'Sum', x: Tensor, keep: boolean): Tensor =>
    kernel(name, [x, tf.scalar(-1, 'int32')], { Tidx: attr.type('int32'), keep_dims: attr.bool(keep) });
  const cast = (x: Tensor, from: 'float32' | 'bool'): Tensor =>
    native.kernel('Cast', [x], {
      ...{ SrcT: attr.type(from), DstT: attr.type(double) },
      Truncate: attr.bool(false),
    });
  const zero = cast(maths.number(0), 'float32');
  const where = (condition: Tensor, x: Tensor): Tensor => kernel('SelectV2', [condition, x, zero]);

  const classes = logits.shape[2]!;
  const at = cast(logits, 'float32');
  const top = reduce('Max', at, true);
  const sum = reduce('Sum', kernel('Exp', [kernel('Sub', [at, top])]), false);
  const isLabel = tf.expandDims(tf.cast(tf.oneHot(labels, classes), 'bool'), 0);
  const ofLabel = reduce('Sum', where(isLabel, at), false);
  const dropLast = (x: Tensor): Tensor =>
    native.kernel('Squeeze', [x], { T: attr.type(double), squeeze_dims: attr.int([2]) });
  const loss = kernel('Sub', [kernel('AddV2', [kernel('Log', [sum]), dropLast(top)]), ofLabel]);

  const counts = tf.expandDims(tf.greaterEqual(labels, tf.scalar(0, 'int32')), 0);
  const right = tf.equal(tf.argMax(logits, -1), tf.expandDims(labels, 0));
  const undecided = native.kernel('IsNan', [sum], { T: attr.type(double) });
  const over = (rows: Tensor): Tensor => reduce('Sum', where(counts, rows), false);
  return [over(loss), over(cast(right, 'bool')), over(cast(undecided as Tensor, 'bool'))];
}
