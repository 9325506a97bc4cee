/** Where fetched data sets lie in a workspace, so that asking for one by name finds it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchableNames } from '../engine/index.ts';

export function fetchedFolder(workspace: string, name: string): string {
  return join(workspace, 'data', name);
}

/** The fetched folder of the set `name`, if it was fetched into this workspace. */
export function findFetched(workspace: string, name: string): string | undefined {
  if (!fetchableNames.some((known) => known === name)) return undefined;
  const folder = fetchedFolder(workspace, name);
  return existsSync(folder) ? folder : undefined;
}
