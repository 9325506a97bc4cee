import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { chordDrop, spread } from '../demo/summary.ts';

export interface AccuracyDrop {
  /** Percentage points of test accuracy below the chord between the ends (src-shared/barriers.ts), mean over the pairs. */
  points: number;
  std: number;
  /** The same as a share of the better end's accuracy, percent: the barrier height of other tables, turned around. */
  relative: number;
}

/** What is lost on the way between two networks. */
export function accuracyDrop(curves: readonly Interpolation[]): AccuracyDrop {
  const points = curves.map(chordDrop);
  const { mean, std } = spread(points);
  return { points: mean, std, relative: -spread(curves.map((c) => c.test_barrier_height ?? NaN)).mean };
}

export const dropText = ({ points, std, relative }: AccuracyDrop): string =>
  `${points.toFixed(2)} ± ${std.toFixed(2)} points (${relative.toFixed(1)} % of the accuracy)`;
