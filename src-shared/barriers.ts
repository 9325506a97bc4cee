/**
 * What a curve between two models says in one number. "The barrier" has four definitions in the literature; all of them
 * are computed here, for compute and renderer alike, and named wherever one is shown. See docs/barriers.md.
 *
 * A curve is given by its factors t, from 0 to 1, and a value at each: losses L (nats) or accuracies A (percent). A value
 * that is not finite is null. With L0 = L(0), L1 = L(1) and maxima and minima over the points of the grid:
 *
 *     name        loss barrier                             accuracy drop, in percentage points
 *     chord       max of L(t) - ((1 - t) L0 + t L1)        max of ((1 - t) A0 + t A1) - A(t)
 *     mean_ends   max of L - (L0 + L1) / 2                 (A0 + A1) / 2 - min of A
 *     max_ends    max of L - max(L0, L1)                   min(A0, A1) - min of A
 *     midpoint    L(1/2) - (L0 + L1) / 2                   (A0 + A1) / 2 - A(1/2)
 *
 * An accuracy drop is the loss barrier of -A, so the worse end counts in `max_ends` both times. The first three are at
 * least 0; `midpoint` is negative if the middle is better than the ends.
 */
import { z } from 'zod';

export const barrierNames = ['chord', 'mean_ends', 'max_ends', 'midpoint'] as const;
export type BarrierName = (typeof barrierNames)[number];

export interface BarrierText {
  /** For menus and columns. */
  label: string;
  /** What is measured against: "above the chord". */
  against: string;
  /** Of a loss; accuracies the other way round. */
  formula: string;
  /** One sentence: who uses it, and for what. */
  usedBy: string;
}

export const barrierTexts: Record<BarrierName, BarrierText> = {
  chord: {
    label: 'chord',
    against: 'the straight line between the ends',
    formula: 'max of L(t) − ((1 − t) L(0) + t L(1))',
    usedBy:
      'Entezari et al. 2022: the largest gap to the straight line between the two ends, fair to ends of different quality.',
  },
  mean_ends: {
    label: 'mean of the ends',
    against: 'the mean of the ends',
    formula: 'max of L − (L(0) + L(1)) / 2',
    usedBy:
      'Frankle et al. 2020 ("instability") and Git Re-Basin (Ainsworth et al. 2023): the worst point against the mean of the ends.',
  },
  max_ends: {
    label: 'worse end',
    against: 'the worse end',
    formula: 'max of L − max(L(0), L(1))',
    usedBy:
      'Level-set questions (Freeman and Bruna 2017) and the Symmetry view: 0 unless a point is worse than both ends.',
  },
  midpoint: {
    label: 'midpoint',
    against: 'the mean of the ends, at the midpoint',
    formula: 'L(1/2) − (L(0) + L(1)) / 2',
    usedBy:
      'Lim et al. 2024 and weight averaging (Wortsman et al. 2022): only the averaged network counts; negative if it beats the mean of the ends.',
  },
};

const value = z.number().nullable();
export const barriersSchema = z.object({
  chord: value,
  mean_ends: value,
  max_ends: value,
  midpoint: value,
  /** Why values are null. */
  reason: z.string().optional(),
});
export type Barriers = z.infer<typeof barriersSchema>;

/** A value per factor; null or not finite where there is no number. */
export type CurveValues = readonly (number | null)[];

/** How far a grid that was rounded to float32 may lie from 0, 1/2 and 1. */
const rounding = 1e-6;

const none = (reason: string): Barriers => ({
  chord: null,
  mean_ends: null,
  max_ends: null,
  midpoint: null,
  reason,
});

/**
 * Loss barriers in the units of the loss. All null, with the reason, if any point is not finite or the curve does not run
 * from 0 to 1; `midpoint` is null if the grid has no point at 1/2 (an odd number of intervals): it is never interpolated.
 */
export function lossBarriers(lambdas: readonly number[], losses: CurveValues): Barriers {
  if (losses.length !== lambdas.length) return none(`${losses.length} values at ${lambdas.length} points`);
  const lost = countNonFinite(losses);
  if (lost > 0) return none(nonFiniteText(lost, losses.length));
  const near = (lambda: number | undefined, place: number): boolean =>
    lambda !== undefined && Math.abs(lambda - place) <= rounding;
  if (lambdas.length < 2 || !near(lambdas[0], 0) || !near(lambdas.at(-1), 1))
    return none('the curve does not run from 0 to 1');
  const curve = losses as readonly number[];
  const [first, last] = [curve[0]!, curve.at(-1)!];
  const mean = (first + last) / 2;
  // The ends lie on their chord, whatever rounding makes of it.
  const gaps = curve.slice(1, -1).map((loss, i) => {
    const t = lambdas[i + 1]!;
    return loss - ((1 - t) * first + t * last);
  });
  const middle = lambdas.findIndex((lambda) => near(lambda, 0.5));
  return {
    chord: Math.max(0, largest(gaps)),
    mean_ends: largest(curve) - mean,
    max_ends: maxEndsBarrier(curve),
    midpoint: middle < 0 ? null : curve[middle]! - mean,
    ...(middle < 0 && { reason: 'midpoint: the grid has no point at 1/2' }),
  };
}

/** `max_ends` alone, of losses that are all finite, the ends first and last: at least 0, 0 exactly if an end is the highest. */
export const maxEndsBarrier = (losses: readonly number[]): number =>
  largest(losses) - Math.max(losses[0]!, losses.at(-1)!);

/** Accuracy drops in percentage points, of accuracies in percent: positive if accuracy is lost. Null as above. */
export function accuracyDrops(lambdas: readonly number[], accuracies: CurveValues): Barriers {
  return lossBarriers(
    lambdas,
    accuracies.map((accuracy) => (accuracy === null ? null : 0 - accuracy)),
  );
}

/**
 * The barrier of the reference, on accuracies in percent: (min over the curve - max(first, last)) / max(first, last)
 * x 100. At most 0, in percent, relative to the better end. 0 for an empty curve and where both ends are 0; null if a
 * point is not finite. (neuron-identifiability, src/utils/interpolation.py:42)
 */
export function barrierHeight(accuracies: CurveValues): number | null {
  if (!allFinite(accuracies)) return null;
  if (accuracies.length === 0) return 0;
  const best = Math.max(accuracies[0]!, accuracies.at(-1)!);
  if (best === 0) return 0;
  return ((0 - largest(accuracies.map((accuracy) => -accuracy)) - best) / best) * 100;
}

/**
 * Whether the middle of the curve lies within 0.5 percentage points of the mean of its ends; true below 3 points, null if
 * a point is not finite. (neuron-identifiability, src/utils/interpolation.py:68)
 */
export function isLinear(accuracies: CurveValues): boolean | null {
  if (!allFinite(accuracies)) return null;
  if (accuracies.length < 3) return true;
  const middle = accuracies[Math.floor(accuracies.length / 2)]!;
  return Math.abs(middle - (accuracies[0]! + accuracies.at(-1)!) / 2) < 0.5;
}

/** Curves may have thousands of points: no spreading into arguments. */
const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);

const isFiniteNumber = (item: number | null): item is number => item !== null && Number.isFinite(item);

const allFinite = (values: CurveValues): values is readonly number[] => values.every(isFiniteNumber);

export const countNonFinite = (values: CurveValues): number =>
  values.reduce<number>((count, item) => count + (isFiniteNumber(item) ? 0 : 1), 0);

/** "2 of 9 points are not finite" */
export const nonFiniteText = (lost: number, all: number): string =>
  `${lost} of ${all} points ${lost === 1 ? 'is' : 'are'} not finite`;

/** As JSON holds it: null in place of NaN and infinities. */
export const finiteOrNull = (item: number): number | null => (Number.isFinite(item) ? item : null);
