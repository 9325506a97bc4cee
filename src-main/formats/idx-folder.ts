/** Where the four IDX files of a data set lie: the names and folders that downloads and archives leave behind. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { allIdxFiles, idxSets } from './data-sets.ts';
import type { IdxFile } from './data-sets.ts';
import { notIdx } from './not-idx.ts';

/** `train-images-idx3-ubyte`, or with a dot as inside the published .gz files. */
const spellings = (file: IdxFile): string[] => {
  const dotted = file.replace('-idx', '.idx');
  return [file, `${file}.gz`, dotted, `${dotted}.gz`];
};

/** Every file in `folder` that can be this one, best first; archives may put it into a folder of its own name. */
export function idxCandidates(folder: string, file: IdxFile): string[] {
  const names = spellings(file);
  const places = [folder, ...names.map((name) => join(folder, name))];
  return places.flatMap((place) => names.map((name) => join(place, name)).filter(isFile));
}

export function holdsIdx(folder: string): boolean {
  return allIdxFiles.every((file) => idxCandidates(folder, file).length > 0);
}

/** The folders below `directory`, itself first, in which any set may lie. */
export function usualFolders(directory: string): string[] {
  const below = new Set(idxSets.flatMap(({ folders }) => folders));
  return [directory, ...[...below].sort().map((folder) => join(directory, folder))];
}

/** Every IDX file that reading a data set from `directory` may open. */
export function idxFilesBelow(directory: string): string[] {
  const found = usualFolders(directory).flatMap((folder) =>
    allIdxFiles.flatMap((file) => idxCandidates(folder, file)),
  );
  return [...new Set(found)];
}

/** What lies in a folder without IDX files, if a person may have taken it for data: `digits.csv: ...`. */
export function foreignFiles(folder: string): string[] {
  return listed(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      const what = isFile(path) ? notIdx(firstBytes(path)) : undefined;
      return what ? [`${name}: ${what.what}; ${what.instead}`] : [];
    })
    .slice(0, 4);
}

/** Which of the four are missing in a folder that has some of them. */
export function missingIdx(folder: string): IdxFile[] {
  const missing = allIdxFiles.filter((file) => idxCandidates(folder, file).length === 0);
  return missing.length === allIdxFiles.length ? [] : missing;
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function firstBytes(path: string): Buffer {
  const bytes = Buffer.alloc(512);
  try {
    const descriptor = openSync(path, 'r');
    try {
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return bytes.subarray(0, 0);
  }
}
