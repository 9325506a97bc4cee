/** Activation matching: permutations that pair the units of two models whose activations are most alike. */
import type { CorrelationMode, MatchingMode, RecordingPoint } from '../../../src-shared/domain.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { LayerMatching } from '../../../src-shared/jobs/pairs.ts';
import { correlationModeOf } from '../../../src-shared/matching-modes.ts';
import type { RandomStream } from '../random.ts';
import type { CrossMoments } from './moments.ts';
import { bestPermutation, objectivesOf } from './objective.ts';
import { groupLabel } from './permutation.ts';
import type { Permutation } from './permutation.ts';
import { similarityMatrix } from './neuron-similarity.ts';

/** The models of a pair, as messages name them. */
export interface PairNames {
  a: string;
  b: string;
}

/** Whose activations, recorded where. */
export interface RecordedGroup {
  point: RecordingPoint;
  /** The group's name. */
  group: string;
  names: PairNames;
}

/**
 * For each group the permutation that maximises its mean similarity.
 * @param groups their names
 * @param moments of each group at the point
 * @throws UserError where activations are not finite, or constant in a mode that cannot do with that
 */
export function matchGroups(
  groups: readonly string[],
  moments: readonly CrossMoments[],
  mode: MatchingMode,
  at: Omit<RecordedGroup, 'group'>,
): Map<string, Permutation> {
  const correlation = correlationModeOf(mode);
  return new Map(
    groups.map((group, g) => {
      const similarity = similarityOf(moments[g]!, correlation, { ...at, group });
      return [group, bestPermutation(similarity, moments[g]!.columnsA)];
    }),
  );
}

/** What one group's matching is worth beside the identity and random permutations. */
export function measureGroup(
  moments: CrossMoments,
  mode: MatchingMode,
  recorded: RecordedGroup,
  options: MeasureOptions,
): LayerMatching {
  const similarity = similarityOf(moments, correlationModeOf(mode), recorded);
  const optimal = bestPermutation(similarity, moments.columnsA);
  return measuredGroup({ similarity, optimal }, mode, recorded, options);
}

interface MeasureOptions {
  randomCount: number;
  stream: RandomStream;
  withMatrix: boolean;
}

/** The same, of a group that is matched already. @param found its similarity, [n, n] */
export function measuredGroup(
  { similarity, optimal }: { similarity: Float64Array; optimal: Permutation },
  mode: MatchingMode,
  { point, group }: Pick<RecordedGroup, 'point' | 'group'>,
  options: MeasureOptions,
): LayerMatching {
  const n = optimal.length;
  return {
    matching_mode: point,
    correlation_mode: correlationModeOf(mode),
    layer: group,
    objectives: objectivesOf(similarity, optimal, { count: options.randomCount, stream: options.stream }),
    permutations: { optimal: Array.from(optimal) },
    ...(options.withMatrix && { similarity: matrix(n, n, similarity) }),
  };
}

/** @throws as `similarityMatrix` */
export function similarityOf(
  moments: CrossMoments,
  mode: CorrelationMode,
  { point, group, names }: RecordedGroup,
): Float64Array {
  const label = groupLabel(group);
  const where = label === group ? group : `${label} (${group})`;
  return similarityMatrix(moments, mode, { ...names, point: `${point} of ${where}` });
}
