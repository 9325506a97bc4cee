/** Exported networks for tests: the committed ones, and changed copies of them. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { openExported } from '../../../src-main/formats/exported/open-exported.ts';
import { lowerExported } from '../../../src-main/interop/exported/lower.ts';
import type { LoweredNetwork } from '../../../src-main/interop/exported/lower.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';

export const exportedFixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/exported/${name}`, import.meta.url));

const scratch = mkdtempSync(join(tmpdir(), 'basin-exported-unit-'));
let count = 0;

/** A new file with these bytes. */
export function fileOf(bytes: Uint8Array): string {
  const path = join(scratch, `${++count}.pt2`);
  writeFileSync(path, bytes);
  return path;
}

// What it is of is the test's business.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

/** A copy of a fixture with one of its JSON entries (found by the end of its name) changed. */
export function changed(name: string, entry: string, change: (value: Json) => void): string {
  const entries = unzipSync(new Uint8Array(readFileSync(exportedFixture(name))));
  const key = Object.keys(entries).find((each) => each.endsWith(entry))!;
  const value = JSON.parse(strFromU8(entries[key]!)) as Json;
  change(value);
  entries[key] = strToU8(JSON.stringify(value));
  return fileOf(zipSync(entries));
}

/** A copy of a fixture with words of its JSON entries replaced by others. */
export function reworded(name: string, words: Readonly<Record<string, string>>): string {
  const entries = unzipSync(new Uint8Array(readFileSync(exportedFixture(name))));
  for (const key of Object.keys(entries).filter((each) => each.endsWith('.json'))) {
    let text = strFromU8(entries[key]!);
    for (const [from, to] of Object.entries(words)) text = text.replaceAll(from, to);
    entries[key] = strToU8(text);
  }
  return fileOf(zipSync(entries));
}

/** Reads and lowers a file, all its weights included. */
export function lowered(path: string, output?: number): LoweredNetwork {
  const file = openExported(path);
  try {
    const found = lowerExported(file, output);
    readNetwork(found.graph, path);
    for (const { tensor } of file.weights.values()) tensor.readFloat32();
    return found;
  } finally {
    file.close();
  }
}
