/** What os.path and pathlib do with texts. Paths are those of POSIX, as on the machines where such dictionaries are kept. */
import { homedir } from 'node:os';
import { posix } from 'node:path';

/** Classes of pathlib whose values are paths. */
export const pathClasses: ReadonlySet<string> = new Set([
  'pathlib.Path',
  'pathlib.PurePath',
  'pathlib.PosixPath',
  'pathlib.PurePosixPath',
]);

/** Functions of one text, `os.path.join` of any number. */
export const pathFunctions: Record<string, (texts: string[]) => string> = {
  'os.path.join': joinPaths,
  'os.path.expanduser': ([path]) => expandUser(path!),
  'os.path.abspath': ([path]) => posix.normalize(path!),
  'os.path.realpath': ([path]) => posix.normalize(path!),
  'os.path.normpath': ([path]) => posix.normalize(path!),
  'os.path.dirname': ([path]) => posix.dirname(path!),
  'os.path.basename': ([path]) => posix.basename(path!),
  'os.fspath': ([path]) => path!,
  str: ([text]) => text!,
};

/** As os.path.join does it: an absolute part forgets those before it. */
export function joinPaths(parts: readonly string[]): string {
  const from = parts.findLastIndex((part) => part.startsWith('/'));
  return posix.join(...parts.slice(Math.max(0, from)));
}

export function expandUser(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path;
}
