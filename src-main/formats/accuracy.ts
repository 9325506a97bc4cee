/**
 * The unit of stored validation accuracies. The published trainer stores fractions, most others percent, and a file does
 * not say which. A value above 1 is no fraction; a value up to 1 could be either, so that only the run it belongs to
 * tells: one value above 1 and the whole run is in percent.
 */

export type AccuracyUnit = 'fraction' | 'percent';

/** A mean of float32 may come out a little above 1. */
const rounding = 1e-6;

/** Of the values that the checkpoints of one run store; undefined where a checkpoint stores none. */
export function accuracyUnit(stored: Iterable<number | undefined>): AccuracyUnit {
  for (const value of stored) if (value !== undefined && value > 1 + rounding) return 'percent';
  return 'fraction';
}

/**
 * Percent, 0 to 100; undefined if the value cannot be an accuracy, or if it could be meant either way: in a run in
 * percent, 0.8 may be 0.8 % or a fraction that got there.
 */
export function accuracyPercent(stored: number | undefined, unit: AccuracyUnit): number | undefined {
  if (stored === undefined || !(stored >= 0) || stored > 100) return undefined;
  if (unit === 'fraction') return Math.min(stored, 1) * 100;
  return stored === 0 || stored > 1 + rounding ? stored : undefined;
}
