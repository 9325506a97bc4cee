/** From a draft to a sweep that can be run: whatever can be refused is refused here, before anything is trained. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { checkThen } from '../../../src-shared/sweep-kinds.ts';
import type { SweepDraft } from '../../../src-shared/sweep-requests.ts';
import {
  cellsOf,
  commandOfSweep,
  planOf,
  sweepFileName,
  type Sweep,
  type SweepCell,
} from '../../../src-shared/sweep.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import { readSweep, type SweepFolder } from '../../formats/sweep-folder.ts';
import type { Workspace } from '../store/workspace.ts';

export interface PlannedSweep extends SweepFolder {
  cells: SweepCell[];
  /** There is one of this name and these settings. */
  exists: boolean;
}

/** Settings of so many runs are checked if not all of them are. */
export const sampled = 60;
/** After checking so many runs, other requests get their turn. */
const checkedAtOnce = 10;

/**
 * A new sweep, or the one of that name if its settings are the same. Its runs are not looked at yet.
 * @throws UserError for a name that is no folder's, a folder that holds something else, a grid that makes no runs
 */
export function planSweep(draft: SweepDraft, workspace: Workspace): PlannedSweep {
  const { source, settings, grid, seeds, then } = draft;
  checkThen(then);
  const name = draft.name ?? nameOf(draft);
  if (!/^\w[\w.+-]*$/.test(name))
    throw new UserError(
      `"${name}" cannot be the name of a sweep: letters, digits and . _ + - were expected; it is the name of a folder.`,
    );
  const folder = join(workspace.runs, name);
  const sweep: Sweep = {
    ...{ format: 'basin-sweep', version: 1, title: name, source, settings, grid },
    ...{ seeds, then, createdAt: new Date().toISOString() },
  };
  const cells = cellsOf(sweep);
  const before = existedBefore(folder, sweep);
  if (!before) return { name, folder, sweep, cells, exists: false };
  const kept = { ...sweep, title: before.title, createdAt: before.createdAt };
  return { name, folder, cells, sweep: kept, exists: true };
}

const nameOf = ({ source, grid }: SweepDraft): string => {
  const base = basename(source).replace(/\.ya?ml$/, '');
  return [base, 'by', ...grid.map(({ key }) => key.split('.').at(-1)!)].join('-').replace(/[^\w.+-]+/g, '_');
};

/** @throws UserError if the folder holds something else, or a sweep of other settings */
function existedBefore(folder: string, sweep: Sweep): Sweep | undefined {
  if (!existsSync(join(folder, sweepFileName))) {
    if (configFileOf(folder) === undefined) return undefined;
    throw new UserError(`${folder} holds a run already.`, { hint: 'Choose another name.' });
  }
  const before = readSweep(folder);
  if (planOf(before) === planOf(sweep)) return before;
  throw new UserError(`${folder} holds a sweep of other settings.`, {
    hint: `Choose another name, or repeat its own: ${commandOfSweep(before, basename(folder))}`,
  });
}

/**
 * Every combination must be one that can be trained. @returns the cells that were checked
 * @throws UserError naming the setting that cannot be used
 */
export async function checkCells(
  { cells, sweep }: Pick<PlannedSweep, 'cells' | 'sweep'>,
  { workspace, thorough }: { workspace: Workspace; thorough: boolean },
): Promise<SweepCell[]> {
  const { configOfRun } = await import('../new-run.ts');
  const step = thorough ? 1 : Math.max(1, Math.floor(cells.length / sampled));
  const chosen = cells.filter((_, i) => i % step === 0);
  for (const [i, { overrides }] of chosen.entries()) {
    if (i % checkedAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    configOfRun({ source: sweep.source, overrides, workspace: workspace.root });
  }
  return chosen;
}
