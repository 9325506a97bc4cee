/** Calls that move entries about. */
import { numberOf } from '../../../../src-shared/networks/operations/torch.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { Tensor } from '../../backend/index.ts';
import type { Maths } from '../maths.ts';
import { cast, cut, expanded, rangeOf, rowsAt, sizesAt } from './call.ts';
import type { RunCalls } from './call.ts';

export const shapes: RunCalls<
  'reshape' | 'permute' | 'expand' | 'slice' | 'concat' | 'flip' | 'pad' | 'embedding' | 'index'
> = {
  reshape: ([x], { sizes }, context) => context.maths.tf.reshape(x!, sizesAt(sizes, context)),
  permute: ([x], { order }, { maths: { tf } }) => tf.transpose(x!, order),
  expand: ([x], { sizes }, context) => expanded(context.maths, x!, sizesAt(sizes, context)),
  slice([x], { axis, start, count, step }, context) {
    const { maths } = context;
    const [from, length] = sizesAt([start, count], context) as [number, number];
    if (step === 1) return cut(maths, x!, axis, from, length);
    const { tf } = maths;
    const places = tf.add(tf.mul(rangeOf(maths, length), tf.scalar(step, 'int32')), tf.scalar(from, 'int32'));
    return gathered(maths, x!, axis, 1, places);
  },
  concat: (inputs, { axis }, { maths: { tf } }) => tf.concat([...inputs], axis),
  flip: ([x], { axes }, { maths: { tf } }) => tf.reverse(x!, axes),
  pad([x], { pads, mode, value }, { maths }) {
    const { tf } = maths;
    if (mode === 'constant') return tf.pad(x!, pads, numberOf(value));
    return pads.reduce(
      (padded, [before, after], axis) => aroundEdges(maths, padded, { axis, before, after, mode }),
      x!,
    );
  },
  embedding([table, indices], { padding }, { maths }) {
    const { tf } = maths;
    const flat = tf.reshape(cast(maths, indices!, 'int'), [-1]);
    const counts =
      padding === undefined ? undefined : tf.cast(tf.notEqual(flat, tf.scalar(padding, 'int32')), 'float32');
    const rows = rowsAt(maths, table!, flat, counts);
    return tf.reshape(rows, [...indices!.shape, table!.shape[1]!]);
  },
  index([x, ...indices], { axis }, { maths }) {
    const { tf } = maths;
    const lengths = x!.shape.slice(axis, axis + indices.length);
    // One place in all these axes together; negative ones count from the end.
    const places = indices
      .map((given, i) => {
        const length = tf.scalar(lengths[i]!, 'int32');
        const at = cast(maths, given, 'int');
        return tf.where(tf.less(at, tf.scalar(0, 'int32')), tf.add(at, length), at);
      })
      .reduce((sum, own, i) => tf.add(tf.mul(sum, tf.scalar(lengths[i]!, 'int32')), own));
    return gathered(maths, x!, axis, indices.length, places);
  },
};

/** Entries at `places` along `count` axes from `axis` on, which become those of `places`. */
function gathered(maths: Maths, x: Tensor, axis: number, count: number, places: Tensor): Tensor {
  const { tf } = maths;
  const [front, own, behind] = [
    x.shape.slice(0, axis),
    x.shape.slice(axis, axis + count),
    x.shape.slice(axis + count),
  ];
  const rank = x.rank;
  const axes = [...x.shape.keys()];
  const first = [...axes.slice(axis, axis + count), ...axes.slice(0, axis), ...axes.slice(axis + count)];
  const table = tf.reshape(tf.transpose(x, first), [sizeOf(own), sizeOf(front) * sizeOf(behind)]);
  const rows = rowsAt(maths, table, tf.reshape(places, [-1]));
  const whole = tf.reshape(rows, [...places.shape, ...front, ...behind]);
  const taken = places.rank;
  const last = rank - count + taken;
  const order = Array.from({ length: last }, (_, i) => {
    if (i < axis) return taken + i;
    return i < axis + taken ? i - axis : i;
  });
  return tf.transpose(whole, order);
}

/** Padding with what lies at the edges: mirrored, or the last entry again. */
function aroundEdges(
  maths: Maths,
  x: Tensor,
  at: { axis: number; before: number; after: number; mode: 'reflect' | 'replicate' },
): Tensor {
  const { tf } = maths;
  const { axis, before, after, mode } = at;
  if (before === 0 && after === 0) return x;
  const length = x.shape[axis]!;
  const mirrored = (start: number, count: number): Tensor =>
    tf.reverse(cut(maths, x, axis, start, count), axis);
  const repeated = (place: number, count: number): Tensor =>
    expanded(
      maths,
      cut(maths, x, axis, place, 1),
      x.shape.map((own, i) => (i === axis ? count : own)),
    );
  const [first, last] =
    mode === 'reflect'
      ? [() => mirrored(1, before), () => mirrored(length - 1 - after, after)]
      : [() => repeated(0, before), () => repeated(length - 1, after)];
  const parts = [...(before > 0 ? [first()] : []), x, ...(after > 0 ? [last()] : [])];
  return tf.concat(parts, axis);
}
