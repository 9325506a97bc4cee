/** Large tables of numbers in CSV, plain or gzipped, without a string as long as the file. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { readWholeFile } from './source.ts';

/** Of a file as it lies there, and unpacked. */
const largestFile = 2 ** 31 - 1;

type Numbers = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

export interface NumberTable<T extends Numbers> {
  rows: number;
  columns: number;
  /** [rows, columns], C order. */
  data: T;
  /** Line of the file in which row i stands, from 1. */
  line: (row: number) => number;
  /** Hex SHA-256 of the unpacked file. */
  sha256: string;
}

/** What cells have to be. */
export interface CellKind<T extends Numbers> {
  make: (length: number) => T;
  /** For messages: "a finite number". */
  what: string;
  fits: (value: number) => boolean;
}

export const finiteNumbers: CellKind<Float32Array<ArrayBuffer>> = {
  make: (length) => new Float32Array(length),
  what: 'a finite number',
  fits: (value) => Number.isFinite(Math.fround(value)),
};

/** From 0 on: numbers of nodes and of classes. */
export const counts: CellKind<Int32Array<ArrayBuffer>> = {
  make: (length) => new Int32Array(length),
  what: 'a whole number from 0 on',
  fits: (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31,
};

/** The bytes of a file, unpacked if it ends in `.gz`. @throws UserError naming the file */
export function unpackedBytes(path: string): Uint8Array {
  const bytes = readWholeFile(path, largestFile);
  if (!path.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: largestFile });
  } catch (thrown) {
    throw new UserError(`${path}: the gzip data are damaged or cut short (${messageOf(thrown)}).`, {
      hint: 'Copy or download the file again.',
    });
  }
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Numbers between commas; a first line without any number holds names and is passed over, and so are empty lines.
 * @throws UserError naming the file, the line and the cell
 */
export function readNumberTable<T extends Numbers>(path: string, kind: CellKind<T>): NumberTable<T> {
  const bytes = unpackedBytes(path);
  const lines: number[] = [];
  let data = kind.make(1024);
  let [columns, size, line] = [0, 0, 0];
  for (let start = 0; start < bytes.length;) {
    line++;
    let end = bytes.indexOf(newline, start);
    if (end < 0) end = bytes.length;
    const cells = cellsBetween(bytes, start, end);
    start = end + 1;
    if (cells.length === 1 && cells[0] === '') continue;
    if (lines.length === 0 && columns === 0) {
      columns = cells.length;
      if (cells.every((cell) => Number.isNaN(Number(cell)))) continue;
    }
    if (cells.length !== columns)
      throw new UserError(
        `${path}, line ${line}: ${cells.length} cells; ${columns} were expected, as in the first line.`,
      );
    if (size + columns > data.length) data = grown(kind, data, size + columns);
    for (const [k, cell] of cells.entries()) {
      const value = cell === '' ? NaN : Number(cell);
      if (!kind.fits(value))
        throw new UserError(`${path}, line ${line}, cell ${k + 1}: "${cell}"; ${kind.what} was expected.`);
      data[size++] = value;
    }
    lines.push(line);
  }
  return {
    ...{ rows: lines.length, columns, sha256: sha256Of(bytes) },
    data: data.slice(0, size) as T,
    line: (row) => lines[row]!,
  };
}

const newline = 0x0a;

function cellsBetween(bytes: Uint8Array, start: number, end: number): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  return text.split(',').map((cell) => cell.trim());
}

function grown<T extends Numbers>({ make }: CellKind<T>, data: T, least: number): T {
  const larger = make(Math.max(least, 2 * data.length));
  larger.set(data);
  return larger;
}
