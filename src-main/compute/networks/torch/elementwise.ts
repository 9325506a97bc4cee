/** Calls that work entry by entry. Functions are PyTorch's, at its constants. */
import { numberOf } from '../../../../src-shared/networks/operations/torch.ts';
import type { BinaryName, UnaryName } from '../../../../src-shared/networks/operations/torch.ts';
import type { Tensor } from '../../backend/index.ts';
import type { Maths } from '../maths.ts';
import { gelu } from '../operations/activation.ts';
import { cast, rangeOf, scalarOf, sizesAt, stopped, withoutGradient } from './call.ts';
import type { RunCalls } from './call.ts';

type Unary = (maths: Maths, x: Tensor) => Tensor;

const between = ({ tf, number }: Maths, x: Tensor, least: number, most: number): Tensor =>
  tf.minimum(tf.maximum(x, number(least)), number(most));

/** log(1 + exp x); x itself above 20. */
const softplus: Unary = (maths, x) => {
  const { tf, number } = maths;
  return tf.where(above(maths, x, 20), x, tf.log1p(tf.exp(tf.minimum(x, number(20)))));
};

const hardsigmoid: Unary = (maths, x) =>
  maths.tf.div(between(maths, maths.tf.add(x, maths.number(3)), 0, 6), maths.number(6));

/** tfjs's own gradient has a constant that is rounded to float32. */
const erf: Unary = ({ tf, number }, x) => {
  const value = tf.customGrad((given, save) => {
    const at = given as Tensor;
    (save as (tensors: Tensor[]) => void)([at]);
    return {
      value: tf.erf(at),
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(saved!))), number(2 / Math.sqrt(Math.PI)))),
    };
  });
  return value(x);
};

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
const geluTanh: Unary = ({ tf, number }, x) => {
  const cubed = tf.mul(tf.mul(tf.square(x), x), number(0.044715));
  const inner = tf.mul(tf.add(x, cubed), number(Math.sqrt(2 / Math.PI)));
  return tf.mul(tf.mul(x, number(0.5)), tf.add(tf.tanh(inner), number(1)));
};

const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

/** max(0, x) + alpha (exp(min(0, x)) - 1) */
const elu = ({ tf, number, relu }: Maths, x: Tensor, alpha: number): Tensor =>
  tf.add(relu(x), tf.mul(tf.expm1(tf.minimum(x, number(0))), number(alpha)));

const unary: Record<UnaryName, Unary> = {
  relu: (maths, x) => maths.relu(x),
  gelu: (maths, x) => gelu(maths, x),
  gelu_tanh: geluTanh,
  sigmoid: ({ tf }, x) => tf.sigmoid(x),
  tanh: ({ tf }, x) => tf.tanh(x),
  silu: ({ tf }, x) => tf.mul(x, tf.sigmoid(x)),
  softplus,
  elu: (maths, x) => elu(maths, x, 1),
  selu: (maths, x) => maths.tf.mul(elu(maths, x, seluAlpha), maths.number(seluScale)),
  mish: (maths, x) => maths.tf.mul(x, maths.tf.tanh(softplus(maths, x))),
  hardsigmoid,
  hardswish: (maths, x) => maths.tf.mul(x, hardsigmoid(maths, x)),
  softsign: ({ tf, number }, x) => tf.div(x, tf.add(tf.abs(x), number(1))),
  exp: ({ tf }, x) => tf.exp(x),
  log: ({ tf }, x) => tf.log(x),
  log1p: ({ tf }, x) => tf.log1p(x),
  expm1: ({ tf }, x) => tf.expm1(x),
  sqrt: ({ tf }, x) => tf.sqrt(x),
  rsqrt: ({ tf }, x) => tf.rsqrt(x),
  square: ({ tf }, x) => tf.square(x),
  abs: ({ tf }, x) => tf.abs(x),
  neg: ({ tf }, x) => tf.neg(x),
  sign: ({ tf }, x) => tf.sign(x),
  sin: ({ tf }, x) => tf.sin(x),
  cos: ({ tf }, x) => tf.cos(x),
  erf,
  floor: ({ tf }, x) => tf.floor(x),
  reciprocal: ({ tf, number }, x) => tf.div(number(1), x),
  not: ({ tf }, x) => tf.logicalNot(x),
  stop: stopped,
};

type Binary = (maths: Maths, a: Tensor, b: Tensor) => Tensor;

/** The remainder with the sign of a. */
const floatFmod: Binary = ({ tf }, a, b) => tf.mul(tf.sign(a), tf.mod(tf.abs(a), tf.abs(b)));

/** Rounded down; through the remainder, so that no quotient is rounded up to a whole number. */
const floatFloorDivision: Binary = ({ tf }, a, b) => tf.round(tf.div(tf.sub(a, tf.mod(a, b)), b));

/**
 * Through float32, which is exact up to 2^24, and then once more for what that left over: a trace tries operations on zeros,
 * by which TensorFlow's kernels for whole numbers do not divide.
 */
const floorDivision: Binary = (maths, a, b) => {
  if (a.dtype === 'float32') return floatFloorDivision(maths, a, b);
  const { tf } = maths;
  const rough = (left: Tensor): Tensor =>
    cast(maths, floatFloorDivision(maths, cast(maths, left, 'float'), cast(maths, b, 'float')), 'int');
  const first = rough(a);
  return tf.add(first, rough(tf.sub(a, tf.mul(first, b))));
};

const fmod: Binary = (maths, a, b) => {
  if (a.dtype === 'float32') return floatFmod(maths, a, b);
  const { tf } = maths;
  const [own, other] = [tf.abs(a), tf.abs(b)];
  return tf.mul(tf.sign(a), tf.sub(own, tf.mul(floorDivision(maths, own, other), other)));
};

const truncated: Binary = ({ tf }, a, b) => {
  const quotient = tf.div(a, b);
  return tf.mul(tf.sign(quotient), tf.floor(tf.abs(quotient)));
};

const binary: Record<BinaryName, Binary> = {
  add: ({ tf }, a, b) => tf.add(a, b),
  sub: ({ tf }, a, b) => tf.sub(a, b),
  mul: ({ tf }, a, b) => tf.mul(a, b),
  div: ({ tf }, a, b) => tf.div(a, b),
  pow: ({ tf }, a, b) => tf.pow(a, b),
  maximum: ({ tf }, a, b) => tf.maximum(a, b),
  minimum: ({ tf }, a, b) => tf.minimum(a, b),
  fmod,
  floor_div: floorDivision,
  trunc_div: truncated,
  eq: ({ tf }, a, b) => tf.equal(a, b),
  ne: ({ tf }, a, b) => tf.notEqual(a, b),
  lt: ({ tf }, a, b) => tf.less(a, b),
  le: ({ tf }, a, b) => tf.lessEqual(a, b),
  gt: ({ tf }, a, b) => tf.greater(a, b),
  ge: ({ tf }, a, b) => tf.greaterEqual(a, b),
  and: ({ tf }, a, b) => tf.logicalAnd(a, b),
  or: ({ tf }, a, b) => tf.logicalOr(a, b),
  xor: ({ tf }, a, b) => tf.logicalXor(a, b),
};

const compares = new Set<BinaryName>(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'and', 'or', 'xor']);

/** Where x is above a number. */
const above = (maths: Maths, x: Tensor, least: number): Tensor =>
  withoutGradient(maths, () => maths.tf.greater(x, maths.number(least)));

export const elementwise: RunCalls<
  'unary' | 'binary' | 'clamp' | 'leaky' | 'where' | 'cast' | 'full' | 'range'
> = {
  unary: ([x], { name }, { maths }) => unary[name](maths, x!),
  binary(inputs, { name, kind, left, right }, { maths }) {
    const values = inputs.map((x) => cast(maths, x, kind));
    const given = (value: typeof left): Tensor =>
      value === undefined ? values.shift()! : scalarOf(maths, numberOf(value), kind);
    const [a, b] = [given(left), given(right)];
    if (compares.has(name)) return withoutGradient(maths, () => binary[name](maths, a, b));
    return binary[name](maths, a, b);
  },
  clamp([x], { least, most, kind }, { maths }) {
    const { tf } = maths;
    const raised = least === undefined ? x! : tf.maximum(x!, scalarOf(maths, numberOf(least), kind));
    return most === undefined ? raised : tf.minimum(raised, scalarOf(maths, numberOf(most), kind));
  },
  leaky: ([x], { slope }, { maths }) =>
    maths.tf.where(above(maths, x!, 0), x!, maths.tf.mul(x!, maths.number(slope))),
  where: ([condition, a, b], _settings, { maths: { tf } }) => tf.where(condition!, a!, b!),
  cast: ([x], { kind }, { maths }) => cast(maths, x!, kind),
  full(_inputs, { kind, sizes, value }, context) {
    const { maths } = context;
    const shape = sizesAt(sizes, context);
    const scalar = scalarOf(maths, numberOf(value), kind);
    const zeros = maths.tf.zeros(shape, scalar.dtype);
    if (kind === 'bool') return maths.tf.logicalOr(zeros, scalar);
    return maths.tf.add(zeros, scalar);
  },
  range(_inputs, { kind, start, step, count }, context) {
    const { maths } = context;
    const { tf } = maths;
    const [length] = sizesAt([count], context);
    const places = cast(maths, rangeOf(maths, length!), kind);
    return tf.add(tf.mul(places, scalarOf(maths, step, kind)), scalarOf(maths, start, kind));
  },
};
