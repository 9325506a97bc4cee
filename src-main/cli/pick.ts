/** From what a person types to rows of the catalog. */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Group, RunRow } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { runFolderOf } from '../formats/run-layout.ts';
import { typedPath } from '../formats/typed-path.ts';
import type { Client } from '../../src-shared/rpc.ts';

/** True where `word` is a part of the run's name, or `key=value` names a field or a config key with that value. */
export function matches(run: RunRow, word: string): boolean {
  const at = word.indexOf('=');
  if (at <= 0) return run.name.toLowerCase().includes(word.toLowerCase());
  const [key, value] = [word.slice(0, at), word.slice(at + 1)];
  const fields: Record<string, unknown> = {
    ...run.properties,
    family: run.family,
    sigma_f: run.sigmaF,
    data: run.dataset,
  };
  const found = fields[key] ?? (run as Record<string, unknown>)[key];
  return String(found).toLowerCase() === value.toLowerCase();
}

/** The folder typed, and where it really lies: the catalog knows runs by their real paths. */
function foldersMeant(text: string): string[] {
  const path = typedPath(text);
  try {
    return [path, runFolderOf(realpathSync(path))];
  } catch {
    return [path];
  }
}

const isAny = (found: readonly unknown[]): boolean => found.length > 0;

/** The runs that ids, names or folders stand for, in that order. Throws UserError for one that is none or many. */
export const findRuns = async (client: Client, texts: readonly string[]): Promise<RunRow[]> =>
  chosenRuns(await client.call('runs.list', {}), texts);

/** As `findRuns`, among these; `where` they are. */
export function chosenRuns(
  runs: readonly RunRow[],
  texts: readonly string[],
  where: 'catalog' | 'trash' = 'catalog',
): RunRow[] {
  return texts.map((text) => {
    const paths = foldersMeant(text);
    const exact = runs.filter((run) => run.id === text || run.name === text || paths.includes(run.path));
    const byFolder = runs.filter((run) => run.title !== null && basename(run.path) === text);
    const found = [exact, byFolder, runs.filter((run) => run.id.startsWith(text))].find(isAny) ?? [];
    if (found.length === 1) return found[0]!;
    if (found.length > 1) {
      throw new UserError(
        `"${text}" matches ${found.length} runs: ${found.map((run) => run.id).join(', ')}`,
        {
          hint: 'Use the id.',
        },
      );
    }
    const names = runs.map((run) => run.name);
    throw new UserError(`There is no run "${text}" in the ${where}.${didYouMean(text, names)}`, {
      hint:
        where === 'trash'
          ? '`basin runs trash` lists them.'
          : '`basin runs` lists them; `basin import DIR` adds run folders.',
    });
  });
}

/** The group of that id, key, or architecture/key. */
export function findGroup(groups: readonly Group[], text: string): Group {
  const names = (group: Group): string[] => [group.id, group.key, `${group.architecture}/${group.key}`];
  const found = groups.filter((group) => names(group).includes(text));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new UserError(`"${text}" matches ${found.length} groups`, {
      hint: `Use one of ${found.map((group) => `${group.architecture}/${group.key}`).join(', ')}.`,
    });
  }
  throw new UserError(
    `There is no group "${text}".${didYouMean(
      text,
      groups.map((group) => group.key),
    )}`,
    {
      hint: '`basin groups list` lists them.',
    },
  );
}

/**
 * The groups that `--groups` names, in that order: `all`, or names with commas between them.
 * @throws UserError for an unknown group, or `all` if there are none
 */
export function findGroups(groups: readonly Group[], named: readonly string[]): Group[] {
  const all = named.length === 1 && named[0] === 'all';
  if (all && groups.length === 0) {
    throw new UserError('--groups all: there are no groups yet.', {
      hint: '`basin groups add GROUP RUN...` makes one.',
    });
  }
  if (all) return [...groups];
  const known = new Set(groups.flatMap(({ key, architecture }) => [key, `${architecture}/${key}`]));
  // A group's own key may have a comma in it.
  const names = named.flatMap((text) =>
    known.has(text) ? [text] : text.split(',').map((word) => word.trim()),
  );
  return [...new Set(names.filter(Boolean))].map((name) => findGroup(groups, name));
}
