/** The reading of Parquet files itself; see parquet.ts for the way in. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { compressors as scriptCompressors } from 'hyparquet-compressors';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { openSource } from './source.ts';

export interface ParquetTable {
  /** Names and types of the columns, as `name: type` in pyarrow's words. */
  columns: string[];
  /** Lists as arrays, structs as objects, int64 as bigint. */
  rows: Record<string, unknown>[];
  /** Free text by key, e.g. provenance. */
  metadata: Map<string, string>;
}

/**
 * Node's own decompressors where it has them: faster, and they end. (A single flipped bit can make the script version
 * of zstd loop for ever.) Each is told the most it may give.
 */
const compressors: Compressors = {
  ...scriptCompressors,
  ZSTD: (input, most) => zstdDecompressSync(input, { maxOutputLength: atLeastOne(most) }),
  GZIP: (input, most) => gunzipSync(input, { maxOutputLength: atLeastOne(most) }),
  BROTLI: (input, most) => brotliDecompressSync(input, { maxOutputLength: atLeastOne(most) }),
};

/** A page of nothing but nulls unpacks to no bytes at all; Node takes no limit below 1. */
const atLeastOne = (bytes: number): number => Math.max(1, bytes);

/** Repeated values compress well, but a file that announces more than this many wants to exhaust memory. */
const fewestLimit = 1_000_000;
const valuesPerByte = 64;

/** @throws UserError naming the file */
export async function readTableFrom(path: string, columns: string[] | undefined): Promise<ParquetTable> {
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
    return await readTable(buffer, path, columns);
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

function typeName({ element, children }: SchemaTree): string {
  const [first] = children;
  if (!first)
    return (element.converted_type === 'UTF8' ? 'string' : (element.type ?? 'unknown')).toLowerCase();
  if (element.converted_type === 'LIST' || element.logical_type?.type === 'LIST') {
    return `list<${first.children[0] ? typeName(first.children[0]) : typeName(first)}>`;
  }
  return `struct<${children.map((child) => `${child.element.name}: ${typeName(child)}`).join(', ')}>`;
}
