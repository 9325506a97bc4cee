/** What a curve along a segment in weight space says in one number. Curves run from lambda = 0 to lambda = 1. */

/**
 * The barrier of the reference, on accuracies in percent: (min over the curve - max(first, last)) / max(first, last)
 * x 100. At most 0, in percent, relative to the better end. 0 for an empty curve and where both ends are 0.
 * (neuron-identifiability, src/utils/interpolation.py:42)
 */
export function accuracyBarrier(accuracies: readonly number[]): number {
  if (accuracies.length === 0) return 0;
  const best = Math.max(accuracies[0]!, accuracies.at(-1)!);
  if (best === 0) return 0;
  return ((Math.min(...accuracies) - best) / best) * 100;
}

/**
 * The barrier on losses: the highest point minus the higher end, in the units of the loss. At least 0; 0 where no point
 * lies above both ends. Absolute, so that it means the same at small and large losses.
 */
export function lossBarrier(losses: readonly number[]): number {
  if (losses.length === 0) return 0;
  return Math.max(...losses) - Math.max(losses[0]!, losses.at(-1)!);
}

/**
 * Whether the middle of the curve lies within 0.5 percentage points of the mean of its ends; true below 3 points.
 * (neuron-identifiability, src/utils/interpolation.py:68)
 */
export function isLinear(accuracies: readonly number[]): boolean {
  if (accuracies.length < 3) return true;
  const middle = accuracies[Math.floor(accuracies.length / 2)]!;
  return Math.abs(middle - (accuracies[0]! + accuracies.at(-1)!) / 2) < 0.5;
}

/** steps + 1 evenly spaced factors from 0 to 1, both included exactly. */
export function lambdasOf(steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, i) => i / steps);
}
