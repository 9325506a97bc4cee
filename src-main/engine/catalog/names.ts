/** Short names that tell runs apart. */

/** path -> the folder's name; where several share it, with as many parent folders as it takes. */
export function uniqueNames(paths: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  let open = [...new Set(paths)];
  for (let depth = 1; open.length > 0; depth++) {
    const byName = Map.groupBy(open, (path) => tail(path, depth));
    open = [];
    for (const [name, sharing] of byName) {
      if (sharing.length === 1) names.set(sharing[0]!, name);
      else open.push(...sharing);
    }
  }
  return names;
}

/** The last `depth` parts of a path; all of it when it has no more. */
function tail(path: string, depth: number): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '');
  return depth >= parts.length ? path : parts.slice(-depth).join('/');
}
