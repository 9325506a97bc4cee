/** Choosing a folder where no file dialog can be opened (a browser). Names of folders only, never of other files. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ResponseOf } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import { configFileOf } from '../formats/run-layout.ts';
import { typedPath } from '../formats/typed-path.ts';

/** Throws UserError when the folder cannot be read. */
export async function browse(path: string = homedir()): Promise<ResponseOf<'files.browse'>> {
  const wanted = typedPath(path);
  const at = await realpath(wanted).catch(() => wanted);
  const entries = await readdir(at, { withFileTypes: true }).catch((error: unknown) => {
    throw new UserError(`The folder ${at} cannot be read.`, { hint: 'Choose another folder.', cause: error });
  });
  const visible = entries.filter(
    (entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()),
  );
  const folders = await Promise.all(
    visible.map(async (entry) => {
      const folder = join(at, entry.name);
      if (entry.isSymbolicLink() && !(await isFolder(folder))) return [];
      return [{ name: entry.name, path: folder, isRun: configFileOf(folder) !== undefined }];
    }),
  );
  const parent = dirname(at);
  return {
    path: at,
    parent: parent === at ? null : parent,
    folders: folders.flat().sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
  };
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
