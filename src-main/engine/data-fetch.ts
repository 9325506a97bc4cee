/** Fetches the full data sets: from several mirrors, checked by SHA-256, resumed where it broke off. */
import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { CancelledError, UserError } from '../../src-shared/errors.ts';
import type { Progress } from '../../src-shared/progress.ts';
import { publishedSets, type PublishedSet } from '../formats/data-sets.ts';
import { fetchFile, isComplete, partOf, type WantedFile } from './fetch-file.ts';
import { formatBytes } from './jobs/memory.ts';
import { explainFolder } from './store/workspace.ts';

export type DataSet = PublishedSet;

/** The names of the data sets that can be fetched. */
export const fetchableNames: readonly string[] = Object.keys(publishedSets());

/** Mirrors, sizes and hashes as shipped in resources/data/mirrors.json. Throws UserError for an unknown name. */
export function fetchable(name: string): DataSet {
  const sets = publishedSets();
  const found = Object.hasOwn(sets, name) ? sets[name] : undefined;
  if (found) return found;
  throw new UserError(`There is no data set "${name}" to download.`, {
    hint: `Known: ${fetchableNames.join(', ')}.`,
  });
}

export interface FetchOptions {
  set: DataSet;
  /** Folder that the files go into; made if need be. */
  folder: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Lines for a log: which mirror failed and why. */
  onNote?: (line: string) => void;
  /** Free bytes of a folder's disk; for tests. */
  freeBytes?: (folder: string) => number;
  /** Milliseconds without a byte after which a mirror counts as stuck. */
  stallAfter?: number;
}

export interface FetchReport {
  folder: string;
  /** Files fetched now; the others were there already. */
  fetched: string[];
  bytes: number;
}

/** Room that must be left on the disk besides the files themselves. */
const reserve = 64 * 2 ** 20;

/**
 * Brings every file of a data set into `folder`. What is there and has the right content is not fetched again; what
 * broke off is resumed, here and in a later call. A file appears under its name only when complete and checked.
 * Throws UserError when the disk is too full or every mirror failed (with each mirror's reason).
 */
export async function fetchDataSet(options: FetchOptions): Promise<FetchReport> {
  const { set, folder, signal } = options;
  makeFolder(folder);
  const missing: WantedFile[] = [];
  for (const file of set.files) if (!(await isComplete(folder, file))) missing.push(file);
  assertRoom(folder, missing, options.freeBytes ?? freeBytesOf);
  const report: FetchReport = { folder, fetched: [], bytes: 0 };
  const total = missing.reduce((sum, file) => sum + file.bytes, 0);
  const started = performance.now();
  let done = 0;
  for (const file of missing) {
    const tell = (bytes: number): void =>
      options.onProgress?.(progressOf(file.name, done + bytes, total, started));
    await fromSomeMirror(file, options, tell);
    if (signal?.aborted) throw new CancelledError();
    done += file.bytes;
    report.fetched.push(file.name);
  }
  report.bytes = done;
  return report;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const explained = explainFolder(folder, error);
    throw explained instanceof UserError
      ? new UserError(`The folder ${folder} cannot be created.`, { cause: error })
      : error;
  }
}

function progressOf(name: string, done: number, total: number, started: number): Progress {
  const fraction = Math.min(1, done / total);
  const elapsed = (performance.now() - started) / 1000;
  const progress = { fraction, message: `${name}: ${formatBytes(done)} of ${formatBytes(total)}` };
  return fraction > 0.02 && elapsed > 0.5
    ? { ...progress, secondsLeft: (elapsed * (1 - fraction)) / fraction }
    : progress;
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function assertRoom(folder: string, missing: readonly WantedFile[], free: (folder: string) => number): void {
  const there = missing.reduce(
    (sum, file) => sum + (statSync(partOf(folder, file), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  const needed = missing.reduce((sum, file) => sum + file.bytes, 0) - there;
  const room = free(folder);
  if (missing.length === 0 || room >= needed + reserve) return;
  throw new UserError(
    `The disk of ${folder} has ${formatBytes(room)} free; ${formatBytes(needed + reserve)} are needed for the data set.`,
    { hint: 'Free some space, or choose a folder on another disk.' },
  );
}

async function fromSomeMirror(
  file: WantedFile,
  options: FetchOptions,
  tell: (bytes: number) => void,
): Promise<void> {
  const { set, folder, signal = new AbortController().signal, onNote, stallAfter = 30_000 } = options;
  const reasons: string[] = [];
  for (const mirror of set.mirrors) {
    const url = new URL(file.name, mirror.endsWith('/') ? mirror : `${mirror}/`).href;
    try {
      return await fetchFile({ url, folder, file, signal, onBytes: tell, stallAfter });
    } catch (error) {
      if (signal.aborted) throw new CancelledError();
      if (!(error instanceof UserError)) throw explainFolder(folder, error);
      reasons.push(error.message);
      onNote?.(error.message);
    }
  }
  throw new UserError(
    `${file.name} could not be downloaded from any of ${set.mirrors.length} mirrors:\n${reasons.join('\n')}`,
    {
      hint: `Check the network and try again; the download resumes. Or put the file into ${folder} yourself.`,
    },
  );
}
