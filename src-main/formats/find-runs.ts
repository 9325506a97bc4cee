/** Looking for run directories below a folder. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { couldBeImported } from './endings.ts';
import { parseCheckpointName } from './checkpoint-name.ts';
import { fileError } from './source.ts';

export type FoundRun =
  | { kind: 'run'; directory: string }
  /** A file that is no part of a run and whose ending could be that of results or weights. */
  | { kind: 'file'; path: string }
  /** The results of a workspace, which are no files to import. */
  | { kind: 'workspace'; directory: string }
  /** A folder (or link) that could not be read; the search goes on elsewhere. */
  | { kind: 'unreadable'; directory: string; reason: string };

/** Written beside checkpoints by Basin: parts of the run. */
const partsOfRuns = new Set(['metrics.json', 'split.json', 'package.json', 'package-lock.json']);
/** Kept by a workspace beside its `basin.db`; its runs are looked for all the same. */
const ofWorkspace = new Set(['results', 'figures']);

/** `.hydra` folders hold copies of a run's config.yaml, not runs. */
const skipped = new Set(['.hydra', 'node_modules', '.git']);

/**
 * Every folder below `root` (itself included) with a config.yaml or checkpoints, in order of name, and the files that could
 * hold results. Symbolic links to folders are followed, each folder is visited once.
 * @throws UserError if `root` itself cannot be read.
 */
export async function* findRunDirectories(root: string, signal?: AbortSignal): AsyncGenerator<FoundRun> {
  const start = resolve(root);
  const visited = new Set<string>();
  const waiting = [start];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    signal?.throwIfAborted();
    let folders: string[];
    try {
      const { dev, ino } = await stat(directory, { bigint: true });
      const identity = `${dev}:${ino}`;
      if (visited.has(identity)) continue;
      visited.add(identity);
      const content = await contentOf(directory);
      if (content.isRun) yield { kind: 'run', directory };
      if (content.isWorkspace) yield { kind: 'workspace', directory };
      for (const name of content.files) yield { kind: 'file', path: join(directory, name) };
      folders = content.folders;
    } catch (thrown) {
      const error = fileError(directory, 'read the folder', thrown);
      if (directory === start) throw error;
      yield { kind: 'unreadable', directory, reason: error.message };
      continue;
    }
    for (const folder of folders.reverse()) waiting.push(join(directory, folder));
  }
}

interface Content {
  isRun: boolean;
  isWorkspace: boolean;
  files: string[];
  folders: string[];
}

async function contentOf(directory: string): Promise<Content> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders: string[] = [];
  const files: string[] = [];
  let isRun = false;
  const isWorkspace = entries.some(({ name }) => name === 'basin.db');
  for (const entry of entries) {
    if (!entry.isDirectory() && isRunFile(entry.name)) isRun = true;
    else if (skipped.has(entry.name) || (isWorkspace && ofWorkspace.has(entry.name))) continue;
    else if (entry.isDirectory()) folders.push(entry.name);
    else if (entry.isSymbolicLink() && (await pointsToFolder(join(directory, entry.name))))
      folders.push(entry.name);
    else if (couldBeResult(entry.name)) files.push(entry.name);
  }
  return { isRun, isWorkspace, files: files.sort(), folders: folders.sort() };
}

/** An optimizer's state belongs to a run as well. */
function couldBeResult(name: string): boolean {
  return (
    couldBeImported(name) && !name.startsWith('.') && !partsOfRuns.has(name) && !parseCheckpointName(name)
  );
}

/** Checkpoints without a config are found too, so that somebody can be told what is missing. */
function isRunFile(name: string): boolean {
  return name === 'config.yaml' || parseCheckpointName(name)?.kind === 'checkpoint';
}

/** A link that points nowhere is no folder, and no reason to complain. */
async function pointsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
