/** What the demo measures, from the curves of every pair: one row per family. */
import type { Family } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { barriersOf } from '../../../src-shared/jobs/interpolate.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';

/** How the second network of a pair was brought next to the first. */
export const treatments = ['none', 'activation', 'weight', 'reference_lmc_script'] as const;
export type Treatment = (typeof treatments)[number];

/** Mean and sample standard deviation (divided by count - 1; 0 for a single value). */
export interface Spread {
  mean: number;
  std: number;
}

export interface FamilySummary {
  name: string;
  family: Family;
  /** Null for the standard family, which has no fixed weights. */
  sigma_f: number | null;
  run_directory: string;
  /** Percent on the test images, over the networks. */
  test_accuracy: Spread;
  /** Percentage points lost below the chord between the ends, over the pairs (`chord`, src-shared/barriers.ts). */
  test_accuracy_drop: Record<Treatment, Spread>;
  /** The reference's barrier height: percent of the better end's accuracy, over the pairs; negative is a drop. */
  test_barrier_height: Record<Treatment, Spread>;
  /** The same, pair by pair: `1-2`, `1-3`, ... */
  pairs: {
    models: [number, number];
    test_accuracy_drop: Record<Treatment, number>;
    test_barrier_height: Record<Treatment, number>;
  }[];
}

export type CurvesByTreatment = Record<Treatment, readonly Interpolation[]>;

export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

/**
 * Asked for with every curve, so that its absence is a defect; null where the networks overflow.
 * @throws UserError for a number that is not finite: a mean over the rest would be one of other networks
 */
function present<T>(value: T | null | undefined, what: string): T {
  if (value === undefined) throw new Error(`the interpolation lacks ${what}, which was requested`);
  if (value !== null) return value;
  throw new UserError(`${what}: a point of the curve is not finite.`, {
    hint: 'Training diverged or nearly diverged: train with a lower optimizer.lr.',
  });
}

/** Each network's own accuracy on the split, percent: the ends of the unaligned curves. */
export function modelAccuracies(
  curves: readonly Interpolation[],
  split: 'train' | 'test' = 'test',
): number[] {
  const byModel = new Map<number, number>();
  for (const curve of curves) {
    const accuracy = present(curve[`${split}_accuracy`], `${split} accuracies`);
    byModel.set(curve.model1_index, present(accuracy[0], 'a first point'));
    byModel.set(curve.model2_index, present(accuracy.at(-1), 'a last point'));
  }
  return [...byModel].sort(([a], [b]) => a - b).map(([, accuracy]) => accuracy);
}

const pairName = ({ model1_index, model2_index }: Interpolation): string =>
  `models ${model1_index}–${model2_index}`;

/** Percent of the better end's accuracy, at most 0. */
const height = (curve: Interpolation): number =>
  present(curve.test_barrier_height, `${pairName(curve)}, test barrier height`);

/** Percentage points of accuracy below the chord. @throws UserError for a curve that is not finite everywhere */
export const chordDrop = (curve: Interpolation, split: 'train' | 'test' = 'test'): number =>
  present(barriersOf(curve, split).accuracy?.chord, `${pairName(curve)}, ${split} accuracy drop`);

function forEachTreatment<T>(make: (treatment: Treatment) => T): Record<Treatment, T> {
  return Object.fromEntries(treatments.map((name) => [name, make(name)])) as Record<Treatment, T>;
}

const pairOf = (curves: readonly Interpolation[], i: number, name: Treatment): Interpolation =>
  present(curves[i], `pair ${i} of ${name}`);

export function summarise(
  about: { name: string; family: Family; sigmaF: number | null; runDirectory: string },
  curves: CurvesByTreatment,
): FamilySummary {
  return {
    name: about.name,
    family: about.family,
    sigma_f: about.sigmaF,
    run_directory: about.runDirectory,
    test_accuracy: spread(modelAccuracies(curves.none)),
    test_accuracy_drop: forEachTreatment((name) => spread(curves[name].map((curve) => chordDrop(curve)))),
    test_barrier_height: forEachTreatment((name) => spread(curves[name].map(height))),
    pairs: curves.none.map(({ model1_index, model2_index }, i) => ({
      models: [model1_index, model2_index],
      test_accuracy_drop: forEachTreatment((name) => chordDrop(pairOf(curves[name], i, name))),
      test_barrier_height: forEachTreatment((name) => height(pairOf(curves[name], i, name))),
    })),
  };
}
