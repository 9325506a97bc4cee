/** A minimal protobuf writer: enough for a SavedModel. A message is its encoded fields, joined. */
export type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = new TextEncoder();
const [wireVarint, wireBytes, wireFixed32] = [0, 2, 5];

function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value)); // negative int64: ten bytes, as protobuf wants
  const out: number[] = [];
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return out;
}

const key = (field: number, wire: number): number[] => varint(field * 8 + wire);

export function join(parts: readonly Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** int32, int64, bool, enum */
export const int = (field: number, value: number | bigint | boolean): Bytes =>
  Uint8Array.from([...key(field, wireVarint), ...varint(typeof value === 'boolean' ? Number(value) : value)]);

export const float = (field: number, value: number): Bytes =>
  join([Uint8Array.from(key(field, wireFixed32)), new Uint8Array(Float32Array.of(value).buffer)]);

/** string, bytes or an encoded message */
export function bytes(field: number, value: string | Bytes): Bytes {
  const data = typeof value === 'string' ? utf8.encode(value) : value;
  return join([Uint8Array.from([...key(field, wireBytes), ...varint(data.length)]), data]);
}

export const message = (field: number, ...fields: Bytes[]): Bytes => bytes(field, join(fields));

export const packedInts = (field: number, values: readonly (number | boolean)[]): Bytes =>
  bytes(field, Uint8Array.from(values.flatMap((value) => varint(Number(value)))));

export const packedFloats = (field: number, values: readonly number[]): Bytes =>
  bytes(field, new Uint8Array(Float32Array.from(values).buffer));

/** One entry of a map<string, message>: { key = 1, value = 2 } */
export const entry = (field: number, name: string, value: string | Bytes): Bytes =>
  message(field, bytes(1, name), bytes(2, value));
