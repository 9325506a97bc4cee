/** The permutation and the factors that bring one checkpoint closest to another, in turn. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { RescaledAxis, Rescaling } from '../../../src-shared/networks/rescalings.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { composePermutations, identityPermutation } from '../alignment/permutation.ts';
import { matchWeights } from '../alignment/weight-matching.ts';
import { arrayDistance } from '../networks/lines.ts';
import { permuteArrays } from '../networks/permute.ts';
import type { GroupPermutations, NamedArrays } from '../networks/permute.ts';
import { freeUnits, rescaled } from './checkpoint-rescaling.ts';
import { bestFactor } from './match-relu.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

type Doubles = NamedArrays<Float64Array>;

export interface CheckpointMatch {
  readonly permutations: GroupPermutations;
  /** Logarithms of the factors, in the order after permuting. */
  readonly logs: readonly Float64Array[];
  /** The first network, permuted and rescaled. */
  readonly image: Doubles;
}

export interface MatchOptions {
  readonly rescalings: readonly Rescaling[];
  /** Entries of the first network that cannot follow a factor, 1 each. */
  readonly pins: Doubles;
  readonly restarts: number;
  readonly seed: number;
  /** Called between visits; may throw to stop. */
  readonly onVisit: () => Promise<void>;
}

/** Permutation and rescaling in turn until the distance stops falling (rescaling first would hide behind wrong pairs). */
export async function matchCheckpoints(
  network: Network,
  first: Doubles,
  second: Doubles,
  { rescalings, pins, ...options }: MatchOptions,
): Promise<CheckpointMatch> {
  const { groups } = symmetriesOf(network);
  let best: CheckpointMatch = {
    permutations: new Map(groups.map(({ name, size }) => [name, identityPermutation(size)])),
    logs: rescalings.map(({ size }) => new Float64Array(size)),
    image: first,
  };
  const entries = rescalings.map((rescaling) => entriesOf(rescaling, first));
  let distance = arrayDistance(network, first, second);
  for (let round = 0; round < 10; round++) {
    const found = await matchWeights(network, second, best.image, options);
    const permutations: GroupPermutations = new Map(
      [...best.permutations].map(([name, before]) => [
        name,
        composePermutations(before, found.permutations.get(name)!),
      ]),
    );
    const permuted = permuteArrays(first, groups, permutations);
    // Units that may not be rescaled are so at their new places too.
    const plan = { rescalings, allowed: freeUnits(rescalings, permuteArrays(pins, groups, permutations)) };
    const logs = bestRescaling(permuted, second, entries, plan.allowed);
    const image = rescaled(permuted, plan, logs, 1);
    const apart = arrayDistance(network, image, second);
    if (apart >= distance * (1 - 1e-12)) break;
    distance = apart;
    best = { permutations, logs, image };
    await options.onVisit();
  }
  return best;
}

/** Coordinate descent on the factors of the units that may move, one after the other, until they settle. */
function bestRescaling(
  from: Doubles,
  to: Doubles,
  entries: readonly UnitEntries[][][],
  allowed: readonly Uint8Array[],
): Float64Array[] {
  const logs = allowed.map((units) => new Float64Array(units.length));
  const current = new Map([...from].map(([name, { data }]) => [name, data.slice()]));
  for (let sweep = 0, moved = 1; sweep < 500 && moved > 1e-12; sweep++) {
    moved = 0;
    for (const [i, units] of entries.entries()) {
      for (const [unit, places] of units.entries()) {
        if (allowed[i]![unit] !== 1) continue;
        const factor = bestFactor(...products(places, current, to));
        scale(places, current, factor);
        logs[i]![unit]! += Math.log(factor);
        moved = Math.max(moved, Math.abs(Math.log(factor)));
      }
    }
  }
  return logs;
}

/** Places of one parameter that a unit's factor multiplies (power 1) or divides (-1). */
interface UnitEntries {
  readonly parameter: string;
  readonly power: 1 | -1;
  readonly places: Int32Array;
}

/** For each unit. A place that a factor both multiplies and divides (on the diagonal of a square weight) is none. */
function entriesOf({ size, axes }: Rescaling, arrays: Doubles): UnitEntries[][] {
  const units = Array.from({ length: size }, (): UnitEntries[] => []);
  for (const axis of axes) {
    const { parameter, power } = axis;
    if (power === 2)
      throw new Error(`${parameter} uses the square of a factor: only factors themselves are supported`);
    const { shape, data } = arrays.get(parameter)!;
    const unitAt = unitsAlong(axis, shape);
    const others = axes
      .filter((other) => other.parameter === parameter && other !== axis)
      .map((other) => unitsAlong(other, shape));
    const places = Array.from({ length: size }, (): number[] => []);
    for (let k = 0; k < data.length; k++) {
      const unit = unitAt(k);
      if (unit >= 0 && others.every((other) => other(k) !== unit)) places[unit]!.push(k);
    }
    places.forEach((own, unit) => units[unit]!.push({ parameter, power, places: Int32Array.from(own) }));
  }
  return units;
}

/** Which unit's factor the entry at place k takes along an axis; -1: none. */
function unitsAlong({ axis, factors }: RescaledAxis, shape: readonly number[]): (k: number) => number {
  const inner = sizeOf(shape.slice(axis + 1));
  return (k) => factors[Math.floor(k / inner) % factors.length]!;
}

/** |r|^2, <r, r'>, |k|^2, <k, k'>: r is what the factor multiplies, k what it divides. */
function products(
  entries: readonly UnitEntries[],
  from: ReadonlyMap<string, Float64Array>,
  to: Doubles,
): [number, number, number, number] {
  let [rr, rs, kk, ks] = [0, 0, 0, 0];
  for (const { parameter, power, places } of entries) {
    const [x, y] = [from.get(parameter)!, to.get(parameter)!.data];
    let [square, inner] = [0, 0];
    for (const place of places) {
      square += x[place]! ** 2;
      inner += x[place]! * y[place]!;
    }
    if (power === 1) [rr, rs] = [rr + square, rs + inner];
    else [kk, ks] = [kk + square, ks + inner];
  }
  return [rr, rs, kk, ks];
}

function scale(entries: readonly UnitEntries[], arrays: ReadonlyMap<string, Float64Array>, factor: number) {
  for (const { parameter, power, places } of entries) {
    const data = arrays.get(parameter)!;
    for (const place of places) data[place]! *= factor ** power;
  }
}
