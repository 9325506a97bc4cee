/** Which setting a problem of a config is about: messages name the dotted key. */

/**
 * @param paths dotted names of the settings that can be marked
 * @returns the first problem of each setting, and the problems that are of none
 */
export function problemsByField(
  problems: readonly string[],
  paths: readonly string[],
): { byPath: Map<string, string>; others: string[] } {
  // `model.norm_weight` before `model.norm`.
  const longestFirst = paths.toSorted((a, b) => b.length - a.length);
  const byPath = new Map<string, string>();
  const others: string[] = [];
  for (const problem of problems) {
    const path = longestFirst.find((each) => names(problem, each));
    if (path === undefined) others.push(problem);
    else if (!byPath.has(path)) byPath.set(path, problem);
  }
  return { byPath, others };
}

/** As a whole name: `seed` is not in `init_seed`, and `dataset` not in `dataset.name`. */
function names(problem: string, path: string): boolean {
  const escaped = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w.])${escaped}(?![\\w]|\\.\\w)`, 'u').test(problem);
}

/** Without where it was found and what the field says itself: `a number was expected.` */
export function shortProblem(problem: string, path: string): string {
  const text = problem.replace(/^(the )?config: /, '').replace(/^override "[^"]*": /, '');
  const [, rest] = text.split(`${path} is `);
  const expected = rest === undefined ? undefined : /(?:: |; )(.*)$/su.exec(rest)?.[1];
  const said = expected ?? text;
  return said.charAt(0).toUpperCase() + said.slice(1);
}
