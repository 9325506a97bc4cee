/** What results say of an alignment by more than permutations. */
import type { OrthogonalRecord } from '../../../../src-shared/jobs/orthogonal.ts';
import type { Rotated } from './align.ts';

export function rotationRecord({
  maps,
  untied,
  distances,
  restarts,
  unbalanced,
  maxRelativeChange,
}: Rotated): OrthogonalRecord {
  return {
    maps: maps.maps.map(({ whole: { name, size }, kind, keepsOnes, folds }) => ({
      ...{ group: name, size, kind, keeps_ones: keepsOnes },
      folded: folds.map(({ scale }) => scale),
    })),
    permuted: maps.others.map(({ group: { name, size }, reason }) => ({ group: name, size, reason })),
    untied: untied.map(({ reader, other }): [string, string] => [reader, other]),
    unbalanced: [...unbalanced],
    distance_unaligned: distances.unaligned,
    distance_permuted: distances.permuted,
    distance_aligned: distances.aligned,
    restarts: restarts.map((restart) => ({ ...restart })),
    max_relative_change: maxRelativeChange,
  };
}
