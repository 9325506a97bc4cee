/** Examples in a CSV table: one line each, numbers between commas, semicolons or tabs; names in the first line or none. */
import { UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { readWholeFile } from '../source.ts';
import { decodeText } from '../text-file.ts';
import type { ExampleArray, LabelList } from './arrays.ts';

/** The text has to fit into one string. */
const largestTable = 400 * 2 ** 20;

export interface Table {
  path: string;
  /** Of the first line, if it holds names. */
  names: readonly string[] | undefined;
  rows: readonly (readonly string[])[];
  /** Line of the file in which row i stands, from 1. */
  line: (row: number) => number;
}

/** @throws UserError for a file without rows, or with rows of different lengths, naming the line */
export function readTable(path: string): Table {
  const text = decodeText(readWholeFile(path, largestTable));
  const lines = text.split(/\r\n|\n|\r/);
  const kept = lines.flatMap((line, i) => (line.trim() === '' ? [] : [i]));
  const [first] = kept;
  if (first === undefined) throw new UserError(`${path}: the table is empty.`);
  const separator = separatorOf(lines[first]!);
  const cells = kept.map((i) => cellsOf(lines[i]!, separator, `${path}, line ${i + 1}`));
  const width = cells[0]!.length;
  const uneven = cells.findIndex((row) => row.length !== width);
  if (uneven >= 0) {
    throw new UserError(
      `${path}, line ${kept[uneven]! + 1}: ${cells[uneven]!.length} cells; the first line has ${width}.`,
    );
  }
  const named = cells.length > 1 && hasNames(cells[0]!, cells[1]!);
  const skip = named ? 1 : 0;
  return {
    path,
    names: named ? cells[0] : undefined,
    rows: cells.slice(skip),
    line: (row) => kept[row + skip]! + 1,
  };
}

const separatorOf = (line: string): string => [',', ';', '\t'].find((each) => line.includes(each)) ?? ',';

/** Names stand where the line below has a number, or are what a column of labels is usually called. */
function hasNames(first: readonly string[], second: readonly string[]): boolean {
  const overNumbers = first.some((cell, i) => !isNumber(cell) && isNumber(second[i]!));
  return overNumbers || (first.length === 1 && /^(labels?|class(es)?|targets?|y)$/i.test(first[0]!));
}

const isNumber = (cell: string): boolean => cell !== '' && !Number.isNaN(Number(cell));

function cellsOf(line: string, separator: string, where: string): string[] {
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim());
  const cells: string[] = [];
  const pattern = new RegExp(`\\s*(?:"((?:[^"]|"")*)"\\s*|([^"${separator}]*))(${separator}|$)`, 'y');
  for (let end = false; !end;) {
    const match = pattern.exec(line);
    if (!match) throw new UserError(`${where}: a quotation mark is not closed, or stands inside a cell.`);
    cells.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"'));
    end = match[3] === '';
  }
  return cells;
}

/** @throws UserError if there is no such column */
export function columnOf({ path, names, rows }: Table, wanted: string): number {
  const found = names?.indexOf(wanted) ?? -1;
  if (found >= 0) return found;
  const width = rows[0]?.length ?? 0;
  const number = Number(wanted);
  if (Number.isInteger(number) && number >= 1 && number <= width) return number - 1;
  const has = names
    ? `its columns are ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}`
    : `it has ${width} columns and no names`;
  throw new UserError(`${path}: there is no column "${wanted}"; ${has}.${didYouMean(wanted, names ?? [])}`, {
    hint: 'Give a name of the first line, or the number of the column, from 1.',
  });
}

/** All columns but `without` as [rows, columns]. @throws UserError naming line, column and value */
export function tableNumbers(table: Table, without?: number): ExampleArray {
  const { path, names, rows, line } = table;
  const columns = (rows[0] ?? []).flatMap((_, i) => (i === without ? [] : [i]));
  if (rows.length === 0 || columns.length === 0) throw new UserError(`${path}: the table holds no numbers.`);
  const data = new Float32Array(rows.length * columns.length);
  rows.forEach((row, r) => {
    columns.forEach((column, c) => {
      const cell = row[column]!;
      const value = Math.fround(cell === '' ? NaN : Number(cell));
      if (!Number.isFinite(value)) {
        const called = names ? `"${names[column]}"` : String(column + 1);
        throw new UserError(
          `${path}, line ${line(r)}, column ${called}: ${cell === '' ? 'nothing' : `"${cell}"`}, where a number was expected.`,
        );
      }
      data[r * columns.length + c] = value;
    });
  });
  return { shape: [rows.length, columns.length], data, source: path };
}

/** The labels of one column: class numbers if all cells are whole numbers, else class names. @throws UserError */
export function tableLabels(table: Table, column: number): LabelList {
  const { path, rows, line } = table;
  const place = (row: number): string => `line ${line(row)}`;
  const cells = rows.map((row, r) => {
    const cell = row[column]!;
    if (cell === '') throw new UserError(`${path}, ${place(r)}: the label is missing.`);
    return cell;
  });
  const numeric = cells.findIndex(isNumber) >= 0;
  if (!numeric) return { values: cells, source: path, place };
  const values = cells.map((cell, r) => {
    const value = Number(cell);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new UserError(
      `${path}, ${place(r)}: the label is "${cell}"; a class number, 0 or above, was expected, as other lines have it.`,
    );
  });
  return { values, source: path, place };
}
