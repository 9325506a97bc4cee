import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { sampleOf, type Sample } from '../../../src-shared/verdicts/rules.ts';
import { chordDrop, spread } from '../demo/summary.ts';

export interface AccuracyDrop {
  /** Percentage points of accuracy below the chord between the ends (src-shared/barriers.ts), over the pairs. */
  points: Sample;
  /** The same as a share of the better end's accuracy, percent: the barrier height of other tables, turned around. */
  relative: number;
}

/** What is lost on the way between two networks. */
export function accuracyDrop(
  curves: readonly Interpolation[],
  split: 'train' | 'test' = 'test',
): AccuracyDrop {
  return {
    points: sampleOf(curves.map((curve) => chordDrop(curve, split))),
    relative: -spread(curves.map((c) => c[`${split}_barrier_height`] ?? NaN)).mean,
  };
}

export const dropText = ({ points: { mean, std, count }, relative }: AccuracyDrop): string =>
  `${mean.toFixed(2)}${count > 1 ? ` ± ${std.toFixed(2)}` : ''} points (${relative.toFixed(1)} % of the accuracy)`;
