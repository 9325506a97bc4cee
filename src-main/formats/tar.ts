/** Files inside a tar archive (ustar, as GNU and BSD tar write it), in memory. */
import { UserError } from '../../src-shared/errors.ts';

const block = 512;

/**
 * The regular files of an archive, by name, each a view of its bytes.
 * @param name stands for the archive in messages
 * @throws UserError naming the offset if it is damaged or cut short
 */
export function tarFiles(bytes: Uint8Array, name: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + block <= all.length;) {
    const header = all.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    const size = sizeIn(header, name, at);
    const start = at + block;
    if (start + size > all.length)
      throw new UserError(`${name}: offset ${at}: the archive is cut short: ${size} bytes of a file follow.`);
    // Type '0' or a zero byte: a regular file.
    if (header[156] === 0x30 || header[156] === 0)
      files.set(nameIn(header), all.subarray(start, start + size));
    at = start + Math.ceil(size / block) * block;
  }
  return files;
}

function sizeIn(header: Buffer, name: string, at: number): number {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  const stated = Number.parseInt(textIn(header, 148, 8), 8);
  const size = Number.parseInt(textIn(header, 124, 12), 8);
  if (sum === stated && Number.isSafeInteger(size) && size >= 0) return size;
  throw new UserError(
    `${name}: offset ${at}: the header of a tar archive was expected; this one is damaged.`,
  );
}

function nameIn(header: Buffer): string {
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? textIn(header, 345, 155) : '';
  const name = textIn(header, 0, 100);
  return (prefix === '' ? name : `${prefix}/${name}`).replace(/^\.\//, '');
}

function textIn(header: Buffer, start: number, length: number): string {
  const text = header.toString('latin1', start, start + length);
  const end = text.indexOf('\0');
  return (end < 0 ? text : text.slice(0, end)).trim();
}
