/** Operations that move entries about: from PyTorch's names to calls. */
import {
  divideSize,
  productOf,
  sameSize,
  sameSizes,
  shapeText,
  timesSize,
} from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';
import { castTo, expandTo } from './elementwise.ts';

export const input = (call: ExportedCall): Value =>
  call.has('self') ? call.value('self') : call.value('input');

/** The same entries in another shape. */
export function reshaped(call: ExportedCall, value: Value, sizes: readonly Size[]): Value {
  if (sameSizes(value.sizes, sizes)) return value;
  const [own, other] = [productOf(value.sizes), productOf(sizes)];
  if (own === undefined || other === undefined || !sameSize(own, other))
    return call.fail(`${shapeText(value.sizes)} cannot be arranged as ${shapeText(sizes)}`);
  return call.builder.plain({ call: 'reshape', sizes: [...sizes] }, [value], sizes, value.kind);
}

/** What -1 stands for. */
function completed(call: ExportedCall, value: Value, sizes: readonly Size[]): Size[] {
  const open = sizes.findIndex((size) => size === -1);
  if (open < 0) return [...sizes];
  const known = productOf(sizes.map((size, i) => (i === open ? 1 : size)));
  const whole = productOf(value.sizes);
  const rest = known !== undefined && whole !== undefined ? divideSize(whole, known) : undefined;
  if (rest === undefined) return call.fail(`${shapeText(value.sizes)} cannot be arranged as asked`);
  return sizes.map((size, i) => (i === open ? rest : size));
}

const view: Handler = (call) => {
  const value = input(call);
  const name = ['size', 'shape'].find((each) => call.has(each)) ?? 'size';
  return reshaped(call, value, completed(call, value, call.sizes(name)));
};

const flatten: Handler = (call) => {
  const value = input(call);
  const { sizes } = value;
  const rank = sizes.length;
  if (rank === 0) return reshaped(call, value, [1]);
  const [start, end] = [call.axis('start_dim', rank, 0), call.axis('end_dim', rank, -1)];
  const inside = productOf(sizes.slice(start, end + 1));
  if (inside === undefined) return call.fail('it would need the square of the size of the batch');
  return reshaped(call, value, [...sizes.slice(0, start), inside, ...sizes.slice(end + 1)]);
};

const unflatten: Handler = (call) => {
  const value = input(call);
  const axis = call.axis('dim', value.sizes.length);
  const part = completed(call, { ...value, sizes: [value.sizes[axis]!] }, call.sizes('sizes'));
  return reshaped(call, value, [...value.sizes.slice(0, axis), ...part, ...value.sizes.slice(axis + 1)]);
};

export function permuted(call: ExportedCall, value: Value, order: readonly number[]): Value {
  if (order.every((from, to) => from === to)) return value;
  if (order.toSorted((a, b) => a - b).join() !== [...value.sizes.keys()].join())
    return call.fail(
      `the order ${order.join(', ')} does not name each axis of ${shapeText(value.sizes)} once`,
    );
  const sizes = order.map((from) => value.sizes[from]!);
  // Another arrangement of an image that is there already.
  if (order.join() === '0,2,3,1' && value.last !== undefined)
    return { sizes, kind: value.kind, plain: value.last };
  return call.builder.plain({ call: 'permute', order: [...order] }, [value], sizes, value.kind);
}

const swapped = (call: ExportedCall, value: Value, a: number, b: number): Value => {
  const order = [...value.sizes.keys()];
  [order[a], order[b]] = [b, a];
  return permuted(call, value, order);
};

const transpose: Handler = (call) => {
  const value = input(call);
  const rank = value.sizes.length;
  return swapped(call, value, call.axis('dim0', rank), call.axis('dim1', rank));
};

const lastTurned: Handler = (call) => {
  const value = input(call);
  const rank = value.sizes.length;
  return rank < 2 ? call.fail('two axes were expected') : swapped(call, value, rank - 2, rank - 1);
};

const turned: Handler = (call) => {
  const value = input(call);
  return value.sizes.length < 2 ? value : swapped(call, value, 0, 1);
};

const unsqueeze: Handler = (call) => {
  const value = input(call);
  const axis = call.axis('dim', value.sizes.length + 1);
  return reshaped(call, value, [...value.sizes.slice(0, axis), 1, ...value.sizes.slice(axis)]);
};

const squeeze: Handler = (call) => {
  const value = input(call);
  const rank = value.sizes.length;
  const axes = call.has('dim') ? call.axes('dim', rank) : [...value.sizes.keys()];
  return reshaped(
    call,
    value,
    value.sizes.filter((size, axis) => size !== 1 || !axes.includes(axis)),
  );
};

const expand: Handler = (call) => {
  const value = input(call);
  const asked = call.has('other') ? call.value('other').sizes : call.sizes('size');
  const before = asked.length - value.sizes.length;
  if (before < 0) return call.fail(`${shapeText(asked)} has fewer axes than ${shapeText(value.sizes)}`);
  const sizes = asked.map((size, axis) => {
    const own = value.sizes[axis - before];
    if (size === -1 && own !== undefined) return own;
    if (own === undefined || own === 1 || sameSize(own, size)) return size;
    return call.fail(`${shapeText(value.sizes)} cannot be repeated to ${shapeText(asked)}`);
  });
  return expandTo(call, value, sizes);
};

const repeat: Handler = (call) => repeated(call, input(call), call.sizes('repeats'));

/** As repeat; axes in front that have no number are taken once. */
const tile: Handler = (call) => {
  const value = input(call);
  const times = call.sizes('dims');
  const idle = Math.max(0, value.sizes.length - times.length);
  return repeated(call, value, [...Array.from({ length: idle }, () => 1), ...times]);
};

function repeated(call: ExportedCall, value: Value, times: readonly Size[]): Value {
  const own: Size[] = [...times.slice(value.sizes.length).map((): Size => 1), ...value.sizes];
  if (times.length !== own.length) return call.fail('fewer repeats than axes');
  const apart = reshaped(
    call,
    value,
    own.flatMap((size) => [1, size]),
  );
  const whole = expandTo(
    call,
    apart,
    own.flatMap((size, i) => [times[i]!, size]),
  );
  return reshaped(
    call,
    whole,
    own.map(
      (size, i) => timesSize(size, times[i]!) ?? call.fail('it needs the square of the size of the batch'),
    ),
  );
}

const pixelShuffle: Handler = (call) => {
  const value = input(call);
  const factor = call.int('upscale_factor');
  const [batch, channels, height, width] = value.sizes as [Size, number, number, number];
  if (value.sizes.length !== 4 || channels % factor ** 2 !== 0)
    return call.fail('images with fitting channels were expected');
  const own = channels / factor ** 2;
  const apart = reshaped(call, value, [batch, own, factor, factor, height, width]);
  return reshaped(call, permuted(call, apart, [0, 1, 4, 2, 5, 3]), [
    batch,
    own,
    height * factor,
    width * factor,
  ]);
};

const channelShuffle: Handler = (call) => {
  const value = input(call);
  const groups = call.int('groups');
  const channels = call.fixed(value, 1, 'the shuffle');
  const [batch, , ...inside] = value.sizes as [Size, Size, ...Size[]];
  const apart = reshaped(call, value, [batch, groups, channels / groups, ...inside]);
  return reshaped(call, swapped(call, apart, 1, 2), value.sizes);
};

/** The value itself: eager PyTorch copies it, or moves it. */
const itself: Handler = (call) => input(call);

/** A gradient does not go through. */
const detached: Handler = (call) => {
  const value = input(call);
  if (value.kind !== 'float') return value;
  return call.builder.entries({ call: 'unary', name: 'stop' }, [value], value.sizes, 'float');
};

const converted: Handler = (call) => {
  const value = input(call);
  const kind = call.has('other') ? call.value('other').kind : call.elements('dtype');
  return kind === undefined ? value : castTo(call, value, kind);
};

/** Decompositions end a pooling with it, so that the memory is laid out as it was: the entries stay where they are. */
const strided: Handler = (call) => {
  const value = input(call);
  const [sizes, strides] = [call.sizes('size'), call.sizes('stride')];
  const own = call.strides('self');
  const stays =
    sameSizes(value.sizes, sizes) &&
    call.size('storage_offset', 0) === 0 &&
    sizes.every((size, axis) => {
      const before = own?.[axis];
      return size === 1 || (before !== undefined && sameSize(before, strides[axis]!));
    });
  if (stays) return value;
  return call.fail('it reads memory in another order than the tensor has it, which is not supported');
};

export const shapes: Handlers = {
  as_strided: strided,
  ...{ view, reshape: view, _unsafe_view: view, flatten, unflatten, transpose, t: turned },
  numpy_T: (call) => {
    const value = input(call);
    return permuted(call, value, [...value.sizes.keys()].toReversed());
  },
  view_as: (call) => reshaped(call, input(call), call.value('other').sizes),
  reshape_as: (call) => reshaped(call, input(call), call.value('other').sizes),
  permute: (call) => {
    const value = input(call);
    return permuted(call, value, call.axes('dims', value.sizes.length));
  },
  ...{ unsqueeze, squeeze, expand, expand_as: expand, repeat, tile, mT: lastTurned },
  ...{ pixel_shuffle: pixelShuffle, channel_shuffle: channelShuffle },
  ...{ contiguous: itself, clone: itself, alias: itself, lift_fresh_copy: itself, lift_fresh: itself },
  ...{ detach: detached, to: converted, _to_copy: converted, type_as: converted },
};
