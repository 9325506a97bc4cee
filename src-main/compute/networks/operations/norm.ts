import type { z } from 'zod';
import type { norm as normOperation } from '../../../../src-shared/networks/operations/norm.ts';
import type { Tensor } from '../../backend/index.ts';
import { alongLastAxis, needed } from './context.ts';
import type { OperationContext, RunOperation, TrainingPass } from './context.ts';

type Attributes = z.output<typeof normOperation.attributes>;

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
  const { kind, epsilon } = context.node.attributes as Attributes;
  const { tf } = context.maths;
  switch (kind) {
    case 'layer': {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      return divided(context, centred, tf.mean(tf.square(centred), -1, true), epsilon);
    }
    case 'rms':
      return divided(context, x, tf.mean(tf.square(x), -1, true), epsilon);
    case 'batch':
      if (context.training) return byBatch(x, context, context.training, epsilon);
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

function byRunningStatistics(x: Tensor, context: OperationContext, epsilon: number): Tensor {
  const { maths } = context;
  const { tf, number } = maths;
  const scale = tf.rsqrt(tf.add(needed(context, 'running_var'), number(epsilon)));
  const centred = tf.sub(x, alongLastAxis(maths, needed(context, 'running_mean'), x));
  return tf.mul(centred, alongLastAxis(maths, scale, x));
}

/** x [M, B, n] by mean and biased variance over the rows that count; the running statistics follow them. */
function byBatch(x: Tensor, context: OperationContext, training: TrainingPass, epsilon: number): Tensor {
  const { maths, node } = context;
  const { tf, number } = maths;
  const weights = tf.reshape(training.rowWeights, [1, -1, 1]);
  const over = (values: Tensor): Tensor => tf.sum(tf.mul(values, weights), 1, true);
  const mean = over(x);
  const centred = tf.sub(x, mean);
  const variance = over(tf.square(centred));
  const blend = (word: string, seen: Tensor): void => {
    const before = needed(context, word);
    const { momentum } = training;
    const own = tf.reshape(seen, [seen.shape[0]!, ...before.shape.slice(1)]);
    const next =
      momentum === 1 ? own : tf.add(tf.mul(before, number(1 - momentum)), tf.mul(own, number(momentum)));
    training.track(node.parameters[word]!.name, next);
  };
  blend('running_mean', mean);
  blend('running_var', tf.mul(variance, training.unbiased));
  return divided(context, centred, variance, epsilon);
}

/** The one number of a `layer_linear` norm, per model. */
function scalarPerModel(context: OperationContext, x: Tensor): Tensor {
  const scale = needed(context, 'scale');
  return context.maths.tf.reshape(scale, [scale.shape[0]!, ...x.shape.slice(1).map(() => 1)]);
}
