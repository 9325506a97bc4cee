/** The folder that a run is written into: never one that holds a run already, and never left half-written. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { trackingFileName } from '../../src-shared/tracking.ts';
import { UserError } from '../../src-shared/errors.ts';
import { parseCheckpointName } from './checkpoint-name.ts';
import { runFileIn } from './run-layout.ts';
import { fileError } from './source.ts';

/**
 * Makes the folder if there is none and has `write` fill it. If that fails, or is cancelled, what was written into it
 * since, and the folders that were made, are gone again; what lay there before stays.
 * @throws UserError if the folder holds a run, or cannot be made; whatever `write` throws
 */
export async function inNewRunFolder<T>(
  out: string,
  write: (directory: string) => Promise<T> | T,
): Promise<T> {
  const directory = resolve(out);
  refuseTaken(directory);
  const before = new Set(existsSync(directory) ? namesIn(directory) : []);
  const made = missingFolders(directory);
  try {
    makeFolder(directory);
    return await write(directory);
  } catch (error) {
    removeWritten(directory, before, made);
    throw error;
  }
}

/** @throws UserError if a run lies in the folder */
export function refuseTaken(out: string): void {
  const directory = resolve(out);
  if (!existsSync(directory)) return;
  const taken = runFileIn(directory);
  if (taken === undefined) return;
  throw new UserError(`${directory} already holds a run (${taken}); its files would mix with the new ones.`, {
    hint: 'Choose a folder that does not exist yet.',
  });
}

function makeFolder(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (thrown) {
    throw fileError(directory, 'create the folder', thrown);
  }
}

/** The folder and those above it that do not exist, innermost first. */
function missingFolders(directory: string): string[] {
  const missing: string[] = [];
  for (let folder = directory; !existsSync(folder) && dirname(folder) !== folder; folder = dirname(folder))
    missing.push(folder);
  return missing;
}

/** Of what is new only files of a run; somebody else may have written there in the meantime. */
function removeWritten(directory: string, before: ReadonlySet<string>, made: readonly string[]): void {
  try {
    for (const name of existsSync(directory) ? readdirSync(directory) : [])
      if (!before.has(name) && isOfRun(name)) rmSync(join(directory, name), { force: true });
    for (const folder of made) rmdirSync(folder);
  } catch {
    // Not empty, or gone: what failed before is what the caller has to hear of.
  }
}

const isOfRun = (name: string): boolean =>
  ['config.yaml', 'split.json', 'metrics.json', trackingFileName].includes(name) ||
  trackedFiles.test(name) ||
  parseCheckpointName(name) !== undefined;

/** Kernels, and what the published trainer writes of the same. */
const trackedFiles =
  /^ntk_matrix_epoch_\d+_model_\d+\.npy$|^(?:interpolation_results|(?:cossim|funcsim|ntk_tracking)_all_epochs)\.pt$/;

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    throw fileError(directory, 'read the folder', thrown);
  }
}
