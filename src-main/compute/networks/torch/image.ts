/** Calls on images [batch, height, width, channels]. Weights have the shapes of PyTorch's files. */
import type { CallNamed } from '../../../../src-shared/networks/operations/torch.ts';
import type { Tensor, Tensor4D } from '../../backend/index.ts';
import type { Maths } from '../maths.ts';
import { cut, expanded, rangeOf, withoutGradient } from './call.ts';
import type { RunCalls } from './call.ts';

type Pair = readonly [number, number];
type Conv = Pick<CallNamed<'conv'>, 'stride' | 'dilation' | 'groups' | 'padding'>;

export const image: RunCalls<'conv' | 'conv_transpose' | 'pool' | 'adaptive_average' | 'upsample'> = {
  conv([x, weight, bias], settings, { maths }) {
    const value = convolved(maths, x!, weight!, settings);
    return bias ? maths.tf.add(value, bias) : value;
  },
  conv_transpose([x, weight, bias], settings, { maths }) {
    const value = transposedConvolution(maths, x!, weight!, settings);
    return bias ? maths.tf.add(value, bias) : value;
  },
  pool: ([x], settings, { maths }) =>
    settings.name === 'max' ? largest(maths, x!, settings) : averages(maths, x!, settings),
  adaptive_average([x], { size }, { maths }) {
    const { tf } = maths;
    const [, height, width] = x!.shape as [number, number, number];
    if (size.every((length) => length === 1)) return tf.mean(x!, [1, 2], true);
    if (height === size[0] && width === size[1]) return x!;
    if (height % size[0] !== 0 || width % size[1] !== 0)
      return unevenAverages(maths, unevenAverages(maths, x!, 1, size[0]), 2, size[1]);
    const window: [number, number] = [height / size[0], width / size[1]];
    return tf.avgPool(x as Tensor4D, window, window, 'valid');
  },
  upsample: ([x], settings, { maths }) =>
    settings.name === 'nearest' ? repeated(maths, x!, settings.size) : bilinear(maths, x!, settings),
};

function padded({ tf }: Maths, x: Tensor, [rows, columns]: readonly [Pair, Pair], value = 0): Tensor {
  if ([...rows, ...columns].every((zeros) => zeros === 0)) return x;
  return tf.pad(x, [[0, 0], [...rows], [...columns], [0, 0]], value);
}

/** @param weight [outputs, inputs / groups, height, width] */
function convolved(maths: Maths, x: Tensor, weight: Tensor, settings: Conv): Tensor {
  const { tf } = maths;
  const { stride, groups, padding } = settings;
  const kernel = dilated(maths, weight, settings.dilation);
  const [outputs, inputs] = kernel.shape as [number, number];
  if (groups === 1) {
    const filter = tf.transpose(kernel, [2, 3, 1, 0]);
    const even = padding.every(([before, after]) => before === after);
    if (even) return maths.convolve(x, filter, { stride, padding: [padding[0][0], padding[1][0]] });
    return maths.convolve(padded(maths, x, padding), filter, { stride, padding: [0, 0] });
  }
  if (inputs === 1 && stride[0] === stride[1]) {
    const [, , height, width] = kernel.shape as [number, number, number, number];
    // [groups * multiplier, 1, h, w] -> [h, w, groups, multiplier]
    const filter = tf.transpose(
      tf.reshape(kernel, [groups, outputs / groups, height, width]),
      [2, 3, 0, 1],
    ) as Tensor4D;
    return tf.depthwiseConv2d(padded(maths, x, padding) as Tensor4D, filter, stride, 'valid');
  }
  return byGroup(maths, x, kernel, groups, (own, ofGroup) =>
    convolved(maths, own, ofGroup, { ...settings, groups: 1, dilation: [1, 1] }),
  );
}

/** TensorFlow's processor kernels take one group at a time. */
function byGroup(
  maths: Maths,
  x: Tensor,
  weight: Tensor,
  groups: number,
  run: (x: Tensor, weight: Tensor) => Tensor,
): Tensor {
  const [channels, outputs] = [x.shape.at(-1)! / groups, weight.shape[0]! / groups];
  const parts = Array.from({ length: groups }, (_, group) =>
    run(cut(maths, x, 3, group * channels, channels), cut(maths, weight, 0, group * outputs, outputs)),
  );
  return maths.tf.concat(parts, 3);
}

/** Zeros between the entries of a kernel [o, i, h, w]: backwards, TensorFlow's kernels know no dilation. */
function dilated(maths: Maths, kernel: Tensor, dilation: Pair): Tensor {
  const [down, across] = dilation;
  return spread(maths, spread(maths, kernel, 2, down), 3, across);
}

/** `step - 1` zeros between neighbours along an axis. */
function spread(maths: Maths, x: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return x;
  const { tf } = maths;
  const { shape } = x;
  const length = shape[axis]!;
  const apart = tf.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const pads = apart.shape.map((_, i): [number, number] => [0, i === axis + 1 ? step - 1 : 0]);
  const long = tf.reshape(
    tf.pad(apart, pads),
    shape.map((own, i) => (i === axis ? own * step : own)),
  );
  return cut(maths, long, axis, 0, (length - 1) * step + 1);
}

/** A convolution over images with zeros between their pixels, with the kernel turned around. @param weight [inputs, outputs / groups, h, w] */
function transposedConvolution(
  maths: Maths,
  x: Tensor,
  weight: Tensor,
  { stride, padding, outputPadding, dilation, groups }: CallNamed<'conv_transpose'>,
): Tensor {
  const { tf } = maths;
  const wide = spread(maths, spread(maths, x, 1, stride[0]), 2, stride[1]);
  const kernel = tf.reverse(dilated(maths, weight, dilation), [2, 3]);
  const around = [0, 1].map((k): [number, number] => {
    const before = kernel.shape[2 + k]! - 1 - padding[k as 0 | 1];
    return [before, before + outputPadding[k as 0 | 1]];
  }) as [[number, number], [number, number]];
  const settings: Conv = { stride: [1, 1], dilation: [1, 1], groups: 1, padding: around };
  const turned = (own: Tensor): Tensor => tf.transpose(own, [1, 0, 2, 3]);
  if (groups === 1) return convolved(maths, wide, turned(kernel), settings);
  return byGroup(maths, wide, kernel, groups, (own, ofGroup) =>
    convolved(maths, own, turned(ofGroup), settings),
  );
}

type Pool = CallNamed<'pool'>;

/** NaN stays NaN, as in PyTorch: the kernels for processors pass over it, and a network that overflowed would look whole. */
function largest(maths: Maths, x: Tensor, { kernel, stride, padding }: Pool): Tensor {
  const { tf, number } = maths;
  const around = padded(maths, x, padding, -Infinity);
  const over = (values: Tensor): Tensor => tf.maxPool(values as Tensor4D, kernel, stride, 'valid');
  const pooled = over(around);
  const lost = withoutGradient(maths, () =>
    tf.greater(over(tf.cast(tf.notEqual(around, around), 'float32')), number(0)),
  );
  return tf.where(lost, tf.add(pooled, number(NaN)), pooled);
}

function averages(maths: Maths, x: Tensor, settings: Pool): Tensor {
  const { tf, number } = maths;
  const { kernel, stride, padding, countPadding, divisor, counted } = settings;
  const window = kernel[0] * kernel[1];
  const mean = tf.avgPool(padded(maths, x, padding) as Tensor4D, kernel, stride, 'valid');
  if (divisor !== undefined) return tf.mul(mean, number(window / divisor));
  if (padding.flat().every((zeros) => zeros === 0)) return mean;
  // What a window covers that counts, as a share.
  const [height, width] = x.shape.slice(1, 3) as [number, number];
  const own = countPadding ? counted : ([0, 0] as const);
  const ones = tf.ones([1, height + 2 * own[0], width + 2 * own[1], 1]);
  const rest = padding.map(([before, after], k): [number, number] => [
    before - own[k as 0 | 1],
    after - own[k as 0 | 1],
  ]) as [[number, number], [number, number]];
  if (rest.flat().every((zeros) => zeros === 0)) return mean;
  const shares = tf.avgPool(padded(maths, ones, rest) as Tensor4D, kernel, stride, 'valid');
  return tf.div(mean, shares);
}

/** Means over windows of unequal lengths that may overlap, as PyTorch cuts them. */
function unevenAverages(maths: Maths, x: Tensor, axis: number, size: number): Tensor {
  const { tf } = maths;
  const length = x.shape[axis]!;
  const parts = Array.from({ length: size }, (_, i) => {
    const start = Math.floor((i * length) / size);
    const end = Math.ceil(((i + 1) * length) / size);
    return tf.mean(cut(maths, x, axis, start, end - start), axis, true);
  });
  return tf.concat(parts, axis);
}

/** Whole multiples of the size: every pixel becomes a block. */
function repeated(maths: Maths, x: Tensor, [high, wide]: Pair): Tensor {
  const { tf } = maths;
  const [rows, height, width, channels] = x.shape as [number, number, number, number];
  const [down, across] = [high / height, wide / width];
  const apart = tf.reshape(x, [rows, height, 1, width, 1, channels]);
  return tf.reshape(expanded(maths, apart, [rows, height, down, width, across, channels]), [
    ...[rows, high, wide, channels],
  ]);
}

function bilinear(maths: Maths, x: Tensor, { size, scale, align }: CallNamed<'upsample'>): Tensor {
  const { tf } = maths;
  const [rows, height, width, channels] = x.shape as [number, number, number, number];
  const [high, wide] = size;
  const down = weightsBetween(maths, height, high, align ? undefined : scale[0]);
  const across = weightsBetween(maths, width, wide, align ? undefined : scale[1]);
  // [high, height] times [height, rows * width * channels], then likewise for columns.
  const first = tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [height, -1]);
  const tall = tf.reshape(tf.matMul(down, first), [high, rows, width, channels]);
  const second = tf.reshape(tf.transpose(tall, [2, 1, 0, 3]), [width, -1]);
  const whole = tf.reshape(tf.matMul(across, second), [wide, rows, high, channels]);
  return tf.transpose(whole, [1, 2, 0, 3]);
}

/** [out, from]: the share of each pixel. @param scale undefined: corners lie on corners */
function weightsBetween(maths: Maths, from: number, out: number, scale: number | undefined): Tensor {
  const { tf, number, relu } = maths;
  const places = (count: number): Tensor => tf.cast(rangeOf(maths, count), 'float32');
  const at =
    scale === undefined
      ? tf.mul(places(out), number(out > 1 ? (from - 1) / (out - 1) : 0))
      : tf.sub(tf.mul(tf.add(places(out), number(0.5)), number(1 / scale)), number(0.5));
  const inside = tf.minimum(relu(at), number(from - 1));
  const distance = tf.abs(tf.sub(tf.expandDims(inside, 1), tf.expandDims(places(from), 0)));
  return relu(tf.sub(number(1), distance));
}
