/** Removes a data set that was added to the workspace. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAddedName } from '../../src-shared/data-names.ts';
import { UserError } from '../../src-shared/errors.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { requireOnlyAdded } from '../formats/added-data.ts';
import { addedNames, isTaken } from '../formats/data-registry.ts';
import { fileError } from '../formats/source.ts';

export interface Removal {
  name: string;
  /** Removed although runs of the catalog name it. */
  force: boolean;
}

/**
 * @param home the workspace's folder of data sets
 * @param runs of the catalog
 * @returns the folder that is gone, and the runs that name the set
 * @throws UserError for a set that was not added, a folder that holds anything else, and runs that name the set
 */
export function removeDataSet(
  { name, force }: Removal,
  home: string,
  runs: readonly { name: string; dataset: string | null }[],
): { folder: string; runs: string[] } {
  const folder = join(home, name);
  if (isTaken(name)) {
    throw new UserError(`${name} is not a data set that was added; only these are removed.`, {
      ...(existsSync(folder) && { hint: `Its files are in ${folder}: delete the folder yourself.` }),
    });
  }
  const names = addedNames(home);
  if (!isAddedName(name) || !existsSync(folder))
    throw new UserError(`There is no data set "${name}" in ${home}.${didYouMean(name, names)}`, {
      hint: names.length === 0 ? 'None was added.' : `Added: ${names.join(', ')}.`,
    });
  requireOnlyAdded(folder);
  const naming = runs.filter(({ dataset }) => dataset === name).map((run) => run.name);
  if (naming.length > 0 && !force) {
    const [is, shown] = [naming.length === 1 ? 'run names' : 'runs name', naming.slice(0, 8).join(', ')];
    throw new UserError(
      `${naming.length} ${is} the data set ${name}: ${shown}${naming.length > 8 ? ', ...' : ''}. Without it they can be neither analysed nor resumed.`,
      { hint: 'Remove it nevertheless with --force.' },
    );
  }
  // Under another name first: a data set is there as a whole or not at all.
  const aside = join(home, `.${name}.${process.pid}.removed.tmp`);
  try {
    renameSync(folder, aside);
    rmSync(aside, { recursive: true, force: true });
  } catch (thrown) {
    throw fileError(folder, 'remove', thrown);
  }
  return { folder, runs: naming };
}
