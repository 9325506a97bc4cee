/** How a run to be trained may be named: it becomes a folder of the workspace. */
import type { RunRow } from '../../src-shared/api.ts';

/**
 * Null if the name can be used.
 * @param more folders that are being trained and not in the catalog yet
 */
export function runNameProblem(
  name: string,
  runs: readonly Pick<RunRow, 'path'>[],
  workspace: string,
  more: readonly string[] = [],
): string | null {
  if (!/^[\w.-]+$/.test(name))
    return 'Only letters A to Z, digits and . _ - can be used, since it names a folder.';
  if (name === '.' || name === '..') return 'This cannot be the name of a folder.';
  const taken = runs.some(({ path }) => path === `${workspace}/runs/${name}`) || more.includes(name);
  return taken ? `There is a folder ${name} already.` : null;
}
