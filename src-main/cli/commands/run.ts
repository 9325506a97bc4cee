/** `basin run KIND`: any kind of job, its flags taken from its params schema. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
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
import { findInWorkspace } from '../../engine/data-folder.ts';
import { askAll, documentOf, requireAllDone, tableOf } from '../batch.ts';
import type { CheckedQuestion } from '../batch.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { completeParams, flagsOf } from '../flags.ts';
import { addFlag, takeFlags } from '../kind-flags.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runAnyKind, type Finished } from '../job.ts';
import { findGroups } from '../pick.ts';
import { presentResult } from '../present.ts';
import { checkOutFile, writeFileWhole, writeOutFile } from '../out-file.ts';
import { questionsOf } from '../questions.ts';
import type { Question } from '../questions.ts';
import { reachOf, takeReach, withReach } from '../reach.ts';
import { listenerFor } from '../show-job.ts';
import { askAllOnSlurm } from '../slurm/batch.ts';
import { addSlurmFlags, onSlurm, printScript, type OnSlurm, type SlurmFlags } from '../slurm/flags.ts';
import { finishedOf, runOnSlurm } from '../slurm/run.ts';
import { jsonText } from '../terminal.ts';
import { typedPath, withTypedPaths } from '../../formats/typed-path.ts';

interface KindOptions extends SlurmFlags {
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

/** What the command line says besides the question. */
interface How {
  out: string | undefined;
  slurm: OnSlurm | undefined;
  dryRun: boolean;
  globals: Globals;
}

function defineKind(command: Command, kind: AnyJobKind, globals: Globals): void {
  const own = flagsOf(kind.params);
  const reach = reachOf(kind, own);
  const flags = withReach(own, reach);
  for (const flag of flags) addFlag(command, flag);
  // A kind that writes a file of its own calls it so.
  const hasOwnOut = own.some(({ name }) => name === 'out');
  command.option('--params <file>', 'params as JSON or YAML (- is stdin); flags override them');
  if (!hasOwnOut)
    command.option(
      '--out <file>',
      'also write the result to a file: .json, or .parquet if it has rows or matrices; of several jobs .json',
    );
  // What concerns the catalog stays on its machine.
  if (kind.lane === 'main') addSlurmFlags(command);
  command.action(async (options: KindOptions) => {
    const slurm = onSlurm(options, globals);
    const out = hasOwnOut || options.out === undefined ? undefined : typedPath(options.out);
    if (out !== undefined) await checkOutFile(out);
    const workspace = workspacePath(globals.workspace);
    const collected = withFetchedData(await collectParams(command, kind, flags, options.params), workspace);
    const asked = takeReach(collected, reach);
    const complete = (params: unknown): unknown => completeParams(kind.params, params, own);
    const named = groupsNamed(collected);
    const inGroups = named !== undefined || asked.groups !== undefined;
    const how: How = { out, slurm, dryRun: options.dryRun ?? false, globals };
    if (!inGroups && asked.epochs === undefined) return execute(kind, complete(collected), how);
    await withEngine(globals, async (client) => {
      const questions = await questionsOf(client, collected, asked, reach);
      if (questions) return askEach(client, kind, questions.map(checked(complete)), how);
      const params = named ? { ...collected, groups: await subjectsNamed(client, named) } : collected;
      await executeWith(client, kind, complete(params), how);
    });
  });
}

/** All of them are checked before the first is asked. @throws UsageError */
const checked =
  (complete: (params: unknown) => unknown) =>
  (question: Question): CheckedQuestion => ({
    ...question,
    params: question.params && complete(question.params),
  });

async function askEach(
  client: Client,
  kind: AnyJobKind,
  questions: readonly CheckedQuestion[],
  { out, slurm, dryRun, globals }: How,
): Promise<void> {
  const { terminal } = globals;
  if (out !== undefined && extname(out) !== '.json') {
    throw new UsageError(`--out ${out}: ${questions.length} jobs have a result each; expected a .json file`, {
      hint: 'It holds all of them. `basin export` writes single results in other formats.',
    });
  }
  if (slurm && dryRun) return printScript(questions.length, slurm, globals);
  const entries = slurm
    ? await askAllOnSlurm(client, kind, questions, slurm, globals)
    : await askAll(client, kind, questions, globals);
  if (!entries) return;
  const document = documentOf(kind, entries);
  if (out !== undefined) {
    await writeFileWhole(out, `${jsonText(document, 1)}\n`);
    terminal.note(`written to ${out}`);
  }
  terminal.document(document);
  terminal.print(`${terminal.style.bold(kind.title)}\n${tableOf(kind, entries, terminal.style)}`);
  requireAllDone(entries);
}

/** Keys of groups that are still to be looked up; undefined where there are none. */
function groupsNamed({ groups }: Record<string, unknown>): string[] | undefined {
  if (!Array.isArray(groups) || !groups.every((item) => typeof item === 'string')) return undefined;
  return groups;
}

async function subjectsNamed(client: Client, named: readonly string[]) {
  const { groups } = await client.call('groups.get', {});
  return groupSubjects(findGroups(groups, named), await client.call('runs.list', {}));
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

const execute = (kind: AnyJobKind, params: unknown, how: How): Promise<void> =>
  withEngine(how.globals, (client) => executeWith(client, kind, params, how));

async function executeWith(
  client: Client,
  kind: AnyJobKind,
  params: unknown,
  { out, slurm, dryRun, globals }: How,
): Promise<void> {
  const { terminal } = globals;
  if (slurm && dryRun) return printScript(1, slurm, globals);
  const finished = await finish(client, kind, params, slurm, globals);
  if (!finished) return;
  if (finished.job.cached) terminal.note(`${kind.title}: cached result from the workspace`);
  if (out !== undefined) {
    await writeOutFile(client, finished.job.resultId!, finished.result, out);
    terminal.note(`written to ${out}`);
  }
  terminal.document(finished.result);
  terminal.print(presentResult(kind, finished.result, terminal));
}

/** Undefined with --detach. */
async function finish(
  client: Client,
  kind: AnyJobKind,
  params: unknown,
  slurm: OnSlurm | undefined,
  globals: Globals,
): Promise<Finished<unknown> | undefined> {
  if (slurm) {
    const request = { label: kind.title, ask: { kind: kind.kind, params } };
    const ends = await runOnSlurm(client, [request], slurm, globals, kind.title);
    return ends && (await finishedOf(client, ends[0]!));
  }
  const shown = listenerFor(globals.terminal, kind.title);
  const finished = await runAnyKind(client, kind.kind, params, globals.signal, shown.listener);
  shown.finish();
  return finished;
}
