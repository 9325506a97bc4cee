/** Which run a path leads to. */
import { realpathSync } from 'node:fs';
import { runFolderOf } from '../../formats/run-layout.ts';
import type { RunStore } from './runs.ts';

/** Id of the run in this folder, or where its links lead: the catalog knows runs by their real paths. */
export function runIdAt(runs: RunStore, path: string): string | undefined {
  return runs.idAt(path) ?? runs.idAt(realFolder(path));
}

function realFolder(path: string): string {
  try {
    return runFolderOf(realpathSync(path));
  } catch {
    return path;
  }
}
