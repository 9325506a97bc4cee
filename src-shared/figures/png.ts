/** A palette PNG from one byte per pixel, and base 64: what embeds a matrix in an SVG as a single image. */
import { zlibSync } from 'fflate';

export type Rgb = readonly [number, number, number];

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 as PNG uses it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** One chunk: length, four-letter type, data, checksum. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(12 + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

export const pngSignature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** An 8-bit indexed PNG. `pixels`: height x width indices into `palette` (at most 256 colours). */
export function indexedPng(
  width: number,
  height: number,
  pixels: Uint8Array,
  palette: readonly Rgb[],
): Uint8Array {
  if (pixels.length !== width * height) {
    throw new RangeError(`png: ${width} x ${height} needs ${width * height} pixels, got ${pixels.length}`);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette, deflate, no filter set but the standard one, not interlaced
  // A filter byte leads each row: 0, as it is, or 2, difference from the row above (all zero where rows repeat).
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width, (y + 1) * width);
    const at = y * (width + 1);
    if (repeats(pixels, width, y)) rows[at] = 2;
    else rows.set(row, at + 1);
  }
  return concatBytes([
    pngSignature,
    pngChunk('IHDR', header),
    pngChunk('PLTE', Uint8Array.from(palette.flat())),
    pngChunk('IDAT', zlibSync(rows, { level: rows.length > 1e6 ? 3 : 6 })),
    pngChunk('IEND', new Uint8Array()),
  ]);
}

function repeats(pixels: Uint8Array, width: number, y: number): boolean {
  if (y === 0) return false;
  for (let i = y * width; i < (y + 1) * width; i++) if (pixels[i] !== pixels[i - width]) return false;
  return true;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i]!, bytes[i + 1], bytes[i + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    const tail = c === undefined ? '=' : alphabet[bits & 63]!;
    const third = b === undefined ? '=' : alphabet[(bits >> 6) & 63]!;
    text += alphabet[bits >> 18]! + alphabet[(bits >> 12) & 63]! + third + tail;
  }
  return text;
}

export function fromBase64(text: string): Uint8Array {
  const clean = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((clean.length * 3) / 4));
  let bits = 0;
  let have = 0;
  let at = 0;
  for (const character of clean) {
    const value = alphabet.indexOf(character);
    if (value < 0) throw new RangeError(`base 64: unexpected character ${JSON.stringify(character)}`);
    bits = ((bits << 6) | value) & 0xffff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      bytes[at++] = (bits >> have) & 0xff;
    }
  }
  return bytes;
}
