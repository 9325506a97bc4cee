/**
 * All data sets that can be asked for by name: the table of known ones, those that a person has added, and what is made
 * from a config. Which files a name stands for is decided here, for whoever reads them and for whoever hashes them.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { geometryKindOf, geometryKinds } from '../../src-shared/config.ts';
import { UserError } from '../../src-shared/errors.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { isAddedName } from '../../src-shared/data-names.ts';
import { addedFilesIn, holdsAdded, readManifest } from './added-data.ts';
import { cifarVariants, findCifar } from './cifar.ts';
import type { CifarVariant } from './cifar.ts';
import { anyIdx, dataSetNamed, dataSets, isOwnName, notReadYet, plain } from './data-sets.ts';
import type { DataSetEntry } from './data-sets.ts';
import { anyGraph, arxiv, findGraph, graphNamed, pathsOf } from './graph-data.ts';
import { idxFilesBelow } from './idx-folder.ts';
import type { Task } from '../../src-shared/objective.ts';
import { sizeOf } from '../../src-shared/shapes.ts';

/**
 * Where fetched and added data sets lie, each in a folder of its name; a worker is told by whoever starts it. Undefined:
 * nowhere, only folders that are named count.
 */
export const dataHome = (): string | undefined => process.env[dataHomeVariable];
export const dataHomeVariable = 'BASIN_DATA_HOME';

/** The names of the sets that were added to this home, sorted. */
export function addedNames(home: string | undefined): string[] {
  if (home === undefined || !existsSync(home)) return [];
  return readdirSync(home)
    .filter((name) => isAddedName(name) && holdsAdded(join(home, name)))
    .sort();
}

/** The names that a config may give. */
export const readableNames = (home?: string): string[] => [
  ...dataSets.map(({ name }) => name),
  ...addedNames(home),
  ...geometryKinds,
  anyIdx,
  ...[arxiv.name, anyGraph],
];

/** Names that a set of one's own cannot have. */
export function isTaken(name: string): boolean {
  const other = [anyIdx, ...Object.keys(notReadYet)].includes(plain(name));
  return (
    other ||
    graphNamed(name) !== undefined ||
    dataSetNamed(name) !== undefined ||
    geometryKindOf(name) !== undefined ||
    isOwnName(name)
  );
}

/** What is known of a set without reading its examples. */
export interface DataFacts {
  name: string;
  features: number;
  shape: [number, number, number] | null;
  /** Absent: classification. */
  task?: Task;
  classes: number;
  train: number;
  test: number;
}

/** Undefined for sets whose files or config decide, and for names that nothing is known of. */
export function factsOfData(name: string, places: Omit<Wanted, 'name'>): DataFacts | undefined {
  const entry = dataSetNamed(name);
  if (entry) return dataSetFacts(entry);
  if (graphNamed(name) === arxiv.name) return arxivFacts;
  const folder = isTaken(name) ? undefined : addedFolder({ name, ...places });
  if (folder === undefined) return undefined;
  const { features, shape, task, classes, train, test } = readManifest(folder);
  return { name, features, shape, task, classes, train, test };
}

/** The published graph; of others the files decide. */
export const arxivFacts: DataFacts = {
  ...{ name: arxiv.name, features: arxiv.features, shape: null, classes: arxiv.classes },
  ...{ train: arxiv.train, test: arxiv.test },
};

export function dataSetFacts({ name, shape, classes, train, test }: DataSetEntry): DataFacts {
  return { name, features: sizeOf(shape), shape: [...shape], classes, train, test };
}

interface Wanted {
  name: string;
  dataDir?: string | undefined;
  home?: string | undefined;
}

/** The folder of a set that was added: the one given, one of its name below it, or one of its name in the home. */
export function addedFolder({ name, dataDir, home }: Wanted): string | undefined {
  const given = dataDir === undefined ? [] : [dataDir, join(dataDir, name)];
  const own = home === undefined || !isAddedName(name) ? [] : [join(home, name)];
  return [...given, ...own].map((folder) => resolve(folder)).find(holdsAdded);
}

/** `cifar10`, or files in its format: `cifar10-1a2b3c4d`. */
export function cifarNamed(name: string): CifarVariant | undefined {
  const format = isOwnName(name) ? name.replace(/-[0-9a-f]{8}$/, '') : dataSetNamed(name)?.name;
  return cifarVariants.find((variant) => variant.name === format);
}

/** The folder to read `name` from: the one given if it exists, else the one of its name in the home. */
export function folderToRead({ name, dataDir, home }: Wanted): string | undefined {
  if (dataDir !== undefined && existsSync(dataDir)) return dataDir;
  const known = dataSetNamed(name)?.name;
  const own = home === undefined || known === undefined ? undefined : join(home, known);
  return own !== undefined && existsSync(own) ? own : dataDir;
}

/** Every file that reading data from `folder` may open, whatever they are: a folder may hold several sets. */
export function dataFilesBelow(folder: string): string[] {
  const cifar = cifarVariants.flatMap((variant) => findCifar(variant, folder)?.files ?? []);
  const below = addedNames(folder).map((name) => join(folder, name));
  const added = [...(holdsAdded(folder) ? [folder] : []), ...below].flatMap(addedFilesIn);
  const graph = findGraph(folder);
  if (graph) added.push(...pathsOf(graph));
  return [...new Set([...added, ...cifar, ...idxFilesBelow(folder)])];
}

/** Every file that reading the set `name` may open. */
export function dataFilesOf(wanted: Wanted): string[] {
  if (isTaken(wanted.name)) {
    const folder = folderToRead(wanted);
    return folder === undefined ? [] : dataFilesBelow(folder);
  }
  const folder = addedFolder(wanted);
  const below = wanted.dataDir === undefined ? [] : dataFilesBelow(wanted.dataDir);
  return [...new Set([...(folder === undefined ? [] : addedFilesIn(folder)), ...below])];
}

/** @throws UserError for a data set that Basin cannot read, by name, and for a name that it does not know */
export function checkDataName(name: string, { dataDir, home }: Omit<Wanted, 'name'> = {}): void {
  const made = geometryKindOf(name) !== undefined || name === anyIdx || graphNamed(name) !== undefined;
  if (made || dataSetNamed(name) || isOwnName(name)) return;
  if (addedFolder({ name, dataDir, home }) !== undefined) return;
  const names = readableNames(home);
  const readable = `there are ${names.join(', ')}`;
  const title = Object.hasOwn(notReadYet, plain(name)) ? notReadYet[plain(name)] : undefined;
  if (title !== undefined)
    throw new UserError(`data set "${name}": Basin cannot read ${title} yet; ${readable}.`, {
      hint: addHint,
    });
  const folder = dataDir === undefined ? '' : ` There is none in ${dataDir} either.`;
  throw new UserError(`data set "${name}" is unknown; ${readable}.${folder}${didYouMean(name, names)}`, {
    hint: addHint,
  });
}

const addHint =
  'Add your data with "basin data add NAME --inputs FILE --labels FILE". If a run was trained on it on another machine, use the same files and settings, or copy the folder data/NAME of that workspace into this one. To use your own IDX files, set dataset.name=idx and --data-dir.';
