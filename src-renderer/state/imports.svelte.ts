/** Bringing folders into the catalog: the dialog's state, dropped folders, and the job that does it. */
import { UserError } from '../../src-shared/errors.ts';
import { importJob } from '../../src-shared/jobs/import.ts';
import { plural } from '../format.ts';
import { droppedPaths } from './dropped-paths.ts';
import { engine } from './engine.svelte.ts';
import { notices } from './notices.svelte.ts';
import { router } from './router.svelte.ts';

class Imports {
  /** The dialog for choosing a folder is open. */
  open = $state(false);
  /** Files for the dialog that makes a run from them; null: it is closed. */
  adopting = $state.raw<string[] | null>(null);
}

export const imports = new Imports();

/** The job's log has them all. */
const brokenShown = 100;

const showJob = { label: 'Show job', run: () => router.go('jobs') };

/** One import for all paths; the catalog fills while it runs, and its end is told in words. */
export async function importPaths(paths: string[]): Promise<void> {
  if (paths.length === 0) return;
  const where = paths.length === 1 ? paths[0]! : `${paths.length} folders`;
  const job = await engine.attempt('jobs.submit', { kind: 'import', params: { paths } });
  if (!job) return;
  notices.info(`Importing ${where}`, showJob);
  try {
    const ended = await engine.finished(job);
    if (ended.state === 'done') await tell(where, ended.resultId);
    else if (ended.state === 'failed') {
      notices.error(new UserError(ended.error ?? `Nothing could be imported from ${where}.`, hintOf(ended)));
    }
  } catch {
    // The engine went away, which the window says already.
  }
}

const hintOf = ({ hint }: { hint: string | null }) => (hint === null ? {} : { hint });

async function tell(where: string, resultId: string | null): Promise<void> {
  const response = resultId === null ? undefined : await engine.attempt('results.get', { resultId });
  const found = importJob.result.safeParse(response?.data);
  if (!found.success) return notices.success(`Imported ${where}`);
  const { runs, checkpoints, recognised, broken, remarks, changes } = found.data;
  if (runs === 0 && recognised.length === 0 && broken.length === 0) {
    const hint =
      'A run is a folder with a config (config.yaml or .hydra/config.yaml) and checkpoint_epoch_{E}_model_{M}.pt or .safetensors; results are files of the published scripts and analysis archives (.zip).';
    return notices.error(new UserError(`No runs or results were found in ${where}.`, { hint }));
  }
  const text = `Imported ${plural(runs, 'run')} with ${plural(checkpoints, 'checkpoint')} from ${where}`;
  const results = recognised.reduce((sum, file) => sum + file.results, 0);
  const files = results > 0 ? [`${plural(results, 'result')} from ${plural(recognised.length, 'file')}`] : [];
  const notes = [...(changes?.notes ?? []), ...(remarks.length > 0 ? [remarkText(remarks)] : [])];
  // Longer to read, longer to see.
  const head = [text, ...files].join('. ');
  const said = notes.length > 0 ? `${head}. ${notes.join(' ')}` : head;
  notices.show(
    {
      tone: 'success',
      text: said,
      details: [...(changes?.details ?? []), ...remarks.map(({ reason }) => reason)],
    },
    6 + 6 * notes.length,
  );
  const [first, ...more] = broken;
  if (!first) return;
  const of = ({ path, reason }: typeof first) => (reason.includes(path) ? reason : `${path}: ${reason}`);
  if (more.length === 0) return notices.error(new UserError(of(first)));
  notices.show({
    tone: 'error',
    text: `${broken.length} files or folders cannot be used, for example ${of(first)}`,
    details: broken.slice(0, brokenShown).map(of),
    action: showJob,
  });
}

/** The first in full; each run shows its own. */
function remarkText([first, ...others]: readonly { reason: string }[]): string {
  const more = others.length > 0 ? ` (and ${plural(others.length, 'more remark')}, shown with the runs)` : '';
  return `${first?.reason.replace(/\.$/, '') ?? ''}${more}.`;
}

/** Only the desktop app learns the path of what was dropped; a browser keeps it to itself. */
export async function dropFiles(transfer: DataTransfer): Promise<void> {
  const bridge = window.basin;
  if (!bridge) {
    notices.info(
      'A browser does not reveal the path of a dropped folder. Choose the folder in the dialog instead.',
    );
    imports.open = true;
    return;
  }
  const paths = droppedPaths(transfer, bridge);
  // A network is no run yet: it needs a folder, and maybe weights beside those in its file.
  if (paths.some((path) => path.endsWith('.pt2'))) imports.adopting = paths;
  else await importPaths(paths);
}
