/** In which folder the data set lies that was asked for, and why it is in none. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { allIdxFiles, areRelated, dataSetNamed, setOfFolder } from '../../formats/data-sets.ts';
import type { DataSetEntry } from '../../formats/data-sets.ts';
import { foreignFiles, holdsIdx, missingIdx, usualFolders } from '../../formats/idx-folder.ts';

export interface IdxRequest {
  /** The set that is asked for; undefined: whatever the folder holds. */
  name?: string | undefined;
  dataDir?: string | undefined;
  /** Of several sets in a folder, this one if no name is given. */
  preferred?: string | undefined;
}

/** `mnist-10k` comes with Basin. */
export const isEmbedded = (name: string | undefined): boolean =>
  name !== undefined && dataSetNamed(name)?.name === 'mnist-10k';

/**
 * The folder with the four IDX files: the data folder itself, or a usual one below it. A folder that is named after
 * another data set does not count.
 * @throws UserError naming what is there instead
 */
export function findFolder(request: IdxRequest): string {
  const { name, dataDir, preferred } = request;
  if (dataDir === undefined) throw notThere(request);
  const entry = name === undefined ? undefined : dataSetNamed(name);
  if (entry) {
    const found = ofSet(dataDir, entry);
    if (found !== undefined) return found;
    throw notThere(request);
  }
  const wished = preferred === undefined ? undefined : dataSetNamed(preferred);
  const own = wished && ofSet(dataDir, wished);
  if (own !== undefined) return own;
  return onlyOne(request, dataDir);
}

/** The folder with the IDX files of the known set `name`, the one given or below it; undefined if it has none. */
export function idxFolderNamed(name: string, dataDir: string): string | undefined {
  const entry = dataSetNamed(name);
  return entry?.format === 'idx' ? ofSet(dataDir, entry) : undefined;
}

/** Whether any IDX files lie there, or in a usual folder below it. */
export const holdsIdxBelow = (dataDir: string): boolean => usualFolders(resolve(dataDir)).some(holdsIdx);

function ofSet(dataDir: string, entry: DataSetEntry): string | undefined {
  const places = ['', ...entry.folders].map((folder) => join(dataDir, folder));
  return places.find((folder) => holdsIdx(folder) && mayHold(folder, entry));
}

/** A folder named after a set that this one has nothing to do with is that set's. */
function mayHold(folder: string, entry: DataSetEntry): boolean {
  const named = setOfFolder(resolve(folder));
  if (named === undefined) return true;
  return named.entry !== undefined && areRelated(named.entry, entry);
}

/** Two names of one folder are one folder. */
const real = (folder: string): string => (existsSync(folder) ? realpathSync(folder) : folder);

function onlyOne(request: IdxRequest, dataDir: string): string {
  const found = [...new Set(usualFolders(resolve(dataDir)).filter(holdsIdx).map(real))];
  const [first, ...others] = found;
  if (first === undefined) throw notThere(request);
  if (others.length === 0 || first === real(resolve(dataDir))) return first;
  throw new UserError(`${resolve(dataDir)} holds more than one data set: ${found.join(', ')}.`, {
    hint: 'Give one of these folders, or name the data set.',
  });
}

function notThere({ name, dataDir }: IdxRequest): UserError {
  const names = allIdxFiles.join(', ');
  const set = `data set "${name ?? 'idx'}"`;
  const hint =
    'Give their folder with --data-dir, download them with "basin data fetch mnist", or use dataset.name=mnist-10k (embedded).';
  if (dataDir === undefined) {
    return new UserError(`${set}: no data folder is given; ${names} were expected, plain or .gz.`, { hint });
  }
  const folder = resolve(dataDir);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isFile() === true) {
    return new UserError(`${set}: ${folder} is a file; the folder with ${names} was expected.`, { hint });
  }
  if (!found) return new UserError(`${set}: the folder ${folder} does not exist.`, { hint });
  const others = name === undefined ? [] : otherSets(folder);
  if (others.length > 0) {
    return new UserError(`${set}: ${folder} holds ${others.join(' and ')}, not ${name}.`, {
      hint: 'Give the folder of that set, or name the set that it holds.',
    });
  }
  const missing = missingIdx(folder);
  if (missing.length > 0) {
    return new UserError(`${set}: ${folder} lacks ${missing.join(', ')}; all of ${names} are needed.`, {
      hint,
    });
  }
  const foreign = foreignFiles(folder);
  const instead = foreign.length === 0 ? '' : ` It holds ${foreign.join('. ')}.`;
  const embedded = isEmbedded(name) ? ' The set is embedded and needs no folder.' : '';
  return new UserError(
    `${set}: ${folder} has no IDX files; ${names} were expected, plain or .gz.${instead}${embedded}`,
    { hint },
  );
}

/** "FashionMNIST (in FashionMNIST/raw)": known sets by the names of the folders that hold IDX files. */
function otherSets(folder: string): string[] {
  const held = usualFolders(folder).filter(holdsIdx);
  return [...new Set(held.flatMap((path) => setOfFolder(path)?.title ?? []))];
}
