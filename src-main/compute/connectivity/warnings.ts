/** What a reader of curves has to be told about the models, the data and the numbers. */
import { countNonFinite } from '../../../src-shared/barriers.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { messageOf } from '../../../src-shared/errors.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { LeftOut } from '../../../src-shared/jobs/pairs.ts';
import type { AnalysisData } from '../analysis-data.ts';
import { scoredCount } from '../data/index.ts';
import { storedValAccuracy } from '../load-models.ts';
import type { LoadedModel, Run } from '../load-models.ts';
import { largeRescaling, rescalingOf } from './distance.ts';
import type { PointScores } from './points.ts';

/** The trainer stored a validation accuracy: on the same split it must come out again, to the image. */
export function storedMetricWarnings(
  models: readonly LoadedModel[],
  data: AnalysisData,
  scores: ReadonlyMap<Split, readonly PointScores[]>,
): string[] {
  const val = scores.get('val');
  if (!val || !data.isRunSplit) return [];
  const oneImage = 100 / scoredCount(data.splits.get('val')!);
  return models.flatMap((model, i) => {
    const found = val[i]!.accuracy;
    const { name, storedAccuracy } = model;
    // What overflows is told about by itself.
    if (storedAccuracy === undefined || found === undefined || !Number.isFinite(found)) return [];
    const agrees = (percent: number): boolean => Math.abs(found - percent) <= oneImage * 1.01;
    // Which unit it is in, many files may have to say; mostly the fraction agrees.
    if (agrees(storedAccuracy * 100)) return [];
    const stored = storedValAccuracy(model);
    if (stored === undefined || agrees(stored)) return [];
    return [
      `${name}: its checkpoint says validation accuracy ${stored.toFixed(3)} %, on ${data.description} it is ` +
        `${found.toFixed(3)} %. Is this the data set it was trained on?`,
    ];
  });
}

export function dataWarnings(models: readonly LoadedModel[]): string[] {
  const first = models[0]!;
  const other = models.find(
    ({ run }) => run.directory !== first.run.directory && dataSettings(run) !== dataSettings(first.run),
  );
  if (!other) return [];
  return [
    `${other.run.directory} was trained on another data set or split than ${first.run.directory}; all models are evaluated on the latter's.`,
  ];
}

/** Of settings that cannot be read, the reason. */
function dataSettings({ config }: Run): string {
  try {
    const { name, split_seed, val_split, split_file } = config.dataset ?? {};
    return JSON.stringify([name, split_seed ?? null, val_split ?? null, split_file ?? null]);
  } catch (error) {
    return messageOf(error);
  }
}

/** @param pairs the two models of each row */
export function rescalingWarnings(
  pairs: readonly (readonly [LoadedModel, LoadedModel])[],
  rows: readonly Interpolation[],
): string[] {
  return rows.flatMap(({ rescaling_ratio }, p) => {
    if (rescaling_ratio === undefined || rescaling_ratio <= largeRescaling) return [];
    const [a, b] = pairs[p]!;
    const { where } = rescalingOf(a.run.graph, a.acting, b.acting);
    const factor = rescaling_ratio < 1e6 ? rescaling_ratio.toFixed(1) : rescaling_ratio.toExponential(1);
    return [
      `${a.name} and ${b.name}: hidden units differ in scale by a factor of ${factor} ` +
        `(${where}). Rescaled networks can compute the same function and still show a barrier: this one is meaningless.`,
    ];
  });
}

/** Which models overflow by themselves, and how many curves have points that are not finite. */
export function nonFiniteWarnings(
  models: readonly LoadedModel[],
  rows: readonly Interpolation[],
  scores: ReadonlyMap<Split, readonly PointScores[]>,
): string[] {
  const isLost = ({ loss, accuracy }: PointScores): boolean =>
    !Number.isFinite(loss) || (accuracy !== undefined && !Number.isFinite(accuracy));
  const overflowing = models.filter((_, i) => [...scores.values()].some((points) => isLost(points[i]!)));
  const curves = rows.filter((row) =>
    [...scores.keys()].some(
      (split) =>
        countNonFinite(row[`${split}_loss`] ?? []) + countNonFinite(row[`${split}_accuracy`] ?? []) > 0,
    ),
  );
  const pairs = pairsText(curves.map(({ model1_index: a, model2_index: b }) => [a, b]));
  return [
    ...overflowing.map(
      ({ name }) =>
        `${name}: its loss or accuracy is not a finite number. Its training diverged, or its weights are too large for float32.`,
    ),
    ...(curves.length > 0
      ? [
          `${curves.length} of ${rows.length} curves ${curves.length === 1 ? 'has' : 'have'} points that are not finite (models ${pairs}): these points are null, and such a curve has no barrier.`,
        ]
      : []),
  ];
}

/** One line for all pairs with the same reason. */
export function unalignedWarnings(unaligned: readonly LeftOut[]): string[] {
  return [...Map.groupBy(unaligned, ({ reason }) => reason)].map(([reason, pairs]) => {
    const named = pairsText(pairs.map(({ models }) => models));
    return `Models ${named} ${reason}. They were left out.`;
  });
}

/** "1–2, 1–3 and 4 more" */
function pairsText(pairs: readonly (readonly number[])[]): string {
  const most = 6;
  const named = pairs.slice(0, most).map((models) => models.join('–'));
  return named.join(', ') + (pairs.length > most ? ` and ${pairs.length - most} more` : '');
}
