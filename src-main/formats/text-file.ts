/** Text as programs on any system save it. */

/**
 * Decodes UTF-8, with or without a byte order mark, and UTF-16 in both orders (as PowerShell and Notepad write it).
 * Without a mark, UTF-16 is known by the zero byte beside its first letter; text of ours begins with ASCII.
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const little = (first === 0xff && second === 0xfe) || (second === 0 && first !== 0);
  const big = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0);
  // TextDecoder drops the mark itself.
  return new TextDecoder(little ? 'utf-16le' : big ? 'utf-16be' : 'utf-8').decode(bytes);
}
