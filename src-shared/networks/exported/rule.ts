/** What rules of calls take and give, and what they share. */
import type { CheckedNode } from '../network.ts';
import type { TorchCall } from '../operations/torch.ts';
import type { Parameters } from './parameters.ts';
import type { Rules, UnitValue } from './value.ts';

export interface RuleContext {
  readonly node: CheckedNode;
  readonly rules: Rules;
  readonly parameters: Parameters;
}

export type CallRules<Name extends TorchCall['call']> = {
  [N in Name]: (
    inputs: readonly UnitValue[],
    settings: Extract<TorchCall, { call: N }>,
    context: RuleContext,
  ) => UnitValue;
};

export const heldValue = (sizes: readonly number[], reason: string): UnitValue => ({
  sizes,
  parts: [],
  held: new Map([...sizes.keys()].flatMap((axis) => (sizes[axis] === 1 ? [] : [[axis, reason] as const]))),
});

/** The shape that values make together. */
export const together = (values: readonly UnitValue[]): number[] => {
  const rank = Math.max(0, ...values.map(({ sizes }) => sizes.length));
  return Array.from({ length: rank }, (_, axis) => {
    const own = values.flatMap(({ sizes }) => sizes[sizes.length - rank + axis] ?? []);
    return own.find((size) => size !== 1) ?? 1;
  });
};

export const met = (inputs: readonly UnitValue[], { rules }: RuleContext): UnitValue =>
  rules.combine(inputs, together(inputs));

/** [..., n, k] times [..., k, m]: entries along k meet, and are summed. */
export function contracted(a: UnitValue, b: UnitValue, rules: Rules): UnitValue {
  const rank = a.sizes.length;
  const [left, right] = [opened(a, rank, rank), opened(b, rank - 2, rank)];
  const sizes = [...a.sizes, b.sizes.at(-1)!];
  return rules.reduce(rules.combine([left, right], sizes), [rank - 1], false);
}

/** With one axis more, of one entry, and as many in front as `rank` needs. */
function opened({ sizes, parts, held }: UnitValue, place: number, rank: number): UnitValue {
  const before = rank - sizes.length;
  const moved = (axis: number): number => axis + before + (axis + before >= place ? 1 : 0);
  return {
    // Older browsers lack toSpliced.
    sizes: insertedAt([...new Array<number>(before).fill(1), ...sizes], place),
    parts: parts.map(({ axes, labels }) => ({ axes: axes.map(moved), labels })),
    held: new Map([...held].map(([axis, why]) => [moved(axis), why])),
  };
}

const insertedAt = (sizes: readonly number[], place: number): number[] => [
  ...sizes.slice(0, place),
  1,
  ...sizes.slice(place),
];
