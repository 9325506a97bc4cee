/** Operations that make values out of numbers: from PyTorch's names to calls. */
import { writtenNumber } from '../../../src-shared/networks/operations/torch.ts';
import type { ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import { addSizes, divideSize } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';
import { castTo, choose, combine, expandTo, filled, requireWhole } from './elementwise.ts';
import type { BinaryRule } from './elementwise.ts';
import { reshaped } from './shapes.ts';

function full(call: ExportedCall, sizes: readonly Size[], value: number, kind: ValueKind): Value {
  requireWhole(call, value, kind);
  return call.builder.plain(
    { call: 'full', kind, sizes: [...sizes], value: writtenNumber(value) },
    [],
    sizes,
    kind,
  );
}

/** Of the kind that PyTorch recorded for what comes out. */
const kindOf = (call: ExportedCall): ValueKind => {
  const [output] = call.node.outputs;
  const name = output && 'as_tensor' in output ? (output.as_tensor as { name: string }).name : '';
  return call.elements('dtype') ?? call.scope.kindOf(name) ?? 'float';
};

const ofSize =
  (value: number): Handler =>
  (call) =>
    full(call, call.sizes('size'), value, kindOf(call));

const like =
  (value?: number): Handler =>
  (call) =>
    full(call, call.value('self').sizes, value ?? call.number('fill_value'), kindOf(call));

/**
 * PyTorch makes such values in float32, also in a network in double precision, which then rounds the number; where there are
 * no axes it stands for a Python number, which is exact.
 */
const filledWith: Handler = (call) => {
  const [sizes, value, kind] = [call.sizes('size'), call.number('fill_value'), kindOf(call)];
  return full(call, sizes, kind === 'float' && sizes.length > 0 ? Math.fround(value) : value, kind);
};

const range: Handler = (call) => {
  const [start, step] = [call.number('start', 0), call.number('step', 1)];
  const end = call.size('end');
  const kind = kindOf(call);
  const distance = addSizes(end, -start);
  const whole = typeof distance === 'number' ? Math.ceil(distance / step) : divideSize(distance, step);
  if (whole === undefined || step === 0 || (typeof whole === 'number' && whole < 0))
    return call.fail('how many numbers it makes cannot be told');
  return call.builder.plain({ call: 'range', kind, start, step, count: whole }, [], [whole], kind);
};

/** Zero outside one side of a diagonal of the last two axes. */
const triangle =
  (side: 'lower' | 'upper'): Handler =>
  (call) => {
    const value = call.value('self');
    const rank = value.sizes.length;
    const [rows, columns] = [
      call.fixed(value, rank - 2, 'the diagonal'),
      call.fixed(value, rank - 1, 'the diagonal'),
    ];
    const counted = (count: number, sizes: readonly Size[]): Value => {
      const made = call.builder.plain(
        { call: 'range', kind: 'int', start: 0, step: 1, count },
        [],
        [count],
        'int',
      );
      return reshaped(call, made, sizes);
    };
    const whole: BinaryRule = { operands: () => 'int', result: () => 'int' };
    const shifted = combine(
      call,
      'add',
      [{ value: counted(rows, [rows, 1]) }, { number: call.int('diagonal', 0), kind: 'int' }],
      whole,
    );
    const kept = combine(
      call,
      side === 'lower' ? 'ge' : 'le',
      [{ value: shifted }, { value: counted(columns, [1, columns]) }],
      { operands: () => 'int', result: () => 'bool' },
    );
    return choose(call, kept, { value }, { number: 0, kind: value.kind });
  };

/** What assignments leave in place of a value: `fill_`, `zero_`, `copy_`. */
const replaced: Handler = (call) => {
  const value = call.value('self');
  const source = call.isTensor('value') ? 'value' : 'src';
  if (call.isTensor(source)) return expandTo(call, castTo(call, call.value(source), value.kind), value.sizes);
  return filled(call, { number: call.number('value', 0), kind: value.kind }, value.sizes, value.kind);
};

export const creation: Handlers = {
  ...{ zeros: ofSize(0), ones: ofSize(1), new_zeros: ofSize(0), new_ones: ofSize(1) },
  ...{ zeros_like: like(0), ones_like: like(1), full_like: like() },
  full: filledWith,
  new_full: (call) => full(call, call.sizes('size'), call.number('fill_value'), kindOf(call)),
  scalar_tensor: (call) => full(call, [], call.number('s'), kindOf(call)),
  ...{ arange: range, tril: triangle('lower'), triu: triangle('upper') },
  ...{ fill: replaced, zero: replaced, copy: replaced },
};
