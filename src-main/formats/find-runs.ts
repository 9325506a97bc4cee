/** Looking for run directories below a folder. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../../src-shared/errors.ts';
import { sweepFileName } from '../../src-shared/sweep.ts';
import { trackingFileName } from '../../src-shared/tracking.ts';
import { couldBeImported } from './endings.ts';
import { parseCheckpointName } from './checkpoint-name.ts';
import { describesRun } from './run-config.ts';
import { checkpointFilesIn, configFileOf, isConfigName, runFolderOf } from './run-layout.ts';
import { fileError } from './source.ts';

export type FoundRun =
  | { kind: 'run'; directory: string }
  /** A file that is no part of a run and whose ending could be that of results or weights. */
  | { kind: 'file'; path: string }
  /** A config that is no run's: a tracker's or another program's. */
  | { kind: 'other-config'; path: string; reason: string }
  /** The results of a workspace, which are no files to import. */
  | { kind: 'workspace'; directory: string }
  /** A folder (or link) that could not be read; the search goes on elsewhere. */
  | { kind: 'unreadable'; directory: string; reason: string };

/** Written beside checkpoints by Basin: parts of the run. */
const partsOfRuns = new Set([
  ...['metrics.json', 'split.json', trackingFileName, sweepFileName],
  ...['package.json', 'package-lock.json'],
]);
/** Kept by a workspace beside its `basin.db`; its runs are looked for all the same. */
const ofWorkspace = new Set(['results', 'figures']);

/** What Basin writes into a run's folder before the first checkpoint. */
const marksOfBasin = ['split.json'];

/** `.hydra` folders hold a run's config (run-layout.ts), not runs. */
const skipped = new Set(['.hydra', 'node_modules', '.git']);

/**
 * Every run's folder below `root` (itself included) in order of name, and the files that could hold results. A folder is
 * a run if it has checkpoints, or a config that describes a whole network though no checkpoint is there yet. Symbolic
 * links to folders are followed, each folder is visited once.
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
      const run = runFolderOf(directory);
      // A folder `checkpoints` that belongs to the folder above is found with it.
      if (run === directory) yield* runsIn(directory, content);
      else if (directory === start) yield* runsIn(run, await contentOf(run));
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

/** The folder itself, as a run or as a place of a config that is none. */
function* runsIn(directory: string, { hasMarks }: Content): Generator<FoundRun> {
  if (checkpointFilesIn(directory).some((name) => parseCheckpointName(name)?.kind === 'checkpoint')) {
    yield { kind: 'run', directory };
    return;
  }
  const config = configFileOf(directory);
  if (config === undefined) return;
  const reason = hasMarks ? undefined : whyNoRun(config);
  if (reason === undefined) yield { kind: 'run', directory };
  else yield { kind: 'other-config', path: config, reason };
}

/** Undefined for the config of a run whose checkpoints are not there yet. */
function whyNoRun(path: string): string | undefined {
  // Every job of Hydra leaves one, whatever it did.
  if (runFolderOf(path) !== dirname(path)) return 'the config of a Hydra job without checkpoints.';
  try {
    return describesRun(path)
      ? undefined
      : 'not the config of a run: there are no checkpoints with it, and it describes no network.';
  } catch (thrown) {
    return `not the config of a run: there are no checkpoints with it, and it cannot be read: ${messageOf(thrown)}`;
  }
}

interface Content {
  hasMarks: boolean;
  isWorkspace: boolean;
  files: string[];
  folders: string[];
}

async function contentOf(directory: string): Promise<Content> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders: string[] = [];
  const files: string[] = [];
  const hasMarks = entries.some(({ name }) => marksOfBasin.includes(name));
  const isWorkspace = entries.some(({ name }) => name === 'basin.db');
  for (const entry of entries) {
    if (!entry.isDirectory() && isRunFile(entry.name)) continue;
    if (skipped.has(entry.name) || (isWorkspace && ofWorkspace.has(entry.name))) continue;
    else if (entry.isDirectory()) folders.push(entry.name);
    else if (entry.isSymbolicLink() && (await pointsToFolder(join(directory, entry.name))))
      folders.push(entry.name);
    else if (couldBeResult(entry.name)) files.push(entry.name);
  }
  return { hasMarks, isWorkspace, files: files.sort(), folders: folders.sort() };
}

/** An optimizer's state belongs to a run as well. */
function couldBeResult(name: string): boolean {
  return (
    couldBeImported(name) && !name.startsWith('.') && !partsOfRuns.has(name) && !parseCheckpointName(name)
  );
}

function isRunFile(name: string): boolean {
  return isConfigName(name) || parseCheckpointName(name)?.kind === 'checkpoint';
}

/** A link that points nowhere is no folder, and no reason to complain. */
async function pointsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
