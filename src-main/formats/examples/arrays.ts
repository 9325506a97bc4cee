/** Examples as other programs store them: NumPy's .npy and .npz, IDX. Values are checked, and named by row if refused. */
import { statSync } from 'node:fs';
import { UserError } from '../../../src-shared/errors.ts';
import { readIdx } from '../idx.ts';
import { decodeNpy, readNpy } from '../npy.ts';
import { fileError, openSource } from '../source.ts';
import type { TensorValue } from '../tensor.ts';
import { openZip } from '../torch/zip.ts';

/** Numbers of examples as a data set keeps them: bytes stay bytes, tokens are int32, all else becomes float32. */
export interface ExampleArray {
  /** The first axis is that of the examples. */
  shape: number[];
  data: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  /** Names it in messages. */
  source: string;
  /** What is known of the axes of images; absent: their sizes or a setting decide. */
  layout?: 'channels-first';
  /** What the columns of a table are called. */
  columns?: readonly string[];
}

/** Class numbers, or class names. */
export interface LabelList {
  values: readonly number[] | readonly string[];
  source: string;
  /** Where label i stands, for messages: "row 3 (the first is 0)", "line 12". */
  place: (index: number) => string;
}

/** Of one data set's numbers, in bytes: some machines have no longer arrays. */
const mostBytes = 2 ** 32;

/**
 * Room for numbers of so many bytes.
 * @param what says what they are for, in messages
 * @throws UserError if they are more than fit into one array
 */
export function newArray<T>(bytes: number, what: string, make: () => T): T {
  try {
    if (bytes <= mostBytes) return make();
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
  }
  throw new UserError(
    `${what}: the examples would take ${(bytes / 2 ** 30).toFixed(1)} GiB; at most 4 GiB fit into one data set.`,
    { hint: 'Use fewer examples, or smaller ones.' },
  );
}

export type FileKind = 'npy' | 'npz' | 'idx' | 'table' | 'folder';

const largest = 2 ** 31 - 1;

/** `archive.npz:name` names one array of an archive. */
export function splitMember(path: string): { file: string; member: string | undefined } {
  const match = /^(.*\.npz):([^/\\:]+)$/i.exec(path);
  return match
    ? { file: match[1]!, member: match[2]!.replace(/\.npy$/, '') }
    : { file: path, member: undefined };
}

/** What lies at `path`, by its first bytes. @throws UserError if nothing does */
export function kindOfExamples(path: string): FileKind {
  const { file } = splitMember(path);
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw fileError(file, 'open', Object.assign(new Error(), { code: 'ENOENT' }));
  if (found.isDirectory()) return 'folder';
  const head = firstBytes(file);
  if (head.toString('latin1', 1, 6) === 'NUMPY') return 'npy';
  if (head[0] === 0x50 && head[1] === 0x4b) return 'npz';
  if ((head[0] === 0x1f && head[1] === 0x8b) || (head[0] === 0 && head[1] === 0)) return 'idx';
  return 'table';
}

function firstBytes(file: string): Buffer {
  const source = openSource(file);
  try {
    return Buffer.from(source.read(0, Math.min(source.size, 8)));
  } finally {
    source.close();
  }
}

/** @throws UserError naming the file and what is wrong with it */
export function readArray(path: string, kind: 'npy' | 'npz' | 'idx'): TensorValue {
  if (kind === 'npy') return readNpy(path);
  if (kind === 'npz') return readNpz(path);
  const { shape, data } = readIdx(path);
  return { dtype: 'uint8', shape, data };
}

function readNpz(path: string): TensorValue {
  const { file, member } = splitMember(path);
  const source = openSource(file);
  try {
    const archive = openZip(source, { largestInflated: largest });
    const arrays = new Map(
      [...archive.entries.values()]
        .filter(({ name }) => name.endsWith('.npy'))
        .map((entry) => [entry.name.replace(/\.npy$/, ''), entry] as const),
    );
    const names = [...arrays.keys()];
    const wanted = member ?? (names.length === 1 ? names[0]! : undefined);
    const found = wanted === undefined ? undefined : arrays.get(wanted);
    if (found) return decodeNpy(archive.read(found), `${file}, array ${wanted}`);
    const what =
      member === undefined ? 'the path does not say which array is meant' : `there is no array "${member}"`;
    throw new UserError(`${file}: ${what}; the archive holds ${names.join(', ') || 'no arrays'}.`, {
      hint: `Name one after a colon: ${file}:${names[0] ?? 'NAME'}.`,
    });
  } finally {
    source.close();
  }
}

/** Values that float32 holds exactly as integers lie up to here. */
export const largestExact = 2 ** 24;

/**
 * Bytes as bytes, which count from 0 to 1; everything else as float32, booleans as 0 and 1.
 * @throws UserError naming the row and the value if one is not finite or float32 cannot hold it
 */
export function exampleNumbers({ dtype, shape, data }: TensorValue, source: string): ExampleArray {
  if (shape.length < 2 || shape.length > 4) {
    throw new UserError(
      `${source}: an array of shape [${shape.join(', ')}]; [examples, numbers], [examples, height, width] or images with channels were expected.`,
    );
  }
  if (shape.some((size) => size === 0))
    throw new UserError(`${source}: shape [${shape.join(', ')}]: the array is empty.`);
  if (dtype === 'uint8') return { shape: [...shape], data: data as Uint8Array<ArrayBuffer>, source };
  const x = newArray(4 * data.length, source, () => new Float32Array(data.length));
  const features = data.length / shape[0]!;
  const whole = dtype.startsWith('int');
  for (let i = 0; i < x.length; i++) {
    const value = Number(data[i]!);
    x[i] = value;
    const held = Number.isFinite(x[i]!) && (!whole || Math.abs(value) <= largestExact);
    if (held) continue;
    const why = Number.isFinite(value) ? 'which float32 cannot hold' : 'which is not a finite number';
    throw new UserError(
      `${source}: row ${Math.floor(i / features)} (the first is 0), number ${i % features}: ${value}, ${why}.`,
      { hint: 'Remove the row, or replace the value with a finite number.' },
    );
  }
  return { shape: [...shape], data: x, source };
}

/** @throws UserError naming the row and the value that is no class number */
export function classNumbers({ dtype, shape, data }: TensorValue, source: string): LabelList {
  const flat = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!flat) {
    const oneHot = shape.length === 2;
    throw new UserError(
      `${source}: labels of shape [${shape.join(', ')}]; one number per example was expected.`,
      {
        ...(oneHot && { hint: 'If there is one column per class, save labels.argmax(axis=1).' }),
      },
    );
  }
  const place = (row: number): string => `row ${row} (the first is 0)`;
  const values = Array.from(data as ArrayLike<number | bigint>, (value, row) => {
    const number = Number(value);
    if (Number.isSafeInteger(number) && number >= 0) return number;
    throw new UserError(
      `${source}: ${place(row)}: the label is ${number} (${dtype}); a class number, 0 or above, was expected.`,
    );
  });
  return { values, source, place };
}
