/** Calls over whole axes: sums, norms, products of matrices, attention. */
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { Tensor } from '../../backend/index.ts';
import type { Maths } from '../maths.ts';
import { cast, rangeOf } from './call.ts';
import type { RunCalls } from './call.ts';

export const reductions: RunCalls<
  'reduce' | 'softmax' | 'matmul' | 'layer_norm' | 'rms_norm' | 'group_norm' | 'attention'
> = {
  reduce([x], { name, axes, keep }, { maths }) {
    const { tf } = maths;
    if (axes.length === 0) return x!;
    const whole = x!.dtype === 'bool' && name !== 'any' && name !== 'all' ? cast(maths, x!, 'int') : x!;
    const truth = (): Tensor => cast(maths, x!, 'bool');
    switch (name) {
      case 'sum':
        return tf.sum(whole, axes, keep);
      case 'mean':
        return tf.mean(whole, axes, keep);
      case 'max':
        return tf.max(whole, axes, keep);
      case 'min':
        return tf.min(whole, axes, keep);
      case 'prod':
        return tf.prod(whole, axes, keep);
      case 'any':
        return tf.any(truth(), axes, keep);
      case 'all':
        return tf.all(truth(), axes, keep);
    }
  },
  softmax: ([x], { axis, log }, { maths }) => (log ? logSoftmax(maths, x!, axis) : softmax(maths, x!, axis)),
  matmul: ([a, b], _settings, { maths }) => product(maths, a!, b!),
  layer_norm(inputs, { axes, epsilon, weight, bias }, { maths }) {
    const { tf } = maths;
    const [x, ...parameters] = inputs as [Tensor, ...Tensor[]];
    const over = Array.from({ length: axes }, (_, i) => x.rank - axes + i);
    const centred = tf.sub(x, tf.mean(x, over, true));
    const y = divided(maths, centred, tf.mean(tf.square(centred), over, true), epsilon);
    return affine(maths, y, weight ? parameters.shift() : undefined, bias ? parameters.shift() : undefined);
  },
  rms_norm([x, weight], { axes, epsilon }, { maths }) {
    const { tf } = maths;
    const over = Array.from({ length: axes }, (_, i) => x!.rank - axes + i);
    const y = divided(maths, x!, tf.mean(tf.square(x!), over, true), epsilon);
    return affine(maths, y, weight, undefined);
  },
  group_norm(inputs, { groups, epsilon, weight, bias }, { maths }) {
    const { tf } = maths;
    const [x, ...parameters] = inputs as [Tensor, ...Tensor[]];
    const [rows, channels, ...inside] = x.shape as [number, number, ...number[]];
    const apart = tf.reshape(x, [rows, groups, -1]);
    const centred = tf.sub(apart, tf.mean(apart, 2, true));
    const y = divided(maths, centred, tf.mean(tf.square(centred), 2, true), epsilon);
    const perChannel = (parameter: Tensor | undefined): Tensor | undefined =>
      parameter && tf.reshape(parameter, [channels, ...inside.map(() => 1)]);
    return affine(
      maths,
      tf.reshape(y, x.shape),
      perChannel(weight ? parameters.shift() : undefined),
      perChannel(bias ? parameters.shift() : undefined),
    );
  },
  attention([query, key, value, mask], { scale, causal, mask: kind }, { maths }) {
    const { tf, number } = maths;
    const axes = [...key!.shape.keys()];
    const turned = tf.transpose(key!, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
    let scores = product(maths, tf.mul(query!, number(scale)), turned);
    const hidden = number(-Infinity);
    const shut = (allowed: Tensor): void => {
      const { shape } = scores;
      const open = tf.logicalOr(allowed, tf.zeros(shape, 'bool'));
      scores = tf.where(open, scores, tf.add(tf.zeros(shape), hidden));
    };
    if (causal) {
      const [rows, columns] = scores.shape.slice(-2) as [number, number];
      shut(
        tf.greaterEqual(tf.expandDims(rangeOf(maths, rows), 1), tf.expandDims(rangeOf(maths, columns), 0)),
      );
    }
    if (kind === 'bool') shut(mask!);
    if (kind === 'float') scores = tf.add(scores, mask!);
    const shares = softmax(maths, scores, scores.rank - 1, kind !== 'none');
    return product(maths, shares, value!);
  },
};

function divided({ tf, number }: Maths, centred: Tensor, variance: Tensor, epsilon: number): Tensor {
  return tf.mul(centred, tf.rsqrt(tf.add(variance, number(epsilon))));
}

function affine({ tf }: Maths, y: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const scaled = weight ? tf.mul(y, weight) : y;
  return bias ? tf.add(scaled, bias) : scaled;
}

/** [..., n, k] times [..., k, m], the axes in front alike, or absent on the right. */
export function product({ tf }: Maths, a: Tensor, b: Tensor): Tensor {
  if (b.rank === 2) {
    const flat = tf.matMul(tf.reshape(a, [-1, a.shape.at(-1)!]), b);
    return tf.reshape(flat, [...a.shape.slice(0, -1), b.shape[1]!]);
  }
  const front = a.shape.slice(0, -2);
  const flat = (x: Tensor): Tensor => tf.reshape(x, [sizeOf(front), ...x.shape.slice(-2)]);
  const whole: Tensor = tf.matMul(flat(a), flat(b));
  return tf.reshape(whole, [...front, ...whole.shape.slice(-2)]);
}

/** @param safe rows of which nothing is left (all -infinity) are 0, as in PyTorch's attention */
function softmax({ tf, number }: Maths, x: Tensor, axis: number, safe = false): Tensor {
  const run = tf.customGrad((given, save) => {
    const z = given as Tensor;
    const top = tf.max(z, axis, true);
    const level = safe ? tf.where(tf.greater(top, number(-Infinity)), top, tf.zerosLike(top)) : top;
    const raised = tf.exp(tf.sub(z, level));
    const sum = tf.sum(raised, axis, true);
    const share = safe ? tf.where(tf.greater(sum, number(0)), sum, tf.onesLike(sum)) : sum;
    const value: Tensor = tf.div(raised, share);
    (save as (tensors: Tensor[]) => void)([value]);
    return {
      value,
      gradFunc: (dy: Tensor, [y]: Tensor[]) => tf.mul(y!, tf.sub(dy, tf.sum(tf.mul(dy, y!), axis, true))),
    };
  });
  return run(x);
}

function logSoftmax({ tf }: Maths, x: Tensor, axis: number): Tensor {
  const run = tf.customGrad((given, save) => {
    const z = given as Tensor;
    const shifted = tf.sub(z, tf.max(z, axis, true));
    const value: Tensor = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), axis, true)));
    (save as (tensors: Tensor[]) => void)([value]);
    return {
      value,
      gradFunc: (dy: Tensor, [y]: Tensor[]) => tf.sub(dy, tf.mul(tf.exp(y!), tf.sum(dy, axis, true))),
    };
  });
  return run(x);
}
