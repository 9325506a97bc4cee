/**
 * Alternating Procrustes: one group after the other is given the rotation, or the permutation, that brings the second model
 * closest to the first, the others as they are, until nothing is gained. Rotations and permutations leave lengths as they are, so
 * that the sum of products with the first model grows as the distance falls.
 */
import type { LinearMap } from '../../../../src-shared/networks/exported/linear-maps.ts';
import type { GroupAxis, PermutationGroup } from '../../../../src-shared/networks/symmetries.ts';
import { multiplyTransposedRight } from '../../linalg/multiply.ts';
import { permuteArrays } from '../../networks/permute.ts';
import { bestPermutation } from '../objective.ts';
import { nearestRotation, sumOfProducts } from './matrices.ts';
import { allParts, entriesOf, mixUnits } from './units.ts';
import type { DoubleArray, DoubleArrays } from './units.ts';

/** A group that is visited by itself, with the groups inside each of its units if they are blocks. */
interface Visit {
  readonly group: PermutationGroup;
  readonly inside: readonly (readonly PermutationGroup[])[];
}

export interface AscentInput {
  readonly groups: readonly PermutationGroup[];
  readonly maps: readonly LinearMap[];
  /** Weights that take part in the choice; other arrays only move. */
  readonly weights: ReadonlySet<string>;
  readonly a: DoubleArrays;
}

/** What decides a visit: all weights, or those that nothing else moves. */
export type Reach = 'all' | 'anchored';

/** What a visit must gain, of the sum of products of what it changes: rotations gain ever less, without end. */
const progress = 1e-9;

export class RotationAscent {
  readonly #input: AscentInput;
  readonly #maps: ReadonlyMap<string, LinearMap>;
  readonly visits: readonly Visit[];
  #now: DoubleArrays;

  constructor(input: AscentInput, b: DoubleArrays) {
    this.#input = input;
    this.#maps = new Map(input.maps.map((map) => [map.group.name, map]));
    this.visits = visitsOf(input.groups);
    this.#now = b;
  }

  /** The second model as it is now. */
  get arrays(): DoubleArrays {
    return this.#now;
  }

  /** @returns whether the sum of products grew */
  visit(place: number, reach: Reach = 'all'): boolean {
    const visit = this.visits[place]!;
    const moved = visit.inside.length > 0 ? this.#blocks(visit) : this.#units(visit.group, reach);
    if (!moved) return false;
    const touched = namesIn(visit);
    const [before, after] = [this.#product(this.#now, touched), this.#product(moved, touched)];
    if (reach === 'all' && !(after - before > progress * Math.max(1e-3, Math.abs(before)))) return false;
    this.#now = moved;
    return true;
  }

  isRotated(place: number): boolean {
    return this.#maps.has(this.visits[place]!.group.name);
  }

  #units(group: PermutationGroup, reach: Reach): DoubleArrays | undefined {
    const axes = reach === 'all' ? group.axes : this.#anchored(group);
    if (axes.length === 0) return undefined;
    const m = this.#similarity(axes, axes, group.size);
    const map = this.#maps.get(group.name);
    if (map) return mixed(this.#now, group, nearestRotation(m, group.size, map.keepsOnes));
    return permuteArrays(this.#now, [group], new Map([[group.name, bestPermutation(m, group.size)]]));
  }

  /** Axes of parameters that no other group moves. */
  #anchored(group: PermutationGroup): GroupAxis[] {
    const moved = new Map<string, number>();
    for (const { axes } of this.#input.groups)
      for (const key of new Set(axes.map(({ parameter, axis }) => `${parameter} ${axis}`))) {
        const parameter = key.slice(0, key.lastIndexOf(' '));
        moved.set(parameter, (moved.get(parameter) ?? 0) + 1);
      }
    // What rotations are told by: a bias or a scale alone has one direction, a table or a convolution many.
    return group.axes.filter(
      ({ parameter }) => moved.get(parameter) === 1 && (this.#input.a.get(parameter)?.shape.length ?? 0) > 1,
    );
  }

  /** [n, n]: entry (i, j) is the inner product of unit i of the first model with unit j of the second. */
  #similarity(
    own: readonly GroupAxis[],
    other: readonly GroupAxis[],
    size: number,
    parts?: PartsOf,
  ): Float64Array {
    const sum = new Float64Array(size * size);
    for (const [k, axis] of own.entries()) {
      const same = other[k]!;
      const [a, b] = [this.#input.a.get(axis.parameter), this.#now.get(same.parameter)];
      const chosen = parts?.(axis) ?? allParts(axis);
      if (!a || !b || chosen.length === 0 || !this.#input.weights.has(axis.parameter)) continue;
      const [left, right] = [entriesOf(a, axis, chosen), entriesOf(b, same, chosen)];
      const product = multiplyTransposedRight(left, right, size, left.length / size, size);
      for (let i = 0; i < sum.length; i++) sum[i]! += product[i]!;
    }
    return sum;
  }

  /** Whole blocks by an assignment over what their insides are worth at best. */
  #blocks({ group, inside }: Visit): DoubleArrays {
    const { size } = group;
    const fits = this.#similarity(group.axes, group.axes, size, keptParts(inside.flat()));
    const found = inside.map((own, i) =>
      inside.map((other, j) =>
        own.map((each, type) => {
          const same = alike(each, other[type]!);
          const m = this.#similarity(each.axes, same, each.size);
          const matrix = this.#best(each, m);
          fits[i * size + j]! += sumOfProducts(m, matrix);
          return matrix;
        }),
      ),
    );
    const outer = bestPermutation(fits, size);
    let arrays: DoubleArrays = permuteArrays(this.#now, [group], new Map([[group.name, outer]]));
    inside.forEach((groups, i) => {
      groups.forEach((each, type) => {
        arrays = mixed(arrays, each, found[i]![outer[i]!]![type]!);
      });
    });
    return arrays;
  }

  /** The rotation or the permutation, as a matrix. */
  #best({ name, size }: PermutationGroup, m: Float64Array): Float64Array {
    const map = this.#maps.get(name);
    if (map) return nearestRotation(m, size, map.keepsOnes);
    const matrix = new Float64Array(size * size);
    bestPermutation(m, size).forEach((from, to) => (matrix[to * size + from] = 1));
    return matrix;
  }

  #product(b: DoubleArrays, names: ReadonlySet<string>): number {
    let sum = 0;
    for (const name of names) {
      const [mine, other] = [this.#input.a.get(name)?.data, b.get(name)?.data];
      if (mine && other && this.#input.weights.has(name)) sum += sumOfProducts(mine, other);
    }
    return sum;
  }
}

type PartsOf = (axis: GroupAxis) => number[];

/** The places of a block that belong to nothing inside it that changes. */
const keptParts =
  (inside: readonly PermutationGroup[]): PartsOf =>
  (axis) => {
    const moving = new Set(
      inside.flatMap(({ axes }) => axes.flatMap((own) => (sameAxis(own, axis) ? [...own.places] : []))),
    );
    return allParts(axis).filter((part) => !moving.has(axis.places[part]!));
  };

const sameAxis = (a: GroupAxis, b: GroupAxis): boolean => a.parameter === b.parameter && a.axis === b.axis;

/** The axes of a group in the order of those of another one like it. */
const alike = (own: PermutationGroup, other: PermutationGroup): GroupAxis[] =>
  own.axes.map((axis) => other.axes.find((each) => sameAxis(each, axis))!);

/** Every place of a unit is mixed by itself. */
export function mixed(arrays: DoubleArrays, group: PermutationGroup, matrix: Float64Array): DoubleArrays {
  if (matrix.every((value, i) => value === identityEntry(i, group.size))) return arrays;
  const found = new Map<string, DoubleArray>(arrays);
  for (const axis of group.axes) {
    const array = found.get(axis.parameter);
    if (array) found.set(axis.parameter, mixUnits(array, axis, matrix));
  }
  return found;
}

const identityEntry = (i: number, n: number): number => (i % (n + 1) === 0 ? 1 : 0);

const namesIn = ({ group, inside }: Visit): Set<string> =>
  new Set([group, ...inside.flat()].flatMap(({ axes }) => axes.map(({ parameter }) => parameter)));

function visitsOf(groups: readonly PermutationGroup[]): Visit[] {
  return groups.flatMap((group) => {
    if (group.inside !== undefined) return [];
    const units = Array.from({ length: group.size }, (_, unit) =>
      groups.filter(({ inside }) => inside === `${group.name}.${unit}`),
    );
    return [{ group, inside: units.some((own) => own.length > 0) ? units : [] }];
  });
}
