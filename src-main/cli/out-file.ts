/** `--out FILE`: checked before the work begins, written under its final name only when complete. */
import { constants } from 'node:fs';
import { access, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { figureFormats } from '../../src-shared/api.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import type { Client } from '../../src-shared/rpc.ts';
import { UsageError } from './errors.ts';
import { jsonText } from './terminal.ts';

const formats = ['.json', '.parquet', '.csv', '.npy'] as const;

/** Throws before anything is computed where the file could not be written in the end. */
export async function checkOutFile(path: string): Promise<void> {
  if (!formats.some((format) => extname(path) === format)) {
    throw new UsageError(`--out ${path}: expected a name that ends with ${formats.join(', ')}`);
  }
  await checkFolderOf(path);
}

/** Throws where the folder that is to hold the file is missing, or cannot be written to. */
export async function checkFolderOf(path: string): Promise<void> {
  const folder = dirname(path);
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const reason = found.code === 'ENOTDIR' ? 'a part of the path is a file' : 'it does not exist';
    throw new UserError(`${path}: cannot be written to the folder ${folder}: ${reason}`);
  }
  if (!found.isDirectory())
    throw new UserError(`${path}: cannot be written: ${folder} is a file, not a folder`);
  await access(folder, constants.W_OK).catch(() => {
    throw new UserError(`${path}: the folder ${folder} cannot be written to`, {
      hint: 'Choose another folder, or get write permission for this one.',
    });
  });
}

/** By the ending of the name. */
export function figureFormatOf(path: string): (typeof figureFormats)[number] {
  const found = figureFormats.find((format) => extname(path) === `.${format}`);
  if (found !== undefined) return found;
  throw new UsageError(
    `--out ${path}: expected a name that ends with ${figureFormats.map((f) => `.${f}`).join(', ')}`,
  );
}

export async function writeOutFile(
  client: Client,
  resultId: string,
  result: unknown,
  path: string,
): Promise<void> {
  const extension = extname(path).slice(1) as 'json' | 'parquet' | 'csv' | 'npy';
  if (extension === 'json') return writeFileWhole(path, `${jsonText(result, 1)}\n`);
  const { bytes } = await client.call('results.export', { resultId, format: extension });
  await writeFileWhole(path, bytes);
}

/**
 * Paths under which the files can be written without replacing another: their own, or all with `-2`, `-3` ... before
 * the ending. A file that is there and holds the same bytes already does not stand in the way.
 */
export async function freePaths(files: readonly { path: string; bytes: Uint8Array }[]): Promise<string[]> {
  for (let n = 1; ; n++) {
    const numbered = files.map(({ path, bytes }) => {
      const ending = extname(path);
      return { path: n === 1 ? path : `${path.slice(0, -ending.length)}-${n}${ending}`, bytes };
    });
    const taken = await Promise.all(numbered.map(isTaken));
    if (!taken.includes(true)) return numbered.map(({ path }) => path);
  }
}

async function isTaken({ path, bytes }: { path: string; bytes: Uint8Array }): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return false;
  if (!found.isFile() || found.size !== bytes.byteLength) return true;
  return !(await readFile(path)).equals(bytes);
}

/** Temp file beside the target, fsync, rename: a reader sees the old file or the whole new one. */
export async function writeFileWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new UserError(`${path}: cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
