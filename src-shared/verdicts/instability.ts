/** Whether networks become stable to the noise of SGD: their children lose nothing on the line between them. */
import { isAbove, isBelow, leeway } from './rules.ts';
import type { Clear, Sample } from './rules.ts';

/** Percentage points: below this Frankle et al. (2020) call a network stable. */
export const stableBelow = 2;

/**
 * Does the barrier fall to nearly nothing as the fork comes later? `yes`: it is clearly at least 2 points at first, and
 * clearly below at last; `no`: clearly at least 2 points at last. If it is below from the start, nothing could fall: not clear.
 * @param drops accuracy drops in points, over pairs, by rising epochs of the fork
 */
export function barrierFades(drops: readonly Sample[]): Clear {
  const [first, last] = [drops[0], drops.at(-1)];
  if (!first || !last || drops.length < 2) return 'not clear';
  const end = isBelow(last, stableBelow);
  if (end !== 'yes') return end;
  return isAbove(first, stableBelow) === 'yes' ? 'yes' : 'not clear';
}

/**
 * Is the barrier of the latest fork below that of the earliest? Clearly, by the root of the squares of both leeways.
 * @param barriers over pairs, by rising epochs of the fork
 */
export function barrierFalls(barriers: readonly Sample[]): Clear {
  const [first, last] = [barriers[0], barriers.at(-1)];
  if (!first || !last || barriers.length < 2) return 'not clear';
  const room = Math.hypot(leeway(first), leeway(last));
  const fall = first.mean - last.mean;
  if (fall > room) return 'yes';
  return -fall > room ? 'no' : 'not clear';
}
