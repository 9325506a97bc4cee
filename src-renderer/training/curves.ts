import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import { accuracyTitle, familiarForm, hasAccuracy, lossTitles } from '../../src-shared/objective.ts';
import type { LossName } from '../../src-shared/objective.ts';
import type { EpochMetrics } from '../../src-shared/progress.ts';

const panels = [
  { key: 'trainLoss', label: 'training loss' },
  { key: 'valLoss', label: 'validation loss' },
  { key: 'valAccuracy', label: 'validation accuracy (%)' },
] as const;
export type CurveKey = (typeof panels)[number]['key'];

interface Panel {
  label: string;
  of: (point: EpochMetrics) => readonly number[] | null;
}

/** Where numbers are called by what the loss is, and where people read another form of it beside the accuracy. */
function panelsOf(keys: readonly CurveKey[], loss: LossName | undefined): Panel[] {
  const form = familiarForm(loss);
  const shown = panels.filter(
    ({ key }) => keys.includes(key) && (key !== 'valAccuracy' || hasAccuracy(loss)),
  );
  const named = shown.map(({ key, label: usual }): Panel => {
    const split = key === 'trainLoss' ? 'training' : 'validation';
    const what = loss && (key === 'valAccuracy' ? accuracyTitle(loss) : lossTitles[loss]);
    return { label: what === undefined ? usual : `${split} ${what}`, of: (point) => point[key] };
  });
  if (!form || !keys.includes('valAccuracy')) return named;
  return [
    ...named,
    { label: `validation ${form.name}`, of: ({ valLoss }) => valLoss && valLoss.map(form.of) },
  ];
}

/** Training curves of one run, a line per model; null while there is nothing to draw. */
export function trainingCurvesRecipe(
  points: EpochMetrics[],
  name: string,
  keys: readonly CurveKey[],
): FigureRecipe<'training-curves'> | null {
  const filled = panelsOf(keys, points[0]?.lossName).flatMap(({ label, of }) => {
    const measured = points.flatMap((point) => {
      const values = of(point);
      return values ? [{ epoch: point.epoch, values }] : [];
    });
    const models = measured[0]?.values.length ?? 0;
    if (measured.length < 2 || models === 0) return [];
    const curves = Array.from({ length: models }, (_, model) => ({
      name: `model ${model + 1}`,
      values: measured.map(({ values }) => values[model] ?? null),
    }));
    return [{ label, series: [{ label: name, epochs: measured.map(({ epoch }) => epoch), models: curves }] }];
  });
  return filled.length === 0 ? null : { kind: 'training-curves', data: { draw: 'single', panels: filled } };
}
