/** The lines of a result in a table over many runs: one for each epoch. */
import { shown } from '../shown.ts';
import type { PresentedLine } from './present.ts';

/** One line per epoch of the rows, ascending; rows without an epoch come first. */
export function linesByEpoch<T>(
  rows: readonly T[],
  epochOf: (row: T) => number | null,
  cellsOf: (rows: readonly T[]) => PresentedLine['cells'],
): PresentedLine[] {
  return [...Map.groupBy(rows, epochOf)]
    .sort(([a], [b]) => (a ?? -1) - (b ?? -1))
    .map(([epoch, same]) => ({ epoch, cells: cellsOf(same) }));
}

/** The mean of those that are numbers; a dash if there is none. */
export function meanShown(values: readonly (number | null | undefined)[]): string {
  const known = values.flatMap((value) =>
    typeof value === 'number' && Number.isFinite(value) ? [value] : [],
  );
  return known.length === 0 ? '–' : shown(known.reduce((sum, value) => sum + value, 0) / known.length);
}
