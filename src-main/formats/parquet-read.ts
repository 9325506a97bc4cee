/** The reading of Parquet files itself; see parquet.ts for the way in. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { compressors as scriptCompressors } from 'hyparquet-compressors';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { checkPages, skipStruct } from './parquet-check.ts';
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
 * of zstd loop for ever.) Each is told the most it may give; a page that announces far more than its file can be
 * expected to hold is not unpacked to see whether it lies.
 */
function compressorsFor(largestPage: number): Compressors {
  const limited = (announced: number): { maxOutputLength: number } => {
    if (announced > largestPage)
      throw new RangeError(`a page of ${announced} bytes is announced; at most ${largestPage} were expected`);
    // A page of nothing but nulls unpacks to no bytes at all, and Node takes no limit below 1.
    return { maxOutputLength: Math.max(1, announced) };
  };
  return {
    ...scriptCompressors,
    ZSTD: (input, announced) => zstdDecompressSync(input, limited(announced)),
    GZIP: (input, announced) => gunzipSync(input, limited(announced)),
    BROTLI: (input, announced) => brotliDecompressSync(input, limited(announced)),
  };
}

/** Repeated values compress well, but a file that announces more than this many wants to exhaust memory. */
const fewestLimit = 1_000_000;
const valuesPerByte = 64;

/** @throws UserError naming the file */
export async function readTableFrom(path: string, columns: string[] | undefined): Promise<ParquetTable> {
  const source = openSource(path);
  try {
    // Async, so that a range outside the file rejects instead of throwing into the reader's loop.
    const slice = async (start: number, end = source.size): Promise<ArrayBuffer> => {
      const from = start < 0 ? source.size + start : start;
      return source.read(from, end - from).buffer;
    };
    return await readTable({ byteLength: source.size, slice }, path, columns);
  } finally {
    source.close();
  }
}

async function readTable(
  file: AsyncBuffer,
  path: string,
  wanted: string[] | undefined,
): Promise<ParquetTable> {
  const largestPage = 16 * 2 ** 20 + 256 * file.byteLength;
  const compressors = compressorsFor(largestPage);
  const footer = await findFooter(file);
  let place = `offset ${footer}`;
  try {
    await checkFooter(file, footer);
    const metadata = await parquetMetadataAsync(file);
    checkMetadata(metadata, `${path}: ${place}`, file.byteLength);
    const { children } = parquetSchema(metadata);
    const names = children.map((child) => child.element.name);
    const missing = wanted?.find((name) => !names.includes(name));
    if (missing !== undefined)
      throw new UserError(`${path}: there is no column "${missing}"; it has ${names.join(', ')}.`);
    const columns = wanted ?? names;
    for (const { columns: chunks } of metadata.row_groups) {
      for (const { meta_data: chunk } of chunks)
        if (chunk && columns.includes(chunk.path_in_schema[0]!)) await checkPages(file, chunk, largestPage);
    }
    const options = { file, metadata, compressors };
    const rows = await parquetReadObjects({ ...options, columns }).catch(async (thrown: unknown) => {
      place = (await placeOfDamage(options, columns)) ?? place;
      throw thrown;
    });
    const pairs = (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''] as const);
    return {
      columns: children.map((child) => `${child.element.name}: ${typeName(child)}`),
      rows,
      metadata: new Map(pairs),
    };
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    const why = messageOf(thrown);
    const where = /^offset \d/.test(why) ? '' : `${place}: `;
    throw new UserError(`${path}: ${where}${why} (not a Parquet file, or a damaged one).`, { cause: thrown });
  }
}

/** Where the metadata begin, as the last 8 bytes say; without them, where those should be. */
async function findFooter({ byteLength, slice }: AsyncBuffer): Promise<number> {
  const end = Math.max(0, byteLength - 8);
  const footer = Buffer.from(await slice(end));
  const sound = footer.length === 8 && footer.toString('latin1', 4) === 'PAR1';
  const length = sound ? footer.readUInt32LE(0) : 0;
  return length > 0 && length <= end ? end - length : end;
}

async function checkFooter({ byteLength, slice }: AsyncBuffer, footer: number): Promise<void> {
  if (footer >= byteLength - 8) return;
  const bytes = new Uint8Array(await slice(footer, byteLength - 8));
  skipStruct(bytes, 0, (at) => `offset ${footer + at}`);
}

/** Reads column by column until one fails: the parser says what is wrong, but not where. */
async function placeOfDamage(
  options: { file: AsyncBuffer; metadata: FileMetaData; compressors: Compressors },
  columns: readonly string[],
): Promise<string | undefined> {
  let rowStart = 0;
  for (const { columns: chunks, num_rows } of options.metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows);
    for (const column of columns) {
      try {
        await parquetReadObjects({ ...options, columns: [column], rowStart, rowEnd });
      } catch {
        const first = chunks.find(({ meta_data: chunk }) => chunk?.path_in_schema[0] === column)?.meta_data;
        const offset = Number(first?.dictionary_page_offset ?? first?.data_page_offset);
        return `offset ${offset}, where column "${column}" begins`;
      }
    }
    rowStart = rowEnd;
  }
  return undefined;
}

/**
 * What the reader takes on trust: every row group has exactly the leaves of the schema (a column that belongs nowhere
 * would be read with nobody waiting for its error), and no more rows than values.
 */
function checkMetadata(metadata: FileMetaData, where: string, fileSize: number): void {
  const leafPaths = leavesOf(parquetSchema(metadata)).join('\n');
  const most = fewestLimit + valuesPerByte * fileSize;
  let total = 0;
  metadata.row_groups.forEach((group, index) => {
    const refuse = (why: string): never => {
      throw new UserError(`${where}: row group ${index + 1}: ${why}.`);
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
