/**
 * What a Parquet reader takes on trust, looked at before it does: sizes in the headers (Thrift, compact protocol) that
 * make it reserve memory. Cheap refusals that name the offset.
 */
import type { AsyncBuffer, ColumnMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/** More than any header needs. */
const deepest = 32;

/**
 * Walks one Thrift struct without keeping anything of it.
 * @param where says in messages where `bytes` begin
 * @returns where it ends
 * @throws RangeError naming the offset where it is not as the protocol demands, or announces more than can follow
 */
export function skipStruct(bytes: Uint8Array, start: number, where: (at: number) => string): number {
  let at = start;
  const next = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError(`${where(at - 1)}: the header is cut short`);
    return byte;
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = next();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`${where(at)}: a number of more than ten bytes`);
  };
  const jump = (length: number, what: string): void => {
    if (length > bytes.length - at)
      throw new RangeError(`${where(at)}: ${what} ${length} announced, ${bytes.length - at} bytes follow`);
    at += length;
  };
  const element = (type: number, depth: number): void => {
    if (type === 1 || type === 2) return;
    if (type === 3) jump(1, 'a byte,');
    else if (type >= 4 && type <= 6) varint();
    else if (type === 7) jump(8, 'a double of');
    else if (type === 8) jump(varint(), 'text of');
    else if (type === 9) list(depth + 1);
    else if (type === 12) struct(depth + 1);
    else throw new RangeError(`${where(at)}: a value of unknown type ${type}`);
  };
  const list = (depth: number): void => {
    const head = next();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 0x0f;
    // Every item takes a byte at least.
    if (size > bytes.length - at)
      throw new RangeError(
        `${where(at)}: a list of ${size} items in the ${bytes.length - at} bytes that follow`,
      );
    for (let i = 0; i < size; i++) element(type === 1 || type === 2 ? 3 : type, depth);
  };
  const struct = (depth: number): void => {
    if (depth > deepest) throw new RangeError(`${where(at)}: nested more than ${deepest} deep`);
    for (let head = next(); (head & 0x0f) !== 0; head = next()) {
      if (head >> 4 === 0) varint();
      element(head & 0x0f, depth);
    }
  };
  struct(0);
  return at;
}

/**
 * The pages of a column announce no more values than the metadata say, and no more bytes than such a file may hold.
 * @throws RangeError naming the offset of the page
 */
export async function checkPages(
  file: AsyncBuffer,
  chunk: ColumnMetaData,
  largestPage: number,
): Promise<void> {
  const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
  const length = Number(chunk.total_compressed_size);
  const fits =
    Number.isSafeInteger(start + length) && start >= 4 && length >= 0 && start + length <= file.byteLength;
  const name = chunk.path_in_schema.join('.');
  if (!fits) throw new RangeError(`column ${name}: ${length} bytes from offset ${start} are not in the file`);
  const buffer = await file.slice(start, start + length);
  const bytes = new Uint8Array(buffer);
  const reader = { view: new DataView(buffer), offset: 0 };
  const most = Number(chunk.num_values);
  let values = 0;
  while (reader.offset < bytes.length - 1) {
    const at = start + reader.offset;
    const refuse = (why: string): never => {
      throw new RangeError(`offset ${at}: column ${name}: ${why}`);
    };
    skipStruct(bytes, reader.offset, (inside) => `offset ${start + inside}`);
    const page = parquetHeader(reader);
    const dictionary = page.dictionary_page_header?.num_values ?? 0;
    const inPage = (page.data_page_header ?? page.data_page_header_v2)?.num_values ?? 0;
    values += inPage;
    if (!(inPage >= 0 && values <= most && dictionary >= 0 && dictionary <= most))
      refuse(`pages of ${values} values (and ${dictionary} in a dictionary) where ${most} were announced`);
    if (!(page.uncompressed_page_size >= 0 && page.uncompressed_page_size <= largestPage))
      refuse(`a page of ${page.uncompressed_page_size} bytes; at most ${largestPage} were expected`);
    const left = bytes.length - reader.offset;
    if (!(page.compressed_page_size >= 0 && page.compressed_page_size <= left))
      refuse(`a page of ${page.compressed_page_size} packed bytes, but ${left} follow`);
    reader.offset += page.compressed_page_size;
  }
}
