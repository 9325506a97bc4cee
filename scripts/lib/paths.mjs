/** Where things are, for every script. Built-in modules only: these run before anything is installed. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone (BASIN_ROOT moves it, which is how the tests work on a scratch copy). */
export const root =
  process.env.BASIN_ROOT ?? fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const modules = join(root, 'node_modules');
export const localFolder = join(root, '.cache');
export const statusFile = join(localFolder, 'setup.json');
export const bindingPackage = join(modules, '@tensorflow', 'tfjs-node-gpu');
export const bindingFile = join(bindingPackage, 'lib', 'napi-v8', 'tfjs_binding.node');
export const bindingLibraries = join(bindingPackage, 'deps', 'lib');

/** Big downloads live outside node_modules, so that a reinstall does not fetch them again. */
export function cacheFolder() {
  if (process.env.BASIN_CACHE) return resolve(process.env.BASIN_CACHE);
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'basin');
}

/** The Node that runs Basin: the one npm installed, else the running one where it is new enough. */
export function basinNode() {
  const installed = join(modules, '.bin', 'node');
  return existsSync(installed) ? installed : process.execPath;
}

/** Folder of the C headers of that Node, or undefined. */
export function nodeHeaders() {
  const candidates = [
    join(modules, `node-${process.platform}-${process.arch}`, 'include', 'node'),
    join(dirname(process.execPath), '..', 'include', 'node'),
    '/usr/include/node',
    '/usr/local/include/node',
  ];
  return candidates.find((folder) => existsSync(join(folder, 'node_api.h')));
}
