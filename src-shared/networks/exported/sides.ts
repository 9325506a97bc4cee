/**
 * Two vectors whose products are summed may be changed by any invertible map, if one goes by A and the other by its inverse,
 * transposed. Which is which is read off the graph: as units are followed, but vectors that meet in a sum of products keep labels
 * of their own, and the meeting is noted.
 */
import type { Network } from '../network.ts';
import type { PermutationGroup } from '../permutation-groups.ts';
import { followUnits } from './follow.ts';
import { contracted, met } from './rule.ts';
import { callRules } from './rules.ts';
import type { TorchRules } from './rules.ts';
import type { Rules, UnitValue } from './value.ts';

export type Side = 1 | -1;

type Meeting = readonly [label: number, other: number];

/** @returns sides of the places of each axis of a group (as of `LinearMap`); undefined if they contradict each other or cannot be told */
export function sidesOf(network: Network): (group: PermutationGroup) => Side[][] | undefined {
  const meetings: Meeting[] = [];
  const followed = followUnits(network, rulesApart(meetings));
  const root = (label: number): number => followed.blocks.labels.root(label);
  const opposite = new Map<number, Set<number>>();
  for (const [a, b] of meetings.map((pair) => pair.map(root) as [number, number]))
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      opposite.set(from, (opposite.get(from) ?? new Set()).add(to));
  const labels = new Map(followed.placed.map((each) => [`${each.parameter} ${each.axis}`, each.labels]));
  return ({ axes, size }) => {
    const perUnit = Array.from({ length: size }, (_, unit) =>
      coloured(
        axes.map(({ parameter, axis, places, block }) =>
          Array.from(places.subarray(unit * block, (unit + 1) * block), (place) =>
            root(labels.get(`${parameter} ${axis}`)![place]!),
          ),
        ),
        opposite,
      ),
    );
    const [first] = perUnit;
    return perUnit.every((sides) => sides && String(sides) === String(first)) ? first : undefined;
  };
}

/** From the first label on. */
function coloured(
  roots: readonly (readonly number[])[],
  opposite: ReadonlyMap<number, ReadonlySet<number>>,
): Side[][] | undefined {
  const start = roots[0]![0]!;
  const sides = new Map<number, Side>([[start, 1]]);
  const open = [start];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const other: Side = sides.get(at) === 1 ? -1 : 1;
    for (const next of opposite.get(at) ?? []) {
      if (sides.get(next) === sides.get(at)) return undefined;
      if (sides.has(next)) continue;
      sides.set(next, other);
      open.push(next);
    }
  }
  const found = roots.map((axis) => axis.map((each) => sides.get(each)));
  return found.every((axis) => axis.every((side) => side !== undefined)) ? (found as Side[][]) : undefined;
}

const rulesApart = (meetings: Meeting[]): TorchRules => ({
  ...callRules,
  matmul: ([a, b], _settings, { rules }) =>
    contracted(a!, apart(b!, b!.sizes.length - 2, rules, meetings), rules),
  attention([query, key, value, mask], _settings, context) {
    const { rules } = context;
    const rank = key!.sizes.length;
    const order = [...new Array(rank).keys()];
    const turned = rules.permute(key!, [...order.slice(0, -2), rank - 1, rank - 2]);
    const scores = contracted(query!, apart(turned, rank - 2, rules, meetings), rules);
    const masked = mask ? met([scores, mask], context) : scores;
    return contracted(masked, value!, rules);
  },
});

/** The same value with labels of its own along an axis. */
function apart(value: UnitValue, axis: number, rules: Rules, meetings: Meeting[]): UnitValue {
  const parts = value.parts.map((part) => {
    if (!part.axes.includes(axis)) return part;
    const fresh = new Map<number, number>();
    const labels = part.labels.map((label) => {
      const at = rules.blocks.labels.root(label);
      const known = fresh.get(at);
      if (known !== undefined) return known;
      const [own] = rules.blocks.open(1, rules.node) as [number];
      fresh.set(at, own);
      meetings.push([label, own]);
      return own;
    });
    return { ...part, labels };
  });
  return { ...value, parts };
}
