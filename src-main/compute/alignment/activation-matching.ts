/** How alike the activations of units of two models are, and what a matching of them is worth. */
import type { CorrelationMode, MatchingMode, RecordingPoint } from '../../../src-shared/domain.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { LayerMatching } from '../../../src-shared/jobs/pairs.ts';
import { correlationModeOf } from '../../../src-shared/matching-modes.ts';
import type { RandomStream } from '../random.ts';
import type { CrossMoments } from './moments.ts';
import { objectivesOf } from './objective.ts';
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

export interface MeasureOptions {
  randomCount: number;
  stream: RandomStream;
  withMatrix: boolean;
}

/** What one group's matching is worth beside the identity and random permutations. @param found its similarity, [n, n] */
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
