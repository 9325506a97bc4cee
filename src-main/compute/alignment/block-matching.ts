/**
 * Weight matching of networks whose units may be blocks: heads of attention with queries, keys and values inside. The same
 * coordinate ascent as for other networks; a group of blocks is visited together with what is in them: how well two blocks
 * fit is known once their insides are matched best, so that an outer assignment runs over inner optimal ones.
 */
import type { GroupAxis, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { addProduct, transposedView, view } from '../linalg/multiply.ts';
import { inDoubles, permuteArrays } from '../networks/permute.ts';
import type { NamedArray, NamedArrays } from '../networks/permute.ts';
import { bestPermutation, objectiveOf } from './objective.ts';
import { composePermutations, identityPermutation } from './permutation.ts';
import type { Permutation } from './permutation.ts';

type Doubles = NamedArrays<Float64Array>;

/** A group that is visited by itself: its units, or blocks with the groups inside each, in corresponding order. */
interface Visit {
  readonly group: PermutationGroup;
  readonly place: number;
  readonly inside: readonly (readonly { readonly group: PermutationGroup; readonly place: number }[])[];
}

/** The permutations that one visit finds, by the place of the group. */
type Found = ReadonlyMap<number, Permutation>;

/** One ascent at a time: b as the permutations so far have it. */
export class BlockAscent {
  readonly #groups: readonly PermutationGroup[];
  readonly #a: Doubles;
  readonly #b: Doubles;
  readonly #visits: readonly Visit[];
  #now: Doubles;
  #perms: Permutation[];

  /** @param a weights that take part in the choice; those of `b` have the same names and shapes */
  constructor(groups: readonly PermutationGroup[], a: NamedArrays, b: NamedArrays) {
    this.#groups = groups;
    this.#a = inDoubles(a);
    this.#b = inDoubles(b);
    this.#visits = visitsOf(groups);
    this.#now = this.#b;
    this.#perms = groups.map(({ size }) => identityPermutation(size));
  }

  get permutations(): readonly Permutation[] {
    return this.#perms;
  }

  reset(): void {
    this.#now = this.#b;
    this.#perms = this.#groups.map(({ size }) => identityPermutation(size));
  }

  /** @returns whether the inner product of the two models grew; groups inside blocks are visited with these */
  visit(place: number, isGain: (before: number, after: number) => boolean): boolean {
    const visit = this.#visits.find((each) => each.place === place);
    if (!visit) return false;
    const found =
      visit.inside.length > 0
        ? this.#matchBlocks(visit)
        : new Map([[place, bestPermutation(this.#similarity(visit.group, visit.group), visit.group.size)]]);
    const moved = permuteArrays(this.#now, this.#groups, this.#named(found));
    const touched = namesIn(visit);
    if (!isGain(this.#product(this.#now, touched), this.#product(moved, touched))) return false;
    this.#now = moved;
    this.#perms = this.#composed(visit, found);
    return true;
  }

  #named(found: Found): Map<string, Permutation> {
    return new Map([...found].map(([place, perm]) => [this.#groups[place]!.name, perm]));
  }

  /** Blocks carry the order of what is in them along. */
  #composed({ place, inside }: Visit, found: Found): Permutation[] {
    const perms = [...this.#perms];
    const outer = found.get(place)!;
    perms[place] = composePermutations(this.#perms[place]!, outer);
    inside.forEach((groups, unit) => {
      groups.forEach((each, type) => {
        const before = this.#perms[inside[outer[unit]!]![type]!.place]!;
        perms[each.place] = composePermutations(before, found.get(each.place)!);
      });
    });
    return perms;
  }

  #matchBlocks({ group, place, inside }: Visit): Found {
    const { size } = group;
    const fits = this.#fixedSimilarity(group, inside.flat());
    const inner: Permutation[][][] = [];
    for (let i = 0; i < size; i++) {
      inner.push([]);
      for (let j = 0; j < size; j++) {
        const perms = inside[i]!.map((own, type) => {
          const similarity = this.#similarity(own.group, inside[j]![type]!.group);
          const perm = bestPermutation(similarity, own.group.size);
          fits[i * size + j]! += objectiveOf(similarity, perm) * perm.length;
          return perm;
        });
        inner[i]!.push(perms);
      }
    }
    const outer = bestPermutation(fits, size);
    const ofInside = inside.flatMap((groups, i) =>
      groups.map((each, type): [number, Permutation] => [each.place, inner[i]![outer[i]!]![type]!]),
    );
    return new Map([[place, outer], ...ofInside]);
  }

  /** Of what is in blocks and changes no places there. */
  #fixedSimilarity(group: PermutationGroup, inside: readonly { group: PermutationGroup }[]): Float64Array {
    const { size } = group;
    const sum = new Float64Array(size * size);
    for (const axis of group.axes) {
      const moving = new Set(
        inside.flatMap(({ group: { axes } }) =>
          axes.flatMap((own) => (sameAxis(own, axis) ? [...own.places] : [])),
        ),
      );
      const kept = Array.from({ length: axis.block }, (_, k) => k).filter(
        (k) => !moving.has(axis.places[k]!),
      );
      this.#add(sum, size, axis, axis, kept);
    }
    return sum;
  }

  /** [n, n]: entry (i, j) is the inner product of unit i of a group of a with unit j of an alike one of b. */
  #similarity(own: PermutationGroup, other: PermutationGroup): Float64Array {
    const sum = new Float64Array(own.size * own.size);
    own.axes.forEach((axis) => {
      const same = other.axes.find((each) => sameAxis(each, axis))!;
      this.#add(sum, own.size, axis, same, [...new Array(axis.block).keys()]);
    });
    return sum;
  }

  #add(sum: Float64Array, size: number, own: GroupAxis, other: GroupAxis, parts: readonly number[]): void {
    const [a, b] = [this.#a.get(own.parameter), this.#now.get(other.parameter)];
    // Statistics of norms and constants take no part.
    if (!a || !b || parts.length === 0) return;
    const [left, right] = [slicesOf(a, own, parts, size), slicesOf(b, other, parts, size)];
    const rest = left.length / size;
    addProduct(view(sum, size), view(left, rest), transposedView(view(right, rest)), size, rest, size, 1);
  }

  #product(b: Doubles, names: ReadonlySet<string>): number {
    let sum = 0;
    for (const name of names) {
      const [mine, other] = [this.#a.get(name)?.data, b.get(name)?.data];
      if (mine && other) for (let k = 0; k < mine.length; k++) sum += mine[k]! * other[k]!;
    }
    return sum;
  }
}

const sameAxis = (a: GroupAxis, b: GroupAxis): boolean => a.parameter === b.parameter && a.axis === b.axis;

const namesIn = ({ group, inside }: Visit): Set<string> =>
  new Set(
    [group, ...inside.flat().map((each) => each.group)].flatMap(({ axes }) =>
      axes.map(({ parameter }) => parameter),
    ),
  );

function visitsOf(groups: readonly PermutationGroup[]): Visit[] {
  return groups.flatMap((group, place) => {
    if (group.inside !== undefined) return [];
    const units = Array.from({ length: group.size }, (_, unit) =>
      groups.flatMap((each, own) =>
        each.inside === `${group.name}.${unit}` ? [{ group: each, place: own }] : [],
      ),
    );
    return [{ group, place, inside: units.some((own) => own.length > 0) ? units : [] }];
  });
}

/** [size, parts * rest]: of an array what belongs to each unit, at these of its places. */
function slicesOf(
  { shape, data }: NamedArray<Float64Array>,
  { axis, places, block }: GroupAxis,
  parts: readonly number[],
  size: number,
): Float64Array {
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const length = shape[axis]!;
  const rest = parts.length * outer * inner;
  const out = new Float64Array(size * rest);
  for (let unit = 0; unit < size; unit++) {
    let to = unit * rest;
    for (const part of parts) {
      const place = places[unit * block + part]!;
      for (let o = 0; o < outer; o++) {
        const from = (o * length + place) * inner;
        out.set(data.subarray(from, from + inner), to);
        to += inner;
      }
    }
  }
  return out;
}
