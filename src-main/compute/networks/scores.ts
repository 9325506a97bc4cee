/** Loss and accuracy of logits, summed in double precision on the host; `score-sums.ts` does it in a compiled computation. */
import { hasAccuracy, targetsOf } from '../../../src-shared/objective.ts';
import type { Objective } from '../../../src-shared/objective.ts';
import type { Labels } from '../data/index.ts';

export interface Scores {
  /** Exact mean loss over all examples (tokens), per model: cross entropy, or that of the objective; infinite or NaN if the network overflows. */
  loss: number[];
  /**
   * Percent, 0 to 100, per model; null if there is none, because numbers are predicted. Ties go to the lowest class, as in
   * PyTorch's argmax. NaN if any example (token) has a logit that is NaN, or an infinite one as its largest: which class is
   * the largest then depends on the order of sums. Of binary labels the share that is right if a label counts as 1 for a
   * logit above 0; NaN if any logit is not finite.
   */
  accuracy: number[] | null;
}

type Numbers = Float32Array | Float64Array;

/** Sums losses and correct predictions over batches, in float64. */
export class ScoreSum {
  readonly #loss: Float64Array;
  readonly #correct: Float64Array;
  readonly #objective: Objective | undefined;
  /** Numbers that label an example. */
  readonly #each: number;
  #count = 0;

  /** @param objective if examples have other labels than one class */
  constructor(models: number, objective?: Objective) {
    this.#objective = objective;
    this.#each = objective?.labels ?? 1;
    this.#loss = new Float64Array(models);
    this.#correct = new Float64Array(models);
  }

  /**
   * @param logits [M, rows, classes], or what else the network gives; rows beyond those with labels, and of label -1, do
   * not count @param labels as those of `Examples`
   */
  add(logits: Numbers, labels: Labels, rows = labels.length / this.#each): void {
    const objective = this.#objective;
    const each = this.#each;
    if (!objective) return this.#addClasses(logits, labels, rows);
    switch (objective.loss) {
      case 'next-token':
        return this.#addClasses(logits, labels, rows * each);
      case 'mean-squared-error':
        return this.#addRows(logits, labels, rows, (outputs, numbers) => ({
          loss: outputs.reduce((sum, value, k) => sum + (value - numbers[k]!) ** 2, 0) / each,
          right: 0,
        }));
      case 'binary-cross-entropy':
      case 'soft-labels':
        return this.#addRows(logits, labels, rows, (outputs, own) => binaryScores(objective, outputs, own));
    }
  }

  /** @param sums of the examples with these labels, as `scoreSums` makes them, [M] each */
  addSums([loss, correct, undecided]: readonly Float64Array[], labels: Labels): void {
    for (let m = 0; m < this.#loss.length; m++) {
      this.#loss[m]! += loss![m]!;
      this.#correct[m]! += undecided![m]! > 0 ? NaN : correct![m]!;
    }
    this.#count += this.#counted(labels);
  }

  /** How many examples, or tokens, these labels count for. */
  #counted(labels: Labels): number {
    const each = targetsOf(this.#objective);
    if (each && each.kind !== 'tokens') return labels.length / each.each;
    let count = 0;
    for (const label of labels) if (label >= 0) count++;
    return count;
  }

  #addClasses(logits: Numbers, labels: Labels, rows: number): void {
    const models = this.#loss.length;
    const classes = logits.length / (models * rows);
    for (let m = 0; m < models; m++) {
      for (let row = 0; row < labels.length; row++) {
        if (labels[row]! < 0) continue;
        this.#addRow(m, logits, (m * rows + row) * classes, classes, labels[row]!);
      }
    }
    this.#count += this.#counted(labels);
  }

  #addRow(model: number, logits: Numbers, start: number, classes: number, label: number): void {
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

  #addRows(
    outputs: Numbers,
    labels: Labels,
    rows: number,
    scoresOf: (outputs: number[], labels: Labels) => { loss: number; right: number },
  ): void {
    const models = this.#loss.length;
    const each = this.#each;
    const width = outputs.length / (models * rows);
    for (let m = 0; m < models; m++) {
      for (let row = 0; row < labels.length / each; row++) {
        const start = (m * rows + row) * width;
        const own = Array.from(outputs.subarray(start, start + width));
        const { loss, right } = scoresOf(own, labels.subarray(row * each, (row + 1) * each));
        this.#loss[m]! += loss;
        this.#correct[m]! += right;
      }
    }
    this.#count += this.#counted(labels);
  }

  scores(): Scores {
    const accuracy = hasAccuracy(this.#objective?.loss)
      ? Array.from(this.#correct, (sum) => (100 * sum) / this.#count)
      : null;
    return { loss: Array.from(this.#loss, (sum) => sum / this.#count), accuracy };
  }
}

function binaryScores(
  { loss, labels: count }: Objective,
  values: readonly number[],
  labels: Labels,
): { loss: number; right: number } {
  const decided = values.filter((z, k) => z > 0 === (labels[k] === 1)).length;
  const right = values.every(Number.isFinite) ? decided / count : NaN;
  if (loss === 'binary-cross-entropy') {
    const sum = values.reduce(
      (total, z, k) => total + Math.max(z, 0) - z * labels[k]! + Math.log1p(Math.exp(-Math.abs(z))),
      0,
    );
    return { loss: sum / count, right };
  }
  const top = values.reduce((most, z) => Math.max(most, z), -Infinity);
  const log = Math.log(values.reduce((total, z) => total + Math.exp(z - top), 0)) + top;
  return { loss: values.reduce((total, z, k) => (labels[k] === 1 ? total + log - z : total), 0), right };
}
