/** Which calls of an exported network move entries, and which sum products of two values. */
import type { TorchCall } from '../operations/torch.ts';

/** An input by its place, and an axis of it. */
type At = readonly [input: number, axis: number];

/** Pairs of axes along which products of entries are summed; undefined if the call does not do that. @param ranks of the inputs */
export function contractionsOf(call: TorchCall, ranks: readonly number[]): (readonly [At, At])[] | undefined {
  const last = (input: number, before = 1): At => [input, ranks[input]! - before];
  switch (call.call) {
    case 'matmul':
      return [[last(0), last(1, 2)]];
    case 'attention':
      return [[last(0), last(1)]];
    case 'conv':
      return call.groups === 1 ? [[last(0), [1, 1]]] : undefined;
    case 'conv_transpose':
      return call.groups === 1 ? [[last(0), [1, 0]]] : undefined;
    default:
      return undefined;
  }
}

const moves: ReadonlySet<TorchCall['call']> = new Set([
  ...(['reshape', 'permute', 'expand', 'slice', 'concat', 'flip', 'index'] as const),
]);

/** Entries are the same afterwards, elsewhere; a cast only if the numbers stay what they are. */
export const isMove = (call: TorchCall): boolean =>
  call.call === 'cast' ? call.kind === 'float' : moves.has(call.call);

/** Where the axes of a parameter are after a call that leaves it whole; undefined if it does not. @param axes as of `MapState` */
export function axesAfter(
  call: TorchCall,
  axes: readonly number[],
  before: readonly number[],
  after: readonly number[],
): readonly number[] | undefined {
  if (call.call === 'permute') return call.order.map((axis) => axes[axis]!);
  if (call.call === 'expand') return [...new Array<number>(after.length - before.length).fill(-1), ...axes];
  if (call.call !== 'reshape') return undefined;
  const [from, to] = [before, after].map((sizes) => [...sizes.keys()].filter((axis) => sizes[axis] !== 1));
  const isSame = from!.length === to!.length && from!.every((axis, i) => before[axis] === after[to![i]!]);
  if (!isSame) return undefined;
  return [...after.keys()].map((axis) => {
    const i = to!.indexOf(axis);
    return i < 0 ? -1 : axes[from![i]!]!;
  });
}

/** Calls that such a parameter goes through on its way to what reads it. */
export const leavesWhole = (call: unknown): boolean =>
  ['permute', 'expand', 'reshape'].includes(String(call));
