/**
 * Files written by torch.save: the zip of PyTorch 1.6 and later, and the sequence of pickles before. Opening reads the
 * pickle, and checks that every tensor lies inside its storage; elements are read when a tensor's `read()` is called.
 */
import { UserError } from '../../../src-shared/errors.ts';
import { kindOfFile, refuseForeign } from '../kind-of-file.ts';
import { memorySource, openSource } from '../source.ts';
import type { ByteSource } from '../source.ts';
import type { TensorStorage } from '../tensor.ts';
import { checkTree } from './check-tree.ts';
import { readLegacy } from './legacy.ts';
import { unpickle } from './pickle.ts';
import { AllowedGlobal, StorageReference } from './values.ts';
import type { PickleValue } from './values.ts';
import type { Tree } from './tree.ts';
import { openZip } from './zip.ts';
import type { ZipArchive } from './zip.ts';
import { foreignZip } from './zip-kinds.ts';

export interface TorchFile {
  /** What was given to torch.save. */
  readonly root: Tree;
  /** Closes the file. Tensors that were not read before cannot be read after. */
  close(): void;
}

export const largestPickle = 64 * 2 ** 20;

/**
 * Opens a file of torch.save, whatever its name ends in.
 * @throws UserError naming the file, and the offset where that says something: damaged, another format (told from its
 * bytes), big-endian, or a pickle with anything in it but tensors and plain containers.
 */
export function openTorchFile(path: string): TorchFile {
  return openTorchSource(openSource(path));
}

/** Told from its first bytes; any zip counts. @throws UserError if it cannot be read */
export function isTorchFile(path: string): boolean {
  const source = openSource(path);
  try {
    const kind = kindOfFile(source)?.kind;
    return kind === 'zip' || kind === 'torch-legacy';
  } finally {
    source.close();
  }
}

/** The same for bytes in memory; `name` stands for the path in messages. */
export function openTorchBytes(bytes: Uint8Array, name?: string): TorchFile {
  return openTorchSource(memorySource(bytes, name));
}

/** The same for a source, which it closes. */
export function openTorchSource(source: ByteSource): TorchFile {
  try {
    const kind = kindOfFile(source);
    refuseForeign(source, kind);
    const root = kind?.kind === 'torch-legacy' ? readLegacy(source) : readZip(source);
    return { root, close: () => source.close() };
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

function readZip(source: ByteSource): Tree {
  const zip = openZip(source);
  const prefix = findPrefix(source, zip);
  refuseBigEndian(source, zip, prefix);
  return loadTree(source, zip, prefix);
}

function loadTree(source: ByteSource, zip: ZipArchive, prefix: string): Tree {
  const entry = zip.entries.get(`${prefix}data.pkl`)!;
  if (entry.size > largestPickle) {
    throw new UserError(
      `${source.name}: offset ${entry.headerOffset}: its pickle has ${entry.size} bytes; at most ${largestPickle} are read.`,
    );
  }
  const name = `${source.name}: data.pkl`;
  const storages = new Map<string, TensorStorage>();
  const persistentLoad = (id: readonly PickleValue[], describe: string): PickleValue =>
    storageReference(zip, prefix, storages, id, describe);
  return checkTree(unpickle(zip.read(entry), { name, persistentLoad }), name);
}

/** ('storage', storage class, key, location, number of elements): torch/serialization.py, persistent_id. */
function storageReference(
  zip: ZipArchive,
  prefix: string,
  storages: Map<string, TensorStorage>,
  id: readonly PickleValue[],
  describe: string,
): StorageReference {
  const [kind, type, key, , count] = id;
  const element = type instanceof AllowedGlobal ? type.element : undefined;
  if (
    id.length !== 5 ||
    kind !== 'storage' ||
    !element ||
    typeof key !== 'string' ||
    typeof count !== 'number'
  ) {
    throw new UserError(
      `${describe}: a persistent id is not ('storage', class, key, location, number of elements).`,
    );
  }
  const entry = zip.entries.get(`${prefix}data/${key}`);
  if (!entry) throw new UserError(`${describe}: storage "${key}" is not in the file.`);
  const needed = count * element.bytes;
  if (!(count >= 0) || needed > entry.size) {
    throw new UserError(
      `${describe}: storage "${key}" should hold ${count} elements of ${element.name}, but has ${entry.size} bytes.`,
    );
  }
  let storage = storages.get(key);
  if (!storage || storage.byteLength < needed) {
    storage = { key, byteLength: needed, bytes: (offset, length) => zip.readRange(entry, offset, length) };
    storages.set(key, storage);
  }
  return new StorageReference(storage, element);
}

function findPrefix(source: ByteSource, zip: ZipArchive): string {
  const foreign = foreignZip(zip);
  if (foreign) throw new UserError(`${source.name}: ${foreign.what}.`, { hint: foreign.hint });
  const pickles = [...zip.entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  const prefix = pickles[0]?.slice(0, -'data.pkl'.length);
  if (prefix === undefined || pickles.length > 1) {
    throw new UserError(
      `${source.name}: offset ${zip.directoryOffset}: a zip file with ${pickles.length} entries "data.pkl"; a PyTorch file has exactly one.`,
      pickles.length > 1 ? {} : { hint: 'Unpack it first if it is a zip archive of a folder.' },
    );
  }
  return prefix;
}

function refuseBigEndian(source: ByteSource, zip: ZipArchive, prefix: string): void {
  const entry = zip.entries.get(`${prefix}byteorder`);
  if (!entry) return; // Files older than PyTorch 2.0 have none: little-endian.
  const order = entry.size <= 16 ? Buffer.from(zip.read(entry)).toString('latin1') : '?';
  if (order === 'little') return;
  throw new UserError(
    `${source.name}: offset ${entry.headerOffset}: byte order ${JSON.stringify(order)}; only little-endian files are read.`,
    {
      hint: 'Load and save it again on a little-endian machine (any x86 or ARM PC).',
    },
  );
}
