/**
 * Files written by torch.save (zip and pickle). Opening reads the list of entries and the pickle, and checks that every
 * tensor lies inside its storage; elements are read when a tensor's `read()` is called.
 */
import { UserError } from '../../../src-shared/errors.ts';
import { dtypes } from '../dtype.ts';
import { memorySource, openSource } from '../source.ts';
import type { ByteSource } from '../source.ts';
import type { TensorStorage } from '../tensor.ts';
import { checkTree } from './check-tree.ts';
import { AllowedGlobal, StorageReference } from './values.ts';
import { unpickle } from './pickle.ts';
import type { PickleValue } from './values.ts';
import type { Tree } from './tree.ts';
import { openZip } from './zip.ts';
import type { ZipArchive } from './zip.ts';

export interface TorchFile {
  /** What was given to torch.save. */
  readonly root: Tree;
  /** Closes the file. Tensors that were not read before cannot be read after. */
  close(): void;
}

const largestPickle = 64 * 2 ** 20;
const legacyMagic = Buffer.from([
  0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
]);
const resave =
  'Load it in Python and save it again: torch.save(torch.load("old.pt", map_location="cpu"), "new.pt") with PyTorch 1.6 or later.';

/**
 * Opens a `.pt` file.
 * @throws UserError naming the file, and the offset where that says something: not a PyTorch file, damaged, an old or
 * big-endian format, or a pickle with anything in it but tensors and plain containers.
 */
export function openTorchFile(path: string): TorchFile {
  return openFrom(openSource(path));
}

/** The same for bytes in memory; `name` stands for the path in messages. */
export function openTorchBytes(bytes: Uint8Array, name?: string): TorchFile {
  return openFrom(memorySource(bytes, name));
}

function openFrom(source: ByteSource): TorchFile {
  try {
    refuseOtherFormats(source);
    const zip = openZip(source);
    const prefix = findPrefix(source, zip);
    refuseBigEndian(source, zip, prefix);
    return { root: loadTree(source, zip, prefix), close: () => source.close() };
  } catch (thrown) {
    source.close();
    throw thrown;
  }
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
  const dtype = type instanceof AllowedGlobal ? type.dtype : undefined;
  if (
    id.length !== 5 ||
    kind !== 'storage' ||
    !dtype ||
    typeof key !== 'string' ||
    typeof count !== 'number'
  ) {
    throw new UserError(
      `${describe}: a persistent id is not ('storage', class, key, location, number of elements).`,
    );
  }
  const entry = zip.entries.get(`${prefix}data/${key}`);
  if (!entry) throw new UserError(`${describe}: storage "${key}" is not in the file.`);
  const needed = count * dtypes[dtype].bytes;
  if (!(count >= 0) || needed > entry.size) {
    throw new UserError(
      `${describe}: storage "${key}" should hold ${count} elements of ${dtype}, but has ${entry.size} bytes.`,
    );
  }
  let storage = storages.get(key);
  if (!storage || storage.byteLength < needed) {
    storage = { key, byteLength: needed, bytes: (offset, length) => zip.readRange(entry, offset, length) };
    storages.set(key, storage);
  }
  return new StorageReference(storage, dtype);
}

function findPrefix(source: ByteSource, zip: ZipArchive): string {
  const pickles = [...zip.entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  const prefix = pickles[0]?.slice(0, -'data.pkl'.length);
  if (prefix === undefined || pickles.length > 1) {
    throw new UserError(
      `${source.name}: offset ${zip.directoryOffset}: a zip file with ${pickles.length} entries "data.pkl"; a PyTorch file has exactly one.`,
    );
  }
  if (zip.entries.has(`${prefix}constants.pkl`)) {
    throw new UserError(`${source.name}: a TorchScript program, not a checkpoint.`, {
      hint: 'Save the weights alone: torch.save(torch.jit.load("model.pt").state_dict(), "weights.pt").',
    });
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

function refuseOtherFormats(source: ByteSource): void {
  if (source.size === 0)
    throw new UserError(`${source.name}: the file is empty; a PyTorch checkpoint was expected.`);
  const head = Buffer.from(source.read(0, Math.min(source.size, 512)));
  if (head.subarray(0, legacyMagic.length).equals(legacyMagic)) {
    throw new UserError(`${source.name}: the format of PyTorch before 1.6 (not a zip file) is not read.`, {
      hint: resave,
    });
  }
  if (head.subarray(257, 262).toString('latin1') === 'ustar') {
    throw new UserError(`${source.name}: the tar format of PyTorch before 0.1.10 is not read.`, {
      hint: resave,
    });
  }
  if (head[0] === 0x80 && head[1]! <= 5) {
    throw new UserError(`${source.name}: a bare Python pickle, not a file written by torch.save.`, {
      hint: resave,
    });
  }
}
