/** What the command line of a start asks for. A second start hands it to the window that is open already. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { workspacePath } from '../engine/store/workspace.ts';
import { typedPath } from '../formats/typed-path.ts';

export const launchSchema = z.object({
  /** Absolute. */
  workspace: z.string().optional(),
  /** Folders and files to import, absolute. */
  paths: z.array(z.string()),
  /** Named, but not there. */
  missing: z.array(z.string()),
});
export type Launch = z.infer<typeof launchSchema>;

/**
 * `--workspace DIR` or `--workspace=DIR`; every word without dashes is something to import. Other switches are
 * Chromium's.
 * @param words the command line without the program and, in a clone, without the app's folder
 */
export function readLaunch(words: readonly string[], cwd: string): Launch {
  const launch: Launch = { paths: [], missing: [] };
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name, ...value] = word.split('=');
    if (name === '--workspace') {
      const folder = value.length > 0 ? value.join('=') : rest.shift();
      if (folder) launch.workspace = workspacePath(typedPath(folder, cwd));
    } else if (!word.startsWith('-')) {
      const path = typedPath(word, cwd);
      (existsSync(path) ? launch.paths : launch.missing).push(path);
    }
  }
  return launch;
}

/** `electron [switches] APP words...`: without the program, and without APP where there is one. */
export function wordsOf(argv: readonly string[], hasApp: boolean): string[] {
  const words = argv.slice(1);
  const app = hasApp ? words.findIndex((word) => !word.startsWith('-')) : -1;
  return words.filter((_, i) => i !== app);
}
