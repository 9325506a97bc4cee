/** A folder put into the place of another, so that one of them is there whatever happens. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Moves the folder `made` to `place`; what lies there is removed after that, and put back if it fails. Both must lie in
 * the same folder. What a crash leaves behind ends in `.tmp`.
 */
export function replaceFolder(
  made: string,
  place: string,
  { rename = renameSync, remove = rmSync }: { rename?: typeof renameSync; remove?: typeof rmSync } = {},
): void {
  const aside = join(dirname(place), `.${basename(place)}.${process.pid}.before.tmp`);
  const replaced = existsSync(place);
  if (replaced) rename(place, aside);
  try {
    rename(made, place);
  } catch (thrown) {
    if (replaced) rename(aside, place);
    throw thrown;
  }
  try {
    remove(aside, { recursive: true, force: true });
  } catch {
    // The new folder is in its place; `basin doctor` names what is left of the old one.
  }
}
