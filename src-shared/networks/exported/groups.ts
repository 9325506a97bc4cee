/** Permutation groups of an exported network: units that look alike change places, and blocks that look alike. */
import type { Axis } from '../axes.ts';
import type { FixedAxis } from '../follow-axes.ts';
import type { Network } from '../network.ts';
import type { GroupAxis, GroupValue, PermutationGroup } from '../permutation-groups.ts';
import { followUnits } from './follow.ts';
import type { FollowedUnits } from './follow.ts';
import { forestOf } from './forest.ts';
import type { Unit } from './forest.ts';
import type { TorchRules } from './rules.ts';
import { Unfollowed } from './value.ts';

/** @param calls as of `followUnits` */
export function groupsOfExported(
  network: Network,
  calls?: TorchRules,
): { groups: PermutationGroup[]; fixed: FixedAxis[] } {
  let followed: FollowedUnits;
  try {
    followed = followUnits(network, calls);
  } catch (thrown) {
    if (!(thrown instanceof Unfollowed)) throw thrown;
    return { groups: [], fixed: allFixed(network, `units cannot be followed: ${thrown.message}`) };
  }
  const units = forestOf(followed.blocks);
  const sets = alikeUnits(units);
  const groups = named(groupsOf(network, followed, sets)).map((group) => ({
    ...group,
    movesFixed: heldIn(network, group),
  }));
  return { groups, fixed: fixedOf(followed, units, sets) };
}

/** Parameters with entries that all models of a run share, which the group would move. */
const heldIn = ({ parameters }: Network, { axes }: PermutationGroup): string[] => [
  ...new Set(axes.flatMap(({ parameter }) => (parameters.get(parameter)!.held ? [parameter] : []))),
];

const allFixed = ({ graph }: Network, reason: string): FixedAxis[] =>
  graph.parameters.flatMap(({ name, shape }) =>
    shape.flatMap((size, axis) => (size === 1 ? [] : [{ parameter: name, axis, reason }])),
  );

/** Those that may change places: alike, and in the same block. Blocks stand before what is in them. */
function alikeUnits(units: readonly Unit[]): Unit[][] {
  const sets = new Map<string, Unit[]>();
  for (const unit of units) {
    if (unit.fixed !== undefined) continue;
    const key = `${unit.parent?.root ?? ''} ${unit.type}`;
    const known = sets.get(key);
    if (known) known.push(unit);
    else sets.set(key, [unit]);
  }
  const depth = ({ parent }: Unit): number => (parent ? 1 + depth(parent) : 0);
  return [...sets.values()].filter(({ length }) => length > 1).toSorted(([a], [b]) => depth(a!) - depth(b!));
}

/** The labels of a unit and of what is in it, those that correspond in the same order. */
function labelsOf({ class: { labels, spaces }, children }: Unit): number[] {
  const order = [...labels.keys()].toSorted((a, b) => spaces[a]! - spaces[b]! || labels[a]! - labels[b]!);
  const inside = children.toSorted(
    (a, b) => compare(a.type, b.type) || a.class.labels[0]! - b.class.labels[0]!,
  );
  return [...order.map((i) => labels[i]!), ...inside.flatMap(labelsOf)];
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

interface Found extends Omit<PermutationGroup, 'name'> {
  readonly units: readonly Unit[];
  /** Place of the first node that reads any of it. */
  readonly first: number;
}

interface Place {
  readonly group: number;
  readonly unit: number;
  /** Among the labels of the unit. */
  readonly at: number;
}

function groupsOf(network: Network, followed: FollowedUnits, sets: readonly Unit[][]): Found[] {
  const places = new Map<number, Place[]>();
  sets.forEach((units, group) => {
    units.forEach((each, unit) => {
      labelsOf(each).forEach((label, at) => {
        const known = places.get(label);
        if (known) known.push({ group, unit, at });
        else places.set(label, [{ group, unit, at }]);
      });
    });
  });
  const axes = sets.map((): GroupAxis[] => []);
  const values = sets.map((): GroupValue[] => []);
  for (const { parameter, axis, labels, within } of followed.placed)
    for (const [group, found] of placesOf(labels, places, sets))
      axes[group]!.push({ parameter, axis, ...found, ...(within && { within }) });
  for (const { id, shape } of network.nodes) {
    const { sizes, parts } = followed.values.get(id)!;
    const before = sizes.length - shape.length;
    for (const { axes: own, labels } of parts)
      // Only of one value for each example are axes counted.
      if (before === 1 && own[0]! > 0)
        for (const [group, found] of placesOf(labels, places, sets))
          values[group]!.push({
            ...{ node: id, axis: own[0]! - 1, ...found },
            ...(own.length > 1 && { axes: own.map((axis) => axis - 1) }),
          });
  }
  return sets
    .map((units, group): Found => {
      const own = axes[group]!.toSorted((a, b) => readAt(followed, a) - readAt(followed, b));
      const makes = own.flatMap((axis) => (axis.axis === 0 ? [readAt(followed, axis)] : []));
      const openedBy = [...new Set(makes)].flatMap((place) => network.nodes[place]?.id ?? []);
      const first = Math.min(Infinity, ...own.map((axis) => readAt(followed, axis)));
      return {
        ...{ units, first, size: units.length, axes: own, values: values[group]! },
        openedBy,
        movesFixed: [],
      };
    })
    .filter((group) => group.axes.length > 0)
    .toSorted((a, b) => a.first - b.first);
}

const readAt = ({ readAt: read }: FollowedUnits, { parameter }: GroupAxis): number =>
  read.get(parameter) ?? Infinity;

/** Where the units of groups stand on an axis; groups of which some units do not stand there are left out. */
function placesOf(
  labels: Axis,
  known: ReadonlyMap<number, readonly Place[]>,
  sets: readonly Unit[][],
): [group: number, found: { places: Int32Array; block: number }][] {
  const found = new Map<number, { at: number; place: number }[][]>();
  labels.forEach((label, place) => {
    for (const { group, unit, at } of known.get(label) ?? []) {
      const own = found.get(group) ?? sets[group]!.map(() => []);
      found.set(group, own);
      own[unit]!.push({ at, place });
    }
  });
  return [...found].flatMap(([group, units]) => {
    const block = units[0]!.length;
    if (block === 0 || units.some(({ length }) => length !== block)) return [];
    const places = units.flatMap((unit) => unit.toSorted((a, b) => a.at - b.at || a.place - b.place));
    return [[group, { places: Int32Array.from(places, ({ place }) => place), block }]];
  });
}

/** Called after the module whose parameter is read first; what is in a block after the block. */
function named(groups: readonly Found[]): PermutationGroup[] {
  const taken = new Set<string>();
  const names = new Map<number, string>();
  const unique = (name: string): string => {
    let own = name;
    for (let count = 2; taken.has(own); count++) own = `${name}-${count}`;
    taken.add(own);
    return own;
  };
  const isBlock = ({ units }: Found): boolean => units[0]!.children.length > 0;
  const nameOf = (group: Found): string => {
    const parameter = group.axes[0]!.parameter;
    const module = parameter.includes('.') ? parameter.slice(0, parameter.lastIndexOf('.')) : parameter;
    const { parent } = group.units[0]!;
    if (!parent) return unique(isBlock(group) ? `${module}:blocks` : module);
    const block = names.get(parent.root);
    return unique((block ?? module).replace(/:blocks\.(\d+)$/, ':block$1'));
  };
  return groups
    .toSorted((a, b) => a.first - b.first)
    .map((group) => {
      const name = nameOf(group);
      if (isBlock(group)) group.units.forEach(({ root }, unit) => names.set(root, `${name}.${unit}`));
      const { units, first: _order, ...rest } = group;
      const inside = units[0]!.parent && names.get(units[0]!.parent.root);
      return { name, ...rest, ...(inside !== undefined && { inside }) };
    });
}

/** The axes of parameters whose entries stay where they are, once for every reason. */
function fixedOf(followed: FollowedUnits, units: readonly Unit[], sets: readonly Unit[][]): FixedAxis[] {
  const moving = new Set(sets.flat());
  const known = new Map(units.map((unit) => [unit.root, unit]));
  const reasonsOf = (label: number): string[] => {
    const unit = known.get(followed.blocks.labels.root(label))!;
    const line: Unit[] = [];
    for (let at: Unit | undefined = unit; at; at = at.parent) line.push(at);
    if (line.some((each) => moving.has(each))) return [];
    const why = line.flatMap(({ fixed, marks }) => [
      ...(fixed === undefined ? [] : [fixed]),
      ...marks.values(),
    ]);
    return why.length > 0 ? why : ['the only unit of its kind'];
  };
  const found = new Map<string, FixedAxis>();
  for (const { parameter, axis, labels } of followed.placed)
    // One entry has no other place.
    for (const label of labels.length === 1 ? [] : labels)
      for (const reason of reasonsOf(label))
        found.set(JSON.stringify([parameter, axis, reason]), { parameter, axis, reason });
  return [...found.values()];
}
