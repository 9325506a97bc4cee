/** Rules for looking for the setting behind published numbers. They are written out in docs/verdicts.md. */
import { allFinite, type Clear } from './rules.ts';

/** Can so many points be lost? Nobody loses more than the best classifier has. Both in percent. */
export const dropReachable = (drop: number, ceiling: number): Clear =>
  !allFinite([drop, ceiling]) ? 'not clear' : drop <= ceiling ? 'yes' : 'no';

/** Mean distance of numbers that count as the published ones. */
export const sameNumbers = 3;

export interface Nearest {
  /** Of the settings tried; null if none has finite numbers. */
  index: number | null;
  /** Mean over the numbers of |found - target|. */
  distance: number;
  /** `yes` if the nearest is within `sameNumbers`. */
  outcome: Clear;
}

/** Which of the lists of numbers is nearest to the target? */
export function nearestTo(target: readonly number[], tried: readonly (readonly number[])[]): Nearest {
  const distances = tried.map((found) =>
    found.length === target.length && allFinite(found)
      ? found.reduce((sum, value, i) => sum + Math.abs(value - target[i]!), 0) / target.length
      : Infinity,
  );
  const distance = Math.min(...distances);
  if (!Number.isFinite(distance)) return { index: null, distance: NaN, outcome: 'not clear' };
  return {
    index: distances.indexOf(distance),
    distance,
    outcome: distance <= sameNumbers ? 'yes' : 'no',
  };
}
