/** Parquet files with nested columns (lists and structs), as pandas and pyarrow write and read them. zstd by default. */
import { zstdCompressSync, gzipSync } from 'node:zlib';
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { writeFileAtomic } from './atomic.ts';
import { openSource } from './source.ts';

/** int64 columns take and give bigint. Every value may be null. */
export type ParquetType =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'float'
  | 'double'
  | { list: ParquetType }
  | { struct: { [field: string]: ParquetType } };

export type ParquetValue =
  | null
  | undefined
  | string
  | boolean
  | number
  | bigint
  | readonly ParquetValue[]
  | Float64Array
  | Float32Array
  | Int32Array
  | { readonly [field: string]: ParquetValue };

export interface ParquetColumn {
  name: string;
  type: ParquetType;
  /** One value per row. A list may be a typed array. */
  values: readonly ParquetValue[];
}

export interface ParquetTable {
  /** Names and types of the columns, as `name: type` in pyarrow's words. */
  columns: string[];
  /** Lists as arrays, structs as objects, int64 as bigint. */
  rows: Record<string, unknown>[];
  /** Free text by key, e.g. provenance. */
  metadata: Map<string, string>;
}

export interface ParquetOptions {
  codec?: 'ZSTD' | 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED';
  metadata?: ReadonlyMap<string, string>;
}

const createdBy = 'Basin';

/** Repeated values compress well, but a file that announces more than this many wants to exhaust memory. */
const fewestLimit = 1_000_000;
const valuesPerByte = 64;

/** Writes a table atomically. The whole file is built in memory first. @throws UserError if it cannot be written. */
export function writeParquet(
  path: string,
  columns: readonly ParquetColumn[],
  options: ParquetOptions = {},
): void {
  writeFileAtomic(path, encodeParquet(columns, options));
}

/** The bytes of a Parquet file. */
export function encodeParquet(columns: readonly ParquetColumn[], options: ParquetOptions = {}): Uint8Array {
  const rows = columns[0]?.values.length ?? 0;
  const odd = columns.find((column) => column.values.length !== rows);
  if (odd) throw new Error(`column ${odd.name} has ${odd.values.length} rows, the first one ${rows}`);
  const schema: SchemaElement[] = [{ name: 'schema', num_children: columns.length }];
  for (const { name, type } of columns) addSchema(schema, name, type);
  const bytes = parquetWriteBuffer({
    columnData: columns.map(({ name, type, values }) => ({
      name,
      data: values.map((value) => prepare(value, type)),
    })),
    schema,
    codec: options.codec ?? 'ZSTD',
    compressors: { ZSTD: (input) => zstdCompressSync(input), GZIP: (input) => gzipSync(input) },
    kvMetadata: [...(options.metadata ?? [])].map(([key, value]) => ({ key, value })),
    createdBy,
  });
  return new Uint8Array(bytes);
}

/**
 * Reads a table, or some of its columns.
 * @throws UserError if the file is no Parquet file, is damaged, or lacks a column that was asked for.
 */
export async function readParquet(path: string, options: { columns?: string[] } = {}): Promise<ParquetTable> {
  const source = openSource(path);
  try {
    const buffer: AsyncBuffer = {
      byteLength: source.size,
      // Async, so that a range outside the file rejects instead of throwing into the reader's loop.
      slice: async (start, end = source.size) => {
        const from = start < 0 ? source.size + start : start;
        return source.read(from, end - from).buffer;
      },
    };
    return await readTable(buffer, path, options.columns);
  } finally {
    source.close();
  }
}

async function readTable(
  file: AsyncBuffer,
  path: string,
  wanted: string[] | undefined,
): Promise<ParquetTable> {
  try {
    const metadata = await parquetMetadataAsync(file);
    checkMetadata(metadata, path, file.byteLength);
    const { children } = parquetSchema(metadata);
    const names = children.map((child) => child.element.name);
    const missing = wanted?.find((name) => !names.includes(name));
    if (missing !== undefined)
      throw new UserError(`${path}: there is no column "${missing}"; it has ${names.join(', ')}.`);
    const rows = await parquetReadObjects({
      file,
      metadata,
      compressors,
      ...(wanted ? { columns: wanted } : {}),
    });
    const pairs = (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''] as const);
    return {
      columns: children.map((child) => `${child.element.name}: ${typeName(child)}`),
      rows,
      metadata: new Map(pairs),
    };
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${path}: no Parquet file, or a damaged one: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
}

/**
 * What the reader takes on trust: every row group has exactly the leaves of the schema (a column that belongs nowhere
 * would be read with nobody waiting for its error), and no more rows than values.
 */
function checkMetadata(metadata: FileMetaData, path: string, fileSize: number): void {
  const leafPaths = leavesOf(parquetSchema(metadata)).join('\n');
  const most = fewestLimit + valuesPerByte * fileSize;
  let total = 0;
  metadata.row_groups.forEach((group, index) => {
    const refuse = (why: string): never => {
      throw new UserError(`${path}: row group ${index + 1}: ${why}.`);
    };
    const paths = group.columns.map((column) => column.meta_data?.path_in_schema.join('.'));
    if (paths.join('\n') !== leafPaths) refuse('its columns are not those of the schema');
    for (const { meta_data } of group.columns) {
      const values = Number(meta_data?.num_values ?? 0);
      if (!(Number(group.num_rows) >= 0 && Number(group.num_rows) <= values))
        refuse(`${group.num_rows} rows, but ${values} values in a column`);
      total += values;
    }
    if (total > most)
      refuse(`${total} values up to here; a file of ${fileSize} bytes should not have more than ${most}`);
  });
}

function leavesOf({ path, children }: SchemaTree): string[] {
  return children.length === 0 ? [path.join('.')] : children.flatMap(leavesOf);
}

/** Groups in pyarrow's layout: NAME (LIST) > list (repeated) > element. */
function addSchema(schema: SchemaElement[], name: string, type: ParquetType): void {
  if (typeof type === 'string') {
    schema.push({ name, repetition_type: 'OPTIONAL', ...leaves[type] });
  } else if ('list' in type) {
    schema.push({ name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' });
    schema.push({ name: 'list', repetition_type: 'REPEATED', num_children: 1 });
    addSchema(schema, 'element', type.list);
  } else {
    const fields = Object.entries(type.struct);
    schema.push({ name, repetition_type: 'OPTIONAL', num_children: fields.length });
    for (const [field, fieldType] of fields) addSchema(schema, field, fieldType);
  }
}

const leaves = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  boolean: { type: 'BOOLEAN' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  float: { type: 'FLOAT' },
  double: { type: 'DOUBLE' },
} as const satisfies Record<string, Partial<SchemaElement>>;

/** The writer wants real arrays for lists, and nothing but the declared fields. */
function prepare(value: ParquetValue, type: ParquetType): unknown {
  if (value === null || value === undefined) return null;
  if (typeof type === 'string') {
    if (type === 'int64' && typeof value === 'number') return BigInt(value);
    return value;
  }
  if ('list' in type) {
    const items: readonly ParquetValue[] = Array.isArray(value) ? value : Array.from(value as Float64Array);
    return typeof type.list === 'string' && type.list !== 'int64'
      ? items
      : items.map((item) => prepare(item, type.list));
  }
  const struct = value as { readonly [field: string]: ParquetValue };
  return Object.fromEntries(
    Object.entries(type.struct).map(([field, of]) => [field, prepare(struct[field], of)]),
  );
}

function typeName({ element, children }: SchemaTree): string {
  const [first] = children;
  if (!first)
    return (element.converted_type === 'UTF8' ? 'string' : (element.type ?? 'unknown')).toLowerCase();
  if (element.converted_type === 'LIST' || element.logical_type?.type === 'LIST') {
    return `list<${first.children[0] ? typeName(first.children[0]) : typeName(first)}>`;
  }
  return `struct<${children.map((child) => `${child.element.name}: ${typeName(child)}`).join(', ')}>`;
}
