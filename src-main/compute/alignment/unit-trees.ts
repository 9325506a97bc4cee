/**
 * Groups whose units are blocks (heads of attention, groups of channels), with the groups inside each: matched together. How
 * well two blocks fit is known once their insides are matched best, so that an outer assignment runs over inner optimal ones.
 */
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { bestPermutation } from './objective.ts';
import type { Permutation } from './permutation.ts';

export interface UnitTree {
  readonly group: PermutationGroup;
  /** Of the group among all groups. */
  readonly place: number;
  /** Of each unit the groups inside, in corresponding order; none if no unit has any. */
  readonly inside: readonly (readonly UnitTree[])[];
}

export const hasBlocks = (groups: readonly PermutationGroup[]): boolean =>
  groups.some(({ inside, axes }) => inside !== undefined || axes.some(({ within }) => within));

/** One tree for every group that is in no block. */
export function unitTrees(groups: readonly PermutationGroup[]): UnitTree[] {
  const inside = new Map<string, number[]>();
  groups.forEach(({ inside: block }, place) => {
    if (block !== undefined) inside.set(block, [...(inside.get(block) ?? []), place]);
  });
  const treeOf = (place: number): UnitTree => {
    const group = groups[place]!;
    const units = Array.from({ length: group.size }, (_, unit) =>
      (inside.get(`${group.name}.${unit}`) ?? []).map(treeOf),
    );
    return { group, place, inside: units.some((own) => own.length > 0) ? units : [] };
  };
  return groups.flatMap(({ inside: block }, place) => (block === undefined ? [treeOf(place)] : []));
}

/** The group and those in its blocks. */
export const placesIn = ({ place, inside }: UnitTree): number[] => [
  place,
  ...inside.flat().flatMap(placesIn),
];

/**
 * How well the units of a group fit those of an alike one, apart from what changes places inside them: [n, n], entry (i, j) of
 * unit i of `own` in model a and unit j of `other` in model b.
 */
export type Fits = (own: UnitTree, other: UnitTree) => Float64Array;

export interface MatchedUnits {
  /** The best permutation of every group of the tree, by its place; those in blocks for the blocks that are matched. */
  readonly permutations: ReadonlyMap<number, Permutation>;
  /** What each was found by, [n, n]; of blocks with the best of what is inside. */
  readonly fits: ReadonlyMap<number, Float64Array>;
  /** The sum over matched units. */
  readonly value: number;
}

/** @param other the group inside another block of model b that is compared; the same group by default */
export function matchedUnits(own: UnitTree, fitsOf: Fits, other: UnitTree = own): MatchedUnits {
  const { size } = own.group;
  const fits = fitsOf(own, other);
  const inner = own.inside.map((mine, i) =>
    other.inside.map((theirs, j) =>
      mine.map((tree, type) => {
        const found = matchedUnits(tree, fitsOf, theirs[type]!);
        fits[i * size + j]! += found.value;
        return found;
      }),
    ),
  );
  const outer = bestPermutation(fits, size);
  const taken = inner.flatMap((row, i) => row[outer[i]!]!);
  let value = 0;
  outer.forEach((j, i) => (value += fits[i * size + j]!));
  return {
    permutations: new Map([[own.place, outer], ...taken.flatMap(({ permutations }) => [...permutations])]),
    fits: new Map([[own.place, fits], ...taken.flatMap((found) => [...found.fits])]),
    value,
  };
}
