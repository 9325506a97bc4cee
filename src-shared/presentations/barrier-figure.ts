/** The figure of barriers over the epochs of training, as the app and the command line draw it. */
import type { FigureRecipe } from '../figures/index.ts';
import { barriersOf, epochsOfPairs } from '../jobs/interpolate.ts';
import type { Interpolation } from '../jobs/interpolate.ts';
import { folderOf, namedMetric } from './interpolation-figure.ts';
import type { CurveChoice, CurvePanel, CurveSeries } from './interpolation-figure.ts';

/** Where a result has several figures. */
export const barrierFigureTitle = 'Barrier over epochs';

/** Series and panels without a barrier on the split are left out; null if all pairs are of one epoch. */
export function barrierOverEpochsFigure(
  panels: readonly CurvePanel[],
  { metric, split, barrier = 'chord', band, draw, notes = [] }: CurveChoice,
): FigureRecipe<'barrier-over-epochs'> | null {
  const valueOf = (pair: Interpolation): number | null | undefined => {
    const found = barriersOf(pair, split)[metric];
    return found && found[barrier];
  };
  const drawn = panels
    .map(({ title, series }) => ({ title, series: series.flatMap((one) => seriesOf(one, valueOf)) }))
    .filter(({ series }) => series.length > 0);
  const all = panels.flatMap(({ series }) => series.flatMap(({ pairs }) => pairs));
  const epochs = new Set(drawn.flatMap(({ series }) => series.flatMap((one) => one.epochs)));
  if (epochs.size < 2) return null;
  const own = all.flatMap(({ note }) => note ?? []);
  const { metricName, told } = namedMetric(all, metric);
  return {
    kind: 'barrier-over-epochs',
    data: {
      ...{ metric, split, barrier, panels: drawn },
      ...(metricName !== undefined && { metricName }),
      notes: [...new Set([...own, ...told, ...notes])],
      ...(band && { band }),
      ...(draw && { draw }),
    },
  };
}

function seriesOf(
  { label, colour, pairs }: CurveSeries,
  valueOf: (pair: Interpolation) => number | null | undefined,
) {
  const measured = pairs.filter((pair) => pair.epoch !== null && valueOf(pair) !== undefined);
  const epochs = epochsOfPairs(measured);
  const byModels = Map.groupBy(measured, modelsOf);
  if (byModels.size === 0) return [];
  const names = namesOf([...byModels.keys()]);
  const curves = [...byModels].map(([models, same]) => ({
    pair: names.get(models)!,
    values: epochs.map((epoch) => {
      const found = same.find((pair) => pair.epoch === epoch);
      return (found && valueOf(found)) ?? null;
    }),
  }));
  return [{ label, ...(colour !== undefined && { colour }), epochs, pairs: curves }];
}

/** The two models, whatever their epoch: `RUN#1 RUN#2`. */
const modelsOf = (pair: Interpolation): string =>
  JSON.stringify([
    [folderOf(pair.checkpoint_path_1), pair.model1_index],
    [folderOf(pair.checkpoint_path_2), pair.model2_index],
  ]);

/** Model numbers alone if they tell the pairs apart; else with the names of the runs. */
function namesOf(pairs: readonly string[]): Map<string, string> {
  const read = pairs.map((text) => ({ text, ends: JSON.parse(text) as [string, number][] }));
  const short = read.map(({ ends }) => ends.map(([, model]) => model).join('–'));
  const distinct = new Set(short).size === short.length;
  const long = read.map(({ ends }) =>
    ends.map(([folder, model]) => `${folder.split(/[/\\]/).at(-1) ?? ''} ${model}`).join('–'),
  );
  return new Map(pairs.map((text, i) => [text, (distinct ? short[i] : long[i])!]));
}
