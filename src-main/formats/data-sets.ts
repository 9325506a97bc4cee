/** The data sets that Basin knows: one table of names, files, sizes, checksums and the folders they usually lie in. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ImageShape } from '../../src-shared/images.ts';

export const idxFiles = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const;
export type IdxFile = (typeof idxFiles)['train' | 'test'][number];
export const allIdxFiles: readonly IdxFile[] = [...idxFiles.train, ...idxFiles.test];

export interface DataSetEntry {
  name: string;
  title: string;
  /** Which reader: IDX files, CIFAR's files, or the embedded digits made larger. */
  format: 'idx' | 'cifar' | 'padded';
  /** Images to train on and to test with. */
  train: number;
  test: number;
  shape: ImageShape;
  classes: number;
  /** Where it may lie below a data folder, besides in it; torchvision keeps it in NAME/raw. */
  folders: readonly string[];
  /** SHA-256 of the unpacked IDX files, in the order of `allIdxFiles`; absent: known by folder and sizes only. */
  sha256?: readonly [string, string, string, string];
  /** Its images are some of that set's. */
  partOf?: string;
}

const digits = { format: 'idx', shape: [1, 28, 28], classes: 10 } as const;
const colours = { format: 'cifar', shape: [3, 32, 32], train: 50_000, test: 10_000, folders: [] } as const;

export const dataSets: readonly DataSetEntry[] = [
  {
    name: 'mnist-10k',
    title: '10,000 digits of MNIST, embedded',
    ...{ ...digits, train: 8000, test: 2000 },
    folders: ['mnist-10k', 'mnist', 'MNIST/raw'],
    sha256: [
      '57cc05c587eb89ce11216d3ce30bd3cc072b293cf58040c61baed47242f34fe6',
      '1598fd38e5a6b0e8c00daf6e922c7a4eb1f601fb52898e35d354126248d2e319',
      '1311050d63fd605c7d48a729a00cfe2575e7d59c24a0433871d0199f8b7dc191',
      'ed0a7c091b81c6d7541e7e48ff1d4fda174fd5f769977ad62fa0755b3764bb89',
    ],
    partOf: 'mnist',
  },
  {
    name: 'mnist',
    title: 'MNIST',
    ...{ ...digits, train: 60_000, test: 10_000 },
    folders: ['MNIST/raw', 'mnist', 'mnist/raw', 'MNIST', 'raw'],
    sha256: [
      'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    ],
  },
  {
    name: 'fashion-mnist',
    title: 'FashionMNIST',
    ...{ ...digits, train: 60_000, test: 10_000 },
    folders: ['FashionMNIST/raw', 'fashion-mnist', 'FashionMNIST', 'raw'],
  },
  {
    name: 'kmnist',
    title: 'KMNIST',
    ...{ ...digits, train: 60_000, test: 10_000 },
    folders: ['KMNIST/raw', 'kmnist', 'KMNIST', 'raw'],
  },
  {
    name: 'mnist-10k-32',
    title: '10,000 digits of MNIST, embedded, with a black border of 2 pixels',
    ...{ format: 'padded', train: 8000, test: 2000, shape: [1, 32, 32], classes: 10, folders: [] },
  },
  { name: 'cifar10', title: 'CIFAR-10', ...colours, classes: 10 },
  { name: 'cifar100', title: 'CIFAR-100', ...colours, classes: 100 },
];

export const idxSets: readonly DataSetEntry[] = dataSets.filter(({ format }) => format === 'idx');

/** Sets whose name people write and whose files Basin cannot read. */
export const notReadYet: Record<string, string> = {
  emnist: 'EMNIST',
  qmnist: 'QMNIST',
  notmnist: 'notMNIST',
  usps: 'USPS',
  svhn: 'SVHN',
  stl10: 'STL-10',
  imagenet: 'ImageNet',
  tinyimagenet: 'Tiny ImageNet',
};

/** Any IDX files: what they are is found out from their contents. */
export const anyIdx = 'idx';
const ownName = /^(?:idx|cifar10|cifar100)-[0-9a-f]{8}$/;

/** `idx-1a2b3c4d`, `cifar10-1a2b3c4d`: files in such a format, of no published set, known by what they hold. */
export const isOwnName = (name: string): boolean => ownName.test(name);

/** A name as people may write it. */
export const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The set of this name, whether it is written `fashion-mnist`, `FashionMNIST` or `fashion_mnist`. */
export function dataSetNamed(name: string): DataSetEntry | undefined {
  return dataSets.find((set) => plain(set.name) === plain(name));
}

/** The title of the set that a folder is named after, readable or not, and its entry if there is one. */
export function setOfFolder(folder: string): { title: string; entry?: DataSetEntry } | undefined {
  const last = basename(folder);
  const named = /^(raw|processed)$/i.test(last) ? basename(dirname(folder)) : last;
  const entry =
    dataSetNamed(named) ?? (plain(named) === 'fashion' ? dataSetNamed('fashion-mnist') : undefined);
  if (entry) return { title: entry.title, entry };
  const title = Object.hasOwn(notReadYet, plain(named)) ? notReadYet[plain(named)] : undefined;
  return title === undefined ? undefined : { title };
}

/** One is (part of) the other. */
export function areRelated(a: DataSetEntry, b: DataSetEntry): boolean {
  return a === b || a.partOf === b.name || b.partOf === a.name;
}

/** What four files that were read are. */
export interface IdxContents {
  folder: string;
  /** SHA-256 of the unpacked files. */
  sha256: Record<IdxFile, string>;
  /** Images in train and test. */
  counts: { train: number; test: number };
  /** SHA-256 of the packed files that have the size of a published one. */
  packed: Partial<Record<IdxFile, string>>;
}

/** The known set that these files are, as far as checksums, or the folder's name and the sizes, can tell. */
export function identify({ folder, sha256, counts, packed }: IdxContents): DataSetEntry | undefined {
  const exact = idxSets.find(
    (set) =>
      set.sha256?.every((sum, i) => sum === sha256[allIdxFiles[i]!]) === true ||
      isPublished(set.name, packed),
  );
  if (exact) return exact;
  const named = setOfFolder(folder)?.entry;
  return named?.format === 'idx' &&
    !named.sha256 &&
    named.train === counts.train &&
    named.test === counts.test
    ? named
    : undefined;
}

/** The name of files that are no known set: the first digits of the hash of all their contents. */
export function ownNameOf(format: 'idx' | 'cifar10' | 'cifar100', sha256: Record<string, string>): string {
  const hash = createHash('sha256');
  const files = format === 'idx' ? allIdxFiles : Object.keys(sha256).sort();
  for (const file of files) hash.update(`${file} ${sha256[file]}\n`);
  return `${format}-${hash.digest('hex').slice(0, 8)}`;
}

function isPublished(name: string, packed: Partial<Record<IdxFile, string>>): boolean {
  const files = publishedSets()[name]?.files;
  if (!files) return false;
  return allIdxFiles.every((file) => {
    const sum = packed[file];
    return sum !== undefined && files.some((each) => each.name === `${file}.gz` && each.sha256 === sum);
  });
}

const publishedSchema = z.object({
  mirrors: z.array(z.url()).min(1),
  files: z
    .array(z.object({ name: z.string(), bytes: z.int().positive(), sha256: z.string().length(64) }))
    .min(1),
});
/** A data set that can be fetched: mirrors, and the packed files with their sizes and hashes. */
export type PublishedSet = z.infer<typeof publishedSchema>;

let published: Record<string, PublishedSet> | undefined;

/** By name, as shipped in resources/data/mirrors.json. */
export function publishedSets(): Record<string, PublishedSet> {
  const file = fileURLToPath(new URL('../../resources/data/mirrors.json', import.meta.url));
  return (published ??= z.record(z.string(), publishedSchema).parse(JSON.parse(readFileSync(file, 'utf8'))));
}
