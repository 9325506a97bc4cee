/** Every change to what is said of runs in one place: asks the engine, says what was done, offers to undo it. */
import type { RunRow } from '../../src-shared/api.ts';
import type { RunEdit } from '../../src-shared/run-labels.ts';
import { plural } from '../format.ts';
import { engine } from '../state/engine.svelte.ts';
import { notices } from '../state/notices.svelte.ts';
import { selection } from '../state/selection.svelte.ts';
import { undoing } from './group-actions.ts';

async function edit(change: RunEdit, said: string): Promise<boolean> {
  const response = await engine.attempt('runs.edit', { edit: change });
  if (!response) return false;
  const { step, ...state } = response;
  engine.groups = state;
  if (step === null) notices.info('Nothing changed');
  else notices.info(said, undoing(step, said));
  return true;
}

const named = (runIds: readonly string[]): string =>
  runIds.length === 1 ? (engine.runById.get(runIds[0]!)?.name ?? runIds[0]!) : plural(runIds.length, 'run');

/** An empty name gives the folder's back. */
export function renameRun(run: RunRow, text: string): Promise<boolean> {
  const title = text.trim() === '' ? null : text.trim();
  if (title === run.title || (run.title === null && title === run.name)) return Promise.resolve(true);
  return edit(
    { type: 'rename', runId: run.id, title },
    title === null ? `${run.name} has its folder’s name again` : `Renamed ${run.name} to ${title}`,
  );
}

export const annotateRun = (run: RunRow, notes: string): Promise<boolean> =>
  notes === run.notes
    ? Promise.resolve(true)
    : edit({ type: 'annotate', runId: run.id, notes }, `Notes of ${run.name} saved`);

export const tagRuns = (runIds: string[], add: string[], remove: string[] = []): Promise<boolean> =>
  edit(
    { type: 'tag', runIds, add, remove },
    add.length > 0
      ? `Tagged ${named(runIds)}: ${add.join(', ')}`
      : `Took ${remove.join(', ')} off ${named(runIds)}`,
  );

export const starRuns = (runIds: string[], starred: boolean): Promise<boolean> =>
  edit({ type: 'star', runIds, starred }, `${starred ? 'Starred' : 'Took the star off'} ${named(runIds)}`);

export const archiveRuns = (runIds: string[], archived: boolean): Promise<boolean> =>
  edit(
    { type: 'archive', runIds, archived },
    archived ? `Archived ${named(runIds)}` : `${named(runIds)}: back from the archive`,
  );

export async function trashRuns(runIds: string[]): Promise<boolean> {
  const done = await edit(
    { type: 'trash', runIds },
    `Moved ${named(runIds)} to the trash; the files stay where they are`,
  );
  if (done) selection.selectRuns(selection.runIds.filter((id) => !runIds.includes(id)));
  return done;
}

export const restoreRuns = (runs: readonly RunRow[]): Promise<boolean> =>
  edit(
    { type: 'restore', runIds: runs.map(({ id }) => id) },
    `${runs.length === 1 ? runs[0]!.name : plural(runs.length, 'run')}: back from the trash`,
  );
