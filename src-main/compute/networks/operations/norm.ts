import type { NormAttributes } from '../../../../src-shared/networks/operations/norm.ts';
import type { Tensor } from '../../backend/index.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import { alongLastAxis, needed } from './context.ts';
import type { OperationContext, RunOperation, TrainingPass } from './context.ts';

/** src-shared/networks/operations/norm.ts has the formulas. */
export const norm: RunOperation = ([x], context) => {
  const { maths, parameter } = context;
  const { tf } = maths;
  let y = normalised(x!, context);
  for (const [word, operation] of [
    ['weight', tf.mul],
    ['bias', tf.add],
  ] as const) {
    const operand = parameter(word);
    if (operand) y = operation(y, alongLastAxis(maths, operand, y));
  }
  return y;
};

function normalised(x: Tensor, context: OperationContext): Tensor {
  const { kind, epsilon, groups = 1 } = context.node.attributes as NormAttributes;
  const { tf } = context.maths;
  switch (kind) {
    case 'layer': {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      return divided(context, centred, tf.mean(tf.square(centred), -1, true), epsilon);
    }
    case 'group':
      return byGroup(x, context, groups, epsilon);
    case 'rms':
      return divided(context, x, tf.mean(tf.square(x), -1, true), epsilon);
    case 'batch':
      if (context.training)
        return context.edges
          ? byGraph(x, context, context.training, epsilon)
          : byBatch(x, context, context.training, epsilon);
      return byRunningStatistics(x, context, epsilon);
    case 'layer_linear':
      return tf.mul(tf.sub(x, tf.mean(x, -1, true)), scalarPerModel(context, x));
    case 'batch_linear':
      return tf.mul(x, alongLastAxis(context.maths, needed(context, 'scale'), x));
  }
}

function divided(
  { maths: { tf, number } }: OperationContext,
  centred: Tensor,
  variance: Tensor,
  epsilon: number,
): Tensor {
  return tf.mul(centred, tf.rsqrt(tf.add(variance, number(epsilon))));
}

/** x [M, B, ..., n] over all but models and batch, and over the units of one group. */
function byGroup(x: Tensor, context: OperationContext, groups: number, epsilon: number): Tensor {
  const { tf } = context.maths;
  const [models, rows] = x.shape as [number, number];
  const units = x.shape.at(-1)! / groups;
  const apart =
    groups === 1 ? tf.reshape(x, [models, rows, -1]) : tf.reshape(x, [models, rows, -1, groups, units]);
  const axes = groups === 1 ? [2] : [2, 4];
  const centred = tf.sub(apart, tf.mean(apart, axes, true));
  const variance = tf.mean(tf.square(centred), axes, true);
  return tf.reshape(divided(context, centred, variance, epsilon), x.shape);
}

function byRunningStatistics(x: Tensor, context: OperationContext, epsilon: number): Tensor {
  const { maths } = context;
  const { tf, number } = maths;
  const scale = tf.rsqrt(tf.add(needed(context, 'running_var'), number(epsilon)));
  const centred = tf.sub(x, alongLastAxis(maths, needed(context, 'running_mean'), x));
  return tf.mul(centred, alongLastAxis(maths, scale, x));
}

/** x [M, B, ..., n] by mean and biased variance over the rows that count, and their pixels; the running statistics follow. */
function byBatch(x: Tensor, context: OperationContext, training: TrainingPass, epsilon: number): Tensor {
  const { tf } = context.maths;
  const pixels = x.shape.slice(2, -1);
  const inside = pixels.map((_, k) => k + 2);
  const weights = tf.reshape(training.rowWeights, [1, -1, ...pixels.map(() => 1), 1]);
  const over = (values: Tensor): Tensor => {
    const ofRows = pixels.length > 0 ? tf.mean(values, inside, true) : values;
    return tf.sum(tf.mul(ofRows, weights), 1, true);
  };
  const mean = over(x);
  const centred = tf.sub(x, mean);
  const variance = over(tf.square(centred));
  blend(context, training, 'running_mean', mean);
  blend(context, training, 'running_var', tf.mul(variance, unbiasedOf(context, training, sizeOf(pixels))));
  return divided(context, centred, variance, epsilon);
}

/**
 * The same of all nodes of a graph, x [1, N, n], which weigh alike. Its gradient keeps what comes out and nothing else that
 * is as large.
 */
function byGraph(x: Tensor, context: OperationContext, training: TrainingPass, epsilon: number): Tensor {
  const { tf, number } = context.maths;
  const over = (values: Tensor): Tensor => tf.mean(values, 1, true);
  const mean = over(x);
  const variance = over(tf.square(tf.sub(x, mean)));
  blend(context, training, 'running_mean', mean);
  blend(context, training, 'running_var', tf.mul(variance, training.unbiased));
  const scale = tf.rsqrt(tf.add(variance, number(epsilon)));
  const normalise = tf.customGrad((z, save) => {
    const value: Tensor = tf.mul(tf.sub(z as Tensor, mean), scale);
    (save as (tensors: Tensor[]) => void)([value, scale]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [y, s] = saved as [Tensor, Tensor];
        return tf.mul(tf.sub(tf.sub(dy, over(dy)), tf.mul(y, over(tf.mul(dy, y)))), s);
      },
    };
  });
  return normalise(x);
}

/** The next running statistic. @param seen of this batch */
function blend(context: OperationContext, training: TrainingPass, word: string, seen: Tensor): void {
  const { tf, number } = context.maths;
  const { momentum: own } = context.node.attributes as NormAttributes;
  // A measurement of the statistics themselves takes each batch as it is.
  const momentum = training.momentum === 1 ? 1 : (own ?? training.momentum);
  const before = needed(context, word);
  const shaped = tf.reshape(seen, [seen.shape[0]!, ...before.shape.slice(1)]);
  const next =
    momentum === 1 ? shaped : tf.add(tf.mul(before, number(1 - momentum)), tf.mul(shaped, number(momentum)));
  training.track(context.node.parameters[word]!.name, next);
}

/** The one number of a `layer_linear` norm, per model. */
function scalarPerModel(context: OperationContext, x: Tensor): Tensor {
  const scale = needed(context, 'scale');
  return context.maths.tf.reshape(scale, [scale.shape[0]!, ...x.shape.slice(1).map(() => 1)]);
}

/** n / (n - 1) of the n numbers that a variance was made of: rows that count, times pixels. */
function unbiasedOf(
  { maths }: OperationContext,
  { rowWeights, unbiased }: TrainingPass,
  pixels: number,
): Tensor {
  const { tf, number } = maths;
  if (pixels === 1) return unbiased;
  // Every row that counts weighs 1 / rows.
  return tf.div(number(pixels), tf.sub(number(pixels), tf.max(rowWeights)));
}
