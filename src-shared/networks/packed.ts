/** Numbers and networks as text: deflated, in base64. */
import { deflateSync, inflateSync, strFromU8, strToU8 } from 'fflate';
import { UserError } from '../errors.ts';

/** Bytes that a text may unfold to. */
const largest = 256 * 2 ** 20;

function toText(bytes: Uint8Array): string {
  let text = '';
  const piece = 8192;
  for (let at = 0; at < bytes.length; at += piece)
    text += String.fromCharCode(...bytes.subarray(at, at + piece));
  return btoa(text);
}

/** @throws UserError if it is no such text */
function fromText(text: string, where: string): Uint8Array<ArrayBuffer> {
  try {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    if (packed.length > largest / 8) throw new Error('too long');
    const bytes = inflateSync(packed);
    if (bytes.length > largest) throw new Error('too long');
    return bytes.slice();
  } catch {
    throw new UserError(`${where}: what Basin wrote there was changed or cut short; it cannot be unpacked.`);
  }
}

export const packNumbers = (numbers: Float32Array<ArrayBuffer>): string =>
  toText(deflateSync(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)));

export function unpackNumbers(text: string, where: string): Float32Array<ArrayBuffer> {
  const bytes = fromText(text, where);
  if (bytes.length % 4 !== 0)
    throw new UserError(`${where}: ${bytes.length} bytes were found; a multiple of 4 was expected.`);
  return new Float32Array(bytes.buffer);
}

export const packValue = (value: unknown): string => toText(deflateSync(strToU8(JSON.stringify(value))));

export function unpackValue(text: string, where: string): unknown {
  const bytes = fromText(text, where);
  try {
    return JSON.parse(strFromU8(bytes)) as unknown;
  } catch {
    throw new UserError(`${where}: what is packed there cannot be read as JSON.`);
  }
}
