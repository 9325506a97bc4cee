/** Loss and accuracy of logits, summed in double precision: on the host, or as part of a compiled computation. */
import type { Objective } from '../../../src-shared/objective.ts';
import { attr } from '../backend/index.ts';
import type { Attributes, NativeKernels, Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';

export interface Scores {
  /** Exact mean loss over all examples, per model: cross entropy, or that of the objective; infinite or NaN if the network overflows. */
  loss: number[];
  /**
   * Percent, 0 to 100, per model. Ties go to the lowest class, as in PyTorch's argmax. NaN if any example has a logit
   * that is NaN, or an infinite one as its largest: which class is the largest then depends on the order of sums. Of
   * binary labels the share that is right if a label counts as 1 for a logit above 0; NaN if any logit is not finite.
   */
  accuracy: number[];
}

/** Sums losses and correct predictions over batches, in float64. */
export class ScoreSum {
  readonly #loss: Float64Array;
  readonly #correct: Float64Array;
  readonly #objective: Objective | undefined;
  #count = 0;

  /** @param objective if examples have several binary labels */
  constructor(models: number, objective?: Objective) {
    this.#objective = objective;
    this.#loss = new Float64Array(models);
    this.#correct = new Float64Array(models);
  }

  /**
   * @param logits [M, rows, classes]; rows beyond those with labels, and of label -1, do not count
   * @param labels [n], or [n, K] of examples with K binary labels
   */
  add(logits: Float32Array | Float64Array, labels: Int32Array, rows?: number): void {
    const each = this.#labelsEach;
    this.#add(logits, labels, rows ?? labels.length / each, each);
  }

  /** Numbers that label an example. */
  get #labelsEach(): number {
    return this.#objective?.labels ?? 1;
  }

  #add(logits: Float32Array | Float64Array, labels: Int32Array, rows: number, each: number): void {
    const models = this.#loss.length;
    const classes = logits.length / (models * rows);
    for (let m = 0; m < models; m++) {
      for (let row = 0; row < labels.length / each; row++) {
        if (labels[row * each]! < 0) continue;
        const own = (m * rows + row) * classes;
        if (this.#objective) {
          const end = own + classes;
          this.#addLabels(
            m,
            this.#objective,
            logits.subarray(own, end),
            labels.subarray(row * each, (row + 1) * each),
          );
        } else this.#addRow(m, logits, own, classes, labels[row]!);
      }
    }
    this.#count += countOf(labels) / each;
  }

  /** @param sums of the examples with these labels, as `scoreSums` makes them, [M] each */
  addSums([loss, correct, undecided]: readonly Float64Array[], labels: Int32Array): void {
    for (let m = 0; m < this.#loss.length; m++) {
      this.#loss[m]! += loss![m]!;
      this.#correct[m]! += undecided![m]! > 0 ? NaN : correct![m]!;
    }
    this.#count += countOf(labels) / this.#labelsEach;
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

  #addLabels(
    model: number,
    { loss, labels: count }: Objective,
    logits: Float32Array | Float64Array,
    labels: Int32Array,
  ): void {
    const values = Array.from(logits);
    const right = values.filter((z, k) => z > 0 === (labels[k] === 1)).length;
    this.#correct[model]! += values.every(Number.isFinite) ? right / count : NaN;
    if (loss === 'binary-cross-entropy') {
      const sum = values.reduce(
        (total, z, k) => total + Math.max(z, 0) - z * labels[k]! + Math.log1p(Math.exp(-Math.abs(z))),
        0,
      );
      this.#loss[model]! += sum / count;
      return;
    }
    const top = values.reduce((most, z) => Math.max(most, z), -Infinity);
    const log = Math.log(values.reduce((total, z) => total + Math.exp(z - top), 0)) + top;
    this.#loss[model]! += values.reduce((total, z, k) => (labels[k] === 1 ? total + log - z : total), 0);
  }

  scores(): Scores {
    return {
      loss: Array.from(this.#loss, (sum) => sum / this.#count),
      accuracy: Array.from(this.#correct, (sum) => (100 * sum) / this.#count),
    };
  }
}

/** Labels of examples that count. */
const countOf = (labels: Int32Array): number =>
  labels.reduce((count, label) => (label < 0 ? count : count + 1), 0);

const double = 'float64';

/**
 * The same sums inside a compiled computation, with TensorFlow's own kernels: tfjs knows no doubles.
 * @param logits [M, B, classes] @param labels int32 [B], or [B, K] of K binary labels; rows of label -1 do not count
 * @returns float64 [M] each: loss, right predictions (of binary labels, the share), examples with an undecided one
 */
export function scoreSums(
  maths: Maths,
  native: NativeKernels,
  { logits, labels, objective }: { logits: Tensor; labels: Tensor; objective: Objective | undefined },
): Tensor[] {
  const sums = doubleSums(maths, native);
  return objective
    ? labelSums(maths, sums, { logits, labels, objective })
    : classSums(maths, sums, logits, labels);
}

/** What is missing in tfjs, on doubles. */
function doubleSums(maths: Maths, native: NativeKernels) {
  const { tf } = maths;
  const kernel = (name: string, inputs: Tensor[], attributes: Attributes = {}): Tensor =>
    native.kernel(name, inputs, { T: attr.type(double), ...attributes });
  const reduce = (name: 'Max' | 'Sum', x: Tensor, keep: boolean): Tensor =>
    kernel(name, [x, tf.scalar(-1, 'int32')], { Tidx: attr.type('int32'), keep_dims: attr.bool(keep) });
  const cast = (x: Tensor, from: 'float32' | 'int32' | 'bool'): Tensor =>
    native.kernel('Cast', [x], {
      ...{ SrcT: attr.type(from), DstT: attr.type(double) },
      Truncate: attr.bool(false),
    });
  const zero = cast(maths.number(0), 'float32');
  const where = (condition: Tensor, x: Tensor): Tensor => kernel('SelectV2', [condition, x, zero]);
  const dropLast = (x: Tensor): Tensor =>
    native.kernel('Squeeze', [x], { T: attr.type(double), squeeze_dims: attr.int([2]) });
  /** @returns truth values */
  const test = (name: 'IsNan' | 'IsFinite', x: Tensor): Tensor =>
    native.kernel(name, [x], { T: attr.type(double) }) as Tensor;
  return { kernel, reduce, cast, where, dropLast, test };
}

type DoubleSums = ReturnType<typeof doubleSums>;

function classSums({ tf }: Maths, sums: DoubleSums, logits: Tensor, labels: Tensor): Tensor[] {
  const { kernel, reduce, cast, where, dropLast, test } = sums;
  const classes = logits.shape[2]!;
  const at = cast(logits, 'float32');
  const top = reduce('Max', at, true);
  const sum = reduce('Sum', kernel('Exp', [kernel('Sub', [at, top])]), false);
  const isLabel = tf.expandDims(tf.cast(tf.oneHot(labels, classes), 'bool'), 0);
  const ofLabel = reduce('Sum', where(isLabel, at), false);
  const loss = kernel('Sub', [kernel('AddV2', [kernel('Log', [sum]), dropLast(top)]), ofLabel]);

  const counts = tf.expandDims(tf.greaterEqual(labels, tf.scalar(0, 'int32')), 0);
  const right = tf.equal(tf.argMax(logits, -1), tf.expandDims(labels, 0));
  const undecided = test('IsNan', sum);
  const over = (rows: Tensor): Tensor => reduce('Sum', where(counts, rows), false);
  return [over(loss), over(cast(right, 'bool')), over(cast(undecided, 'bool'))];
}

function labelSums(
  { tf }: Maths,
  { kernel, reduce, cast, where, test }: DoubleSums,
  { logits, labels, objective }: { logits: Tensor; labels: Tensor; objective: Objective },
): Tensor[] {
  const at = cast(logits, 'float32');
  const wanted = tf.expandDims(labels, 0);
  const y = cast(wanted, 'int32');
  const sumOf = (x: Tensor): Tensor => reduce('Sum', x, false);
  const share = (x: Tensor): Tensor =>
    kernel('Div', [x, cast(tf.scalar(objective.labels, 'int32'), 'int32')]);
  const losses = (): Tensor => {
    if (objective.loss === 'soft-labels') {
      const top = reduce('Max', at, true);
      const log = kernel('AddV2', [
        kernel('Log', [reduce('Sum', kernel('Exp', [kernel('Sub', [at, top])]), true)]),
        top,
      ]);
      return sumOf(where(tf.greater(wanted, tf.scalar(0, 'int32')), kernel('Sub', [log, at])));
    }
    const linear = kernel('Sub', [kernel('Relu', [at]), kernel('Mul', [at, y])]);
    return share(
      sumOf(
        kernel('AddV2', [linear, kernel('Log1p', [kernel('Exp', [kernel('Neg', [kernel('Abs', [at])])])])]),
      ),
    );
  };
  const positive = tf.cast(tf.greater(logits, 0), 'int32');
  const right = share(sumOf(cast(tf.equal(positive, wanted), 'bool')));
  const undecided = sumOf(cast(tf.logicalNot(test('IsFinite', at)), 'bool'));
  // [1, B]: rows that fill up a call have -1 everywhere.
  const first = tf.squeeze(tf.slice(labels, [0, 0], [labels.shape[0]!, 1]), [1]);
  const counts = tf.expandDims(tf.greaterEqual(first, tf.scalar(0, 'int32')), 0);
  return [losses(), right, undecided].map((rows) => sumOf(where(counts, rows)));
}
