/** The figure of interpolations, as the app, the command line, the demo and `basin reproduce` draw it. */
import type { BarrierName } from '../barriers.ts';
import { splits, type Alignment, type Split } from '../domain.ts';
import type { FigureRecipe } from '../figures/index.ts';
import { epochsOfPairs } from '../jobs/interpolate.ts';
import type { Interpolation } from '../jobs/interpolate.ts';
import { accuracyTitle, hasAccuracy, lossTitles, objectiveText } from '../objective.ts';
import { normStatisticsNames } from '../jobs/norm-statistics.ts';

export type Metric = 'accuracy' | 'loss';

/** How the second model of a pair was aligned with the first, in words. */
export function alignmentTitle({ align, mode }: { align: Alignment; mode?: string | undefined }): string {
  if (align === 'none') return 'Unaligned';
  if (align === 'weight') return 'Aligned by weights';
  if (align === 'orthogonal') return 'Aligned by orthogonal maps';
  return mode === 'reference-lmc-script' ? 'Anti-aligned (published LMC script)' : 'Aligned by activations';
}

/** Null at points that are not finite; undefined if the pair was not evaluated on the split. */
export function curveOf(pair: Interpolation, split: Split, metric: Metric): (number | null)[] | undefined {
  return pair[`${split}_${metric}`];
}

/** What the models reach with the norm statistics in their files, if the ends of their curves have others. */
export function storedEndsNote(pairs: readonly Interpolation[]): string | undefined {
  const parts = splits.flatMap((split) => {
    const all = pairs.flatMap(({ stored_ends }) => stored_ends?.[`${split}_accuracy`] ?? []);
    const known = all.filter((value) => value !== null);
    if (known.length === 0) return [];
    const ends = [Math.min(...known), Math.max(...known)].map((value) => value.toFixed(1));
    return [`${[...new Set(ends)].join(' to ')} % on ${split}`];
  });
  if (parts.length === 0) return undefined;
  return `With the norm statistics in their files the models reach ${parts.join(', ')}.`;
}

/** The two models of a pair, told apart by file: models of different runs may have one number. */
export function endsOf(pair: Interpolation): [string, string] {
  return [`${pair.checkpoint_path_1}#${pair.model1_index}`, `${pair.checkpoint_path_2}#${pair.model2_index}`];
}

/** The folder of a checkpoint file. */
export const folderOf = (path: string): string => path.replace(/[/\\][^/\\]*$/, '');

/** End -> the shortest name that tells the models apart: number, run and number, run and file. */
export function endNames(pairs: readonly Interpolation[]): Map<string, string> {
  const ends = [...new Set(pairs.flatMap(endsOf))].map((end) => {
    const [, path = '', model = ''] = /^(.*)#(\d+)$/s.exec(end) ?? [];
    const [file = '', run = ''] = path.split(/[/\\]/).reverse();
    return { end, names: [model, `${run} ${model}`, `${run}/${file.replace(/\.pt$/, '')}`] };
  });
  const level = [0, 1].find((i) => new Set(ends.map(({ names }) => names[i])).size === ends.length) ?? 2;
  return new Map(ends.map(({ end, names }) => [end, names[level] ?? end]));
}

/** Pairs under one name: a group, a family of networks, a result. */
export interface CurveSeries {
  label: string;
  colour?: string | undefined;
  pairs: readonly Interpolation[];
}

export interface CurvePanel {
  title: string;
  series: readonly CurveSeries[];
}

export interface CurveChoice {
  metric: Metric;
  split: Split;
  /** What the figure does without it: `interpolationDataSchema`. */
  band?: 'range' | 'std' | undefined;
  draw?: 'mean' | 'both' | 'single' | undefined;
  barrier?: BarrierName | undefined;
  /** For the caption, beside the notes that the curves bring themselves. */
  notes?: readonly string[];
}

/** What tells curves between the same models apart. */
function curveTitle(pair: Interpolation): string {
  const { norm_statistics: name, statistics_batch: batch } = pair;
  if (name === undefined) return alignmentTitle(pair);
  const batches = batch === undefined ? '' : ` (batches of ${batch.toLocaleString('en-US')})`;
  return `${alignmentTitle(pair)}, ${normStatisticsNames[name]}${batches}`;
}

/** One panel per way of aligning and of coming by norm statistics, in the order in which they occur. */
export function panelsByAlignment(series: readonly CurveSeries[]): CurvePanel[] {
  return panelsBy(series, curveTitle);
}

/** The same, and one panel per epoch if there are several. */
export function panelsByEpoch(series: readonly CurveSeries[]): CurvePanel[] {
  if (epochsOfPairs(series.flatMap(({ pairs }) => pairs)).length < 2) return panelsByAlignment(series);
  return panelsBy(series, (pair) =>
    pair.epoch === null ? curveTitle(pair) : `${curveTitle(pair)}, epoch ${pair.epoch}`,
  );
}

function panelsBy(series: readonly CurveSeries[], titleOf: (pair: Interpolation) => string): CurvePanel[] {
  const titles = new Set(series.flatMap(({ pairs }) => pairs.map(titleOf)));
  return [...titles].map((title) => ({
    title,
    series: series.map(({ pairs, ...rest }) => ({
      ...rest,
      pairs: pairs.filter((pair) => titleOf(pair) === title),
    })),
  }));
}

/** Series and panels without a curve on the split are left out; null if none is left. */
export function interpolationFigure(
  panels: readonly CurvePanel[],
  { metric, split, band, draw, barrier, notes = [] }: CurveChoice,
): FigureRecipe<'interpolation'> | null {
  const drawn = panels
    .map(({ title, series }) => ({
      title,
      series: series.flatMap((each) => drawnSeries(each, split, metric)),
    }))
    .filter(({ series }) => series.length > 0);
  if (drawn.length === 0) return null;
  const all = panels.flatMap(({ series }) => series.flatMap(({ pairs }) => pairs));
  const own = all.map(({ note }) => note);
  const { metricName, told } = namedMetric(all, metric);
  return {
    kind: 'interpolation',
    data: {
      ...{ metric, split, panels: drawn },
      ...(metricName !== undefined && { metricName }),
      notes: [...new Set([...own.filter((note) => note !== undefined), ...told, ...notes])],
      ...(band && { band }),
      ...(draw && { draw }),
      ...(barrier && { barrier }),
    },
  };
}

/** How the axis calls what is drawn, and what the caption says of it; nothing if all examples have one class. */
export function namedMetric(
  pairs: readonly Interpolation[],
  metric: Metric,
): { metricName?: string; told: string[] } {
  const losses = [...new Set(pairs.map(({ loss_name }) => loss_name))].filter(
    (loss) => metric === 'loss' || hasAccuracy(loss),
  );
  const named = losses.filter((loss) => loss !== undefined);
  if (named.length === 0) return { told: [] };
  const told = named.map(objectiveText);
  const oneKind = losses.length === 1;
  const inNats = !named.includes('mean-squared-error');
  if (metric === 'accuracy')
    return oneKind
      ? { metricName: accuracyTitle(named[0]), told }
      : { metricName: 'accuracy of different kinds (%)', told: [...told, mixedText] };
  return oneKind
    ? { metricName: lossTitles[named[0]!], told }
    : { metricName: `losses of different kinds${inNats ? ' (nats)' : ''}`, told: [...told, mixedText] };
}

const mixedText = 'The curves are of different losses and cannot be compared with each other.';

function drawnSeries({ label, colour, pairs }: CurveSeries, split: Split, metric: Metric) {
  const names = endNames(pairs);
  const curves = pairs.flatMap((pair) => {
    const values = curveOf(pair, split, metric);
    const name = endsOf(pair).map((end) => names.get(end));
    return values ? [{ pair: name.join('–'), values }] : [];
  });
  const lambdas = pairs[0]?.lambdas;
  if (curves.length === 0 || !lambdas) return [];
  return [{ label, ...(colour !== undefined && { colour }), lambdas, curves }];
}
