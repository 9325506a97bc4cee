/** Looks for run folders and reads the headers of their checkpoints; nothing is copied, no weights are read. */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import type { FoundCheckpoint, FoundRun } from '../../../src-shared/interop.ts';
import type { JobParams, JobResult } from '../../../src-shared/jobs/index.ts';
import { accuracyPercent, accuracyUnit } from '../../formats/accuracy.ts';
import { factNotes } from '../../formats/checkpoint-facts.ts';
import type { CheckpointFacts } from '../../formats/checkpoint-facts.ts';
import { parseCheckpointName } from '../../formats/checkpoint-name.ts';
import { configFileOf, isConfigName, runFolderOf } from '../../formats/run-layout.ts';
import { checkpointHeader, findRunDirectories, type CheckpointFile } from '../../formats/run-directory.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { checkpointCancel, type ComputeContext } from '../../compute/context.ts';
import { sampleOf } from './hash.ts';
import { importResults, mostPassedOver, reasonOf } from './import-results.ts';
import { listRunDirectory, type RunListing } from '../../formats/run-listing.ts';
import { Twins } from './twins.ts';

type Params = JobParams<'import'>;
type Result = JobResult<'import'>;

/** Runs are sent in batches: one transaction each in the catalog. */
const batchSize = 25;
const sayEvery = 150;

/**
 * Streams `found` events while it walks. A broken file becomes a line of `broken` and the walk goes on.
 * Throws UserError when a path does not exist.
 */
export async function importRuns(params: Params, context: ComputeContext): Promise<Result> {
  const { files, folders: paths } = await sortPaths(params.paths);
  const folders = await searchFolders(paths, context);
  const result: Result = {
    runs: 0,
    checkpoints: 0,
    broken: [...folders.broken],
    recognised: [],
    passedOver: folders.otherConfigs.slice(0, mostPassedOver),
    passedOverCount: folders.otherConfigs.length,
    remarks: [],
    changes: null,
  };
  const twins = new Twins(params.known ?? [], context);
  let batch: FoundRun[] = [];
  let said = 0;
  const send = (): void => {
    if (batch.length > 0) context.emit({ type: 'found', runs: batch });
    batch = [];
  };
  for (const [index, folder] of folders.found.entries()) {
    await checkpointCancel(context);
    const run = await scanRun(folder, result, context);
    if (run) {
      const settled = await twins.settle(run, send);
      batch.push(settled);
      result.runs++;
      result.checkpoints += run.checkpoints.filter((checkpoint) => checkpoint.problem === null).length;
    }
    if (batch.length >= batchSize) send();
    if (performance.now() - said > sayEvery || index === folders.found.length - 1) {
      said = performance.now();
      const message = `${result.runs} runs, ${result.checkpoints} checkpoints`;
      context.emit({ type: 'progress', progress: { fraction: (index + 1) / folders.found.length, message } });
    }
  }
  send();
  await importResults(
    { named: files, found: folders.files, workspaces: folders.workspaces },
    result,
    context,
  );
  for (const { path, reason } of result.broken) {
    context.emit({
      type: 'log',
      level: 'warning',
      line: reason.includes(path) ? reason : `${path}: ${reason}`,
    });
  }
  return result;
}

interface Folders {
  found: string[];
  /** That could hold results, links resolved. */
  files: string[];
  workspaces: string[];
  broken: Result['broken'];
  otherConfigs: Result['passedOver'];
}

/** Every run folder below the paths and every file that could hold results, each once. */
async function searchFolders(paths: readonly string[], context: ComputeContext): Promise<Folders> {
  const found = new Set<string>();
  const files = new Set<string>();
  const folders: Folders = { found: [], files: [], workspaces: [], broken: [], otherConfigs: [] };
  for (const path of paths) {
    for await (const item of findRunDirectories(path, context.signal)) {
      if (context.signal.aborted) throw new CancelledError();
      if (item.kind === 'run') found.add(await realpath(item.directory));
      else if (item.kind === 'file') files.add(await realpath(item.path).catch(() => item.path));
      else if (item.kind === 'other-config')
        folders.otherConfigs.push({ path: item.path, reason: item.reason });
      else if (item.kind === 'workspace') folders.workspaces.push(item.directory);
      else folders.broken.push({ path: item.directory, reason: item.reason });
      if ((found.size + files.size) % 200 === 0) await checkpointCancel(context);
    }
  }
  return { ...folders, found: [...found], files: [...files] };
}

/** A folder is searched as it is; for a config or checkpoint, the folder it lies in; other files are looked into. */
async function sortPaths(paths: readonly string[]): Promise<{ folders: string[]; files: string[] }> {
  const sorted = { folders: [] as string[], files: [] as string[] };
  for (const path of paths) {
    const absolute = typedPath(path);
    const found = await stat(absolute).catch(() => undefined);
    if (!found) {
      throw new UserError(`${absolute} does not exist.`, {
        hint: 'Give a folder with run folders in or below it, or a result file.',
      });
    }
    const isRunFile = isConfigName(basename(absolute)) || parseCheckpointName(absolute);
    if (found.isDirectory()) sorted.folders.push(absolute);
    else if (isRunFile) sorted.folders.push(runFolderOf(absolute));
    else sorted.files.push(absolute);
  }
  return sorted;
}

/** Undefined when the folder went away in the meantime. */
async function scanRun(
  folder: string,
  result: Result,
  context: ComputeContext,
): Promise<FoundRun | undefined> {
  const first = listed(folder, result);
  if (!first) return undefined;
  let run: ScannedRun = await readRun(folder, first, context);
  // Somebody may be writing here right now: what changed while it was read is read once more.
  const second = listed(folder, undefined);
  if (second && names(second) !== names(first)) run = await readRun(folder, second, context);
  for (const checkpoint of run.checkpoints) {
    if (checkpoint.problem !== null) {
      result.broken.push({ path: join(folder, checkpoint.file), reason: checkpoint.problem });
    }
  }
  const { remarks, ...found } = run;
  for (const problem of found.problems) result.broken.push({ path: folder, reason: problem });
  for (const remark of remarks) result.remarks.push({ path: folder, reason: remark });
  // In the catalog both stand with the run.
  return { ...found, problems: [...found.problems, ...remarks] };
}

const names = (listing: RunListing): string => listing.checkpoints.map((file) => file.path).join('\n');

function listed(folder: string, result: Result | undefined): RunListing | undefined {
  try {
    return listRunDirectory(folder);
  } catch (error) {
    result?.broken.push({ path: folder, reason: messageOf(error) });
    return undefined;
  }
}

/** What is worth knowing about a run that can be used stands apart from what is wrong with it. */
type ScannedRun = FoundRun & { remarks: string[] };

async function readRun(folder: string, listing: RunListing, context: ComputeContext): Promise<ScannedRun> {
  const read: ReadCheckpoint[] = [];
  for (const [index, file] of listing.checkpoints.entries()) {
    if (index % 20 === 19) await checkpointCancel(context);
    const found = await readCheckpoint(folder, file);
    if (found) read.push(found);
  }
  const facts = read.flatMap((checkpoint) => checkpoint.facts ?? []);
  const checkpoints = inPercent(read);
  const told = [...factNotes(facts), ...accuracyNotes(facts, checkpoints)];
  const remarks = [...listing.remarks, ...told.map((note) => `${folder}: ${note}`)];
  const problems = [...listing.problems];
  if (listing.config !== null && checkpoints.length === 0) {
    problems.push(
      `${folder} has a config but no checkpoints (checkpoint_epoch_E_model_M.pt or .safetensors).`,
    );
  }
  return {
    path: folder,
    config: listing.config,
    configHash: await hashOfConfig(folder),
    checkpoints,
    problems,
    remarks,
    ...(listing.blocked && { blocked: true }),
  };
}

/** Accuracies in percent, as far as the run tells which of its numbers are. */
function inPercent(read: readonly ReadCheckpoint[]): FoundCheckpoint[] {
  const unit = accuracyUnit(read.map(({ facts }) => facts?.storedAccuracy));
  return read.map(({ found, facts }) => ({
    ...found,
    valAccuracy: accuracyPercent(facts?.storedAccuracy, unit) ?? null,
  }));
}

function accuracyNotes(facts: readonly CheckpointFacts[], checkpoints: readonly FoundCheckpoint[]): string[] {
  const stored = facts.filter(({ storedAccuracy }) => storedAccuracy !== undefined).length;
  const unknown = stored - checkpoints.filter(({ valAccuracy }) => valAccuracy !== null).length;
  if (unknown === 0) return [];
  return [
    `val_accuracy is above 1 in some checkpoints, so it is in percent; in ${unknown} of ${stored} it is not above 1 and could be either: it is treated as unknown there.`,
  ];
}

async function hashOfConfig(folder: string): Promise<string> {
  const path = configFileOf(folder);
  const bytes = path === undefined ? undefined : await readFile(path).catch(() => undefined);
  return bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex');
}

interface ReadCheckpoint {
  found: Omit<FoundCheckpoint, 'valAccuracy'>;
  /** Undefined for a file that cannot be read. */
  facts: CheckpointFacts | undefined;
}

/** Undefined when the file is gone. A file that grows while it is read is tried once more, then called broken. */
async function readCheckpoint(folder: string, file: CheckpointFile): Promise<ReadCheckpoint | undefined> {
  for (let attempt = 0; ; attempt++) {
    const before = await stat(file.path).catch(() => undefined);
    if (!before) return undefined;
    const header = headerOf(file);
    const sample = sampleOf(file.path);
    const after = await stat(file.path).catch(() => undefined);
    if (!after) return undefined;
    const changed = after.size !== before.size || after.mtimeMs !== before.mtimeMs;
    if (changed && attempt === 0) continue;
    const { facts, problem } = header;
    const found = {
      ...{ file: relative(folder, file.path), model: file.model, epoch: file.epoch },
      ...{ bytes: after.size, mtimeMs: after.mtimeMs },
      ...(sample !== undefined && !changed && { sample }),
      problem: changed ? `${file.path} is being written; import again when it is complete.` : problem,
    };
    return { found, facts: changed ? undefined : facts };
  }
}

function headerOf({ path }: CheckpointFile): { facts: CheckpointFacts | undefined; problem: string | null } {
  try {
    return { facts: checkpointHeader(path), problem: null };
  } catch (error) {
    return { facts: undefined, problem: reasonOf(error) };
  }
}
