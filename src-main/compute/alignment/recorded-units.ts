/**
 * Which activations tell the units of a network's groups apart. Units that stand in several blocks are recorded together, so
 * that those of any two blocks can be compared; of blocks also what changes no places inside them.
 */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import { recordingPoints } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { axesOfValue } from '../../../src-shared/networks/permutation-groups.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { GroupValue, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { isExported } from '../networks/parameters.ts';
import { groupsAcross, placesOfExported } from '../networks/recording-exported.ts';
import { recordingPlaces } from '../networks/recording-places.ts';
import { placesIn, unitTrees } from './unit-trees.ts';
import type { UnitTree } from './unit-trees.ts';

/** Units that are recorded together, and where. */
export interface RecordedUnits {
  /** Of the (outermost) group, for messages. */
  readonly name: string;
  readonly size: number;
  readonly places: Readonly<Record<RecordingPoint, readonly GroupValue[]>>;
}

/** What is recorded of the alike groups of a tree: those of every block, one after the other. */
export interface RecordedGroups {
  readonly units: RecordedUnits;
  /** Places of the groups, in the order in which their units are recorded. */
  readonly groups: readonly number[];
  /** Entries of each unit, compared one by one: 1, or what a block has besides the groups in it. */
  readonly entries: number;
}

export interface RecordedTree {
  readonly tree: UnitTree;
  readonly recorded: readonly RecordedGroups[];
}

/** Trees that are recorded at once. Those of a later stage are recorded when the units of earlier ones are in order. */
export type Stage = readonly RecordedTree[];

/** @throws UserError naming a group whose activations cannot be compared */
export function recordingStages(network: Network): Stage[] {
  const { groups } = symmetriesOf(network);
  const trees = unitTrees(groups).map((tree): RecordedTree => ({
    tree,
    recorded: recordedOf(network, tree),
  }));
  const stages: RecordedTree[][] = [];
  const done = new Set<string>();
  let waiting = trees;
  while (waiting.length > 0) {
    const ready = waiting.filter((each) => [...needs(network, each)].every((name) => done.has(name)));
    if (ready.length === 0) throw circular(waiting);
    for (const { tree } of ready) for (const place of placesIn(tree)) done.add(groups[place]!.name);
    stages.push(ready);
    waiting = waiting.filter((each) => !ready.includes(each));
  }
  return stages;
}

const circular = (trees: readonly RecordedTree[]): UserError =>
  new UserError(
    `The units of ${trees.map(({ tree }) => tree.group.name).join(', ')} cannot be matched by activations: to compare those of one group, another has to be matched first, in a circle.`,
    { hint: 'Align by weights.' },
  );

function needs(network: Network, { recorded }: RecordedTree): Set<string> {
  if (!isExported(network)) return new Set();
  const values = recorded.flatMap(({ units: { places } }) =>
    recordingPoints.flatMap((point) => places[point]),
  );
  return groupsAcross(network, values);
}

function recordedOf(network: Network, tree: UnitTree): RecordedGroups[] {
  if (tree.inside.length === 0) {
    const { name, size } = tree.group;
    return [
      {
        units: { name, size, places: recordingPlaces(network, tree.group) },
        ...{ groups: [tree.place], entries: 1 },
      },
    ];
  }
  return levelsOf([tree]).flatMap((alike) => recordedOfAlike(network, tree.group.name, alike));
}

/** Alike trees, and those inside them kind by kind. */
function levelsOf(alike: readonly UnitTree[]): UnitTree[][] {
  const kinds = alike[0]!.inside[0]?.length ?? 0;
  const inside = alike.flatMap((tree) => tree.inside);
  return [
    [...alike],
    ...Array.from({ length: kinds }, (_, kind) => inside.map((own) => own[kind]!)).flatMap(levelsOf),
  ];
}

function recordedOfAlike(network: Network, name: string, alike: readonly UnitTree[]): RecordedGroups[] {
  const [first] = alike as [UnitTree];
  const size = alike.length * first.group.size;
  const groups = alike.map(({ place }) => place);
  const isBlock = first.inside.length > 0;
  const own = alike.map((tree) => (isBlock ? valuesOfRest(tree) : tree.group.values));
  const values = joined(own);
  if (!isBlock)
    return [
      { units: { name, size, places: placesOfExported(network, { name, values }) }, groups, entries: 1 },
    ];
  // What of a block stands in a value differs from value to value.
  const counts = [...new Set(values.map(({ block }) => block))];
  return counts.map((entries) => {
    const some = values.filter(({ block }) => block === entries).map((value) => ({ ...value, block: 1 }));
    const places = placesOfExported(network, { name, values: some });
    return { units: { name, size: size * entries, places }, groups, entries };
  });
}

/** Where all of these groups stand, in the same way. */
function joined(groups: readonly (readonly GroupValue[])[]): GroupValue[] {
  const [first, ...others] = groups as [readonly GroupValue[], ...GroupValue[][]];
  return first.flatMap((value) => {
    const alike = others.map((values) =>
      values.find((each) => sameAxes(each, value) && each.block === value.block),
    );
    if (alike.some((each) => each === undefined)) return [];
    const places = [value, ...(alike as GroupValue[])].flatMap((each) => [...each.places]);
    return [{ ...value, places: Int32Array.from(places) }];
  });
}

/** Of blocks, where what is in no group inside them stands. */
function valuesOfRest({ group, inside }: UnitTree): GroupValue[] {
  const inner = inside.flat().map((tree): PermutationGroup => tree.group);
  return group.values.flatMap((value) => {
    const moving = new Set(
      inner.flatMap(({ values }) =>
        values.flatMap((each) => (sameAxes(each, value) ? [...each.places] : [])),
      ),
    );
    const places = value.places.filter((place) => !moving.has(place));
    const block = places.length / group.size;
    return block > 0 && Number.isInteger(block) ? [{ ...value, places, block }] : [];
  });
}

const sameAxes = (a: GroupValue, b: GroupValue): boolean =>
  a.node === b.node && axesOfValue(a).join() === axesOfValue(b).join();
