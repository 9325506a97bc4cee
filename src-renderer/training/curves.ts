import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import { accuracyTitle, lossTitles } from '../../src-shared/objective.ts';
import type { LossName } from '../../src-shared/objective.ts';
import type { EpochMetrics } from '../../src-shared/progress.ts';

const panels = [
  { key: 'trainLoss', label: 'training loss' },
  { key: 'valLoss', label: 'validation loss' },
  { key: 'valAccuracy', label: 'validation accuracy (%)' },
] as const;
export type CurveKey = (typeof panels)[number]['key'];

/** Where it is not what it usually is: undefined if every example has one class. */
function labelOf(key: CurveKey, loss: LossName | undefined): string | undefined {
  if (loss === undefined) return undefined;
  const split = key === 'trainLoss' ? 'training' : 'validation';
  return `${split} ${key === 'valAccuracy' ? accuracyTitle(loss) : lossTitles[loss]}`;
}

/** Training curves of one run, a line per model; null while there is nothing to draw. */
export function trainingCurvesRecipe(
  points: EpochMetrics[],
  name: string,
  keys: readonly CurveKey[],
): FigureRecipe<'training-curves'> | null {
  const filled = panels
    .filter(({ key }) => keys.includes(key))
    .flatMap(({ key, label: usual }) => {
      const label = labelOf(key, points[0]?.lossName) ?? usual;
      const measured = points.filter((point) => point[key] !== null);
      const models = measured[0]?.[key]?.length ?? 0;
      if (measured.length < 2 || models === 0) return [];
      const curves = Array.from({ length: models }, (_, model) => ({
        name: `model ${model + 1}`,
        values: measured.map((point) => point[key]?.[model] ?? null),
      }));
      return [
        { label, series: [{ label: name, epochs: measured.map((point) => point.epoch), models: curves }] },
      ];
    });
  return filled.length === 0 ? null : { kind: 'training-curves', data: { draw: 'single', panels: filled } };
}
