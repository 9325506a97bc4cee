/**
 * Where the parts of a run lie. The config is config.yaml, config.yml or Hydra's .hydra/config.yaml, the first of them
 * that exists; checkpoints lie beside it or in a subfolder `checkpoints`. Everything that looks for a run's files asks
 * here, so that the import, analyses, caches and training agree on them.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseCheckpointName } from './checkpoint-name.ts';

/** Relative to the run's folder; the first that exists is the run's config. */
const configNames = ['config.yaml', 'config.yml', '.hydra/config.yaml', '.hydra/config.yml'] as const;

/** A subfolder that holds a run's checkpoints, if the subfolder has no config of its own. */
const checkpointFolder = 'checkpoints';

/** For messages: what is looked for. */
export const configPlaces = 'config.yaml, config.yml or .hydra/config.yaml';

/** Absolute path of the folder's config, undefined if it has none. */
export function configFileOf(directory: string): string | undefined {
  return configNames.map((name) => join(directory, name)).find(isFile);
}

/**
 * The run's folder of a config, a checkpoint, or a folder of checkpoints (`RUN/checkpoints` without a config belongs to
 * RUN if RUN has a config); any other path is returned as it is.
 */
export function runFolderOf(path: string): string {
  const name = basename(path);
  if (isConfigName(name)) {
    const folder = dirname(path);
    return basename(folder) === '.hydra' ? dirname(folder) : folder;
  }
  return ownerOf(parseCheckpointName(name) ? dirname(path) : path);
}

/** `config.yaml` or `config.yml`. */
export function isConfigName(name: string): boolean {
  return name === 'config.yaml' || name === 'config.yml';
}

/** The run that a folder `checkpoints` or `.hydra` belongs to: its parent; else the folder itself. */
function ownerOf(folder: string): string {
  const parent = dirname(folder);
  if (basename(folder) === '.hydra' && configFileOf(folder) !== undefined) return parent;
  const belongs =
    basename(folder) === checkpointFolder &&
    configFileOf(folder) === undefined &&
    configFileOf(parent) !== undefined;
  return belongs ? parent : folder;
}

/**
 * Checkpoints and optimizer states of a run, relative to its folder, sorted by name; those beside the config come first.
 * @throws Error of node:fs if the folder itself cannot be read
 */
export function checkpointFilesIn(directory: string): string[] {
  const own = readdirSync(directory).filter((name) => parseCheckpointName(name));
  const sub = join(directory, checkpointFolder);
  const deeper = ownerOf(sub) === directory ? namesIn(sub).filter((name) => parseCheckpointName(name)) : [];
  return [...own.sort(), ...deeper.sort().map((name) => join(checkpointFolder, name))];
}

/** The first thing that makes the folder a run: its config or a checkpoint. Undefined for a folder without either. */
export function runFileIn(directory: string): string | undefined {
  const checkpoint = namesIn(directory).find((name) => parseCheckpointName(name));
  return checkpoint ?? configFileOf(directory)?.slice(directory.length + 1);
}

/** Folder of a run and name inside it, of a checkpoint's path: how the catalog keeps files. */
export function placeInRun(path: string): { run: string; file: string } {
  const run = runFolderOf(path);
  return { run, file: path.slice(run.length + 1) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A folder that may not be entered holds no file for us. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
