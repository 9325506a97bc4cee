/** Examples as other programs store them: NumPy's .npy and .npz, IDX. Values are checked, and named by row if refused. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import { readIdx } from '../idx.ts';
import { decodeNpy, readNpy } from '../npy.ts';
import { fileError, readWholeFile } from '../source.ts';
import type { TensorValue } from '../tensor.ts';

/** Numbers of examples as a data set keeps them: bytes stay bytes, all else becomes float32. */
export interface ExampleArray {
  /** The first axis is that of the examples. */
  shape: number[];
  data: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** Names it in messages. */
  source: string;
}

/** Class numbers, or class names. */
export interface LabelList {
  values: readonly number[] | readonly string[];
  source: string;
  /** Where label i stands, for messages: "row 3 (the first is 0)", "line 12". */
  place: (index: number) => string;
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
  const bytes = Buffer.alloc(8);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } catch (thrown) {
    throw fileError(file, 'read', thrown);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
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
  const names: string[] = [];
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(readWholeFile(file, largest), {
      filter: ({ name, originalSize }) => {
        if (!name.endsWith('.npy')) return false;
        names.push(name.replace(/\.npy$/, ''));
        return originalSize <= largest && (member === undefined || name === `${member}.npy`);
      },
    });
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${file}: the archive is damaged or cut short (${messageOf(thrown)}).`, {
      cause: thrown,
    });
  }
  const [found, ...others] = Object.entries(entries);
  if (found && others.length === 0) return decodeNpy(found[1], `${file}, array ${found[0]}`);
  const what =
    member === undefined ? 'it has to be said which array is meant' : `there is no array "${member}"`;
  throw new UserError(`${file}: ${what}; the archive holds ${names.join(', ') || 'no arrays'}.`, {
    hint: `Name one behind a colon: ${file}:${names[0] ?? 'NAME'}.`,
  });
}

/** Values that float32 holds exactly as integers lie up to here. */
const largestExact = 2 ** 24;

/**
 * Bytes and booleans as bytes, everything else as float32.
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
  if (dtype === 'uint8' || dtype === 'bool')
    return { shape: [...shape], data: data as Uint8Array<ArrayBuffer>, source };
  const x = new Float32Array(data.length);
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
        ...(oneHot && { hint: 'Of one column per class: save labels.argmax(axis=1).' }),
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
