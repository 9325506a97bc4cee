/** Rows of any JSON as Parquet: the type of each column is found from its values, whole numbers from the schema. */
import {
  encodeParquet,
  type ParquetColumn,
  type ParquetType,
  type ParquetValue,
} from '../formats/parquet.ts';
import type { Fields } from './integer-fields.ts';

type Row = Record<string, unknown>;
/** `text`: values of several kinds, written as JSON. */
type Found = ParquetType | 'nothing';

export function encodeTable(
  rows: readonly Row[],
  metadata: ReadonlyMap<string, string>,
  fields?: Fields,
): Uint8Array {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name): ParquetColumn => {
    const values = rows.map((row) => row[name]);
    const of = fieldOf(fields, name);
    const type = known(values.map((value) => typeOf(value, of)).reduce<Found>(common, 'nothing'));
    return { name, type, values: values.map((value) => convert(value, type)) };
  });
  return encodeParquet(columns, { metadata });
}

const known = (type: Found): ParquetType => (type === 'nothing' ? 'string' : type);

const fieldOf = (fields: Fields | undefined, name: string): Fields | undefined =>
  fields?.properties.get(name) ?? fields?.others;

function typeOf(value: unknown, fields: Fields | undefined): Found {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number')
    return fields?.integer === true && Number.isSafeInteger(value) ? 'int64' : 'double';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value !== 'object') return 'string';
  if (Array.isArray(value)) {
    const types = value.map((item) => typeOf(item, fields?.items));
    return { list: known(types.reduce<Found>(common, 'nothing')) };
  }
  const members = Object.entries(value).map(
    ([key, item]) => [key, known(typeOf(item, fieldOf(fields, key)))] as const,
  );
  return members.length === 0 ? 'nothing' : { struct: Object.fromEntries(members) };
}

/** The type that holds values of both; text where there is no such type. */
function common(a: Found, b: Found): Found {
  if (a === 'nothing') return b;
  if (b === 'nothing') return a;
  if (typeof a === 'string' || typeof b === 'string') {
    const numbers = [a, b].every((type) => type === 'int64' || type === 'double');
    return a === b ? a : numbers ? 'double' : 'string';
  }
  if ('list' in a && 'list' in b) return { list: known(common(a.list, b.list)) };
  if ('list' in a || 'list' in b) return 'string';
  const keys = new Set([...Object.keys(a.struct), ...Object.keys(b.struct)]);
  const fields = [...keys].map(
    (key) => [key, known(common(a.struct[key] ?? 'nothing', b.struct[key] ?? 'nothing'))] as const,
  );
  return { struct: Object.fromEntries(fields) };
}

function convert(value: unknown, type: ParquetType): ParquetValue {
  if (value === null || value === undefined) return null;
  if (type === 'string') return typeof value === 'string' ? value : JSON.stringify(value);
  if (type === 'boolean') return value === true;
  if (typeof type === 'string') return Number(value);
  if ('list' in type) return (value as unknown[]).map((item) => convert(item, type.list));
  const fields = Object.entries(type.struct).map(
    ([key, inner]) => [key, convert((value as Row)[key], inner)] as const,
  );
  return Object.fromEntries(fields);
}
