/** Findings about costs of realising and exchanging neurons over a sweep. The rules are written out in docs/verdicts.md. */
import { allFinite, fewest, leeway, type Clear, type Sample } from './rules.ts';

/** A cost counts as there, or as none, from this factor between the two on. */
export const manifold = 10;

/** Is a cost there with something, and next to none without it? `no`: it is not larger with it. */
export function costAppears(without: number, withIt: number): Clear {
  if (!allFinite([without, withIt])) return 'not clear';
  if (withIt <= Math.abs(without)) return 'no';
  return withIt >= manifold * Math.abs(without) ? 'yes' : 'not clear';
}

/** Rank correlation from which on two measures order pairs alike, and below which they do not. */
export const agreement = { good: 0.8, poor: 0.5 } as const;

export function measuresAgree(rho: number): Clear {
  if (!Number.isFinite(rho)) return 'not clear';
  return rho >= agreement.good ? 'yes' : rho < agreement.poor ? 'no' : 'not clear';
}

/** A fitted exponent counts as the predicted one if it is within this share of it. */
export const rateShare = 0.25;

/**
 * Does a quantity fall with the width at the predicted power? `yes` and `no` only if two standard errors over seeds leave
 * no doubt.
 * @param exponents fitted ones, over seeds
 * @param predicted not 0
 */
export function rateAgrees(exponents: Sample, predicted: number): Clear {
  const [room, allowed] = [leeway(exponents), rateShare * Math.abs(predicted)];
  const away = Math.abs(exponents.mean - predicted);
  if (exponents.count < fewest || !allFinite([away, room])) return 'not clear';
  if (away + room <= allowed) return 'yes';
  return away - room > allowed ? 'no' : 'not clear';
}

/**
 * Does a bound hold that may fail with probability `delta`? `yes`: for at least the share 1 - delta of the values; `no`:
 * for less, by more than two standard errors of a share of so many independent values.
 */
export function boundHolds(within: number, count: number, delta: number): Clear {
  if (count === 0 || !allFinite([within, count])) return 'not clear';
  const share = within / count;
  if (share >= 1 - delta) return 'yes';
  return share < 1 - delta - 2 * Math.sqrt((delta * (1 - delta)) / count) ? 'no' : 'not clear';
}
