/**
 * What torch.save wrote before PyTorch 1.6, and writes with `_use_new_zipfile_serialization=False`: five pickles (a
 * magic number, a version, facts about the machine, the value, the keys of its storages), then for each storage, in
 * that order, its number of elements (int64) and the elements. There are no checksums.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { ByteSource } from '../source.ts';
import type { TensorStorage } from '../tensor.ts';
import { checkTree } from './check-tree.ts';
import { PickleCutShort } from './pickle-bytes.ts';
import { unpickleNext } from './pickle.ts';
import type { Tree } from './tree.ts';
import { AllowedGlobal, StorageReference } from './values.ts';
import type { ElementType, PickleValue } from './values.ts';

const magic = 0x1950a86a20f9469cfc6cn;
const version = 1001;
/** Most of the file is elements: a pickle is looked for in its first bytes, and in more if it goes on. */
const windows = [2 ** 16, 2 ** 21, 64 * 2 ** 20];

/** A storage whose place in the file is known once all pickles are read. */
interface StoredStorage {
  readonly key: string;
  readonly element: ElementType;
  readonly count: number;
  /** Of its first element; undefined until it is found. */
  start: number | undefined;
  readonly storage: TensorStorage;
}

/** @throws UserError naming the file and the offset */
export function readLegacy(source: ByteSource): Tree {
  const reader = new LegacyReader(source);
  if (reader.plain('the magic number') !== magic)
    throw new UserError(`${source.name}: offset 0: the magic number of torch.save was expected.`);
  const found = reader.plain('the version');
  if (found !== version)
    throw reader.wrong(`version ${version} of the format was expected, found ${describe(found)}`);
  checkMachine(reader);
  const root = reader.value();
  reader.locateStorages();
  return root;
}

function checkMachine(reader: LegacyReader): void {
  const facts = reader.plain('the facts about the machine');
  if (!(facts instanceof Map)) throw reader.wrong('a dict of facts about the machine was expected');
  if (facts.get('little_endian') !== true)
    throw reader.wrong('the file was written on a big-endian machine; only little-endian files are read');
}

class LegacyReader {
  private readonly source: ByteSource;
  private at = 0;
  private readonly storages = new Map<string, StoredStorage>();

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** The next pickle, which has no tensors. */
  plain(what: string): PickleValue {
    return this.next(what, (_, where) => {
      throw new UserError(`${where}: a storage inside ${what}.`);
    });
  }

  /** The pickle of the value that was saved. */
  value(): Tree {
    const root = this.next('the saved value', (id, where) => this.reference(id, where));
    return checkTree(root, `${this.source.name}: offset ${this.at}`);
  }

  /** Reads the list of keys, then goes from storage to storage; checks that each is there and ends inside the file. */
  locateStorages(): void {
    const keys = this.plain('the list of storages');
    if (!Array.isArray(keys)) throw this.wrong('a list of the keys of storages was expected');
    for (const key of keys as PickleValue[]) {
      const stored = typeof key === 'string' ? this.storages.get(key) : undefined;
      if (!stored || stored.start !== undefined)
        throw this.wrong(
          `the list of storages has ${describe(key)}, which is not a storage of the saved value or appears twice`,
        );
      this.locate(stored);
    }
    for (const { key, start } of this.storages.values())
      if (start === undefined) throw this.wrong(`storage ${JSON.stringify(key)} is not in the file`);
  }

  wrong(why: string): UserError {
    return new UserError(`${this.source.name}: offset ${this.at}: ${why}.`);
  }

  private locate(stored: StoredStorage): void {
    const { key, element, count } = stored;
    if (this.at + 8 > this.source.size)
      throw this.wrong(`the file is cut short before storage ${JSON.stringify(key)}`);
    const found = Buffer.from(this.source.read(this.at, 8)).readBigInt64LE();
    if (found !== BigInt(count))
      throw this.wrong(`storage ${JSON.stringify(key)} has ${found} elements; ${count} were expected`);
    const start = this.at + 8;
    const end = start + count * element.bytes;
    if (end > this.source.size)
      throw this.wrong(
        `the file is cut short: storage ${JSON.stringify(key)} ends at offset ${end}, the file at ${this.source.size}`,
      );
    stored.start = start;
    this.at = end;
  }

  private next(
    what: string,
    persistentLoad: (id: readonly PickleValue[], where: string) => PickleValue,
  ): PickleValue {
    const rest = this.source.size - this.at;
    for (const window of windows) {
      const bytes = this.source.read(this.at, Math.min(rest, window));
      try {
        const options = { name: `${this.source.name}: ${what}`, base: this.at, persistentLoad };
        const { value, length } = unpickleNext(bytes, options);
        this.at += length;
        return value;
      } catch (thrown) {
        const goesOn = thrown instanceof PickleCutShort && rest > window;
        if (!goesOn || window === windows.at(-1)) throw thrown;
        this.storages.clear();
      }
    }
    throw new Error('unreachable');
  }

  /** ('storage', class, key, location, number of elements, view): the view is None, or (key, offset, size) in it. */
  private reference(id: readonly PickleValue[], where: string): PickleValue {
    const [kind, type, key, , count, view = null] = id;
    const element = type instanceof AllowedGlobal ? type.element : undefined;
    // ('module', class, source file, source): only a pickled model has them, and its class is not allowed.
    if (kind !== 'storage' || id.length < 5 || id.length > 6 || !element || typeof key !== 'string')
      throw new UserError(
        `${where}: a persistent id is not ('storage', class, key, location, number of elements, view).`,
      );
    if (!isCount(count)) throw new UserError(`${where}: storage ${JSON.stringify(key)} has no valid size.`);
    const stored = this.storages.get(key) ?? this.add(key, element, count, where);
    if (stored.element.bytes !== element.bytes || stored.count !== count)
      throw new UserError(`${where}: storage ${JSON.stringify(key)} is listed with two sizes.`);
    return new StorageReference(view === null ? stored.storage : part(stored, view, where), element);
  }

  private add(key: string, element: ElementType, count: number, where: string): StoredStorage {
    const byteLength = count * element.bytes;
    // Before anything is allocated for it.
    if (byteLength > this.source.size)
      throw new UserError(
        `${where}: storage ${JSON.stringify(key)} should hold ${count} elements of ${element.name}, but the file has ${this.source.size} bytes.`,
      );
    const stored: StoredStorage = {
      ...{ key, element, count, start: undefined },
      storage: {
        key,
        byteLength,
        bytes: (offset, length) => this.source.read(stored.start! + offset, length),
      },
    };
    this.storages.set(key, stored);
    return stored;
  }
}

/** Storages of PyTorch before 0.4 could be parts of others. */
function part(
  { storage, element, count, key }: StoredStorage,
  view: PickleValue,
  where: string,
): TensorStorage {
  const [name, offset, size] = Array.isArray(view) ? (view as PickleValue[]) : [];
  if (typeof name !== 'string' || !isCount(offset) || !isCount(size) || offset + size > count)
    throw new UserError(`${where}: a view of storage ${JSON.stringify(key)} extends beyond it.`);
  const start = offset * element.bytes;
  const bytes: TensorStorage['bytes'] = (from, length) => storage.bytes(start + from, length);
  return { key: name, byteLength: size * element.bytes, bytes };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function describe(value: PickleValue): string {
  const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
  return isText ? JSON.stringify(String(value).slice(0, 80)) : 'something else';
}
