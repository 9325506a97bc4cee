/** MNIST and its look-alikes: IDX files, plain or gzipped, normalised as neuron-identifiability does (datasets.py:62-75). */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../../src-shared/errors.ts';
import { readIdxImages, readIdxLabels } from '../../formats/idx.ts';
import type { Dataset, Examples } from './dataset.ts';

const embedded = fileURLToPath(new URL('../../../resources/data/mnist-10k', import.meta.url));
const mean = 0.1307;
const deviation = 0.3081;

const files = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const;

/** Where IDX files may lie in a data folder: torchvision keeps them in NAME/raw. */
const subfolders = ['', 'MNIST/raw', 'FashionMNIST/raw', 'mnist', 'fashion-mnist', 'mnist-10k'];

/** Does `directory`, or a usual folder inside it, hold the four IDX files? */
export function findIdxFolder(directory: string, name?: string): string | undefined {
  const preferred = name === 'fashion-mnist' ? ['', 'FashionMNIST/raw', 'fashion-mnist'] : subfolders;
  return preferred
    .map((folder) => join(directory, folder))
    .find((folder) => [...files.train, ...files.test].every((file) => idxPath(folder, file) !== undefined));
}

function idxPath(folder: string, file: string): string | undefined {
  return [join(folder, file), join(folder, `${file}.gz`)].find((path) => existsSync(path));
}

/**
 * Reads a data set of IDX files. IDX files in `dataDir` win whatever the name; `mnist-10k` without them is the embedded
 * set (8,000 + 2,000 digits).
 * @throws UserError if there are none, or they are damaged or do not fit together
 */
export function loadMnist(source: { name: string; dataDir?: string | undefined }): Promise<Dataset> {
  const found = source.dataDir === undefined ? undefined : findIdxFolder(source.dataDir, source.name);
  const folder = found ?? (source.name === 'mnist-10k' ? embedded : undefined);
  if (folder === undefined) throw notThere(source);
  return Promise.resolve(readFolder(source.name, resolve(folder)));
}

function notThere({ name, dataDir }: { name: string; dataDir?: string | undefined }): UserError {
  const names = [...files.train, ...files.test].join(', ');
  const what = dataDir === undefined ? 'no data folder is given' : `${resolve(dataDir)} has no IDX files`;
  return new UserError(`data set "${name}": ${what}; ${names} were expected, plain or .gz.`, {
    hint: 'Give their folder with --data-dir, fetch them with "basin data fetch mnist", or use dataset.name=mnist-10k (embedded).',
  });
}

function readFolder(name: string, folder: string): Dataset {
  const sha256: Record<string, string> = {};
  const train = readPair(folder, files.train, sha256);
  const test = readPair(folder, files.test, sha256);
  if (train.features !== test.features) {
    throw new UserError(
      `${folder}: training images have ${train.features} pixels, test images ${test.features}; they must agree.`,
    );
  }
  let classes = 10;
  for (const { labels } of [train, test]) for (const label of labels) classes = Math.max(classes, label + 1);
  return { name, origin: folder, classes, train, test, sha256 };
}

function readPair(
  folder: string,
  [imageFile, labelFile]: readonly [string, string],
  sha256: Record<string, string>,
): Examples {
  const imagePath = idxPath(folder, imageFile)!;
  const labelPath = idxPath(folder, labelFile)!;
  const { count, rows, columns, pixels } = readIdxImages(imagePath);
  const raw = readIdxLabels(labelPath);
  if (raw.length !== count) {
    throw new UserError(`${labelPath}: ${raw.length} labels for the ${count} images of ${imagePath}.`);
  }
  if (count === 0 || rows * columns === 0) throw new UserError(`${imagePath}: it holds no images.`);
  sha256[imageFile] = idxSha256([count, rows, columns], pixels);
  sha256[labelFile] = idxSha256([count], raw);
  return { count, features: rows * columns, x: normalise(pixels), labels: Int32Array.from(raw) };
}

/** Of the file as it is uncompressed: header and all. */
function idxSha256(shape: number[], bytes: Uint8Array): string {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt8(8, 2);
  header.writeUInt8(shape.length, 3);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return createHash('sha256').update(header).update(bytes).digest('hex');
}

/** (pixel/255 - 0.1307) / 0.3081 in float32 steps, as torchvision's ToTensor and Normalize round. */
function normalise(pixels: Uint8Array): Float32Array<ArrayBuffer> {
  const { fround } = Math;
  const table = Float32Array.from({ length: 256 }, (_, value) =>
    fround(fround(fround(value / 255) - fround(mean)) / fround(deviation)),
  );
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) out[i] = table[pixels[i]!]!;
  return out;
}
