/** Operations entry by entry: from PyTorch's names to calls. */
import { writtenNumber } from '../../../src-shared/networks/operations/torch.ts';
import type {
  BinaryName,
  CallSettings,
  UnaryName,
  ValueKind,
} from '../../../src-shared/networks/operations/torch.ts';
import { productOf, sameSize, sameSizes, shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';

/** The shape that several make together. */
export function broadcast(call: ExportedCall, all: readonly (readonly Size[])[]): Size[] {
  const rank = Math.max(0, ...all.map((sizes) => sizes.length));
  return Array.from({ length: rank }, (_, axis) => {
    const own = all.flatMap((sizes) => sizes[sizes.length - rank + axis] ?? []);
    const lengths = own.filter((size) => size !== 1);
    const [first = 1] = lengths;
    if (lengths.some((size) => !sameSize(size, first)))
      return call.fail(`shapes ${all.map(shapeText).join(' and ')} do not fit each other`);
    return first;
  });
}

export function expandTo(call: ExportedCall, value: Value, sizes: readonly Size[]): Value {
  if (sameSizes(value.sizes, sizes)) return value;
  return call.builder.plain(
    { call: 'expand', sizes: [...sizes], kind: value.kind },
    [value],
    sizes,
    value.kind,
  );
}

export const castTo = (call: ExportedCall, value: Value, kind: ValueKind): Value =>
  value.kind === kind ? value : call.builder.entries({ call: 'cast', kind }, [value], value.sizes, kind);

const self = (call: ExportedCall): Value => (call.has('self') ? call.value('self') : call.value('input'));

/** A function of floats. */
const unary =
  (name: UnaryName): Handler =>
  (call) => {
    const value = call.needFloat(self(call));
    return call.builder.entries({ call: 'unary', name }, [value], value.sizes, 'float');
  };

/** A function that whole numbers have, too. */
const unaryOfAny =
  (name: UnaryName): Handler =>
  (call) => {
    const value = self(call);
    if (value.kind === 'bool') return call.fail('it is not supported for truth values');
    return call.builder.entries({ call: 'unary', name }, [value], value.sizes, value.kind);
  };

const of = (call: ExportedCall, settings: CallSettings, value: Value): Value =>
  call.builder.entries(settings, [value], value.sizes, value.kind);

const clamped = (
  call: ExportedCall,
  value: Value,
  least: number | undefined,
  most: number | undefined,
): Value =>
  of(
    call,
    {
      ...{ call: 'clamp', kind: value.kind },
      ...(least !== undefined && { least: writtenNumber(least) }),
      ...(most !== undefined && { most: writtenNumber(most) }),
    },
    value,
  );

const order = { bool: 0, int: 1, float: 2 } as const;
const wider = (a: ValueKind, b: ValueKind): ValueKind => (order[a] >= order[b] ? a : b);

export interface BinaryRule {
  /** What operands of these kinds are turned into. */
  operands: (kind: ValueKind) => ValueKind;
  /** What comes out of operands of that kind. */
  result: (kind: ValueKind) => ValueKind;
}

const arithmetic: BinaryRule = {
  operands: (kind) => (kind === 'bool' ? 'int' : kind),
  result: (kind) => kind,
};
const floats: BinaryRule = { operands: () => 'float', result: () => 'float' };
const comparison: BinaryRule = { operands: (kind) => (kind === 'bool' ? 'int' : kind), result: () => 'bool' };
const logic: BinaryRule = { operands: () => 'bool', result: () => 'bool' };

export type Operand = { value: Value } | { number: number; kind: ValueKind };

/** A tensor, a number, or a size that is one. */
export function operandOf(call: ExportedCall, name: string): Operand {
  if (call.isTensor(name)) return { value: call.value(name) };
  return { number: call.number(name), kind: call.scalarKind(name) };
}

/** Whole numbers are computed in 32 bits. */
export function requireWhole(call: ExportedCall, value: number, kind: ValueKind): void {
  if (kind === 'int' && !(Math.abs(value) < 2 ** 31))
    call.fail(`${value} is beyond 2^31: whole numbers are computed in 32 bits`);
}

export function combine(
  call: ExportedCall,
  name: BinaryName,
  [a, b]: readonly [Operand, Operand],
  rule: BinaryRule,
): Value {
  const kindOf = (operand: Operand): ValueKind => ('value' in operand ? operand.value.kind : operand.kind);
  const kind = rule.operands(wider(kindOf(a), kindOf(b)));
  for (const operand of [a, b]) if ('number' in operand) requireWhole(call, operand.number, kind);
  const values = [a, b].flatMap((operand) => ('value' in operand ? [operand.value] : []));
  const sizes = broadcast(
    call,
    values.map((value) => value.sizes),
  );
  const settings: CallSettings = {
    ...{ call: 'binary', name, kind },
    ...('number' in a && { left: writtenNumber(a.number) }),
    ...('number' in b && { right: writtenNumber(b.number) }),
  };
  return call.builder.entries(settings, values, sizes, rule.result(kind));
}

const binary =
  (name: BinaryName, rule: BinaryRule): Handler =>
  (call) =>
    combine(call, name, [operandOf(call, 'self'), operandOf(call, 'other')], rule);

/** self + alpha * other, or self - alpha * other; `rsub` is other - alpha * self. */
const scaledSum =
  (name: 'add' | 'sub', [first, second]: readonly [string, string] = ['self', 'other']): Handler =>
  (call) => {
    const alpha = call.number('alpha', 1);
    const factor: Operand = { number: alpha, kind: call.scalarKind('alpha') };
    const [own, other] = [operandOf(call, first), operandOf(call, second)];
    const scaled = alpha === 1 ? other : times(call, other, factor);
    return combine(call, name, [own, scaled], arithmetic);
  };

const times = (call: ExportedCall, a: Operand, b: Operand): Operand => {
  // Of two numbers no value is made.
  if ('number' in a && 'number' in b) return { number: a.number * b.number, kind: wider(a.kind, b.kind) };
  return { value: combine(call, 'mul', [a, b], arithmetic) };
};

const division: Handler = (call) => {
  const operands = [operandOf(call, 'self'), operandOf(call, 'other')] as const;
  const mode = call.text('rounding_mode', '');
  if (mode === '') return combine(call, 'div', operands, floats);
  const isWhole = operands.every(
    (operand) => ('value' in operand ? operand.value.kind : operand.kind) !== 'float',
  );
  if (mode === 'floor') return combine(call, 'floor_div', operands, arithmetic);
  if (mode === 'trunc' && !isWhole) return combine(call, 'trunc_div', operands, floats);
  return call.fail(`rounding_mode is "${mode}"; for such operands "floor" is supported`);
};

const power: Handler = (call) => {
  const [base, exponent] = [operandOf(call, 'self'), operandOf(call, 'exponent')];
  if (!('value' in base) || 'value' in exponent) return combine(call, 'pow', [base, exponent], floats);
  const { value } = base;
  const known = ({ 2: 'square', 0.5: 'sqrt', '-0.5': 'rsqrt', '-1': 'reciprocal' } as const)[
    String(exponent.number)
  ];
  if (known !== undefined && (value.kind === 'float' || known === 'square'))
    return of(call, { call: 'unary', name: known }, value);
  if (exponent.number === 1) return value;
  if (value.kind !== 'float' && exponent.kind !== 'float')
    return call.fail('powers of whole numbers are not supported');
  if (exponent.number === 3) {
    const squared = of(call, { call: 'unary', name: 'square' }, value);
    return combine(call, 'mul', [{ value: squared }, base], arithmetic);
  }
  return combine(call, 'pow', [base, exponent], floats);
};

const gelu: Handler = (call) => {
  const approximate = call.text('approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') return call.fail(`approximate is "${approximate}"`);
  return unary(approximate === 'tanh' ? 'gelu_tanh' : 'gelu')(call);
};

const softplus: Handler = (call) => {
  if (call.number('beta', 1) !== 1 || call.number('threshold', 20) !== 20)
    return call.fail('only beta 1 and threshold 20, which are usual, are supported');
  return unary('softplus')(call);
};

/** scale (max(0, x) + alpha (exp(c min(0, x)) - 1)) */
function exponential(
  call: ExportedCall,
  { alpha, scale, within }: Record<'alpha' | 'scale' | 'within', number>,
): Value {
  const value = call.needFloat(self(call));
  if (alpha === 1 && scale === 1 && within === 1) return of(call, { call: 'unary', name: 'elu' }, value);
  const times = (part: Value, by: number): Value =>
    of(call, { call: 'binary', name: 'mul', kind: 'float', right: by }, part);
  const below = times(of(call, { call: 'clamp', most: 0, kind: 'float' }, value), within);
  const curve = times(of(call, { call: 'unary', name: 'expm1' }, below), alpha);
  const straight = of(call, { call: 'unary', name: 'relu' }, value);
  return times(combine(call, 'add', [{ value: straight }, { value: curve }], arithmetic), scale);
}

const elu: Handler = (call) =>
  exponential(call, {
    ...{
      alpha: call.number('alpha', 1),
      scale: call.number('scale', 1),
      within: call.number('input_scale', 1),
    },
  });

const celu: Handler = (call) => {
  const alpha = call.number('alpha', 1);
  if (alpha === 0) return call.fail('alpha is 0');
  return exponential(call, { alpha, scale: 1, within: 1 / alpha });
};

/** x where it is positive, else a weight for each channel times x. */
const prelu: Handler = (call) => {
  const [value, weight] = [call.value('self'), call.value('weight')];
  const channels = productOf(weight.sizes);
  const shape: Size[] = channels === 1 ? [] : [channels ?? 1, ...value.sizes.slice(2).map(() => 1)];
  const shaped = call.builder.plain({ call: 'reshape', sizes: shape }, [weight], shape, 'float');
  const scaled = combine(call, 'mul', [{ value }, { value: shaped }], arithmetic);
  const positive = combine(call, 'gt', [{ value }, { number: 0, kind: 'float' }], comparison);
  return call.builder.plain({ call: 'where' }, [positive, value, scaled], value.sizes, 'float');
};

/** A number or value as a value of that shape. */
export function filled(call: ExportedCall, operand: Operand, sizes: readonly Size[], kind: ValueKind): Value {
  if ('value' in operand) return expandTo(call, castTo(call, operand.value, kind), sizes);
  requireWhole(call, operand.number, kind);
  const value = writtenNumber(operand.number);
  return call.builder.plain({ call: 'full', kind, sizes: [...sizes], value }, [], sizes, kind);
}

/** Values of the second where the condition holds. */
export function choose(call: ExportedCall, condition: Value, yes: Operand, no: Operand): Value {
  const kindOf = (operand: Operand): ValueKind => ('value' in operand ? operand.value.kind : operand.kind);
  const kind = wider(kindOf(yes), kindOf(no));
  const all = [condition, ...[yes, no].flatMap((operand) => ('value' in operand ? [operand.value] : []))];
  const sizes = broadcast(
    call,
    all.map((value) => value.sizes),
  );
  const truth = expandTo(call, castTo(call, condition, 'bool'), sizes);
  const parts = [yes, no].map((operand) => filled(call, operand, sizes, kind));
  return call.builder.plain({ call: 'where' }, [truth, ...parts], sizes, kind);
}

const where: Handler = (call) =>
  choose(call, call.value('condition'), operandOf(call, 'self'), operandOf(call, 'other'));

/** Of the kind of what is filled, whatever the number's. */
const maskedFill: Handler = (call) => {
  const value = call.value('self');
  const given = operandOf(call, 'value');
  const own: Operand =
    'value' in given ? { value: castTo(call, given.value, value.kind) } : { ...given, kind: value.kind };
  return choose(call, call.value('mask'), own, { value });
};

const not: Handler = (call) => {
  const value = castTo(call, call.value('self'), 'bool');
  return of(call, { call: 'unary', name: 'not' }, value);
};

/** Bit by bit, of truth values only. */
const ofTruth =
  (name: 'and' | 'or' | 'xor'): Handler =>
  (call) =>
    call.value('self').kind === 'bool'
      ? binary(name, logic)(call)
      : call.fail('only truth values are supported');

/** Between two numbers. */
export const limits: Handler = (call) => {
  const value = self(call);
  const [least, most] = [call.optionalNumber('min'), call.optionalNumber('max')];
  const fraction = [least, most].some(
    (limit) => limit !== undefined && !Number.isInteger(limit) && Number.isFinite(limit),
  );
  return clamped(call, fraction ? call.needFloat(value) : value, least, most);
};

const leaky: Handler = (call) => {
  const value = call.needFloat(self(call));
  return of(call, { call: 'leaky', slope: call.number('negative_slope', 0.01) }, value);
};

/** The first half times sigmoid of the second. */
const glu: Handler = (call) => {
  const value = call.value('self');
  const axis = call.axis('dim', value.sizes.length, -1);
  const half = call.fixed(value, axis, 'the gate') / 2;
  if (!Number.isInteger(half)) return call.fail('an axis of even length was expected');
  const sizes = value.sizes.map((size, i) => (i === axis ? half : size));
  const part = (start: number): Value =>
    call.builder.plain({ call: 'slice', axis, start, count: half, step: 1 }, [value], sizes, 'float');
  const gate = of(call, { call: 'unary', name: 'sigmoid' }, part(half));
  return combine(call, 'mul', [{ value: part(0) }, { value: gate }], arithmetic);
};

const rectified: Handler = (call) => {
  const value = self(call);
  return value.kind === 'float' ? unary('relu')(call) : clamped(call, value, 0, undefined);
};

const named = (names: readonly UnaryName[], rule: (name: UnaryName) => Handler): Handlers =>
  Object.fromEntries(names.map((name) => [name, rule(name)]));

export const elementwise: Handlers = {
  ...named(
    [
      'sigmoid',
      'tanh',
      'silu',
      'exp',
      'log',
      'log1p',
      'expm1',
      'sqrt',
      'rsqrt',
      'sin',
      'cos',
      'erf',
      'reciprocal',
    ],
    unary,
  ),
  ...named(['mish', 'hardsigmoid', 'hardswish', 'selu'], unary),
  ...named(['abs', 'neg', 'square', 'sign'], unaryOfAny),
  ...{ relu: rectified, gelu, softplus, elu, celu, prelu, glu, leaky_relu: leaky, logical_not: not },
  bitwise_not: (call) =>
    call.value('self').kind === 'bool' ? not(call) : call.fail('only truth values are supported'),
  relu6: (call) => clamped(call, self(call), 0, 6),
  hardtanh: (call) => clamped(call, self(call), call.number('min_val', -1), call.number('max_val', 1)),
  add: scaledSum('add'),
  sub: scaledSum('sub'),
  rsub: scaledSum('sub', ['other', 'self']),
  mul: binary('mul', arithmetic),
  div: division,
  true_divide: binary('div', floats),
  floor_divide: binary('floor_div', arithmetic),
  fmod: binary('fmod', arithmetic),
  pow: power,
  maximum: binary('maximum', arithmetic),
  minimum: binary('minimum', arithmetic),
  ...Object.fromEntries(
    (['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).map((name) => [name, binary(name, comparison)]),
  ),
  logical_and: binary('and', logic),
  logical_or: binary('or', logic),
  logical_xor: binary('xor', logic),
  ...{
    bitwise_and: ofTruth('and'),
    __and__: ofTruth('and'),
    bitwise_or: ofTruth('or'),
    __or__: ofTruth('or'),
  },
  ...{ bitwise_xor: ofTruth('xor'), __xor__: ofTruth('xor') },
  where,
  masked_fill: maskedFill,
  isnan: (call) => {
    const value = { value: call.value('self') };
    return combine(call, 'ne', [value, value], comparison);
  },
};
