/** A sweep as a table, as a document and as a picture of a measure over what was varied. */
import { csvFormatRows } from 'd3';
import { UserError } from './errors.ts';
import type { FigureRecipe } from './figures/index.ts';
import { accuracyName, lossTitles } from './objective.ts';
import { spreadOf } from './run-measures.ts';
import type { InterpolationMeasure, MeasuredSpread, RunMeasures } from './run-measures.ts';
import type { SweepStanding, SweepStandingCell } from './sweep-requests.ts';
import { shortKeys, type Sweep } from './sweep.ts';

type Cell = Pick<SweepStandingCell, 'name' | 'values' | 'path' | 'state' | 'measures'>;

/** What a sweep is drawn and listed by. */
export const sweepMetrics = {
  test_accuracy: {
    title: 'test accuracy %',
    label: 'test accuracy (%)',
    of: (measures: RunMeasures): MeasuredSpread | null => measures.test?.accuracy ?? null,
  },
  barrier: {
    title: 'loss barrier',
    label: 'loss barrier',
    of: (measures: RunMeasures): MeasuredSpread | null => measures.unaligned?.barrier ?? null,
  },
  drop: {
    title: 'accuracy drop, points',
    label: 'accuracy drop (percentage points)',
    of: (measures: RunMeasures): MeasuredSpread | null => measures.unaligned?.drop ?? null,
  },
  barrier_aligned: {
    title: 'loss barrier, aligned',
    label: 'loss barrier, aligned',
    of: (measures: RunMeasures): MeasuredSpread | null => measures.aligned?.barrier ?? null,
  },
  drop_aligned: {
    title: 'accuracy drop, aligned, points',
    label: 'accuracy drop, aligned (percentage points)',
    of: (measures: RunMeasures): MeasuredSpread | null => measures.aligned?.drop ?? null,
  },
} as const;
export type SweepMetric = keyof typeof sweepMetrics;
export const sweepMetricNames = Object.keys(sweepMetrics) as SweepMetric[];

export const measured = ({ measures }: Pick<Cell, 'measures'>, metric: SweepMetric): MeasuredSpread | null =>
  measures && sweepMetrics[metric].of(measures);

/** Measures that any run has. */
export const metricsOf = (cells: readonly Pick<Cell, 'measures'>[]): SweepMetric[] =>
  sweepMetricNames.filter((name) => cells.some((cell) => measured(cell, name) !== null));

/** Results whose checkpoints were written again afterwards: their numbers may be of other weights. */
export const isOutdated = ({ measures }: Pick<Cell, 'measures'>): boolean =>
  [measures?.test, measures?.unaligned, measures?.aligned].some((each) => each?.filesNewer === true);

export const documentOfSweep = ({
  name,
  folder,
  sweep,
  cells,
}: Pick<SweepStanding, 'name' | 'folder' | 'sweep' | 'cells'>) => ({
  ...{ name, folder, ...sweep },
  cells: cells.map((cell) => ({
    ...{ name: cell.name, values: cell.values, run: cell.path, runId: cell.runId },
    ...{ state: cell.state, outdated: isOutdated(cell), measures: cell.measures },
    failures: cell.failures,
  })),
});

/** One row per run: the settings, then mean, standard deviation and count of each measure. */
export function csvOfSweep({ grid }: Pick<Sweep, 'grid'>, cells: readonly Cell[]): string {
  const keys = grid.map(({ key }) => key);
  const metrics = metricsOf(cells);
  const head = [
    ...[...keys, 'run', 'state', 'outdated', ...metrics.flatMap((m) => [m, `${m}_std`, `${m}_n`])],
    ...['unaligned_split', 'unaligned_epoch', 'aligned_by', 'aligned_split', 'aligned_epoch'],
  ];
  const rows = cells.map((cell) => [
    ...keys.map((key) => cell.values[key]!),
    ...[cell.path, cell.state, String(isOutdated(cell))],
    ...metrics.flatMap((m) => {
      const found = measured(cell, m);
      return [found?.mean, found?.std, found?.n].map((value) => (value == null ? '' : String(value)));
    }),
    ...waysOf(cell).map((value) => (value == null ? '' : String(value))),
  ]);
  return `${csvFormatRows([head, ...rows])}\n`;
}

const waysOf = ({ measures }: Cell): (string | number | null | undefined)[] => [
  ...[measures?.unaligned?.split, measures?.unaligned?.epoch],
  ...[measures?.aligned?.align, measures?.aligned?.split, measures?.aligned?.epoch],
];

/** How `sigma_f` and the like are written in figures. */
const axisName = (short: string): string =>
  ({ sigma_f: 'σ_F', lr: 'learning rate', weight_decay: 'weight decay', seed: 'seed' })[short] ?? short;

/** Settings of the grid that a figure can be drawn over: all their values are numbers. */
export const numericAxes = ({ grid }: Pick<Sweep, 'grid'>): string[] =>
  grid.flatMap(({ key, values }) => (values.every((value) => Number.isFinite(Number(value))) ? [key] : []));

export interface SweepFigureChoice {
  /** The setting along x; absent: the first of the grid. */
  over?: string | undefined;
  /** Absent: all that were measured. */
  metric?: SweepMetric | undefined;
  log?: boolean | undefined;
  /** Settings whose values are repetitions (seeds): one point for all of them, the mean and spread of the runs. */
  pool?: readonly string[] | undefined;
}

/**
 * Measures over one of the varied settings, a series for each combination of the others.
 * @throws UserError if the setting is not varied or its values are no numbers, and if nothing was measured
 */
export function figureOfSweep(
  { grid }: Pick<Sweep, 'grid'>,
  cells: readonly Cell[],
  { over, metric, log, pool = [] }: SweepFigureChoice,
): FigureRecipe<'measure-over-setting'> {
  const keys = grid.map(({ key }) => key);
  const short = shortKeys(keys);
  const at = over === undefined ? 0 : keys.findIndex((key, i) => key === over || short[i] === over);
  const key = keys[at];
  if (key === undefined)
    throw new UserError(`--over ${over ?? ''}: the sweep varies ${short.join(', ') || 'nothing'}.`);
  const values = grid[at]!.values.map(Number);
  if (!values.every(Number.isFinite))
    throw new UserError(
      `--over ${key}: its values (${grid[at]!.values.join(', ')}) are not numbers, so they have no axis.`,
    );
  if (log && values.some((value) => value <= 0))
    throw new UserError(`--log: ${key} has values of 0 or less, which a logarithmic axis cannot show.`);
  const outdated = cells.filter(isOutdated);
  if (outdated.length > 0)
    throw new UserError(
      `Checkpoints of ${outdated[0]!.name} were written after it was measured: its numbers may be of other weights.`,
      { hint: 'Measure it again, then draw.' },
    );
  const metrics = metric === undefined ? metricsOf(cells) : [metric];
  const pooled = pool.map((each) => {
    const k = keys.findIndex((other, i) => other === each || short[i] === each);
    if (k < 0) throw new UserError(`--pool ${each}: the sweep varies ${short.join(', ')}.`);
    if (k === at) throw new UserError(`--pool ${each}: this setting is along the x axis.`);
    return k;
  });
  const nameOf = ({ values: own }: Cell): string =>
    keys
      .flatMap((other, i) =>
        i === at || pooled.includes(i) ? [] : [`${axisName(short[i]!)} = ${own[other]}`],
      )
      .join(', ') || 'all runs';
  const panels = metrics.flatMap((name) => {
    const drawn = cells.filter((cell) => measured(cell, name) !== null);
    if (drawn.length === 0) return [];
    const series = [...Map.groupBy(drawn, nameOf)].map(([label, of]) => ({
      label,
      points: [...Map.groupBy(of, (cell) => cell.values[key]!)].map(([x, at]) => ({
        x: Number(x),
        ...joint(at.map((cell) => measured(cell, name)!)),
      })),
    }));
    requireAlike(drawn, name);
    return [{ label: labelOf(drawn, name), series }];
  });
  if (panels.length === 0)
    throw new UserError(
      `Nothing to draw: no run of the sweep has ${metric === undefined ? 'a measure' : sweepMetrics[metric].title} yet.`,
    );
  const missing = cells.filter(({ state }) => state !== 'trained').length;
  const notes = [
    ...(pooled.length === 0
      ? []
      : [
          `Each point is the mean over the runs that differ only in ${pooled.map((k) => axisName(short[k]!)).join(' and ')}, the band their spread.`,
        ]),
    ...(missing === 0 ? [] : [`${missing} of ${cells.length} runs are not trained yet and left out.`]),
  ];
  return {
    kind: 'measure-over-setting',
    data: { x: { label: axisName(short[at]!), log: log ?? false }, panels },
    ...(notes.length > 0 && { caption: notes.join(' ') }),
  };
}

type Told = Pick<InterpolationMeasure, 'align' | 'split' | 'normStatistics' | 'lossName'>;

/** The measure that a number is from. */
export function sourceOf(
  { measures }: Pick<Cell, 'measures'>,
  metric: SweepMetric,
): (Partial<Told> & { resultId: string }) | null {
  if (!measures) return null;
  if (metric === 'test_accuracy') return measures.test;
  return metric.endsWith('_aligned') ? measures.aligned : measures.unaligned;
}

/** @throws UserError if numbers that would be one curve were measured in different ways */
function requireAlike(drawn: readonly Cell[], metric: SweepMetric): void {
  const ways = Map.groupBy(drawn, (cell) => {
    const told = sourceOf(cell, metric);
    return [told?.align, told?.split, told?.normStatistics, told?.lossName]
      .filter((each) => each !== undefined && each !== null && each !== 'none')
      .join(', ');
  });
  if (ways.size < 2) return;
  const [[one, [a]], [other, [b]]] = [...ways] as [[string, [Cell]], [string, [Cell]]];
  throw new UserError(
    `The runs were measured in different ways, so that ${sweepMetrics[metric].title} has no common curve: ${a.name} (${one || 'as usual'}), ${b.name} (${other || 'as usual'}).`,
    { hint: 'Measure them alike, then draw.' },
  );
}

/** As the axis has it: what is the loss, and the share of what is the accuracy. */
export function labelOf(cells: readonly Pick<Cell, 'measures'>[], metric: SweepMetric): string {
  const loss = cells.flatMap((cell) => sourceOf(cell, metric)?.lossName ?? [])[0];
  const { label } = sweepMetrics[metric];
  if (loss === undefined) return label;
  if (metric.startsWith('barrier')) return label.replace('loss', lossTitles[loss]);
  return label.replace('accuracy', accuracyName(loss) ?? 'accuracy');
}

/** What one run says stays as it is; of several runs the mean of their means, with the spread of these. */
function joint(of: readonly MeasuredSpread[]): { mean: number; std: number | null; n: number } {
  const { mean, std, n } = of.length === 1 ? of[0]! : spreadOf(of.map((each) => each.mean))!;
  return { mean, std, n };
}
