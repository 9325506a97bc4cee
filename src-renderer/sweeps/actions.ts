/** What can be done with a sweep, for its menus and buttons. */
import { csvOfSweep, documentOfSweep } from '../../src-shared/sweep-figures.ts';
import type { SweepRow } from '../../src-shared/sweep-requests.ts';
import type { MenuItem } from '../components/MenuList.svelte';
import { saveBytes } from '../files.ts';
import { engine } from '../state/engine.svelte.ts';
import { notices } from '../state/notices.svelte.ts';
import { router } from '../state/router.svelte.ts';
import type { Cluster } from './cluster.svelte.ts';

export const isFinished = ({ complete, runs }: SweepRow): boolean => complete === runs;

export async function resume({ name, sweep }: SweepRow, on: 'local' | 'slurm' = 'local'): Promise<void> {
  if (await engine.attempt('sweeps.resume', { name, on }))
    notices.info(
      `${sweep.title} was resumed${on === 'slurm' ? ' on Slurm' : ''}: only what is missing is done`,
    );
}

export async function cancel({ name, sweep }: SweepRow): Promise<void> {
  if (await engine.attempt('sweeps.cancel', { name }))
    notices.info(`${sweep.title} was stopped; what was trained and measured is kept`);
}

/** The table of its runs and measures, as `basin sweeps export` writes it. */
export async function exportTable({ name }: SweepRow, format: 'csv' | 'json'): Promise<void> {
  const standing = await engine.attempt('sweeps.get', { name });
  if (!standing) return;
  const text =
    format === 'csv'
      ? csvOfSweep(standing.sweep, standing.cells)
      : `${JSON.stringify(documentOfSweep(standing), null, 1)}\n`;
  await saveBytes(`${name}.${format}`, new TextEncoder().encode(text));
}

/** With a cluster there are two places for it. */
export const resumeLabel = (cluster: Cluster | null): string =>
  cluster?.settings ? 'Resume on this machine' : 'Resume what is missing';

interface Doing {
  rename: () => void;
  remove: () => void;
  /** From the list: with what the sweep's own page has as buttons. */
  open: boolean;
  cluster: Cluster | null;
}

export const actionsOf = (row: SweepRow, { rename, remove, open, cluster }: Doing): (MenuItem | null)[] => [
  ...(open ? [{ label: 'Open', run: () => router.go('sweeps', { sweep: row.name }) }] : []),
  ...(open && row.active ? [{ label: 'Cancel', run: () => void cancel(row) }] : []),
  ...(open && !row.active && !isFinished(row)
    ? [{ label: resumeLabel(cluster), run: () => void resume(row) }]
    : []),
  ...(!row.active && !isFinished(row) && cluster?.settings
    ? [{ label: 'Resume on Slurm', run: () => void resume(row, 'slurm') }]
    : []),
  { label: 'Rename…', run: rename },
  null,
  { label: 'Export as CSV', run: () => void exportTable(row, 'csv') },
  { label: 'Export as JSON', run: () => void exportTable(row, 'json') },
  null,
  { label: 'Remove…', danger: true, run: remove },
];
