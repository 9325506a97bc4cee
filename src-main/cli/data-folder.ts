/** Where fetched data sets lie in a workspace, so that asking for one by name finds it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchableNames } from '../engine/index.ts';
import { dataSetNamed } from '../formats/data-sets.ts';

export function fetchedFolder(workspace: string, name: string): string {
  return join(workspace, 'data', name);
}

/** The fetched folder of the set `name`, if it was fetched into this workspace. */
export function findFetched(workspace: string, name: string): string | undefined {
  const set = dataSetNamed(name)?.name;
  if (set === undefined || !fetchableNames.includes(set)) return undefined;
  const folder = fetchedFolder(workspace, set);
  return existsSync(folder) ? folder : undefined;
}
