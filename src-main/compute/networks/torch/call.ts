/** How the calls of an exported network are computed with tensors: what they share. */
import type { CallNamed, TorchCall, ValueKind } from '../../../../src-shared/networks/operations/torch.ts';
import { sizeAt } from '../../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../../src-shared/networks/sizes.ts';
import type { Tensor } from '../../backend/index.ts';
import type { Maths } from '../maths.ts';

export interface CallContext {
  readonly maths: Maths;
  /** How many examples go through the network together. */
  readonly examples: number;
}

/** Values are one model's, of whatever shape. Pure: whoever calls it holds the tidy. Works in float32 and in a float64 trace. */
export type RunCall<Call extends TorchCall> = (
  inputs: readonly Tensor[],
  settings: Call,
  context: CallContext,
) => Tensor;

export type RunCalls<Name extends TorchCall['call']> = { readonly [N in Name]: RunCall<CallNamed<N>> };

export const sizesAt = (sizes: readonly Size[], { examples }: CallContext): number[] =>
  sizes.map((size) => sizeAt(size, examples));

const dtypes = { float: 'float32', int: 'int32', bool: 'bool' } as const;

/**
 * What `compute` gives, a constant for gradients: truth values and whole numbers have none, and tfjs refuses to look for one,
 * or passes it through a cast.
 */
export function withoutGradient({ tf }: Maths, compute: () => Tensor): Tensor {
  const run = tf.customGrad(() => ({ value: compute(), gradFunc: () => [] }));
  return run();
}

/** As values of that kind; whole numbers are cut, not rounded. */
export function cast(maths: Maths, x: Tensor, kind: ValueKind): Tensor {
  const { tf } = maths;
  if (x.dtype === dtypes[kind]) return x;
  return withoutGradient(maths, () =>
    kind === 'bool' ? tf.notEqual(x, tf.zeros([], x.dtype)) : tf.cast(x, dtypes[kind]),
  );
}

/** Whole numbers that are kept as float32. They are rounded: where models are mixed, 7 may have become 6.9999995. */
export function storedAs(maths: Maths, x: Tensor, kind: ValueKind): Tensor {
  const { tf, number } = maths;
  if (kind === 'float') return x;
  return kind === 'int' ? tf.cast(tf.round(x), 'int32') : tf.greater(x, number(0.5));
}

export const scalarOf = ({ tf, number }: Maths, value: number, kind: ValueKind): Tensor =>
  kind === 'float'
    ? number(value)
    : kind === 'int'
      ? tf.scalar(Math.trunc(value), 'int32')
      : tf.scalar(value !== 0, 'bool');

/** 0, 1, ..., count - 1 as int32; inside a trace no table of constants. */
export function rangeOf({ tf, native }: Maths, count: number): Tensor {
  if (!native) return tf.range(0, count, 1, 'int32');
  const [start, limit, step] = [0, count, 1].map((value) => tf.scalar(value, 'int32'));
  return native.kernel('Range', [start!, limit!, step!], { Tidx: { kind: 'type', value: 'int32' } });
}

/** Copies along axes of length 1, or new ones in front. Written as a sum, whose gradient any rank has. */
export function expanded({ tf }: Maths, x: Tensor, shape: readonly number[]): Tensor {
  if (x.shape.join() === shape.join()) return x;
  const zeros = tf.zeros([...shape], x.dtype);
  return x.dtype === 'bool' ? tf.logicalOr(x, zeros) : tf.add(x, zeros);
}

export const alongAxis = (rank: number, axis: number, value: number): number[] =>
  Array.from({ length: rank }, (_, i) => (i === axis ? value : 0));

/** Entries `start` to `start + count` along an axis. */
export function cut({ tf }: Maths, x: Tensor, axis: number, start: number, count: number): Tensor {
  const size = x.shape.map((length, i) => (i === axis ? count : length));
  return tf.slice(x, alongAxis(x.rank, axis, start), size);
}

/**
 * Rows of a table [N, n] at int32 indices [K], with a gradient. @param counts [K] 0 where an index passes no gradient on
 */
export function rowsAt(maths: Maths, table: Tensor, indices: Tensor, counts?: Tensor): Tensor {
  const { tf } = maths;
  if (table.dtype !== 'float32')
    return cast(
      maths,
      maths.gather(cast(maths, table, 'int'), indices),
      table.dtype === 'bool' ? 'bool' : 'int',
    );
  const gathered = tf.customGrad((given, save) => {
    const rows = given as Tensor;
    (save as (tensors: Tensor[]) => void)(counts ? [indices, counts] : [indices]);
    return {
      value: maths.gather(rows, indices),
      gradFunc: (dy: Tensor, [at, weights]: Tensor[]) =>
        tf.unsortedSegmentSum(
          weights ? tf.mul(dy, tf.expandDims(weights, 1)) : dy,
          at as never,
          rows.shape[0]!,
        ),
    };
  });
  return gathered(table);
}

/** The value, through which no gradient goes. */
export function stopped({ tf }: Maths, x: Tensor): Tensor {
  if (x.dtype !== 'float32') return x;
  const stop = tf.customGrad((given) => ({
    value: (given as Tensor).clone(),
    gradFunc: (dy: Tensor) => tf.zerosLike(dy),
  }));
  return stop(x);
}
