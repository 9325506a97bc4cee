/** The workspace folder: `basin.db`, `runs/`, `results/`, `figures/`. Created on first use. */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';

export interface Workspace {
  /** Absolute path of the folder. */
  readonly root: string;
  readonly database: string;
  readonly lock: string;
  /** Saved filters of the catalog. */
  readonly filters: string;
  /** Names of the sweeps that are at work. */
  readonly sweeps: string;
  readonly runs: string;
  readonly results: string;
  readonly figures: string;
  /** Data sets that were fetched or added, each in a folder of its name. */
  readonly data: string;
}

/** `--workspace`, else `BASIN_WORKSPACE`, else `~/Basin`; always absolute. */
export function workspacePath(given?: string, env: NodeJS.ProcessEnv = process.env): string {
  const fromEnv = env['BASIN_WORKSPACE'];
  const chosen = given ?? (fromEnv === undefined || fromEnv === '' ? join(homedir(), 'Basin') : fromEnv);
  return resolve(chosen.startsWith('~/') ? join(homedir(), chosen.slice(2)) : chosen);
}

export function workspaceAt(root: string): Workspace {
  return {
    root,
    database: join(root, 'basin.db'),
    lock: join(root, 'engine.lock'),
    filters: join(root, 'filters.json'),
    sweeps: join(root, 'sweeps.json'),
    runs: join(root, 'runs'),
    results: join(root, 'results'),
    figures: join(root, 'figures'),
    data: join(root, 'data'),
  };
}

/** Where partial results lie: beside the results, so that these can link to them. */
export const partsFolder = (workspace: Workspace): string => join(workspace.results, '.parts');

/**
 * Creates what is missing of the workspace at `root`. Throws UserError naming the folder where it cannot be created
 * or written: read-only disk, no permission, full disk, a file in the way.
 */
export function createWorkspace(root: string): Workspace {
  const workspace = workspaceAt(root);
  try {
    const { root: top, runs, results, figures } = workspace;
    for (const folder of [top, runs, results, figures, partsFolder(workspace)]) {
      makeFolder(folder);
    }
    accessSync(root, constants.W_OK | constants.R_OK | constants.X_OK);
  } catch (error) {
    throw explainFolder(root, error);
  }
  return workspace;
}

/** Node's own recursive mkdir never returns where a file system gives ENOENT below an existing folder (/proc). */
function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have made it in this moment.
    if (!isFolder(folder)) throw error;
  }
}

const chooseAnother = 'Choose another folder with --workspace DIR or BASIN_WORKSPACE.';

/** What a file system error about the workspace means to a person. Unknown errors come back as they are. */
export function explainFolder(root: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const say = (message: string, hint: string): UserError => new UserError(message, { hint, cause: error });
  switch (code) {
    case 'EROFS':
      return say(`The workspace ${root} is on a read-only disk; Basin needs to write there.`, chooseAnother);
    case 'EACCES':
    case 'EPERM':
      return say(`The workspace ${root} cannot be written: permission denied.`, chooseAnother);
    case 'ENOSPC':
    case 'EDQUOT':
      return say(
        `The disk that holds the workspace ${root} is full.`,
        'Free some space there, or choose another folder with --workspace DIR.',
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return say(`The workspace ${root} is not a folder: a file is in the way.`, chooseAnother);
    case 'ENOENT':
      return say(`The workspace ${root} cannot be created there.`, chooseAnother);
    default:
      return error;
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
