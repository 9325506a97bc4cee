/** Where things lie, the same in a clone, in a packaged copy and in the build for an old Electron. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Holds main/, preload/ and renderer/: this very file's bundle is in its main/. */
export const bundles = dirname(__dirname);

/** The folder of package.json, with the worker's sources, resources and node_modules. */
export const root = nearest(bundles);

function nearest(folder: string): string {
  if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return folder;
  return nearest(dirname(folder));
}
