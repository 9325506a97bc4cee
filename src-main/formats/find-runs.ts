/** Looking for run directories below a folder. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseCheckpointName } from './checkpoint-name.ts';
import { fileError } from './source.ts';

export type FoundRun =
  | { kind: 'run'; directory: string }
  /** A folder (or link) that could not be read; the search goes on elsewhere. */
  | { kind: 'unreadable'; directory: string; reason: string };

/** `.hydra` folders hold copies of a run's config.yaml, not runs. */
const skipped = new Set(['.hydra', 'node_modules', '.git']);

/**
 * Every folder below `root` (itself included) with a config.yaml or checkpoints, in order of name. Symbolic links to folders are
 * followed, each folder is visited once.
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

async function contentOf(directory: string): Promise<{ isRun: boolean; folders: string[] }> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders: string[] = [];
  let isRun = false;
  for (const entry of entries) {
    if (!entry.isDirectory() && isRunFile(entry.name)) isRun = true;
    else if (skipped.has(entry.name)) continue;
    else if (entry.isDirectory()) folders.push(entry.name);
    else if (entry.isSymbolicLink() && (await pointsToFolder(join(directory, entry.name))))
      folders.push(entry.name);
  }
  return { isRun, folders: folders.sort() };
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
