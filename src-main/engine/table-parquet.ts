/** Rows of any JSON as Parquet: the type of each column is found from its values. */
import {
  encodeParquet,
  type ParquetColumn,
  type ParquetType,
  type ParquetValue,
} from '../formats/parquet.ts';

type Row = Record<string, unknown>;
/** `text`: values of several kinds, written as JSON. */
type Found = ParquetType | 'nothing';

export function encodeTable(rows: readonly Row[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name): ParquetColumn => {
    const values = rows.map((row) => row[name]);
    const type = known(values.map(typeOf).reduce<Found>(common, 'nothing'));
    return { name, type, values: values.map((value) => convert(value, type)) };
  });
  return encodeParquet(columns, { metadata });
}

const known = (type: Found): ParquetType => (type === 'nothing' ? 'string' : type);

function typeOf(value: unknown): Found {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value !== 'object') return 'string';
  if (Array.isArray(value)) return { list: known(value.map(typeOf).reduce<Found>(common, 'nothing')) };
  const fields = Object.entries(value).map(([key, item]) => [key, known(typeOf(item))] as const);
  return fields.length === 0 ? 'nothing' : { struct: Object.fromEntries(fields) };
}

/** The type that holds values of both; text where there is no such type. */
function common(a: Found, b: Found): Found {
  if (a === 'nothing') return b;
  if (b === 'nothing') return a;
  if (typeof a === 'string' || typeof b === 'string') return a === b ? a : 'string';
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
