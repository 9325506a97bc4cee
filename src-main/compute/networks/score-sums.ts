/** The sums of `scores.ts` inside a compiled computation, with TensorFlow's own kernels: tfjs knows no doubles. */
import { targetsOf } from '../../../src-shared/objective.ts';
import type { Objective } from '../../../src-shared/objective.ts';
import { attr } from '../backend/index.ts';
import type { Attributes, NativeKernels, Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';

const double = 'float64';

/**
 * @param logits [M, B, classes], or what else the network gives
 * @param labels int32 [B]; [B, K] of K binary labels or tokens; float32 [B, K] of numbers to be predicted. Those of -1, and
 * rows of numbers that are NaN, do not count
 * @returns float64 [M] each: loss, right predictions (of binary labels, the share), examples with an undecided one
 */
export function scoreSums(
  maths: Maths,
  native: NativeKernels,
  { logits, labels, objective }: { logits: Tensor; labels: Tensor; objective: Objective | undefined },
): Tensor[] {
  const { tf } = maths;
  const sums = doubleSums(maths, native);
  switch (targetsOf(objective)?.kind) {
    case undefined:
      return classSums(maths, sums, logits, labels);
    case 'tokens': {
      const [models, batch, tokens, classes] = logits.shape as [number, number, number, number];
      const flat = tf.reshape(logits, [models, batch * tokens, classes]);
      return classSums(maths, sums, flat, tf.reshape(labels, [batch * tokens]));
    }
    case 'numbers':
      return numberSums(maths, sums, logits, labels);
    case 'binary':
      return labelSums(maths, sums, { logits, labels, objective: objective! });
  }
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

function numberSums({ tf }: Maths, sums: DoubleSums, outputs: Tensor, numbers: Tensor): Tensor[] {
  const { kernel, reduce, cast, where } = sums;
  const [models] = outputs.shape as [number];
  const [batch, each] = numbers.shape as [number, number];
  const at = cast(tf.reshape(outputs, [models, batch, each]), 'float32');
  const wanted = cast(tf.expandDims(numbers, 0), 'float32');
  const difference = kernel('Sub', [at, wanted]);
  const squares = reduce('Sum', kernel('Mul', [difference, difference]), false);
  const losses = kernel('Div', [squares, cast(tf.scalar(each, 'int32'), 'int32')]);
  // [1, B]: rows that fill up a call are NaN.
  const first = tf.squeeze(tf.slice(numbers, [0, 0], [batch, 1]), [1]);
  const counts = tf.expandDims(tf.logicalNot(tf.isNaN(first)), 0);
  const loss = reduce('Sum', where(counts, losses), false);
  const none = cast(tf.zeros([models]), 'float32');
  return [loss, none, none];
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
