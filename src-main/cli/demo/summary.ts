/** What the demo measures, from the curves of every pair: one row per family. */
import type { Family } from '../../../src-shared/domain.ts';
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
  /** Percent, over the pairs; negative is a drop. */
  test_barrier_height: Record<Treatment, Spread>;
  /** The same, pair by pair: `1-2`, `1-3`, ... */
  pairs: { models: [number, number]; test_barrier_height: Record<Treatment, number> }[];
}

export type CurvesByTreatment = Record<Treatment, readonly Interpolation[]>;

export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

/** Asked for with every curve, so that its absence is a defect. */
function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the demo needs ${what}, and the interpolation did not give it`);
  return value;
}

/** Each network's own test accuracy, percent: the ends of the unaligned curves. */
export function modelAccuracies(curves: readonly Interpolation[]): number[] {
  const byModel = new Map<number, number>();
  for (const curve of curves) {
    const accuracy = present(curve.test_accuracy, 'test accuracies');
    byModel.set(curve.model1_index, present(accuracy[0], 'a first point'));
    byModel.set(curve.model2_index, present(accuracy.at(-1), 'a last point'));
  }
  return [...byModel].sort(([a], [b]) => a - b).map(([, accuracy]) => accuracy);
}

function barrier(curve: Interpolation): number {
  return present(curve.test_barrier_height, 'the test barrier');
}

function forEachTreatment<T>(make: (treatment: Treatment) => T): Record<Treatment, T> {
  return Object.fromEntries(treatments.map((name) => [name, make(name)])) as Record<Treatment, T>;
}

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
    test_barrier_height: forEachTreatment((name) => spread(curves[name].map(barrier))),
    pairs: curves.none.map(({ model1_index, model2_index }, i) => ({
      models: [model1_index, model2_index],
      test_barrier_height: forEachTreatment((name) =>
        barrier(present(curves[name][i], `pair ${i} of ${name}`)),
      ),
    })),
  };
}
