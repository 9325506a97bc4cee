/** `basin data list | fetch NAME | add NAME | remove NAME`: the embedded data sets are always there, others are fetched or added. */
import type { Command } from 'commander';
import {
  embeddedNames,
  fetchable,
  fetchableNames,
  fetchDataSet,
  listDataSets,
  workspacePath,
} from '../../engine/index.ts';
import { examplesText } from '../../../src-shared/data-list.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import { addDataJob } from '../../../src-shared/jobs/add-data.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { withEngine } from '../engine.ts';
import { completeParams, flagsOf } from '../flags.ts';
import { addFlag, takeFlags } from '../kind-flags.ts';
import { runKind } from '../job.ts';
import { listenerFor } from '../show-job.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { dataHomeOf, fetchedFolder } from '../../engine/data-folder.ts';
import { self } from '../self.ts';
import { formatTable } from '../table.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { typedPath } from '../../formats/typed-path.ts';

interface Row {
  name: string;
  state: string;
  examples: string;
  folder: string;
}

function rows({ workspace }: Globals): Row[] {
  return listDataSets(dataHomeOf(workspacePath(workspace))).map((row) => {
    const made = row.name === 'mnist-coherence' ? 'made from digits by rotation' : 'made from seeds';
    const states: Record<string, string> = {
      made,
      folder: 'read from a folder',
      'not fetched': 'not downloaded',
    };
    const state = states[row.state] ?? row.state;
    return { name: row.name, state, examples: examplesText(row), folder: row.folder ?? '' };
  });
}

async function fetchNamed(name: string, dir: string | undefined, globals: Globals): Promise<void> {
  const { terminal, signal } = globals;
  if (embeddedNames.includes(name)) throw new UserError(`${name} is embedded: there is nothing to download`);
  if (!fetchableNames.includes(name)) {
    throw new UserError(`There is no data set "${name}" to download.${didYouMean(name, fetchableNames)}`, {
      hint: `Known: ${fetchableNames.join(', ')}.`,
    });
  }
  const folder = dir === undefined ? fetchedFolder(workspacePath(globals.workspace), name) : typedPath(dir);
  const line = terminal.progress(`downloading ${name}`);
  const report = await fetchDataSet({
    set: fetchable(name),
    folder,
    signal,
    onProgress: (progress) => {
      line.update(progress);
    },
    onNote: (text) => {
      terminal.note(text);
    },
  });
  line.finish();
  terminal.document({ name, ...report });
  const what = report.fetched.length === 0 ? 'already complete' : `${report.fetched.length} files downloaded`;
  terminal.print(`${name}: ${what}, in ${report.folder}`);
  const use = dir === undefined ? `dataset=${name}` : `dataset=${name} --data-dir ${report.folder}`;
  terminal.print(`next: ${self} train w-asymmetric ${use}`);
}

function targetsLine({ task, classes, class_names: names }: JobResult<'add-data'>): string {
  if (task === 'next-token') return `to predict     the next token, 0 to ${classes - 1}`;
  if (task === 'regression') return `to predict     ${classes} ${classes === 1 ? 'number' : 'numbers'}`;
  const named = names ? ` (${names.slice(0, 6).join(', ')}${names.length > 6 ? ', ...' : ''})` : '';
  return `classes        ${classes}${named}`;
}

function reportAdded(result: JobResult<'add-data'>, { terminal }: Globals): void {
  terminal.document(result);
  const { name, directory, train, test, shape, features, task, dtype, mean, std } = result;
  const areTokens = dtype === 'int32';
  const short = (values: readonly number[]): string =>
    values.length > 4
      ? `${values.length} values, one per number`
      : values.map((v) => v.toFixed(4)).join(', ');
  terminal.print(
    [
      terminal.style.bold(
        `${name}: ${train} examples to train on, ${test} to test with, of ${shape ? shapeText(shape) : `${features} ${areTokens ? 'tokens' : 'numbers'}`}`,
      ),
      targetsLine(result),
      ...(areTokens ? [] : [`mean           ${short(mean)}`, `deviation      ${short(std)}`]),
      `contents       ${result.contents.slice(0, 16)}`,
      `folder         ${directory}`,
      ...result.notes,
      '',
      areTokens || task === 'next-token'
        ? `next: ${self} train RUN dataset=${name}, RUN an adopted network that takes tokens (docs/pytorch.md)`
        : `next: ${self} train standard-small dataset=${name}`,
    ].join('\n'),
  );
}

function defineAdd(command: Command, globals: Globals): void {
  const flags = flagsOf(addDataJob.params);
  command.description(`${addDataJob.summary} <name> is the name used in configs and commands.`);
  for (const flag of flags) if (flag.name !== 'name') addFlag(command, flag);
  command.action(async (name: string) => {
    const params: Record<string, unknown> = { name };
    takeFlags(command, flags, params);
    const complete = completeParams(addDataJob.params, params, flags);
    await withEngine(globals, async (client) => {
      const shown = listenerFor(globals.terminal, addDataJob.title);
      const { result } = await runKind(client, 'add-data', complete, globals.signal, shown.listener);
      shown.finish();
      reportAdded(result, globals);
    });
  });
}

function defineRemove(command: Command, globals: Globals): void {
  const { terminal } = globals;
  command
    .description('remove a data set that was added, with its files in the workspace')
    .option('--force', 'also if runs of the catalog were trained on it')
    .action(async (name: string, { force = false }: { force?: boolean }) => {
      const removed = await withEngine(globals, (client) => client.call('data.remove', { name, force }));
      terminal.document({ name, ...removed });
      terminal.print(`removed ${name}, in ${removed.folder}`);
      if (removed.runs.length > 0) terminal.print(`runs that were trained on it: ${removed.runs.join(', ')}`);
    });
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  const list = (): void => {
    const found = rows(globals);
    terminal.document(found);
    const columns = [
      { title: 'data set', text: (row: Row) => row.name },
      { title: 'state', text: (row: Row) => row.state },
      { title: 'training + test examples', text: (row: Row) => row.examples },
      { title: 'folder', text: (row: Row) => row.folder },
    ];
    terminal.print(formatTable(found, columns, terminal.style));
  };
  command.action(list);
  command.command('list').description('list the data sets and where they are').action(list);
  defineAdd(command.command('add <name>'), globals);
  defineRemove(command.command('remove <name>'), globals);
  command
    .command('fetch <name>')
    .description(
      `download a data set (${fetchableNames.join(', ')}), checked by its SHA-256; interrupted downloads resume`,
    )
    .option(
      '--dir <dir>',
      "folder for the files (default: the workspace's data folder, where training looks)",
    )
    .action((name: string, options: { dir?: string }) => fetchNamed(name, options.dir, globals));
};
