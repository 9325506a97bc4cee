/** Data sets by name: read from files (formats/data-registry.ts says which), or made. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { geometryKindOf } from '../../../src-shared/config.ts';
import type { GeometryPlan } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { addedFilesIn, holdsAdded, manifestName, readManifest } from '../../formats/added-data.ts';
import { cifarVariants, findCifar } from '../../formats/cifar.ts';
import { anyGraph, findGraph, graphNamed, pathsOf } from '../../formats/graph-data.ts';
import type { GraphFiles } from '../../formats/graph-data.ts';
import {
  addedFolder,
  checkDataName,
  cifarNamed,
  dataHome,
  folderToRead,
  isTaken,
} from '../../formats/data-registry.ts';
import { allIdxFiles, anyIdx, dataSetNamed, isOwnName } from '../../formats/data-sets.ts';
import { idxCandidates } from '../../formats/idx-folder.ts';
import { loadAdded } from './added.ts';
import { cifarPlaceOf, loadCifar } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { padded } from './padded.ts';
import { makeDataset } from './made.ts';
import { idxFolderOf, loadMnist } from './mnist.ts';
import { holdsIdxBelow, idxFolderNamed } from './folder.ts';
import type { IdxRequest } from './folder.ts';
import { graphFiles, loadGraph } from './graph.ts';

export { labelsOf, rowsOf, scoredCount, selectExamples } from './dataset.ts';
export type { Dataset, Examples, Labels } from './dataset.ts';
export { requireFitting, uploadExamples } from './rows.ts';
export { requireTokens } from './tokens.ts';
export {
  countOf,
  evaluationExamples,
  splitExamples,
  splitIndices,
  splitToJson,
  trainingExamples,
} from './split.ts';
export type { SplitIndices, SplitOptions } from './split.ts';

export interface DataRequest extends IdxRequest {
  /** How the data are made, where they are. */
  geometry?: GeometryPlan | undefined;
  /** Hash of the contents that a set which was added must have; undefined: any. */
  contents?: string | undefined;
}

const loaded = new Map<string, Promise<Dataset>>();

/**
 * Reads a data set, once per process. Files in `dataDir` are taken for the set of that name only if they can be it;
 * files that are no known set are named after their contents. Sets that were fetched or added are found by name.
 * @throws UserError for a name that Basin does not know or cannot read, and whatever is wrong with the files
 */
export async function loadDataset(request: DataRequest): Promise<Dataset> {
  const { geometry, name, dataDir } = request;
  if (geometry) return loadMade(geometry, dataDir);
  if (name === undefined) return loadFolder(request);
  refuseUnmade(name);
  const home = dataHome();
  checkDataName(name, { dataDir, home });
  const graph = graphNamed(name);
  if (graph !== undefined) return loadGraphFrom(graphFiles(graph, dataDir), graph);
  if (!isTaken(name)) return loadAddedFrom(addedFolder({ name, dataDir, home })!, request);
  if (request.contents !== undefined)
    throw new UserError(
      `dataset.contents is only recorded for data sets that were added, and ${name} is built in.`,
    );
  const wanted = { ...request, dataDir: folderToRead({ name, dataDir, home }) };
  if (cifarNamed(name)) return loadCifarFrom(wanted);
  return dataSetNamed(name)?.format === 'padded' ? loadPadded() : loadFiles(wanted);
}

/**
 * A folder without a name is read for what it holds, the preferred set first.
 * @throws UserError if it holds others of several kinds
 */
function loadFolder(request: DataRequest): Promise<Dataset> {
  const { dataDir, preferred } = request;
  if (dataDir === undefined) return loadFiles(request);
  const wished = preferred === undefined ? undefined : loaderOf(preferred, dataDir, request);
  if (wished) return wished();
  const kinds = kindsIn(dataDir, request);
  const [first, ...others] = kinds;
  if (!first || others.length === 0) return first ? first.load() : loadFiles(request);
  throw new UserError(
    `${resolve(dataDir)} holds more than one data set: ${kinds.map(({ title }) => title).join(', ')}${preferred === undefined ? '' : `; none of them is ${preferred}`}.`,
    { hint: 'Give the folder of one of them, or name the data set with --data.' },
  );
}

/** How the set of this name is read from the folder; undefined if it does not lie there. */
function loaderOf(name: string, dataDir: string, request: DataRequest): (() => Promise<Dataset>) | undefined {
  const places = isTaken(name) ? [] : [dataDir, join(dataDir, name)].filter(holdsAdded);
  const added = places.find((folder) => readManifest(folder).name === name);
  if (added !== undefined) return () => loadAddedFrom(added, { ...request, name });
  const graph = graphNamed(name);
  if (graph !== undefined) {
    const files = findGraph(dataDir);
    return files && (() => loadGraphFrom(files, graph));
  }
  const variant = cifarNamed(name);
  if (variant)
    return findCifar(variant, dataDir) && (() => loadCifarFrom({ ...request, name: variant.name }));
  const anyFiles = name === anyIdx || isOwnName(name);
  const there = anyFiles ? holdsIdxBelow(dataDir) : idxFolderNamed(name, dataDir) !== undefined;
  return there ? () => loadFiles(request) : undefined;
}

/** The kinds of data that a folder holds, whatever their names. */
function kindsIn(dataDir: string, request: DataRequest): { title: string; load: () => Promise<Dataset> }[] {
  const cifar = cifarVariants.filter((variant) => findCifar(variant, dataDir));
  const graph = findGraph(dataDir);
  return [
    ...(holdsAdded(dataDir)
      ? [
          {
            title: `the data set that was added (${manifestName})`,
            load: () => loadAddedFrom(dataDir, request),
          },
        ]
      : []),
    ...cifar.map(({ title, name }) => ({ title, load: () => loadCifarFrom({ ...request, name }) })),
    ...(graph ? [{ title: 'a graph', load: () => loadGraphFrom(graph, anyGraph) }] : []),
    ...(holdsIdxBelow(dataDir) ? [{ title: 'IDX files', load: () => loadFiles(request) }] : []),
  ];
}

async function loadAddedFrom(folder: string, { name, contents }: DataRequest): Promise<Dataset> {
  const key = `added\0${name ?? ''}\0${contents ?? ''}\0${stamps(addedFilesIn(folder))}`;
  return remembered(key, () => Promise.resolve(loadAdded(folder, { name, contents })));
}

function loadGraphFrom(files: GraphFiles, name: string): Promise<Dataset> {
  return remembered(`${name}\0${stamps(pathsOf(files))}`, () => Promise.resolve(loadGraph(files, name)));
}

async function loadCifarFrom({ name, dataDir }: DataRequest): Promise<Dataset> {
  const place = cifarPlaceOf(name!, dataDir);
  return remembered(`${name}\0${stamps(place.files)}`, () => Promise.resolve(loadCifar(name!, place)));
}

/** The embedded digits with two black pixels on each side, as networks for 32 x 32 take them. */
function loadPadded(): Promise<Dataset> {
  return remembered('mnist-10k-32', async () =>
    padded(await loadFiles({ name: 'mnist-10k' }), 'mnist-10k-32', 32),
  );
}

async function loadMade(plan: GeometryPlan, dataDir: string | undefined): Promise<Dataset> {
  const readsFolder = plan.kind === 'mnist-coherence' && dataDir !== undefined;
  const stamp = readsFolder ? stampOf(idxFolderOf({ name: 'mnist', dataDir })) : '';
  return remembered(`${stamp}\0${JSON.stringify(plan)}`, () => makeDataset(plan, dataDir));
}

async function loadFiles(request: DataRequest): Promise<Dataset> {
  const stamp = stampOf(idxFolderOf(request));
  return remembered(`${request.name ?? ''}\0${stamp}`, () => loadMnist(request));
}

/** Changes whenever one of the folder's IDX files does, also one that is overwritten in its place: such are read again. */
function stampOf(folder: string): string {
  return stamps(allIdxFiles.flatMap((file) => idxCandidates(folder, file)));
}

function stamps(paths: readonly string[]): string {
  return JSON.stringify(
    paths.map((path) => {
      const { size, mtimeMs, ctimeMs, ino } = statSync(path);
      return [path, size, mtimeMs, ctimeMs, ino];
    }),
  );
}

function remembered(key: string, load: () => Promise<Dataset>): Promise<Dataset> {
  let dataset = loaded.get(key);
  if (!dataset) {
    dataset = Promise.resolve().then(load);
    loaded.set(key, dataset);
    dataset.catch(() => loaded.delete(key));
  }
  return dataset;
}

/** The name of a synthetic data set does not determine it. */
function refuseUnmade(name: string): void {
  if (geometryKindOf(name) === undefined) return;
  throw new UserError(
    `data set "${name}" is generated from sizes and seeds in a run's config; the name alone is not enough.`,
    { hint: 'Analyse a run that was trained on it, without naming a data set.' },
  );
}
