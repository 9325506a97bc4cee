/** `basin run KIND`: any kind of job, its flags taken from its params schema. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { messageOf } from '../../../src-shared/errors.ts';
import { groupSubjects } from '../../../src-shared/group-subjects.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { jobKindNames, jobKinds } from '../../../src-shared/jobs/index.ts';
import { paramSchema } from '../../../src-shared/jobs/schema.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { workspacePath } from '../../engine/index.ts';
import { findInWorkspace } from '../data-folder.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { completeParams, flagsOf } from '../flags.ts';
import { addFlag, takeFlags } from '../kind-flags.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runAnyKind } from '../job.ts';
import { findGroup } from '../pick.ts';
import { presentResult } from '../present.ts';
import { checkOutFile, writeOutFile } from '../out-file.ts';
import { listenerFor } from '../show-job.ts';
import { typedPath, withTypedPaths } from '../../formats/typed-path.ts';

interface KindOptions {
  params?: string;
  out?: string;
}

export const define: DefineCommand = (command, globals) => {
  command
    .description('Runs a job of one kind. Each kind has its own flags: `basin run KIND --help`.')
    .argument('[kind]', 'kind of job')
    // A mistyped kind is the message, not the flags that came with it.
    .allowUnknownOption()
    .allowExcessArguments()
    .action((kind: string | undefined) => {
      if (kind === undefined) return command.help();
      throw new UsageError(`There is no kind of job "${kind}".${didYouMean(kind, jobKindNames)}`, {
        hint: `Kinds of job: ${jobKindNames.join(', ')}.`,
      });
    });
  for (const kind of Object.values<AnyJobKind>(jobKinds)) {
    defineKind(command.command(kind.kind).summary(kind.title).description(kind.summary), kind, globals);
  }
};

function defineKind(command: Command, kind: AnyJobKind, globals: Globals): void {
  const flags = flagsOf(kind.params);
  for (const flag of flags) addFlag(command, flag);
  command
    .option('--params <file>', 'params as JSON or YAML (- is stdin); flags override them')
    .option('--out <file>', 'also write the result to a file: .json, or .parquet if it has rows or matrices')
    .action(async (options: KindOptions) => {
      const out = options.out === undefined ? undefined : typedPath(options.out);
      if (out !== undefined) await checkOutFile(out);
      const workspace = workspacePath(globals.workspace);
      const collected = withFetchedData(await collectParams(command, kind, flags, options.params), workspace);
      const named = groupsNamed(collected);
      if (named === undefined)
        return execute(kind, completeParams(kind.params, collected, flags), out, globals);
      await withEngine(globals, async (client) => {
        const params = { ...collected, groups: await subjectsNamed(client, named) };
        await executeWith(client, kind, completeParams(kind.params, params, flags), out, globals);
      });
    });
}

/** Keys of groups that are still to be looked up; undefined where there are none. */
function groupsNamed({ groups }: Record<string, unknown>): string[] | undefined {
  if (!Array.isArray(groups) || !groups.every((item) => typeof item === 'string')) return undefined;
  return groups;
}

async function subjectsNamed(client: Client, named: readonly string[]) {
  const { groups } = await client.call('groups.get', {});
  const all = named.length === 1 && named[0] === 'all';
  if (all && groups.length === 0) throw new UsageError('--groups all: there are no groups yet');
  const known = new Set(groups.flatMap(({ key, architecture }) => [key, `${architecture}/${key}`]));
  // A group's own key may have a comma in it.
  const names = named.flatMap((text) =>
    known.has(text) ? [text] : text.split(',').map((word) => word.trim()),
  );
  const chosen = all ? groups : names.filter(Boolean).map((name) => findGroup(groups, name));
  return groupSubjects(chosen, await client.call('runs.list', {}));
}

/** Params from `--params FILE` with the flags laid over them. Only what was really written counts. */
async function collectParams(
  command: Command,
  kind: AnyJobKind,
  flags: readonly Flag[],
  file: string | undefined,
): Promise<Record<string, unknown>> {
  const params =
    file === undefined
      ? {}
      : (withTypedPaths(paramSchema(kind.params), await readParams(file)) as Record<string, unknown>);
  takeFlags(command, flags, params);
  return params;
}

/** `--data mnist` alone means the folder that `basin data fetch mnist` made, where it did. */
function withFetchedData(params: Record<string, unknown>, workspace: string): Record<string, unknown> {
  const { data } = params;
  if (data === null || typeof data !== 'object' || !('name' in data) || 'dataDir' in data) return params;
  const dataDir = findInWorkspace(workspace, String(data.name));
  return dataDir === undefined ? params : { ...params, data: { ...data, dataDir } };
}

async function readParams(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file === '-' ? '/dev/stdin' : typedPath(file), 'utf8');
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new UsageError(`--params ${file}: neither JSON nor YAML: ${messageOf(error)}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new UsageError(`--params ${file}: expected an object of params`);
  }
  return value as Record<string, unknown>;
}

const execute = (
  kind: AnyJobKind,
  params: unknown,
  out: string | undefined,
  globals: Globals,
): Promise<void> => withEngine(globals, (client) => executeWith(client, kind, params, out, globals));

async function executeWith(
  client: Client,
  kind: AnyJobKind,
  params: unknown,
  out: string | undefined,
  globals: Globals,
): Promise<void> {
  const { terminal, signal } = globals;
  const shown = listenerFor(terminal, kind.title);
  const finished = await runAnyKind(client, kind.kind, params, signal, shown.listener);
  shown.finish();
  if (finished.job.cached) terminal.note(`${kind.title}: cached result from the workspace`);
  if (out !== undefined) {
    await writeOutFile(client, finished.job.resultId!, finished.result, out);
    terminal.note(`written to ${out}`);
  }
  terminal.document(finished.result);
  terminal.print(presentResult(kind, finished.result, terminal));
}
