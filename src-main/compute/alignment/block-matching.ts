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
import { composePermutations, identityPermutation } from './permutation.ts';
import type { Permutation } from './permutation.ts';
import { matchedUnits, placesIn, unitTrees } from './unit-trees.ts';
import type { UnitTree } from './unit-trees.ts';

type Doubles = NamedArrays<Float64Array>;

/** The permutations that one visit finds, by the place of the group. */
type Found = ReadonlyMap<number, Permutation>;

/** One ascent at a time: b as the permutations so far have it. */
export class BlockAscent {
  readonly #groups: readonly PermutationGroup[];
  readonly #a: Doubles;
  readonly #b: Doubles;
  readonly #trees: ReadonlyMap<number, UnitTree>;
  #now: Doubles;
  #perms: Permutation[];

  /** @param a weights that take part in the choice; those of `b` have the same names and shapes */
  constructor(groups: readonly PermutationGroup[], a: NamedArrays, b: NamedArrays) {
    this.#groups = groups;
    this.#a = inDoubles(a);
    this.#b = inDoubles(b);
    this.#trees = new Map(unitTrees(groups).map((tree) => [tree.place, tree]));
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
    const tree = this.#trees.get(place);
    if (!tree) return false;
    const { permutations: found } = matchedUnits(tree, (own, other) =>
      own.inside.length > 0 ? this.#fitsOfRest(own, other) : this.#similarity(own.group, other.group),
    );
    const moved = permuteArrays(this.#now, this.#groups, this.#named(found));
    const touched = namesIn(tree, this.#groups);
    if (!isGain(this.#product(this.#now, touched), this.#product(moved, touched))) return false;
    this.#now = moved;
    this.#perms = this.#composed(tree, found);
    return true;
  }

  #named(found: Found): Map<string, Permutation> {
    return new Map([...found].map(([place, perm]) => [this.#groups[place]!.name, perm]));
  }

  /** Blocks carry the order of what is in them along. */
  #composed(tree: UnitTree, found: Found): Permutation[] {
    const perms = [...this.#perms];
    // @param before what stood in the place of `own`
    const compose = (own: UnitTree, before: UnitTree): void => {
      const order = found.get(own.place)!;
      perms[own.place] = composePermutations(this.#perms[before.place]!, order);
      own.inside.forEach((trees, unit) => {
        trees.forEach((each, kind) => {
          compose(each, before.inside[order[unit]!]![kind]!);
        });
      });
    };
    compose(tree, tree);
    return perms;
  }

  /** Of what is in blocks and changes no places there. */
  #fitsOfRest(own: UnitTree, other: UnitTree): Float64Array {
    const { size } = own.group;
    const sum = new Float64Array(size * size);
    eachAlikeAxis(own.group, other.group, (axis, same) => {
      const moving = new Set(
        own.inside
          .flat()
          .flatMap(({ group: { axes } }) =>
            axes.flatMap((each) => (sameAxis(each, axis) ? [...each.places] : [])),
          ),
      );
      const kept = [...new Array(axis.block).keys()].filter((k) => !moving.has(axis.places[k]!));
      this.#add(sum, size, axis, same, kept);
    });
    return sum;
  }

  /** [n, n]: entry (i, j) is the inner product of unit i of a group of a with unit j of an alike one of b. */
  #similarity(own: PermutationGroup, other: PermutationGroup): Float64Array {
    const sum = new Float64Array(own.size * own.size);
    eachAlikeAxis(own, other, (axis, same) => {
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

const sameAxis = (a: GroupAxis, b: GroupAxis): boolean =>
  a.parameter === b.parameter && a.axis === b.axis && a.within?.start === b.within?.start;

/** Of groups in different blocks: the axes that correspond. Grouped convolutions have one for every group of channels. */
function eachAlikeAxis(
  own: PermutationGroup,
  other: PermutationGroup,
  use: (axis: GroupAxis, same: GroupAxis) => void,
): void {
  const keyOf = ({ parameter, axis, block }: GroupAxis): string => JSON.stringify([parameter, axis, block]);
  const left = [...other.axes];
  for (const axis of own.axes) {
    const at = left.findIndex((each) => keyOf(each) === keyOf(axis));
    if (at < 0) throw new Error(`${own.name} and ${other.name} are alike, but not on ${axis.parameter}`);
    use(axis, left.splice(at, 1)[0]!);
  }
}

const namesIn = (tree: UnitTree, groups: readonly PermutationGroup[]): Set<string> =>
  new Set(placesIn(tree).flatMap((place) => groups[place]!.axes.map(({ parameter }) => parameter)));

/** [size, parts * rest]: of an array what belongs to each unit, at these of its places. */
function slicesOf(
  { shape, data }: NamedArray<Float64Array>,
  { axis, places, block, within }: GroupAxis,
  parts: readonly number[],
  size: number,
): Float64Array {
  const inner = sizeOf(shape.slice(axis + 1));
  // Grouped convolutions: axis 1, in some entries of axis 0.
  const first = within ? within.start : 0;
  const outer = within ? within.count : sizeOf(shape.slice(0, axis));
  const length = shape[axis]!;
  const rest = parts.length * outer * inner;
  const out = new Float64Array(size * rest);
  for (let unit = 0; unit < size; unit++) {
    let to = unit * rest;
    for (const part of parts) {
      const place = places[unit * block + part]!;
      for (let o = first; o < first + outer; o++) {
        const from = (o * length + place) * inner;
        out.set(data.subarray(from, from + inner), to);
        to += inner;
      }
    }
  }
  return out;
}
