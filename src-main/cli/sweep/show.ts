/** A sweep as a table. */
import type { MeasuredSpread } from '../../../src-shared/run-measures.ts';
import { isOutdated, measured, metricsOf, sweepMetrics } from '../../../src-shared/sweep-figures.ts';
import type { SweepStandingCell } from '../../../src-shared/sweep-requests.ts';
import { shortKeys, type Sweep } from '../../../src-shared/sweep.ts';
import { formatTable, type Column } from '../table.ts';
import type { Style } from '../terminal.ts';

const spreadText = (found: MeasuredSpread | null): string => {
  if (found === null) return '';
  const { mean, std, missing } = found;
  const text = std === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${std.toFixed(3)}`;
  return missing > 0 ? `${text} (${missing} not finite)` : text;
};

export function tableOfSweep(
  { grid }: Pick<Sweep, 'grid'>,
  cells: readonly SweepStandingCell[],
  style: Style,
): string {
  const keys = grid.map(({ key }) => key);
  const short = shortKeys(keys);
  const columns: Column<SweepStandingCell>[] = [
    ...keys.map((key, i) => ({
      title: short[i]!,
      align: 'right' as const,
      text: ({ values }: SweepStandingCell) => values[key]!,
    })),
    { title: 'run', text: ({ name }) => name },
    ...metricsOf(cells).map((name) => ({
      title: sweepMetrics[name].title,
      align: 'right' as const,
      text: (cell: SweepStandingCell) => spreadText(measured(cell, name)),
    })),
    { title: 'state', text: stateText },
  ];
  return formatTable(cells, columns, style);
}

function stateText(cell: SweepStandingCell): string {
  const state = cell.state === 'trashed' ? 'in the trash' : cell.state;
  return isOutdated(cell) ? `${state}, outdated` : state;
}
