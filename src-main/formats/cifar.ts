/**
 * CIFAR-10 and CIFAR-100 as their authors publish them: binary files (plain, .gz, or inside the published archive) and
 * the pickles that torchvision keeps. Both hold the same images: 3 x 32 x 32 bytes, red plane first.
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { readWholeFile } from './source.ts';
import { tarFiles } from './tar.ts';
import { NumpyArray } from './torch/numpy-values.ts';
import { unpickle } from './torch/pickle.ts';
import type { PickleValue } from './torch/values.ts';

export interface CifarVariant {
  name: 'cifar10' | 'cifar100';
  title: string;
  classes: number;
  /** Of the binary records: labels before the image; the last one counts. */
  labels: number;
  /** Binary files; the pickles have the same names without `.bin`. */
  train: readonly string[];
  test: readonly string[];
  /** Folders that archives and torchvision make. */
  binaryFolder: string;
  pickleFolder: string;
  archive: string;
  /** Of the pickles. */
  labelKey: string;
}

const batches = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);

export const cifarVariants: readonly CifarVariant[] = [
  {
    ...{
      name: 'cifar10',
      title: 'CIFAR-10',
      classes: 10,
      labels: 1,
      train: batches,
      test: ['test_batch.bin'],
    },
    ...{ binaryFolder: 'cifar-10-batches-bin', pickleFolder: 'cifar-10-batches-py' },
    ...{ archive: 'cifar-10-binary.tar.gz', labelKey: 'labels' },
  },
  {
    ...{ name: 'cifar100', title: 'CIFAR-100', classes: 100, labels: 2 },
    ...{ train: ['train.bin'], test: ['test.bin'] },
    ...{ binaryFolder: 'cifar-100-binary', pickleFolder: 'cifar-100-python' },
    ...{ archive: 'cifar-100-binary.tar.gz', labelKey: 'fine_labels' },
  },
];

/** Images of one file. */
export interface CifarBatch {
  count: number;
  /** [count, 3, 32, 32] */
  pixels: Uint8Array;
  labels: Int32Array<ArrayBuffer>;
}

export interface CifarContents {
  train: CifarBatch[];
  test: CifarBatch[];
  /** Of the binary form of each file, whichever form was read: equal images, equal hashes. */
  sha256: Record<string, string>;
}

export const imageBytes = 3 * 32 * 32;
const largestFile = 2 ** 30;

/** Where a set lies in a folder, and as what. */
export interface CifarPlace {
  form: 'binary' | 'pickle' | 'archive';
  folder: string;
  /** Every file that reading opens. */
  files: string[];
}

/** The set in `folder` or in a usual folder below it; undefined if there is none. Plain files win over an archive. */
export function findCifar(variant: CifarVariant, folder: string): CifarPlace | undefined {
  const { binaryFolder, pickleFolder, archive } = variant;
  const below = (name: string): string[] => [folder, join(folder, name), join(folder, variant.name)];
  for (const place of below(binaryFolder)) {
    const files = filesIn(variant, place, (name) => [name, `${name}.gz`]);
    if (files.length > 0) return { form: 'binary', folder: place, files };
  }
  for (const place of below(pickleFolder)) {
    const files = filesIn(variant, place, (name) => [withoutEnding(name)]);
    if (files.length > 0) return { form: 'pickle', folder: place, files };
  }
  const packed = below('').find((place) => isFile(join(place, archive)));
  return packed === undefined
    ? undefined
    : { form: 'archive', folder: packed, files: [join(packed, archive)] };
}

/** Every file of the set that lies in `place`; none unless there is a first one of each kind. */
function filesIn(variant: CifarVariant, place: string, spellings: (name: string) => string[]): string[] {
  const found = (name: string): string[] =>
    spellings(name)
      .map((each) => join(place, each))
      .filter(isFile)
      .slice(0, 1);
  const [train, test] = [variant.train.flatMap(found), variant.test.flatMap(found)];
  // "train" and "test" alone are names that anything may have.
  return train.length > 0 && test.length > 0 ? [...train, ...test] : [];
}

const withoutEnding = (name: string): string => name.replace(/\.bin$/, '');
const isFile = (path: string): boolean =>
  existsSync(path) && statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** @throws UserError naming the file, the place and the value */
export function readCifar(variant: CifarVariant, place: CifarPlace): CifarContents {
  if (place.form === 'archive') return readArchive(variant, place);
  const sha256: Record<string, string> = {};
  const read = (names: readonly string[]): CifarBatch[] =>
    present(variant, place, names).map(([name, path]) => {
      const bytes = unpacked(path);
      const batch =
        place.form === 'binary' ? binaryBatch(variant, bytes, path) : pickledBatch(variant, bytes, path);
      sha256[name] = hashOf(batch);
      return batch;
    });
  return { train: read(variant.train), test: read(variant.test), sha256: sha256 };
}

/** Name and path of the files of one part, in their order; what is missing between two that are there is refused. */
function present(
  variant: CifarVariant,
  { folder, files }: CifarPlace,
  names: readonly string[],
): [name: string, path: string][] {
  const pathOf = (name: string): string | undefined =>
    files.find((path) =>
      [name, `${name}.gz`, withoutEnding(name)].some((each) => path === join(folder, each)),
    );
  const last = names.findLastIndex((name) => pathOf(name) !== undefined);
  return names.slice(0, last + 1).map((name) => {
    const path = pathOf(name);
    if (path !== undefined) return [name, path];
    throw new UserError(`${folder}: ${name} is missing; ${variant.title} has ${names.join(', ')}.`, {
      hint: 'Unpack the archive again.',
    });
  });
}

function readArchive(variant: CifarVariant, { files: [path] }: CifarPlace): CifarContents {
  const members = tarFiles(unpacked(path!), path!);
  const sha256: Record<string, string> = {};
  const read = (names: readonly string[]): CifarBatch[] =>
    names.map((name) => {
      const member = `${variant.binaryFolder}/${name}`;
      const bytes = members.get(member);
      if (!bytes) throw new UserError(`${path}: the archive has no ${member}.`);
      const batch = binaryBatch(variant, bytes, `${path}, ${member}`);
      sha256[name] = hashOf(batch);
      return batch;
    });
  return { train: read(variant.train), test: read(variant.test), sha256 };
}

function unpacked(path: string): Uint8Array {
  const bytes = readWholeFile(path, largestFile);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: largestFile });
  } catch (thrown) {
    throw new UserError(`${path}: the gzip data are damaged or cut short (${messageOf(thrown)}).`, {
      cause: thrown,
    });
  }
}

function binaryBatch(
  { labels: before, classes, title }: CifarVariant,
  bytes: Uint8Array,
  path: string,
): CifarBatch {
  const record = before + imageBytes;
  const count = bytes.length / record;
  if (!Number.isInteger(count) || count === 0) {
    throw new UserError(
      `${path}: ${bytes.length} bytes, but each record of ${title} takes ${record} bytes: the last one is incomplete.`,
      { hint: 'The file is cut short or of another data set; fetch it again.' },
    );
  }
  const pixels = new Uint8Array(count * imageBytes);
  const labels = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    const start = row * record;
    labels[row] = checkedLabel(bytes[start + before - 1]!, classes, `${path}, image ${row + 1}`);
    pixels.set(bytes.subarray(start + before, start + record), row * imageBytes);
  }
  return { count, pixels, labels };
}

function checkedLabel(label: unknown, classes: number, where: string): number {
  if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes) return label;
  throw new UserError(`${where}: its label is ${String(label)}; 0 to ${classes - 1} was expected.`);
}

function pickledBatch(
  { labelKey, classes, title }: CifarVariant,
  bytes: Uint8Array,
  path: string,
): CifarBatch {
  const value = unpickle(bytes, {
    name: path,
    // The images themselves, and some 200 bytes for the names and labels of each.
    budget: 2 ** 26 + 2 * bytes.length,
    persistentLoad: (_id, describe) => {
      throw new UserError(`${describe}: a reference to another file is not allowed in a data set.`);
    },
  });
  const entry = (key: string): PickleValue | undefined => {
    if (!(value instanceof Map)) return undefined;
    for (const [name, item] of value) if (textOf(name) === key) return item;
    return undefined;
  };
  const [data, labels] = [entry('data'), entry(labelKey)];
  const content = data instanceof NumpyArray ? data.content : undefined;
  const count = content?.shape[0] ?? 0;
  if (
    content?.dtype.replace('|', '') !== 'u1' ||
    content.shape.length !== 2 ||
    content.shape[1] !== imageBytes
  ) {
    const found = content ? `${content.dtype} [${content.shape.join(', ')}]` : 'no such array';
    throw new UserError(
      `${path}: "data" as u1 [images, ${imageBytes}] was expected, as the pickles of ${title} have it; found ${found}.`,
    );
  }
  if (content.bytes.length !== count * imageBytes)
    throw new UserError(`${path}: "data" has ${content.bytes.length} bytes for ${count} images.`);
  if (!Array.isArray(labels) || labels.length !== count) {
    const found = Array.isArray(labels) ? `${labels.length} labels` : 'none';
    throw new UserError(`${path}: "${labelKey}" with ${count} labels was expected; found ${found}.`);
  }
  return {
    count,
    pixels: content.bytes,
    labels: Int32Array.from(labels as PickleValue[], (label, row) =>
      checkedLabel(label, classes, `${path}, ${labelKey}[${row}]`),
    ),
  };
}

const textOf = (key: PickleValue): string =>
  key instanceof Uint8Array ? Buffer.from(key).toString('latin1') : String(key);

/** Label and image of each record: coarse labels are not among what is read. */
function hashOf({ count, pixels, labels }: CifarBatch): string {
  const hash = createHash('sha256');
  for (let row = 0; row < count; row++) {
    hash.update(Uint8Array.of(labels[row]!));
    hash.update(pixels.subarray(row * imageBytes, (row + 1) * imageBytes));
  }
  return hash.digest('hex');
}
