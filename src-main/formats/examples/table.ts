/** Examples in a CSV table: one line each, numbers between commas, semicolons or tabs; names in the first line or none. */
import { UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { readWholeFile } from '../source.ts';
import { decodeText } from '../text-file.ts';
import { newArray } from './arrays.ts';
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

/**
 * @param column that will be asked for: a first line with this name in it is one of names
 * @throws UserError for a file without rows, with rows of different lengths, or whose first line may be either names or
 * numbers, naming the line
 */
export function readTable(path: string, column?: string): Table {
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
  const isAskedFor = column !== undefined && !isNumber(column) && cells[0]!.includes(column);
  const named = cells.length > 1 && (isAskedFor || hasNames(cells[0]!, cells[1]!));
  if (!named) refuseNumberedNames(cells[0]!, `${path}, line ${first + 1}`);
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

/**
 * pandas numbers the columns that have no names, and writes the numbers into the first line.
 * @throws UserError if the first line may be such a one
 */
function refuseNumberedNames(first: readonly string[], where: string): void {
  const numbers = first.filter(isNumber).map(Number);
  if (numbers.length < 2 || numbers.some((value, i) => value !== i)) return;
  throw new UserError(
    `${where}: 0 to ${numbers.length - 1} in order: pandas writes such numbers as names of the columns, and it is not clear whether this is an example.`,
    {
      hint: 'If it is a line of names, remove it (pandas: to_csv(path, header=False, index=False)). If it is an example, move it below another one.',
    },
  );
}

/**
 * @param kept columns that are taken as numbers
 * @throws UserError if the first of them is the index that pandas writes
 */
function refuseIndex({ path, names, rows }: Table, kept: readonly number[]): void {
  const unnamed = kept.find((i) => names && /^(|Unnamed: \d+(_level_\d+)?)$/.test(names[i]!));
  const counts = kept.includes(0) && rows.length > 2 && rows.every((row, i) => row[0] === String(i));
  if (unnamed === undefined && !counts) return;
  const what =
    unnamed === undefined
      ? 'column 1 counts the lines from 0'
      : `column ${unnamed + 1} has no name ("${names![unnamed]!}")`;
  throw new UserError(
    `${path}: ${what}, as the index does that pandas writes; it is not a number of the examples.`,
    {
      hint: `Save the table without it: to_csv(path, index=False).${counts ? ' If it is meant, move it behind another column.' : ' If it is meant, give it a name.'}`,
    },
  );
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

/**
 * All columns but `without` as [rows, columns].
 * @throws UserError naming line, column and value, and for the index that pandas writes
 */
export function tableNumbers(table: Table, without?: number): ExampleArray {
  const { path, rows } = table;
  const columns = (rows[0] ?? []).flatMap((_, i) => (i === without ? [] : [i]));
  if (rows.length === 0 || columns.length === 0) throw new UserError(`${path}: the table holds no numbers.`);
  refuseIndex(table, columns);
  return columnNumbers(table, columns);
}

/** These columns as [rows, columns]. @throws UserError naming line, column and value */
export function columnNumbers({ path, names, rows, line }: Table, columns: readonly number[]): ExampleArray {
  const size = rows.length * columns.length;
  const data = newArray(4 * size, path, () => new Float32Array(size));
  rows.forEach((row, r) => {
    columns.forEach((column, c) => {
      const cell = row[column]!;
      const value = Math.fround(cell === '' ? NaN : Number(cell));
      if (!Number.isFinite(value)) {
        const called = names ? `"${names[column]}"` : String(column + 1);
        throw new UserError(
          `${path}, line ${line(r)}, column ${called}: ${cell === '' ? 'nothing' : `"${cell}"`}; a number was expected.`,
        );
      }
      data[r * columns.length + c] = value;
    });
  });
  const shape = [rows.length, columns.length];
  return { shape, data, source: path, ...(names && { columns: columns.map((i) => names[i]!) }) };
}

/**
 * The labels of one column: class names if no cell is a number, else class numbers.
 * @throws UserError for an empty cell, and for a cell that is no class number among others that are numbers
 */
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
