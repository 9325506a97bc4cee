/** MNIST and its look-alikes: IDX files, plain or gzipped, normalised as neuron-identifiability does (datasets.py:62-75). */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import {
  allIdxFiles,
  areRelated,
  dataSetNamed,
  identify,
  idxFiles,
  ownNameOf,
  publishedSets,
} from '../../formats/data-sets.ts';
import type { DataSetEntry, IdxContents, IdxFile } from '../../formats/data-sets.ts';
import { readIdxImages, readIdxLabels } from '../../formats/idx.ts';
import { idxCandidates } from '../../formats/idx-folder.ts';
import { pixelExamples } from './dataset.ts';
import { pixelTable } from './normalise.ts';
import type { Dataset, Examples } from './dataset.ts';
import { findFolder, isEmbedded } from './folder.ts';
import type { IdxRequest } from './folder.ts';

const embedded = fileURLToPath(new URL('../../../resources/data/mnist-10k', import.meta.url));

/** The folder that a request reads from. @throws UserError if there is none, or it is named after another set */
export function idxFolderOf(request: IdxRequest): string {
  return request.dataDir === undefined && isEmbedded(request.name) ? embedded : findFolder(request);
}

/**
 * Reads a data set of IDX files. Its name says what the files are: a known set, or `idx-` and a hash of their contents.
 * @throws UserError if there are none, they are damaged or do not fit together, or they are another known set
 */
export function loadMnist(request: IdxRequest): Promise<Dataset> {
  return Promise.resolve(named(request, readFolder(resolve(idxFolderOf(request)))));
}

interface Read {
  dataset: Omit<Dataset, 'name'>;
  contents: IdxContents;
}

function named({ name: wanted }: IdxRequest, { dataset, contents }: Read): Dataset {
  const known = identify(contents);
  const name = known?.name ?? ownNameOf('idx', contents.sha256);
  const entry = wanted === undefined ? undefined : dataSetNamed(wanted);
  // 10,000 of the digits may stand for the rest, but not the other way round.
  if (entry && known && (!areRelated(entry, known) || known.name === entry.partOf)) {
    throw otherSet(entry.name, known, contents.folder);
  }
  if (wanted !== undefined && /^idx-/.test(wanted) && wanted !== name) {
    throw new UserError(
      `data set "${wanted}": the IDX files in ${contents.folder} have changed; they are now ${name}.`,
      { hint: 'Give the folder with the original files, or name the data set "idx" to use these.' },
    );
  }
  return { ...dataset, name };
}

function otherSet(wanted: string, { title, name }: DataSetEntry, folder: string): UserError {
  return new UserError(`data set "${wanted}": the files in ${folder} are ${title}, not ${wanted}.`, {
    hint: `Give another folder, or name the data set it holds: dataset=${name} for training, --data ${name} for an analysis.`,
  });
}

function readFolder(folder: string): Read {
  const sha256 = {} as Record<IdxFile, string>;
  const train = readPair(folder, idxFiles.train, sha256);
  const test = readPair(folder, idxFiles.test, sha256);
  if (train.shape?.join() !== test.shape?.join()) {
    const sizes = [train, test].map(({ shape }) => shape!.slice(1).join(' x '));
    throw new UserError(
      `${folder}: training images have ${sizes[0]} pixels, test images ${sizes[1]}; they must agree.`,
    );
  }
  let classes = 10;
  for (const { labels } of [train, test]) for (const label of labels) classes = Math.max(classes, label + 1);
  const counts = { train: train.count, test: test.count };
  return {
    dataset: { origin: folder, classes, train, test, shape: train.shape, sha256 },
    contents: { folder, sha256, counts, packed: packedSums(folder) },
  };
}

function readPair(
  folder: string,
  [imageFile, labelFile]: readonly [IdxFile, IdxFile],
  sha256: Record<IdxFile, string>,
): Examples {
  const images = readOne(folder, imageFile, (path) => {
    const { count, rows, columns, pixels } = readIdxImages(path);
    return { shape: [count, rows, columns], bytes: pixels };
  });
  const labels = readOne(folder, labelFile, (path) => {
    const bytes = readIdxLabels(path);
    return { shape: [bytes.length], bytes };
  });
  const [count, rows, columns] = images.shape as [number, number, number];
  if (labels.bytes.length !== count) {
    throw new UserError(
      `${labels.path}: ${labels.bytes.length} labels for the ${count} images of ${images.path}.`,
    );
  }
  if (count === 0 || rows * columns === 0) throw new UserError(`${images.path}: it holds no images.`);
  sha256[imageFile] = images.sha256;
  sha256[labelFile] = labels.sha256;
  const pixels = { bytes: images.bytes, table: normalised, plane: rows * columns };
  return pixelExamples(rows * columns, pixels, Int32Array.from(labels.bytes), [1, rows, columns]);
}

interface Content {
  shape: number[];
  bytes: Uint8Array;
}

/** One file's content. Where it lies there several times (packed and unpacked), all that can be read must agree. */
function readOne(
  folder: string,
  file: IdxFile,
  read: (path: string) => Content,
): Content & { path: string; sha256: string } {
  const [first, ...others] = idxCandidates(folder, file);
  const content = read(first!);
  const sha256 = idxSha256(content.shape, content.bytes);
  for (const other of others) {
    const again = readable(read, other);
    if (again === undefined || idxSha256(again.shape, again.bytes) === sha256) continue;
    throw new UserError(
      `${folder}: ${first} and ${other} hold different data, and Basin cannot tell which one to use.`,
      {
        hint: 'Move one of them elsewhere.',
      },
    );
  }
  return { ...content, path: first!, sha256 };
}

function readable(read: (path: string) => Content, path: string): Content | undefined {
  try {
    return read(path);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw new UserError(`${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Of the packed files that are as long as a published one, as they lie there. */
function packedSums(folder: string): Partial<Record<IdxFile, string>> {
  const sums: Partial<Record<IdxFile, string>> = {};
  const published = Object.values(publishedSets()).flatMap(({ files }) => files);
  for (const file of allIdxFiles) {
    for (const path of idxCandidates(folder, file)) {
      const bytes = statSync(path).size;
      if (!published.some((each) => each.name === `${file}.gz` && each.bytes === bytes)) continue;
      sums[file] = createHash('sha256').update(readFileSync(path)).digest('hex');
    }
  }
  return sums;
}

/** Of the file as it is uncompressed: header and all. */
function idxSha256(shape: number[], bytes: Uint8Array): string {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt8(8, 2);
  header.writeUInt8(shape.length, 3);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return createHash('sha256').update(header).update(bytes).digest('hex');
}

const normalised = pixelTable([{ mean: 0.1307, std: 0.3081 }]);
