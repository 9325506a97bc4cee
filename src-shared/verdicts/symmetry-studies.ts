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

/** What is left between two networks, as a share of the norm, up to which they count as one orbit. */
export const sameOrbit = 1e-6;

/** Are the second networks images of the first up to rounding? `yes`: all; `no`: none; else `partly`. */
export function orbitFound(pairs: readonly { relative_residual: number }[]): Outcome {
  const residuals = pairs.map(({ relative_residual: r }) => r);
  if (residuals.length === 0 || !allFinite(residuals)) return 'not clear';
  const found = residuals.filter((r) => r <= sameOrbit).length;
  return found === residuals.length ? 'yes' : found === 0 ? 'no' : 'partly';
}

/** Was a path found exactly if the signs of the determinants say that there is one? */
export function pathsAsSigns(
  pairs: readonly { predicted_same_component: boolean; path_found: boolean }[],
): Clear {
  if (pairs.length === 0) return 'not clear';
  return pairs.every((r) => r.predicted_same_component === r.path_found) ? 'yes' : 'no';
}

/** Is a share that of the theory? Within two standard errors of it: `yes`; beyond three: `no`. */
export function shareAsTheory(count: number, all: number, theory: number): Clear {
  if (all < 10) return 'not clear';
  const errors = Math.abs(count / all - theory) / Math.sqrt((theory * (1 - theory)) / all);
  return errors <= 2 ? 'yes' : errors > 3 ? 'no' : 'not clear';
}

export type AllOrNone = 'all' | 'none';

/** `yes`: exactly as expected; `no`: the opposite; else `partly`. */
export function countAsExpected({ free, all }: { free: number; all: number }, expected: AllOrNone): Outcome {
  if (all === 0) return 'not clear';
  const [wanted, opposite] = expected === 'all' ? [all, 0] : [0, all];
  return free === wanted ? 'yes' : free === opposite ? 'no' : 'partly';
}

/** Of permutations by chance some neurons stay: `all` means half of them at least, and `no` less than a tenth. */
export function movesAsExpected({ free, all }: { free: number; all: number }, expected: AllOrNone): Outcome {
  if (all === 0) return 'not clear';
  const share = free / all;
  if (expected === 'none') return free === 0 ? 'yes' : share >= 0.5 ? 'no' : 'partly';
  return share >= 0.5 ? 'yes' : share < 0.1 ? 'no' : 'partly';
}

/** Budget at which half of the starts converge, interpolated over log(budget); null if they never do. Shares from 0 to 1. */
export function budgetForHalf(budgets: readonly number[], shares: readonly number[]): number | null {
  const above = shares.findIndex((share) => share >= 0.5);
  if (above < 0) return null;
  if (above === 0) return budgets[0]!;
  const [low, high] = [shares[above - 1]!, shares[above]!];
  const [from, to] = [Math.log(budgets[above - 1]!), Math.log(budgets[above]!)];
  return Math.exp(from + ((0.5 - low) / (high - low)) * (to - from));
}

/**
 * Does what has fewer components need a smaller budget? Pairs of one task, null if half of the starts never get there.
 * `yes` in every task, `no` in none, else `partly`; `not clear` for fewer than three tasks.
 */
export function fasterEverywhere(pairs: readonly { fewer: number | null; more: number | null }[]): Outcome {
  const known = pairs.filter(({ fewer, more }) => fewer !== null || more !== null);
  if (known.length < 3) return 'not clear';
  const faster = known.filter(({ fewer, more }) => (fewer ?? Infinity) < (more ?? Infinity)).length;
  return faster === known.length ? 'yes' : faster === 0 ? 'no' : 'partly';
}

/** Slope from one point to another on logarithmic axes; null if a number is not positive. */
export function powerOf(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
): number | null {
  if (![x1, y1, x2, y2].every((value) => value > 0 && Number.isFinite(value)) || x1 === x2) return null;
  return Math.log(y2 / y1) / Math.log(x2 / x1);
}

/** Does the barrier fall with the norm, from the largest to the smallest? `yes` in every task, `no` in none, else `partly`. */
export function fallsWithNorm(tasks: readonly (readonly { norm: number; barrier: number }[])[]): Outcome {
  if (tasks.length === 0 || !allFinite(tasks.flat().flatMap(({ norm, barrier }) => [norm, barrier])))
    return 'not clear';
  const falling = tasks.filter((points) => {
    const ordered = points.toSorted((a, b) => b.norm - a.norm);
    return ordered.length > 1 && ordered.at(-1)!.barrier < ordered[0]!.barrier;
  }).length;
  return falling === tasks.length ? 'yes' : falling === 0 ? 'no' : 'partly';
}
