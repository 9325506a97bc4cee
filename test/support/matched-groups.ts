/** Activation matching of networks without blocks, step by step: moments of all groups, then each by itself. */
import { measuredGroup, similarityOf } from '../../src-main/compute/alignment/activation-matching.ts';
import type { MeasureOptions, RecordedGroup } from '../../src-main/compute/alignment/activation-matching.ts';
import type { CrossMoments } from '../../src-main/compute/alignment/moments.ts';
import { bestPermutation } from '../../src-main/compute/alignment/objective.ts';
import type { Permutation } from '../../src-main/compute/alignment/permutation.ts';
import { recordUnits } from '../../src-main/compute/alignment/record-activations.ts';
import type { PairMoments, Recording } from '../../src-main/compute/alignment/record-activations.ts';
import { recordingStages } from '../../src-main/compute/alignment/recorded-units.ts';
import type { Backend, Tensor } from '../../src-main/compute/backend/index.ts';
import type { MatchingMode } from '../../src-shared/domain.ts';
import type { LayerMatching } from '../../src-shared/jobs/pairs.ts';
import { correlationModeOf } from '../../src-shared/matching-modes.ts';

/** Of every permutation group, in their order. */
export function recordMoments(backend: Backend, recording: Recording, x: Tensor): Promise<PairMoments[]> {
  const stages = recordingStages(recording.network).flat();
  const units = stages.flatMap(({ recorded }) => recorded.map((each) => each.units));
  return recordUnits(backend, recording, units, x, () => Promise.resolve());
}

/** For each group the permutation that maximises its mean similarity. */
export const matchGroups = (
  groups: readonly string[],
  moments: readonly CrossMoments[],
  mode: MatchingMode,
  at: Omit<RecordedGroup, 'group'>,
): Map<string, Permutation> =>
  new Map(groups.map((group, g) => [group, matched(moments[g]!, mode, { ...at, group }).optimal]));

export const measureGroup = (
  moments: CrossMoments,
  mode: MatchingMode,
  recorded: RecordedGroup,
  options: MeasureOptions,
): LayerMatching => measuredGroup(matched(moments, mode, recorded), mode, recorded, options);

function matched(moments: CrossMoments, mode: MatchingMode, recorded: RecordedGroup) {
  const similarity = similarityOf(moments, correlationModeOf(mode), recorded);
  return { similarity, optimal: bestPermutation(similarity, moments.columnsA) };
}
