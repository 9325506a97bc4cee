/** Operations that are put together from others: from PyTorch's names to calls. */
import { isPerExample, shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';
import { castTo, choose, combine, limits, operandOf } from './elementwise.ts';
import type { BinaryRule, Operand } from './elementwise.ts';
import { added, dropped } from './norms.ts';
import { matrixProduct, reduced, reductionAxes } from './reductions.ts';
import { permuted, reshaped } from './shapes.ts';

const same: BinaryRule = { operands: (kind) => kind, result: (kind) => kind };
const test: BinaryRule = { operands: (kind) => kind, result: () => 'bool' };
const truth: BinaryRule = { operands: () => 'bool', result: () => 'bool' };

const of = (call: ExportedCall, name: 'exp' | 'log' | 'abs' | 'stop', value: Value): Value =>
  call.builder.entries({ call: 'unary', name }, [value], value.sizes, 'float');

/** With the largest taken out first; where that is infinite, nothing is. */
const logSumExp: Handler = (call) => {
  const value = call.needFloat(call.value('self'));
  const [axes, keep] = [reductionAxes(call, value), call.bool('keepdim', false)];
  const largest = of(call, 'stop', reduced(call, value, 'max', axes, true));
  const infinite = combine(
    call,
    'eq',
    [{ value: of(call, 'abs', largest) }, { number: Infinity, kind: 'float' }],
    test,
  );
  const level = choose(call, infinite, { number: 0, kind: 'float' }, { value: largest });
  const sum = reduced(call, of(call, 'exp', added(call, 'sub', value, level)), 'sum', axes, true);
  const whole = added(call, 'add', of(call, 'log', sum), level);
  return keep
    ? whole
    : reshaped(
        call,
        whole,
        whole.sizes.filter((_, axis) => !axes.includes(axis)),
      );
};

/** Sums of all entries up to each: a product with a triangle of ones. */
const cumulativeSum: Handler = (call) => {
  const value = call.value('self');
  if (value.kind !== 'float' || call.elements('dtype') === 'int')
    return call.fail('running sums of whole numbers are not supported');
  const rank = value.sizes.length;
  const axis = call.axis('dim', rank);
  if (rank === 0) return value;
  const length = call.fixed(value, axis, 'the running sum');
  const counted = (sizes: readonly Size[]): Value =>
    reshaped(
      call,
      call.builder.plain(
        { call: 'range', kind: 'int', start: 0, step: 1, count: length },
        [],
        [length],
        'int',
      ),
      sizes,
    );
  const before = combine(
    call,
    'le',
    [{ value: counted([length, 1]) }, { value: counted([1, length]) }],
    test,
  );
  const order = [...value.sizes.keys()];
  [order[axis], order[rank - 1]] = [rank - 1, axis];
  return permuted(
    call,
    matrixProduct(call, permuted(call, value, order), castTo(call, before, 'float')),
    order,
  );
};

/** What is left of a division, with the sign of the divisor. */
const remainder: Handler = (call) => {
  const [a, b] = [operandOf(call, 'self'), operandOf(call, 'other')];
  const rest = combine(call, 'fmod', [a, b], same);
  const zero: Operand = { number: 0, kind: 'int' };
  const compared = (name: 'ne' | 'lt' | 'gt', operand: Operand): Operand => ({
    value: combine(call, name, [operand, zero], test),
  });
  const left: Operand = { value: rest };
  const otherSign =
    'number' in b
      ? compared(b.number < 0 ? 'gt' : 'lt', left)
      : { value: combine(call, 'xor', [compared('lt', left), compared('lt', b)], truth) };
  const wrong = combine(call, 'and', [compared('ne', left), otherSign], truth);
  return choose(call, wrong, { value: combine(call, 'add', [left, b], same) }, left);
};

/** Between limits; of values that cross, the upper one. */
const limited: Handler = (call) => {
  if (!call.isTensor('min') && !call.isTensor('max')) return limits(call);
  let value = call.value('self');
  for (const [limit, name] of [
    ['min', 'maximum'],
    ['max', 'minimum'],
  ] as const)
    if (call.has(limit)) value = combine(call, name, [{ value }, { value: call.value(limit) }], same);
  return value;
};

/** Whole channels are dropped, or kept: ones are, and they multiply. */
const droppedChannels: Handler = (call) => {
  const value = call.value(call.has('self') ? 'self' : 'input');
  const { sizes } = value;
  if (!isPerExample(sizes) || sizes.length < 3)
    return call.fail(
      `values [batch, channels, ...] were expected, found ${shapeText(sizes)}: export the network with dropout on examples`,
    );
  const shape: Size[] = [sizes[0]!, sizes[1]!, ...sizes.slice(2).map((): Size => 1)];
  const ones = call.builder.plain(
    { call: 'full', kind: 'float', sizes: shape, value: 1 },
    [],
    shape,
    'float',
  );
  const kept = dropped(call, ones, call.number('p'));
  return kept === ones ? value : added(call, 'mul', value, kept);
};

export const composed: Handlers = {
  ...{ logsumexp: logSumExp, cumsum: cumulativeSum, remainder, feature_dropout: droppedChannels },
  ...{ clamp: limited, clamp_min: limited, clamp_max: limited },
};
