/** A sweep as a table, as a document and as a picture of a measure over what was varied. */
import { csvFormatRows } from 'd3';
import { UserError } from '../../../src-shared/errors.ts';
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { MeasuredSpread } from '../../../src-shared/run-measures.ts';
import { shortKeys, type Sweep } from '../../../src-shared/sweep.ts';
import type { SweepFolder } from '../../formats/sweep-folder.ts';
import { formatTable, type Column } from '../table.ts';
import type { Style } from '../terminal.ts';
import { sweepMetricNames, sweepMetrics, type StandingCell, type SweepMetric } from './standing.ts';

const spreadText = (found: MeasuredSpread | null): string => {
  if (found === null) return '';
  const { mean, std, missing } = found;
  const text = std === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${std.toFixed(3)}`;
  return missing > 0 ? `${text} (${missing} not finite)` : text;
};

/** Measures that any run has. */
const metricsOf = (cells: readonly StandingCell[]): SweepMetric[] =>
  sweepMetricNames.filter((name) => cells.some((cell) => sweepMetrics[name].of(cell) !== null));

/** Results whose checkpoints were written again afterwards: their numbers may be of other weights. */
const isOutdated = ({ measures }: StandingCell): boolean =>
  [measures?.test, measures?.unaligned, measures?.aligned].some((each) => each?.filesNewer === true);

export function tableOfSweep(
  { grid }: Pick<Sweep, 'grid'>,
  cells: readonly StandingCell[],
  style: Style,
): string {
  const keys = grid.map(({ key }) => key);
  const short = shortKeys(keys);
  const columns: Column<StandingCell>[] = [
    ...keys.map((key, i) => ({
      title: short[i]!,
      align: 'right' as const,
      text: ({ values }: StandingCell) => values[key]!,
    })),
    { title: 'run', text: ({ name }) => name },
    ...metricsOf(cells).map((name) => ({
      title: sweepMetrics[name].title,
      align: 'right' as const,
      text: (cell: StandingCell) => spreadText(sweepMetrics[name].of(cell)),
    })),
    { title: 'state', text: (cell) => (isOutdated(cell) ? `${cell.state}, outdated` : cell.state) },
  ];
  return formatTable(cells, columns, style);
}

export const documentOfSweep = ({ name, folder, sweep }: SweepFolder, cells: readonly StandingCell[]) => ({
  ...{ name, folder, ...sweep },
  cells: cells.map((cell) => ({
    ...{ name: cell.name, values: cell.values, run: cell.path, runId: cell.run?.id ?? null },
    ...{ state: cell.state, outdated: isOutdated(cell), measures: cell.measures ?? null },
  })),
});

/** One row per run: the settings, then mean, standard deviation and count of each measure. */
export function csvOfSweep({ grid }: Pick<Sweep, 'grid'>, cells: readonly StandingCell[]): string {
  const keys = grid.map(({ key }) => key);
  const metrics = metricsOf(cells);
  const head = [...keys, 'run', 'state', 'outdated', ...metrics.flatMap((m) => [m, `${m}_std`, `${m}_n`])];
  const rows = cells.map((cell) => [
    ...keys.map((key) => cell.values[key]!),
    ...[cell.path, cell.state, String(isOutdated(cell))],
    ...metrics.flatMap((m) => {
      const found = sweepMetrics[m].of(cell);
      return [found?.mean, found?.std, found?.n].map((value) => (value == null ? '' : String(value)));
    }),
  ]);
  return `${csvFormatRows([head, ...rows])}\n`;
}

/** How `sigma_f` and the like are written in figures. */
const axisName = (short: string): string =>
  ({ sigma_f: 'σ_F', lr: 'learning rate', weight_decay: 'weight decay', seed: 'seed' })[short] ?? short;

/**
 * Measures over one of the varied settings, a series for each combination of the others.
 * @throws UserError if the setting is not varied or its values are no numbers, and if nothing was measured
 */
export function figureOfSweep(
  { grid }: Pick<Sweep, 'grid'>,
  cells: readonly StandingCell[],
  { over, metric, log }: { over?: string | undefined; metric?: SweepMetric | undefined; log?: boolean },
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
      {
        hint: 'Measure it again, then draw.',
      },
    );
  const metrics = metric === undefined ? metricsOf(cells) : [metric];
  const nameOf = ({ values: own }: StandingCell): string =>
    keys.flatMap((other, i) => (i === at ? [] : [`${axisName(short[i]!)} = ${own[other]}`])).join(', ') ||
    'all runs';
  const panels = metrics.flatMap((name) => {
    const measured = cells.filter((cell) => sweepMetrics[name].of(cell) !== null);
    if (measured.length === 0) return [];
    const series = [...Map.groupBy(measured, nameOf)].map(([label, of]) => ({
      label,
      points: of.map((cell) => {
        const { mean, std, n } = sweepMetrics[name].of(cell)!;
        return { x: Number(cell.values[key]), mean, std, n };
      }),
    }));
    return [{ label: sweepMetrics[name].label, series }];
  });
  if (panels.length === 0)
    throw new UserError(
      `Nothing to draw: no run of the sweep has ${metric === undefined ? 'a measure' : sweepMetrics[metric].title} yet.`,
    );
  const missing = cells.length - cells.filter(({ state }) => state === 'trained').length;
  return {
    kind: 'measure-over-setting',
    data: { x: { label: axisName(short[at]!), log: log ?? false }, panels },
    ...(missing > 0 && { caption: `${missing} of ${cells.length} runs are not trained yet and left out.` }),
  };
}
