/** Parquet files with nested columns (lists and structs), as pandas and pyarrow write and read them. zstd by default. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { writeFileAtomic } from './atomic.ts';
import { readInProcess } from './parquet-process.ts';
import type { ParquetTable } from './parquet-read.ts';

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

export type { ParquetTable } from './parquet-read.ts';

export interface ParquetOptions {
  codec?: 'ZSTD' | 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED';
  metadata?: ReadonlyMap<string, string>;
}

const createdBy = 'Basin';

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
 * Reads a table, or some of its columns. The work is done in a process that is ended when it takes far longer, or far
 * more memory, than a sound file of that size would: the parser trusts the sizes that pages announce.
 * @throws UserError if the file is no Parquet file, is damaged, or lacks a column that was asked for.
 */
export function readParquet(path: string, options: { columns?: string[] } = {}): Promise<ParquetTable> {
  return readInProcess({ path, ...options });
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
