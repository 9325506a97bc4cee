/** Groups as files: the dictionary of neuron-identifiability's `checkpoint_directories.py`, and JSON with everything. */
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { AnswerOf, Group, Member } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { GroupStore } from './groups.ts';
import { readPythonDictionary, type Literal } from './python-literal.ts';
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
): AnswerOf<'groups.export'> {
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
          ? `  # of this run only ${member.checkpointIds.length} checkpoints`
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
}

/**
 * Makes or extends the groups of a dictionary or our JSON, as one step of undo. Folders that the catalog does not know
 * are listed and left out. Throws UserError for text that cannot be read.
 */
export function importGroups(
  format: Format,
  text: string,
  groups: GroupStore,
  runs: RunStore,
): AnswerOf<'groups.import'> {
  const wanted = format === 'python' ? fromPython(text) : fromJson(text);
  const unknownPaths: string[] = [];
  const known = wanted.map(({ architecture, key, members, colour, notes }) => ({
    architecture,
    key,
    ...(colour !== undefined && { colour }),
    ...(notes !== undefined && { notes }),
    members: members.flatMap(({ run, checkpoints }): Member[] => {
      const runId = isAbsolute(run) ? runs.idAt(resolve(run)) : undefined;
      if (runId === undefined) unknownPaths.push(run);
      if (runId === undefined) return [];
      if (!checkpoints) return [{ runId }];
      return [
        { runId, checkpointIds: checkpoints.map(({ model, epoch }) => checkpointId(runId, epoch, model)) },
      ];
    }),
  }));
  const state = groups.edit({ type: 'create-many', groups: known });
  return { state, unknownPaths };
}

function fromJson(text: string): Wanted[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError('The text is not valid JSON.', { cause: error });
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data.groups;
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

function fromPython(text: string): Wanted[] {
  const entries = [...readPythonDictionary(text)].map(
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
