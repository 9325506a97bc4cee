/** Where fetched and added data sets lie in a workspace, so that asking for one by name finds it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchableNames } from './data-fetch.ts';
import { addedFolder, isTaken } from '../formats/data-registry.ts';
import { dataSetNamed } from '../formats/data-sets.ts';

/** A workspace's folder of data sets. */
export const dataHomeOf = (workspace: string): string => join(workspace, 'data');

export function fetchedFolder(workspace: string, name: string): string {
  return join(dataHomeOf(workspace), name);
}

/** The folder of the set `name`, if it was fetched into this workspace or added to it. */
export function findInWorkspace(workspace: string, name: string): string | undefined {
  if (!isTaken(name)) return addedFolder({ name, home: dataHomeOf(workspace) });
  const set = dataSetNamed(name)?.name;
  if (set === undefined || !fetchableNames.includes(set)) return undefined;
  const folder = fetchedFolder(workspace, set);
  return existsSync(folder) ? folder : undefined;
}
