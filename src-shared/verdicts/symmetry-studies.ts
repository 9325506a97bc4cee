/** Rules of the studies of `basin reproduce` that repeat symmetry jobs over tasks. They are written out in docs/verdicts.md. */
import { allFinite, type Clear, type Outcome } from './rules.ts';

interface Count {
  found: number;
  converged: number;
}

/** Fewer components with a skip connection? `yes` in every task, `no` if not in one; `not clear` if nothing converged. */
export function fewerWithSkip(tasks: readonly { on: Count; off: Count }[]): Clear {
  if (tasks.length === 0 || tasks.some(({ on, off }) => Math.min(on.converged, off.converged) === 0))
    return 'not clear';
  return tasks.every(({ on, off }) => on.found < off.found) ? 'yes' : 'no';
}

/** Is every chord within its bound of the curve? */
export function deviationBounded(
  rows: readonly { chord_deviation: number; deviation_bound: number }[],
): Clear {
  if (rows.length === 0 || !allFinite(rows.flatMap((row) => [row.chord_deviation, row.deviation_bound])))
    return 'not clear';
  return rows.every((row) => row.chord_deviation <= row.deviation_bound) ? 'yes' : 'no';
}

interface Chord {
  length: number;
  measured_barrier: number;
}

/** Power with which the barrier grows with the length, from one chord to another; null if one has no barrier. */
export function powerBetween(a: Chord, b: Chord | undefined): number | null {
  if (!b || !(a.measured_barrier > 0) || !(b.measured_barrier > 0)) return null;
  return Math.log(b.measured_barrier / a.measured_barrier) / Math.log(b.length / a.length);
}

/** Shares that SGD may miss the gradient flow by. */
export const flowTolerance = 0.05;

/** Does what a decay leaves agree with the gradient flow, in every task, to 0.05? */
export function decaysAsTheory(shares: readonly number[], theory: number): Clear {
  if (shares.length === 0 || !allFinite(shares)) return 'not clear';
  return shares.every((share) => Math.abs(share - theory) <= flowTolerance) ? 'yes' : 'no';
}

/** Is the barrier gone? `yes` if a tenth is left at most, everywhere; `no` if nine tenths are somewhere; else `partly`. */
export function barrierRemoved(shares: readonly number[]): Outcome {
  if (shares.length === 0 || !allFinite(shares)) return 'not clear';
  if (shares.every((share) => share <= 0.1)) return 'yes';
  return shares.some((share) => share >= 0.9) ? 'no' : 'partly';
}
