/** The rows of the run table: runs, and the checkpoints of those that are unfolded. */
import type { CheckpointRow, RunRow } from '../../src-shared/api.ts';

export type Row =
  { type: 'run'; run: RunRow } | { type: 'checkpoint'; run: RunRow; checkpoint: CheckpointRow };

export function rowsOf(runs: readonly RunRow[], unfolded: ReadonlyMap<string, CheckpointRow[]>): Row[] {
  const rows: Row[] = [];
  for (const run of runs) {
    rows.push({ type: 'run', run });
    for (const checkpoint of unfolded.get(run.id) ?? []) rows.push({ type: 'checkpoint', run, checkpoint });
  }
  return rows;
}

/**
 * Which row one of `slots` elements shows when the rows from `first` on are on screen: scrolling by one row changes
 * one element and leaves the others as they are. At the top, element i shows row i.
 */
export function indexInSlot(slot: number, first: number, slots: number): number {
  const behind = (((slot - first) % slots) + slots) % slots;
  return first + behind;
}
