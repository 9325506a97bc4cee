/** Activation matching: permutations that pair the neurons of two models whose activations are most alike. */
import type { CorrelationMode, MatchingMode, RecordingPoint } from '../../../src-shared/domain.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { LayerMatching } from '../../../src-shared/jobs/pairs.ts';
import type { RandomStream } from '../random.ts';
import type { CrossMoments } from './moments.ts';
import { bestPermutation, objectivesOf } from './objective.ts';
import { permutationName } from './permutation.ts';
import type { Permutation } from './permutation.ts';
import { correlationModeOf, similarityMatrix } from './similarity.ts';

/** The models of a pair, as messages name them. */
export interface PairNames {
  a: string;
  b: string;
}

/**
 * One permutation per hidden layer, each maximising the mean similarity of its layer.
 * @param layers the moments of each hidden layer at `point`
 * @throws UserError where activations are not finite, or constant in a mode that cannot do with that
 */
export function matchLayers(
  layers: readonly CrossMoments[],
  mode: MatchingMode,
  point: RecordingPoint,
  names: PairNames,
): Permutation[] {
  const correlation = correlationModeOf(mode);
  return layers.map((moments, layer) =>
    bestPermutation(similarityOf(moments, correlation, point, layer, names), moments.columnsA),
  );
}

/** What one layer's matching is worth beside the identity and random permutations. */
export function measureLayer(
  moments: CrossMoments,
  mode: MatchingMode,
  place: { point: RecordingPoint; layer: number; names: PairNames },
  options: { randomCount: number; stream: RandomStream; withMatrix: boolean },
): LayerMatching {
  const correlation = correlationModeOf(mode);
  const n = moments.columnsA;
  const similarity = similarityOf(moments, correlation, place.point, place.layer, place.names);
  const optimal = bestPermutation(similarity, n);
  return {
    matching_mode: place.point,
    correlation_mode: correlation,
    layer: permutationName(place.layer),
    objectives: objectivesOf(similarity, optimal, { count: options.randomCount, stream: options.stream }),
    permutations: { optimal: Array.from(optimal) },
    ...(options.withMatrix && { similarity: matrix(n, n, similarity) }),
  };
}

function similarityOf(
  moments: CrossMoments,
  mode: CorrelationMode,
  point: RecordingPoint,
  layer: number,
  names: PairNames,
): Float64Array {
  const where = { ...names, point: `${point} of hidden layer ${layer} (${permutationName(layer)})` };
  return similarityMatrix(moments, mode, where);
}
