/** Activation matching of all groups of a network: heads with what is in them, and units whose rows others have to align first. */
import type { MatchingMode, RecordingPoint } from '../../../src-shared/domain.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { permuteArrays } from '../networks/permute.ts';
import type { NamedArrays } from '../networks/permute.ts';
import { similarityOf } from './activation-matching.ts';
import type { PairNames } from './activation-matching.ts';
import type { CrossMoments } from './moments.ts';
import { NonFiniteActivations } from './neuron-similarity.ts';
import type { Permutation } from './permutation.ts';
import { recordUnits } from './record-activations.ts';
import type { Recording } from './record-activations.ts';
import { recordingStages } from './recorded-units.ts';
import type { RecordedGroups, RecordedTree, Stage } from './recorded-units.ts';
import { matchedUnits } from './unit-trees.ts';
import type { Fits, UnitTree } from './unit-trees.ts';
import { correlationModeOf } from '../../../src-shared/matching-modes.ts';

/** One way of comparing activations. */
export interface Comparison {
  readonly point: RecordingPoint;
  readonly mode: MatchingMode;
}

/** By the group's place; of groups in blocks those of the blocks that are matched. */
export interface MatchedGroups {
  readonly permutations: Map<number, Permutation>;
  /** [n, n]: what was maximised; of blocks the mean over what is in them. */
  readonly similarities: Map<number, Float64Array>;
}

export interface PairMatching extends Comparison {
  readonly pair: number;
  /** Or why there is none. */
  readonly found: MatchedGroups | NonFiniteActivations;
}

/**
 * @param names of each pair's models
 * @param comparisons each matched by itself
 * @param between called with shares of the work; throw there to stop
 */
export async function matchRecorded(
  backend: Backend,
  recording: Omit<Recording, 'points'>,
  x: Tensor,
  { names, comparisons }: { names: readonly PairNames[]; comparisons: readonly Comparison[] },
  between: (share: number) => Promise<void>,
): Promise<PairMatching[]> {
  const { network, pairs } = recording;
  const [first = [], ...later] = recordingStages(network);
  const passes = 1 + later.length * comparisons.length;
  const part = (share: number): Promise<void> => between(share / passes);
  const all = comparisons.flatMap((comparison) => pairs.map((_, pair) => ({ ...comparison, pair })));
  const matchings = new Map(
    all.map((each) => [each, { permutations: new Map(), similarities: new Map() } as MatchedGroups]),
  );
  const failed = new Map<(typeof all)[number], NonFiniteActivations>();
  const points = [...new Set(comparisons.map(({ point }) => point))];
  const moments = await recordUnits(backend, { ...recording, points }, unitsOf(first), x, part);
  const match = (each: (typeof all)[number], stage: Stage, found: readonly CrossMoments[]): void => {
    try {
      matchStage(matchings.get(each)!, stage, found, { ...each, names: names[each.pair]! });
    } catch (thrown) {
      if (!(thrown instanceof NonFiniteActivations)) throw thrown;
      failed.set(each, thrown);
    }
  };
  for (const each of all) match(each, first, moments[each.pair]![each.point]!);
  for (const stage of later)
    for (const comparison of comparisons) {
      const left = all.filter(
        (each) => each.point === comparison.point && each.mode === comparison.mode && !failed.has(each),
      );
      const models = left.flatMap(({ pair }, i) => inOrder(recording, pair, matchings.get(left[i]!)!));
      const own = {
        ...recording,
        ...{ models, pairs: left.map((_, i) => [2 * i, 2 * i + 1] as const), points: [comparison.point] },
      };
      const more = left.length > 0 ? await recordUnits(backend, own, unitsOf(stage), x, part) : [];
      left.forEach((each, i) => {
        match(each, stage, more[i]![comparison.point]!);
      });
    }
  return all.map((each) => ({ ...each, found: failed.get(each) ?? matchings.get(each)! }));
}

const unitsOf = (stage: Stage) => stage.flatMap(({ recorded }) => recorded.map(({ units }) => units));

/** The models of a pair, the second with the units that are matched so far in the order of the first. */
function inOrder(
  { network, models, pairs }: Omit<Recording, 'points'>,
  pair: number,
  { permutations }: MatchedGroups,
): [NamedArrays<Float32Array>, NamedArrays<Float32Array>] {
  const [a, b] = pairs[pair]!.map((model) => models[model]!) as [
    NamedArrays<Float32Array>,
    NamedArrays<Float32Array>,
  ];
  const { groups } = symmetriesOf(network);
  const named = new Map([...permutations].map(([place, order]) => [groups[place]!.name, order]));
  return [a, permuteArrays(b, groups, named)];
}

interface Compared extends Comparison {
  readonly names: PairNames;
}

/** @param moments of everything that the stage records, in its order */
function matchStage(
  matching: MatchedGroups,
  stage: Stage,
  moments: readonly CrossMoments[],
  compared: Compared,
): void {
  let at = 0;
  for (const { tree, recorded } of stage) {
    const own = moments.slice(at, (at += recorded.length));
    const { permutations, fits } = matchedUnits(tree, fitsOf(recorded, own, compared));
    for (const [place, order] of permutations) matching.permutations.set(place, order);
    for (const [place, similarity] of means(tree, fits, recorded))
      matching.similarities.set(place, similarity);
  }
}

/** The similarity of two alike groups: a part of that of all units recorded with them. */
function fitsOf(
  recorded: readonly RecordedGroups[],
  moments: readonly CrossMoments[],
  { mode, point, names }: Compared,
): Fits {
  const similarities = recorded.map(({ units }, r) =>
    similarityOf(moments[r]!, correlationModeOf(mode), { point, group: units.name, names }),
  );
  return (own, other) => {
    const n = own.group.size;
    const whole = recorded.length === 1 && recorded[0]!.units.size === n ? similarities[0]! : undefined;
    if (whole) return whole.slice();
    const fits = new Float64Array(n * n);
    recorded.forEach(({ groups, entries, units: { size } }, r) => {
      const [row, column] = [groups.indexOf(own.place), groups.indexOf(other.place)];
      if (row < 0) return;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++)
          for (let k = 0; k < entries; k++)
            fits[i * n + j]! +=
              similarities[r]![((row * n + i) * entries + k) * size + (column * n + j) * entries + k]!;
    });
    return fits;
  };
}

/** Of blocks per unit that is compared in them, so that numbers of all groups are alike. */
function means(
  tree: UnitTree,
  fits: ReadonlyMap<number, Float64Array>,
  recorded: RecordedTree['recorded'],
): [number, Float64Array][] {
  const entriesOf = ({ place, inside }: UnitTree): number =>
    recorded.reduce((sum, { groups, entries }) => sum + (groups.includes(place) ? entries : 0), 0) +
    (inside[0] ?? []).reduce((sum, each) => sum + each.group.size * entriesOf(each), 0);
  const all = (each: UnitTree): UnitTree[] => [each, ...each.inside.flat().flatMap(all)];
  return all(tree).map((each) => {
    const count = entriesOf(each);
    const own = fits.get(each.place)!;
    return [each.place, count === 1 ? own : own.map((value) => value / count)];
  });
}
