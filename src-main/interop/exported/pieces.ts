/** Operations that cut values up, join them and look entries up: from PyTorch's names to calls. */
import type { ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import { writtenNumber } from '../../../src-shared/networks/operations/torch.ts';
import { addSizes, sameSize, shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';
import { castTo, expandTo } from './elementwise.ts';
import { input, reshaped } from './shapes.ts';

interface Cut {
  axis: number;
  start: Size;
  count: Size;
  step: number;
}

export function sliced(call: ExportedCall, value: Value, { axis, start, count, step }: Cut): Value {
  if (start === 0 && step === 1 && sameSize(count, value.sizes[axis]!)) return value;
  const sizes = value.sizes.map((size, i) => (i === axis ? count : size));
  return call.builder.plain({ call: 'slice', axis, start, count, step }, [value], sizes, value.kind);
}

/** What a slice takes, its ends counted and cut as Python does. */
export function cutOf(call: ExportedCall, value: Value): Cut {
  const axis = call.axis('dim', value.sizes.length, 0);
  const length = value.sizes[axis]!;
  const [start, end, step] = [
    call.size('start', 0),
    call.size('end', Infinity as number),
    call.int('step', 1),
  ];
  const isWhole =
    start === 0 &&
    step === 1 &&
    (typeof end === 'number' ? end >= 2 ** 53 || end === Infinity : sameSize(end, length));
  if (isWhole) return { axis, start: 0, count: length, step: 1 };
  if (typeof length !== 'number' || typeof start !== 'number' || typeof end !== 'number')
    return call.fail('the part it takes depends on the number of examples, which is not supported');
  const place = (given: number): number => Math.min(Math.max(given < 0 ? given + length : given, 0), length);
  const count = Math.max(0, Math.ceil((place(end) - place(start)) / step));
  if (count === 0) return call.fail('it takes nothing');
  return { axis, start: place(start), count, step };
}

const slice: Handler = (call) => {
  const value = input(call);
  return sliced(call, value, cutOf(call, value));
};

/** What a narrow takes. */
export function narrowOf(call: ExportedCall, value: Value): Cut {
  const axis = call.axis('dim', value.sizes.length);
  const length = call.fixed(value, axis, 'the part');
  const [given, count] = [call.int('start'), call.int('length')];
  const start = given < 0 ? given + length : given;
  if (start >= 0 && count >= 1 && start + count <= length) return { axis, start, count, step: 1 };
  return call.fail(`it takes ${count} entries from ${given} on, of an axis of ${length}`);
}

const narrow: Handler = (call) => {
  const value = input(call);
  return sliced(call, value, narrowOf(call, value));
};

/** Axis and place of what a select takes. */
export function placeOf(call: ExportedCall, value: Value): { axis: number; index: number } {
  const axis = call.axis('dim', value.sizes.length);
  const length = call.fixed(value, axis, 'the selection');
  const given = call.int('index');
  const index = given < 0 ? given + length : given;
  if (index < 0 || index >= length) return call.fail(`index ${given} is outside an axis of ${length}`);
  return { axis, index };
}

const select: Handler = (call) => {
  const value = input(call);
  const { axis, index } = placeOf(call, value);
  return selected(call, value, axis, index);
};

function selected(call: ExportedCall, value: Value, axis: number, index: number): Value {
  const one = sliced(call, value, { axis, start: index, count: 1, step: 1 });
  return reshaped(
    call,
    one,
    value.sizes.filter((_, i) => i !== axis),
  );
}

function requireFew(call: ExportedCall, count: number): void {
  if (count > 4096) call.fail(`it makes ${count} values; at most 4096 are supported`);
}

const unbind: Handler = (call) => {
  const value = input(call);
  const axis = call.axis('dim', value.sizes.length, 0);
  const length = call.fixed(value, axis, 'taking it apart');
  requireFew(call, length);
  return Array.from({ length }, (_, index) => selected(call, value, axis, index));
};

export function joined(call: ExportedCall, values: readonly Value[], axis: number): Value {
  if (values.length === 1) return values[0]!;
  const [first] = values as [Value];
  const kind = values.reduce<ValueKind>(
    (widest, value) => (value.kind === 'float' ? 'float' : widest),
    first.kind,
  );
  const same = values.map((value) => castTo(call, value, kind));
  if (values.some((value) => value.sizes.length !== first.sizes.length))
    return call.fail('values of different rank cannot be joined');
  const sizes = first.sizes.map((size, i) => {
    if (i === axis) return values.slice(1).reduce<Size>((sum, value) => addSizes(sum, value.sizes[i]!), size);
    if (values.every((value) => sameSize(value.sizes[i]!, size))) return size;
    return call.fail(
      `shapes ${values.map((value) => shapeText(value.sizes)).join(', ')} cannot be joined along axis ${axis}`,
    );
  });
  const images = same.every((value) => value.last !== undefined && value.sizes.length === 4);
  if (!images) return call.builder.plain({ call: 'concat', axis }, same, sizes, kind);
  const place = [0, 3, 1, 2][axis]!;
  return call.builder.concatImages(same, sizes, place);
}

const cat: Handler = (call) => {
  // An empty tensor of one axis may stand among the others, for historical reasons.
  const values = call
    .values('tensors')
    .filter((value) => !(value.sizes.length === 1 && value.sizes[0] === 0));
  if (values.length === 0) return call.fail('there is nothing to join');
  return joined(call, values, call.axis('dim', values[0]!.sizes.length, 0));
};

const stack: Handler = (call) => {
  const values = call.values('tensors');
  const axis = call.axis('dim', values[0]!.sizes.length + 1, 0);
  const parts = values.map((value) =>
    reshaped(call, value, [...value.sizes.slice(0, axis), 1, ...value.sizes.slice(axis)]),
  );
  return joined(call, parts, axis);
};

function cutUp(call: ExportedCall, value: Value, axis: number, counts: readonly number[]): Value[] {
  const length = call.fixed(value, axis, 'the split');
  if (counts.reduce((sum, count) => sum + count, 0) !== length || counts.some((count) => count <= 0))
    return call.fail(`pieces of ${counts.join(', ')} do not make up an axis of ${length}`);
  requireFew(call, counts.length);
  let start = 0;
  return counts.map((count) => {
    const piece = sliced(call, value, { axis, start, count, step: 1 });
    start += count;
    return piece;
  });
}

const equalPieces = (length: number, size: number): number[] =>
  Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));

const split: Handler = (call) => {
  const value = input(call);
  const axis = call.axis('dim', value.sizes.length, 0);
  const length = call.fixed(value, axis, 'the split');
  const size = call.int('split_size');
  if (size < 1) return call.fail(`split_size is ${size}`);
  requireFew(call, Math.ceil(length / size));
  return cutUp(call, value, axis, equalPieces(length, size));
};

const splitWithSizes: Handler = (call) => {
  const value = input(call);
  return cutUp(call, value, call.axis('dim', value.sizes.length, 0), call.ints('split_sizes'));
};

const chunk: Handler = (call) => {
  const value = input(call);
  const axis = call.axis('dim', value.sizes.length, 0);
  const length = call.fixed(value, axis, 'the split');
  const chunks = call.int('chunks');
  if (chunks < 1) return call.fail(`chunks is ${chunks}`);
  requireFew(call, Math.min(length, chunks));
  return cutUp(call, value, axis, equalPieces(length, Math.ceil(length / chunks)));
};

const flip: Handler = (call) => {
  const value = input(call);
  const axes = call.axes('dims', value.sizes.length);
  for (const axis of axes) call.fixed(value, axis, 'turning around');
  return call.builder.plain({ call: 'flip', axes }, [value], value.sizes, value.kind);
};

const roll: Handler = (call) => {
  const value = input(call);
  const [shifts, axes] = [call.ints('shifts'), call.axes('dims', value.sizes.length, [])];
  if (axes.length !== shifts.length) return call.fail('one axis for every shift is supported');
  return axes.reduce((rolled, axis, i) => {
    const length = call.fixed(value, axis, 'the shift');
    const shift = ((shifts[i]! % length) + length) % length;
    if (shift === 0) return rolled;
    const part = (start: number, count: number): Value =>
      sliced(call, rolled, { axis, start, count, step: 1 });
    return joined(call, [part(length - shift, shift), part(0, length - shift)], axis);
  }, value);
};

/** Pairs as PyTorch has them, last axis first. */
const pad: Handler = (call) => {
  const value = input(call);
  const given = call.ints('pad');
  const mode = call.text('mode', 'constant');
  if (mode !== 'constant' && mode !== 'reflect' && mode !== 'replicate')
    return call.fail(`mode is "${mode}"; constant, reflect and replicate are supported`);
  const rank = value.sizes.length;
  if (given.length % 2 !== 0 || given.length > 2 * rank) return call.fail(`pad has ${given.length} numbers`);
  let padded = value;
  const pads = value.sizes.map((): [number, number] => [0, 0]);
  for (let i = 0; i < given.length; i += 2) {
    const axis = rank - 1 - i / 2;
    const [before, after] = [given[i]!, given[i + 1]!];
    const length = before === 0 && after === 0 ? 0 : call.fixed(value, axis, 'padding');
    if (mode === 'reflect' && Math.max(before, after) >= length && (before > 0 || after > 0))
      return call.fail('it mirrors more than there is');
    // Negative ones cut off.
    if (before < 0 || after < 0) {
      const [start, end] = [Math.max(0, -before), Math.max(0, -after)];
      if (length - start - end < 1) return call.fail('nothing would be left');
      padded = sliced(call, padded, { axis, start, count: length - start - end, step: 1 });
    }
    pads[axis] = [Math.max(0, before), Math.max(0, after)];
  }
  if (pads.flat().every((zeros) => zeros === 0)) return padded;
  const sizes = padded.sizes.map((size, axis) => addSizes(size, pads[axis]![0] + pads[axis]![1]));
  const written = writtenNumber(call.number('value', 0));
  return call.builder.plain({ call: 'pad', pads, mode, value: written }, [padded], sizes, value.kind);
};

const embedding: Handler = (call) => {
  const [table, indices] = [call.value('weight'), call.value('indices')];
  if (indices.kind !== 'int' || table.sizes.length !== 2)
    return call.fail('a table and whole numbers were expected');
  if (call.bool('sparse', false) || call.bool('scale_grad_by_freq', false))
    return call.fail('sparse and scale_grad_by_freq are not supported');
  const padding = call.int('padding_idx', -1);
  const sizes = [...indices.sizes, table.sizes[1]!];
  return call.builder.plain(
    { call: 'embedding', ...(padding >= 0 && { padding }) },
    [table, indices],
    sizes,
    'float',
  );
};

/** Entries at places that other values give, along neighbouring axes. */
const index: Handler = (call) => {
  const value = input(call);
  const given = call.optionalValues('indices');
  const axes = given.flatMap((each, axis) => (each ? [axis] : []));
  const own = given.flatMap((each) => each ?? []);
  const [first = 0] = axes;
  if (own.some(({ kind }) => kind === 'bool'))
    return call.fail('masks as indices are not supported: how many entries come out depends on their values');
  if (axes.length === 0 || axes.at(-1)! - first !== axes.length - 1)
    return call.fail('indices along neighbouring axes were expected');
  for (const axis of axes) call.fixed(value, axis, 'the index');
  return indexed(call, value, first, own);
};

function indexed(call: ExportedCall, value: Value, axis: number, indices: readonly Value[]): Value {
  const rank = Math.max(...indices.map(({ sizes }) => sizes.length));
  const shape = Array.from({ length: rank }, (_, i) => {
    const lengths = indices.flatMap(({ sizes }) => sizes[sizes.length - rank + i] ?? []);
    return lengths.find((size) => size !== 1) ?? 1;
  });
  const same = indices.map((each) => expandTo(call, each, shape));
  const sizes = [...value.sizes.slice(0, axis), ...shape, ...value.sizes.slice(axis + indices.length)];
  return call.builder.plain({ call: 'index', axis }, [value, ...same], sizes, value.kind);
}

const indexSelect: Handler = (call) => {
  const value = input(call);
  const axis = call.axis('dim', value.sizes.length);
  call.fixed(value, axis, 'the index');
  return indexed(call, value, axis, [call.value('index')]);
};

/** Entries of another value in place of some along an axis. */
export function inserted(
  call: ExportedCall,
  value: Value,
  part: Value,
  { axis, start, count, step }: Cut,
): Value {
  if (step !== 1) return call.fail('writing to every other entry is not supported');
  if (sameSize(count, value.sizes[axis]!)) return castTo(call, part, value.kind);
  const length = call.fixed(value, axis, 'the assignment');
  const [from, taken] = [start as number, count as number];
  const rest = length - from - taken;
  const keep = (at: number, size: number): Value[] =>
    size > 0 ? [sliced(call, value, { axis, start: at, count: size, step: 1 })] : [];
  return joined(call, [...keep(0, from), castTo(call, part, value.kind), ...keep(from + taken, rest)], axis);
}

const sliceScatter: Handler = (call) => {
  const value = input(call);
  const taken = cutOf(call, value);
  const sizes = value.sizes.map((size, i) => (i === taken.axis ? taken.count : size));
  return inserted(call, value, expandTo(call, call.value('src'), sizes), taken);
};

const selectScatter: Handler = (call) => {
  const value = input(call);
  const { axis, index: start } = placeOf(call, value);
  const sizes = value.sizes.map((size, i) => (i === axis ? 1 : size));
  return inserted(call, value, reshaped(call, call.value('src'), sizes), { axis, start, count: 1, step: 1 });
};

export const pieces: Handlers = {
  ...{
    narrow,
    slice,
    select,
    unbind,
    cat,
    stack,
    split,
    split_with_sizes: splitWithSizes,
    chunk,
    flip,
    roll,
  },
  ...{ pad, constant_pad_nd: pad, embedding, index, index_select: indexSelect },
  ...{ slice_scatter: sliceScatter, select_scatter: selectScatter },
};
