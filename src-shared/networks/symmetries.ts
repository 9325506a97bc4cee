/**
 * Symmetries read off a network: which units can change places, and which can be rescaled, with no change of the
 * function. They are those of the network with effective weights: F, D and the C of gates move along with what they
 * belong to; `movesFixed` says which of them a group would move.
 */
import type { Axis } from './axes.ts';
import { Labels } from './axes.ts';
import { companionsOf } from './families.ts';
import { groupsOfExported } from './exported/groups.ts';
import { fixedOf, followAxes } from './follow-axes.ts';
import type { Classes, FixedAxis, Placed } from './follow-axes.ts';
import type { Network } from './network.ts';
import type { Axes } from './operation.ts';
import type { GroupAxis, GroupValue, PermutationGroup } from './permutation-groups.ts';
import { exactRescalings } from './rescalings.ts';
import type { Rescaling } from './rescalings.ts';

export type { GroupAxis, GroupValue, PermutationGroup } from './permutation-groups.ts';

export interface Symmetries {
  /** In the order in which the network opens them: the reference's order of visiting. */
  readonly groups: readonly PermutationGroup[];
  readonly fixed: readonly FixedAxis[];
  readonly rescalings: readonly Rescaling[];
  /** Axes that take no factor. */
  readonly closed: readonly FixedAxis[];
}

const found = new WeakMap<Network, Symmetries>();

const isExported = ({ nodes }: Network): boolean => nodes.some(({ op }) => op === 'torch');

/** Derived once per network. */
export function symmetriesOf(network: Network): Symmetries {
  const known = found.get(network) ?? {
    ...(isExported(network) ? groupsOfExported(network) : permutationsOf(network)),
    ...exactRescalings(network),
  };
  found.set(network, known);
  return known;
}

function permutationsOf(network: Network): Pick<Symmetries, 'groups' | 'fixed'> {
  const labels = new Labels();
  const placed: Placed[] = [];
  /** A parameter that several nodes read moves as all of them say. */
  const first = new Map<string, Axes>();
  const place = (parameter: string, axes: Axes): void => {
    const before = first.get(parameter);
    if (before) {
      before.forEach((axis, i) => labels.unify(axis, axes[i]!));
      return;
    }
    first.set(parameter, axes);
    axes.forEach((axis, i) => placed.push({ parameter, axis: i, labels: axis }));
  };
  const values = followAxes(network, labels, (node, inputs) =>
    node.operation.axes(node, inputs, {
      open: (size) => labels.open(size, node.id),
      unify: (a, b) => labels.unify(a, b),
      fix: (axis, reason) => labels.fix(axis, reason),
      parameter(word, axes) {
        const parameter = node.parameters[word];
        if (!parameter) return;
        place(parameter.name, axes);
        for (const companion of parameter.family ? companionsOf(parameter.family) : [])
          place(companion, axes);
      },
    }),
  );
  const classes = labels.classes();
  return {
    groups: groupsOf(network, { labels, classes }, placed, values),
    fixed: fixedOf(labels, classes, placed),
  };
}

/** Classes that may change places, listed group by group: those with the same spaces, each has one entry wherever the others have one. */
function alikeClasses(classes: Classes): number[][] {
  const alike = new Map<string, number[]>();
  for (const [root, { fixed, spaces }] of classes) {
    if (fixed !== undefined) continue;
    const profile = spaces.toSorted((a, b) => a - b).join();
    alike.set(profile, [...(alike.get(profile) ?? []), root]);
  }
  return [...alike.values()];
}

function groupsOf(
  network: Network,
  { labels, classes }: { labels: Labels; classes: Classes },
  placed: readonly Placed[],
  values: ReadonlyMap<string, Axes>,
): PermutationGroup[] {
  const groups = alikeClasses(classes);
  const units = new Map(groups.flatMap((roots, group) => roots.map((root, unit) => [root, { group, unit }])));
  const axes = groups.map((): GroupAxis[] => []);
  for (const { parameter, axis, labels: entries } of placed)
    for (const { group, ...places } of placesOf(entries, `axis ${axis} of "${parameter}"`, {
      labels,
      units,
      groups,
    }))
      axes[group]!.push({ parameter, axis, ...places });
  const carried = groups.map((): GroupValue[] => []);
  for (const { id } of network.nodes)
    values.get(id)!.forEach((entries, axis) => {
      for (const { group, ...places } of placesOf(entries, `axis ${axis} of the value of "${id}"`, {
        labels,
        units,
        groups,
      }))
        carried[group]!.push({ node: id, axis, ...places });
    });
  const names = new Map<string, number>();
  return groups.flatMap((roots, group) => {
    const { spaces } = classes.get(roots[0]!)!;
    const openedBy = [...new Set(spaces.map((space) => labels.spaces[space]!.node))];
    const own = network.graph.groupNames[openedBy[0]!] ?? openedBy[0]!;
    const count = (names.get(own) ?? 0) + 1;
    names.set(own, count);
    if (axes[group]!.length === 0) return [];
    const moved = new Set(axes[group]!.map(({ parameter }) => parameter));
    const movesFixed = [...moved].filter((name) => network.parameters.get(name)!.role === 'fixed');
    const name = count === 1 ? own : `${own}.${count}`;
    return [{ name, size: roots.length, axes: axes[group]!, values: carried[group]!, openedBy, movesFixed }];
  });
}

interface Grouped {
  labels: Labels;
  /** Class of labels -> its place. */
  units: ReadonlyMap<number, { group: number; unit: number }>;
  groups: readonly (readonly number[])[];
}

/** Where the units of each group stand on one axis. */
function placesOf(
  entries: Axis,
  where: string,
  { labels, units, groups }: Grouped,
): { group: number; places: Int32Array; block: number }[] {
  const found = new Map<number, number[][]>();
  entries.forEach((label, place) => {
    const at = units.get(labels.root(label));
    if (!at) return;
    const places = found.get(at.group) ?? groups[at.group]!.map((): number[] => []);
    found.set(at.group, places);
    places[at.unit]!.push(place);
  });
  return [...found].map(([group, places]) => {
    const block = places[0]!.length;
    if (places.some((own) => own.length !== block))
      throw new Error(`units of one group take different numbers of places on ${where}`);
    return { group, places: Int32Array.from(places.flat()), block };
  });
}
