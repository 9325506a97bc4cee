/** Groups as files: the dictionary of neuron-identifiability's `checkpoint_directories.py`, and JSON with everything. */
import { dirname, isAbsolute } from 'node:path';
import { z } from 'zod';
import type { Group, Member, ResponseOf } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { typedPath } from '../../formats/typed-path.ts';
import type { GroupStore } from './groups.ts';
import { readPythonDictionary, type Literal } from './python-literal.ts';
import { runIdAt } from './run-at.ts';
import { checkpointId } from './run-rows.ts';
import type { RunStore } from './runs.ts';

type Format = 'python' | 'json';

const fileSchema = z.object({
  basin_groups: z.literal(1),
  groups: z.array(
    z.object({
      architecture: z.string().min(1),
      key: z.string().min(1).max(200),
      colour: z
        .string()
        .regex(/^#[0-9a-f]{6}$/)
        .optional(),
      notes: z.string().optional(),
      members: z.array(
        z.object({
          run: z.string().min(1),
          checkpoints: z
            .array(z.object({ model: z.int().positive(), epoch: z.int().nonnegative() }))
            .optional(),
        }),
      ),
    }),
  ),
});
type GroupsFile = z.infer<typeof fileSchema>;

export function exportGroups(
  format: Format,
  groups: readonly Group[],
  runs: RunStore,
): ResponseOf<'groups.export'> {
  if (format === 'python') return { filename: 'checkpoint_directories.py', text: asPython(groups, runs) };
  const file: GroupsFile = {
    basin_groups: 1,
    groups: groups.map(({ architecture, key, colour, notes, members }) => ({
      architecture,
      key,
      colour,
      notes,
      members: members.map((member) => exportMember(member, runs)),
    })),
  };
  return { filename: 'groups.json', text: `${JSON.stringify(file, null, 2)}\n` };
}

function exportMember(
  { runId, checkpointIds }: Member,
  runs: RunStore,
): GroupsFile['groups'][number]['members'][number] {
  const run = runs.stored(runId).path;
  if (!checkpointIds) return { run };
  const wanted = new Set(checkpointIds);
  const checkpoints = runs.checkpoints(runId).filter((checkpoint) => wanted.has(checkpoint.id));
  return { run, checkpoints: checkpoints.map(({ model, epoch }) => ({ model, epoch })) };
}

/** The reference knows one run per key: further runs of a group get keys of their own instead of overwriting it. */
function asPython(groups: readonly Group[], runs: RunStore): string {
  const lines = [
    'from typing import Dict',
    '',
    'checkpoint_directories_by_architecture: Dict[str, Dict[str, str]] = {',
  ];
  for (const [architecture, of] of Map.groupBy(groups, (group) => group.architecture)) {
    lines.push(`    ${quoted(architecture)}: {`);
    const taken = new Set(of.map((group) => group.key));
    for (const group of of) {
      for (const [index, member] of group.members.entries()) {
        const key = index === 0 ? group.key : freeKey(`${group.key}_run${index + 1}`, taken);
        const some = member.checkpointIds
          ? `  # only ${member.checkpointIds.length} checkpoints of this run`
          : '';
        lines.push(`        ${quoted(key)}: ${quoted(runs.stored(member.runId).path)},${some}`);
      }
      if (group.members.length === 0) lines.push(`        # ${group.key.replaceAll('\n', ' ')}: no runs`);
    }
    lines.push('    },');
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function freeKey(key: string, taken: Set<string>): string {
  let free = key;
  for (let i = 2; taken.has(free); i++) free = `${key}_${i}`;
  taken.add(free);
  return free;
}

/** JSON strings are Python strings, but for characters beyond the basic plane, which JSON leaves as they are. */
const quoted = (text: string): string => JSON.stringify(text);

interface Wanted {
  architecture: string;
  key: string;
  colour?: string | undefined;
  notes?: string | undefined;
  members: { run: string; checkpoints?: { model: number; epoch: number }[] | undefined }[];
  /** Written without runs by Basin itself. */
  isEmpty?: boolean;
}

/**
 * Makes or extends the groups of a dictionary or our JSON, as one step of undo. Folders that the catalog does not know,
 * and groups that no folder is left of, are listed and left out.
 * @param file where the text was read, absolute: relative folders in it count from there
 * @throws UserError for text that cannot be read, and if not a single folder is in the catalog
 */
export function importGroups(
  format: Format,
  text: string,
  groups: GroupStore,
  runs: RunStore,
  file?: string,
): ResponseOf<'groups.import'> {
  const folder = file === undefined ? undefined : dirname(file);
  const wanted = format === 'python' ? fromPython(text, file) : fromJson(text);
  const unknownPaths: string[] = [];
  const known = wanted.map(({ architecture, key, members, colour, notes }) => ({
    architecture,
    key,
    ...(colour !== undefined && { colour }),
    ...(notes !== undefined && { notes }),
    members: members.flatMap(({ run, checkpoints }): Member[] => {
      const path = writtenPath(run, folder);
      const runId = path === undefined ? undefined : runIdAt(runs, path);
      if (runId === undefined) unknownPaths.push(run);
      if (runId === undefined) return [];
      if (!checkpoints) return [{ runId }];
      return [
        { runId, checkpointIds: checkpoints.map(({ model, epoch }) => checkpointId(runId, epoch, model)) },
      ];
    }),
  }));
  // A group without runs is made only if Basin itself wrote it down so.
  const filled = known.filter((group, i) => group.members.length > 0 || wanted[i]!.isEmpty === true);
  if (filled.length === 0) throw nothingFound(unknownPaths, folder);
  const made = new Set(filled);
  const leftOut = known
    .filter((group) => !made.has(group))
    .map(({ architecture, key }) => `${architecture}/${key}`);
  const state = groups.edit({ type: 'create-many', groups: filled.map(withoutRepeats) });
  return { state, unknownPaths, leftOut };
}

/** Two paths of a group may lead to the same run. */
function withoutRepeats<T extends { members: Member[] }>(group: T): T {
  const seen = new Set<string>();
  const isNew = (member: Member): boolean => {
    const text = JSON.stringify(member);
    return !seen.has(text) && seen.add(text) !== undefined;
  };
  return { ...group, members: group.members.filter(isNew) };
}

/** A path as written in the file: relative to it, or with `~`. Undefined for a relative one if its place is not known. */
function writtenPath(path: string, folder: string | undefined): string | undefined {
  const isRelative = !isAbsolute(path) && !/^\s*["']?(?:~|file:)/.test(path);
  return isRelative && folder === undefined ? undefined : typedPath(path, folder);
}

function nothingFound(unknownPaths: readonly string[], folder: string | undefined): UserError {
  if (unknownPaths.length === 0) {
    return new UserError('The file names no folders: no groups were made.', {
      hint: 'Fill in the paths of the run folders.',
    });
  }
  const shown = unknownPaths.slice(0, 3).join(', ');
  const more = unknownPaths.length > 3 ? ` and ${unknownPaths.length - 3} more` : '';
  const isRelative = folder === undefined && unknownPaths.some((path) => !isAbsolute(path));
  return new UserError(`None of the folders is in the catalog: ${shown}${more}. No groups were made.`, {
    hint: isRelative
      ? 'Relative paths are relative to the file, whose location a browser does not reveal: use `basin groups import FILE`, or write absolute paths.'
      : 'Import the run folders first (`basin import DIR`).',
  });
}

function fromJson(text: string): Wanted[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UserError('The text is not valid JSON.', { cause: error });
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success)
    return parsed.data.groups.map((group) => ({ ...group, isEmpty: group.members.length === 0 }));
  // The reference's dictionary written as JSON is welcome too.
  const plain = z
    .record(z.string(), z.record(z.string(), z.union([z.string(), z.array(z.string())])))
    .safeParse(value);
  if (plain.success) {
    return fromEntries(Object.entries(plain.data).map(([a, keys]) => [a, Object.entries(keys)]));
  }
  const issue = parsed.error.issues[0];
  throw new UserError(`The groups file: ${issue?.path.join('.') || 'the document'}: ${issue?.message ?? ''}`);
}

function fromPython(text: string, file: string | undefined): Wanted[] {
  const entries = [...readPythonDictionary(text, file)].map(
    ([architecture, keys]): [string, [string, string | string[]][]] => {
      if (!(keys instanceof Map))
        throw new UserError(`"${architecture}": a dictionary of key: folder was expected.`);
      return [architecture, [...keys].map(([key, folder]) => [key, folders(key, folder)])];
    },
  );
  return fromEntries(entries);
}

function folders(key: string, value: Literal): string | string[] {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new UserError(`"${key}": a folder in quotes was expected (or a list of them).`);
}

/** An empty folder is the reference's way to say: not filled in yet. */
function fromEntries(entries: [string, [string, string | string[]][]][]): Wanted[] {
  return entries.flatMap(([architecture, keys]) =>
    keys.map(([key, folder]) => ({
      architecture,
      key,
      members: [folder]
        .flat()
        .filter((run) => run !== '')
        .map((run) => ({ run })),
    })),
  );
}
