/** What was tracked while models trained, as curves over epochs. */
import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import type { EpochMetrics } from '../../src-shared/progress.ts';
import type { Tracked } from '../../src-shared/tracking.ts';

type Recipe = FigureRecipe<'training-curves'>;
type Panel = Recipe['data']['panels'][number];

/** A number per line; undefined if it was not measured at this epoch. */
type ValuesOf = (tracked: Tracked) => readonly (number | null)[] | undefined;

interface Point {
  epoch: number;
  tracked: Tracked;
}

/** Null if it was not measured at any epoch. */
function panelOf(
  points: readonly Point[],
  { label, series, log }: { label: string; series: string; log?: boolean },
  valuesOf: ValuesOf,
  nameOf: (place: number, tracked: Tracked) => string,
): Panel | null {
  const measured = points.flatMap(({ epoch, tracked }) => {
    const values = valuesOf(tracked);
    return values && values.some((value) => value !== null) ? [{ epoch, tracked, values }] : [];
  });
  const [first] = measured;
  if (!first) return null;
  const drawn = (value: number | null | undefined): number | null =>
    value == null || (log === true && value <= 0) ? null : value;
  return {
    label,
    log: log === true,
    series: [
      {
        label: series,
        epochs: measured.map(({ epoch }) => epoch),
        models: first.values.map((_, place) => ({
          name: nameOf(place, first.tracked),
          values: measured.map(({ values }) => drawn(values[place])),
        })),
      },
    ],
  };
}

const ofPair = (place: number, { pairs }: Tracked): string => pairs?.[place]?.join('–') ?? String(place + 1);
const one = (value: number | null | undefined): (number | null)[] | undefined =>
  value === undefined ? undefined : [value];

/**
 * A few figures of one or two panels; each says what it shows for those who cannot see it.
 * @param apart one panel each, where there is little room
 */
export function trackedFigures(
  metrics: readonly EpochMetrics[],
  apart = false,
): { label: string; recipe: Recipe }[] {
  const points = metrics.flatMap(({ epoch, tracked }) => (tracked ? [{ epoch, tracked }] : []));
  const pairs = { series: 'pairs of models' };
  const perPair = (label: string, valuesOf: ValuesOf) =>
    panelOf(points, { label, ...pairs }, valuesOf, ofPair);
  const mean = (label: string, valuesOf: ValuesOf) =>
    panelOf(points, { label, series: 'mean of all models' }, valuesOf, () => 'mean');
  const kernel = (label: string, valuesOf: ValuesOf, log = false) =>
    panelOf(points, { label, series: 'model 1', log }, valuesOf, (place) => String(place + 1));
  const since = points.find(({ tracked }) => tracked.topEigenvalues)?.epoch ?? 0;
  const groups: [string, (Panel | null)[]][] = [
    [
      'Barriers between the models while they train',
      [
        perPair('test loss barrier (chord)', ({ lossBarriers }) => lossBarriers?.chord),
        perPair('drop of test accuracy (points)', ({ accuracyDrops }) => accuracyDrops?.chord),
        mean('test loss of the mean, above the models’', ({ midpoint }) => one(midpoint?.loss)),
        mean('test accuracy below the models’ (points)', ({ midpoint }) => one(midpoint?.accuracy)),
      ],
    ],
    [
      'Similarity of the models while they train',
      [
        perPair('cosine of updates', ({ updateCosine }) => updateCosine),
        perPair('agreement of predictions', ({ agreement }) => agreement),
      ],
    ],
    [
      'Tangent kernel of model 1 while it trains',
      [
        kernel('largest eigenvalues', ({ topEigenvalues }) => topEigenvalues, true),
        kernel(`CKA with epoch ${since}`, ({ cka }) => one(cka)),
      ],
    ],
    [
      'Change of model 1 since its first kernel',
      [
        kernel('relative change of the kernel', ({ relativeChange }) => one(relativeChange)),
        kernel('error of the linearisation', ({ linearisationError }) => one(linearisationError)),
      ],
    ],
  ];
  const figureOf = (label: string, all: Panel[]) => ({
    label,
    recipe: { kind: 'training-curves', data: { draw: 'single', panels: all } } as const,
  });
  return groups.flatMap(([label, all]) => {
    const measured = all.filter((panel) => panel !== null);
    if (apart) return measured.map((panel) => figureOf(`${label}: ${panel.label}`, [panel]));
    return measured.length === 0 ? [] : [figureOf(label, measured)];
  });
}
