/** basin.yaml: what a laboratory says about its machines. In the current folder, else in the workspace. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { expectationText } from '../../src-shared/expectation.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { basinFileSchema, slurmSettingsSchema, type SlurmSettings } from '../../src-shared/slurm.ts';
import { readYaml } from './yaml.ts';

export const basinFileName = 'basin.yaml';

/** The first of these folders that has a basin.yaml decides. */
export function slurmSettings(folders: readonly string[]): { settings: SlurmSettings; path: string } {
  const path = folders.map((folder) => join(folder, basinFileName)).find((file) => existsSync(file));
  if (path !== undefined) return { settings: readBasinFile(path), path };
  throw new UserError(`There is no ${basinFileName} in ${[...new Set(folders)].join(' or in ')}.`, {
    hint: 'It says what to ask of Slurm; the least is a file with the line "slurm: {}". docs/slurm.md describes it.',
  });
}

/** What a window says of a folder's basin.yaml; null if there is none. */
export function clusterOf(
  folder: string,
): { path: string; settings: SlurmSettings | null; problem: string | null } | null {
  const path = join(folder, basinFileName);
  if (!existsSync(path)) return null;
  try {
    return { path, settings: readBasinFile(path), problem: null };
  } catch (error) {
    return { path, settings: null, problem: messageOf(error) };
  }
}

/** @throws UserError naming the file and the setting that is unknown or not as expected */
export function readBasinFile(path: string): SlurmSettings {
  const parsed = basinFileSchema.safeParse(readYaml(path));
  if (parsed.success) return parsed.data.slurm;
  const { issues } = parsed.error;
  // A misspelled section is missing under its name as well.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const at = issue!.path.join('.');
  if (issue!.code === 'unrecognized_keys') {
    const [key] = issue!.keys;
    const known = at === '' ? ['slurm'] : Object.keys(slurmSettingsSchema.shape);
    throw new UserError(
      `${path}: there is no setting "${at === '' ? '' : `${at}.`}${key}".${didYouMean(key!, known)}`,
      { hint: `Known ${at === '' ? 'sections' : 'settings'}: ${known.join(', ')}.` },
    );
  }
  throw new UserError(`${path}: ${at || 'the file'}: ${expectationText(issue!)}.`);
}
