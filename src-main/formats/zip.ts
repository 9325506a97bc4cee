/** Zip archives whose bytes depend on their contents alone. */
import { zipSync } from 'fflate';

/** The earliest time that a zip can hold, in whatever zone: entries carry no time of their own. */
const noTime = new Date(1980, 0, 1);

/** @param level of deflate, 0 (stored) to 9 */
export function zipOf(files: Readonly<Record<string, Uint8Array>>, level: 0 | 6): Uint8Array {
  return zipSync({ ...files }, { level, mtime: noTime });
}
