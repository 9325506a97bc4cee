/** Bringing folders into the catalog: the dialog's state, dropped folders, and the job that does it. */
import { engine } from './engine.svelte.ts';
import { notices } from './notices.svelte.ts';
import { router } from './router.svelte.ts';

class Imports {
  /** The dialog for choosing a folder is open. */
  open = $state(false);
}

export const imports = new Imports();

/** Starts one import job per path; the catalog fills while they run. */
export async function importPaths(paths: string[]): Promise<void> {
  for (const path of paths) {
    const job = await engine.attempt('jobs.submit', { kind: 'import', params: { path } });
    if (job) notices.info(`Importing ${path}`, { label: 'Show job', run: () => router.go('jobs') });
  }
}

/** Only the desktop app learns the path of what was dropped; a browser keeps it to itself. */
export async function dropFiles(transfer: DataTransfer): Promise<void> {
  const bridge = window.basin;
  if (!bridge) {
    notices.info('A browser does not tell where a dropped folder lies. Choose it in the dialog instead.');
    imports.open = true;
    return;
  }
  await importPaths([...transfer.files].map((file) => bridge.pathOf(file)));
}
