/** A stored result as one file for a notebook or a spreadsheet. */
import type { ResponseOf } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import { isJobKind, jobKindNamed } from '../../src-shared/jobs/index.ts';
import { toRows } from '../../src-shared/matrix.ts';
import { formatCsv, type CsvCell } from '../formats/csv.ts';
import { encodeNpy } from '../formats/npy.ts';
import { zipOf } from '../formats/zip.ts';
import { rowFields, type Fields } from './integer-fields.ts';
import { tensorOf } from './matrix-files.ts';
import type { ResultStore } from './results.ts';
import { encodeTable } from './table-parquet.ts';

type Row = Record<string, unknown>;
type Format = 'json' | 'csv' | 'parquet' | 'npy';

/**
 * json: everything, matrices as lists of rows. csv and parquet: one row per pair, layer or whatever the result lists;
 * csv unrolls curves to one line per point. npy: the matrix; several are one .npz (numpy.load opens both).
 */
export function exportResult(results: ResultStore, id: string, format: Format): ResponseOf<'results.export'> {
  const file = results.read(id);
  const filename = `${id}.${format}`;
  if (format === 'npy') return { filename, bytes: npy(results, id, file.data) };
  const data = withMatrices(file.data, (name) => toRows(results.matrix(id, name)));
  if (format === 'json') {
    const { kind, params, provenance } = file;
    return {
      filename,
      bytes: Buffer.from(`${JSON.stringify({ kind, params, provenance, data }, null, 1)}\n`),
    };
  }
  const rows = columnsOf(file.kind, data) ?? tableOf(data);
  if (format === 'parquet') {
    const metadata = new Map([
      ['basin', JSON.stringify({ kind: file.kind, params: file.params, provenance: file.provenance })],
    ]);
    return { filename, bytes: encodeTable(rows, metadata, fieldsOf(file.kind)) };
  }
  return { filename, bytes: Buffer.from(csv(rows)) };
}

const fieldsOf = (kind: string): Fields | undefined =>
  isJobKind(kind) ? rowFields(jobKindNamed(kind).result) : undefined;

function isObject(value: unknown): value is Row {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function withMatrices(value: unknown, load: (name: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withMatrices(item, load));
  if (!isObject(value)) return value;
  if (typeof value['$matrix'] === 'string') return load(value['$matrix']);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withMatrices(item, load)]));
}

function matrixNames(value: unknown): string[] {
  const names: string[] = [];
  withMatrices(value, (name) => names.push(name));
  return names;
}

function npy(results: ResultStore, id: string, data: unknown): Uint8Array {
  const names = matrixNames(data);
  const encode = (name: string): Uint8Array => encodeNpy(tensorOf(results.matrix(id, name)));
  if (names.length === 0) {
    throw new UserError(`Result ${id} has no matrices to write as .npy.`, {
      hint: 'Choose json, csv or parquet.',
    });
  }
  if (names.length === 1) return encode(names[0]!);
  const files = Object.fromEntries(names.map((name) => [`${name}.npy`, encode(name)]));
  return zipOf(files, 0);
}

/** One row per result, or per element of a result that is a list, for the kinds that name their columns. */
function columnsOf(kind: string, data: unknown): Row[] | undefined {
  const columns = isJobKind(kind) ? jobKindNamed(kind).tableColumns : undefined;
  if (columns === undefined) return undefined;
  const rows = (Array.isArray(data) ? data : [data]).filter(isObject);
  return rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
}

/** The longest list of objects at the top of a result, each row with what all of them share; else one row. */
function tableOf(data: unknown): Row[] {
  if (Array.isArray(data) && data.every(isObject)) return data;
  if (!isObject(data)) return [{ value: data }];
  const lists = Object.entries(data).filter(
    ([, value]) => Array.isArray(value) && value.length > 0 && value.every(isObject),
  );
  const longest = lists.toSorted(([, a], [, b]) => (b as unknown[]).length - (a as unknown[]).length)[0];
  if (!longest) return [data];
  const [name, rows] = longest as [string, Row[]];
  const shared = Object.entries(data).filter(
    ([key, value]) => key !== name && (value === null || typeof value !== 'object'),
  );
  return rows.map((row) => ({ ...Object.fromEntries(shared), ...row }));
}

function csv(rows: readonly Row[]): string {
  const flat = rows.flatMap((row) => unroll(dotted(row)));
  const columns = [...new Set(flat.flatMap((row) => Object.keys(row)))];
  return formatCsv(
    columns,
    flat.map((row) => columns.map((column) => cell(row[column]))),
  );
}

function cell(value: unknown): CsvCell {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'number' || typeof value === 'string' ? value : String(value);
}

function dotted(row: Row, prefix = ''): Row {
  return Object.fromEntries(
    Object.entries(row).flatMap(([key, value]) =>
      isObject(value) ? Object.entries(dotted(value, `${prefix}${key}.`)) : [[prefix + key, value]],
    ),
  );
}

/** Lists of numbers of one common length (curves) become that many lines, with their position as `index`. */
function unroll(row: Row): Row[] {
  const lists = Object.entries(row).filter(
    ([, value]) =>
      Array.isArray(value) &&
      value.length > 1 &&
      // A point that is not finite is null.
      value.every((item) => item === null || typeof item === 'number'),
  ) as [string, (number | null)[]][];
  const length = lists[0]?.[1].length ?? 0;
  if (length === 0 || lists.some(([, list]) => list.length !== length)) return [row];
  return Array.from({ length }, (_, index) => ({
    ...row,
    index,
    ...Object.fromEntries(lists.map(([key, list]) => [key, list[index]])),
  }));
}
