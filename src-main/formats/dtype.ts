/** Element types of stored tensors, and the way from their little-endian bytes to typed arrays and back. */

export const dtypes = {
  float64: { bytes: 8 },
  float32: { bytes: 4 },
  float16: { bytes: 2 },
  bfloat16: { bytes: 2 },
  int64: { bytes: 8 },
  int32: { bytes: 4 },
  int16: { bytes: 2 },
  int8: { bytes: 1 },
  uint8: { bytes: 1 },
  bool: { bytes: 1 },
} as const;

export type DType = keyof typeof dtypes;

/** What a tensor reads as. float16 and bfloat16 come widened (exactly) to Float32Array, bool as 0 or 1 in Uint8Array. */
export type TensorData =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** The typed array that `decode` returns for each dtype; `encode` takes the same. */
export function emptyData(dtype: DType, length: number): TensorData {
  switch (dtype) {
    case 'float64':
      return new Float64Array(length);
    case 'float32':
    case 'float16':
    case 'bfloat16':
      return new Float32Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'int16':
      return new Int16Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'uint8':
    case 'bool':
      return new Uint8Array(length);
  }
}

/** Little-endian elements as a typed array. Uses `bytes` itself where the layout agrees. */
export function decode(dtype: DType, bytes: Uint8Array<ArrayBuffer>): TensorData {
  const { bytes: width } = dtypes[dtype];
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const length = bytes.length / width;
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer, byteOffset, length);
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'float16':
      return widenFloat16(new Uint16Array(buffer, byteOffset, length));
    case 'bfloat16':
      return widenBfloat16(new Uint16Array(buffer, byteOffset, length));
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, length);
    case 'int32':
      return new Int32Array(buffer, byteOffset, length);
    case 'int16':
      return new Int16Array(buffer, byteOffset, length);
    case 'int8':
      return new Int8Array(buffer, byteOffset, length);
    case 'uint8':
      return new Uint8Array(buffer, byteOffset, length);
    case 'bool':
      return aligned.map((value) => (value === 0 ? 0 : 1));
  }
}

/**
 * The little-endian bytes of a typed array. float16 and bfloat16 are rounded to nearest, ties to even, from
 * Float32Array; everything else is a view, not a copy.
 */
export function encode(dtype: DType, data: TensorData): Uint8Array<ArrayBuffer> {
  const expected = emptyData(dtype, 0).constructor;
  if (data.constructor !== expected)
    throw new Error(`${dtype} is written from ${expected.name}, not ${data.constructor.name}`);
  if (dtype === 'float16' || dtype === 'bfloat16') {
    const round = dtype === 'float16' ? roundToFloat16 : roundToBfloat16;
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
    const halves = new Uint16Array(data.length);
    for (let i = 0; i < halves.length; i++) halves[i] = round(words[i]!);
    return new Uint8Array(halves.buffer);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

let float16Table: Float32Array | undefined;

function widenFloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  float16Table ??= Float32Array.from({ length: 65536 }, (_, bits) => float16Value(bits));
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) out[i] = float16Table[halves[i]!]!;
  return out;
}

function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function widenBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < words.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

function isNaN32(word: number): boolean {
  return (word & 0x7fffffff) > 0x7f800000;
}

function roundToBfloat16(word: number): number {
  if (isNaN32(word)) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function roundToFloat16(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - 0x38000000; // exponent bias 127 -> 15
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  const shift = 126 - (magnitude >>> 23); // subnormal: value = fraction * 2^-24
  if (shift > 24) return sign;
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const half = 2 ** (shift - 1);
  const quotient = Math.floor(fraction / 2 ** shift);
  const rest = fraction - quotient * 2 ** shift;
  return sign | (quotient + (rest > half || (rest === half && quotient & 1) ? 1 : 0));
}
