/** `basin groups list|add|remove|rename|suggest|export|import|undo|redo`. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Group, GroupEdit, GroupsState, RunRow } from '../../../src-shared/api.ts';
import { newAmong } from '../../../src-shared/members.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { writeFileWhole } from '../out-file.ts';
import { findGroup, findRuns } from '../pick.ts';
import { formatTable } from '../table.ts';
import { typedPath } from '../../formats/typed-path.ts';

function show(globals: Globals, state: GroupsState, runs: readonly RunRow[]): void {
  const { terminal } = globals;
  const byId = new Map(runs.map((run) => [run.id, run]));
  const members = (group: Group): string =>
    group.members
      .map(({ runId, checkpointIds }) => {
        const run = byId.get(runId);
        const part = checkpointIds === undefined ? '' : ` (${checkpointIds.length} checkpoints)`;
        return `${run?.name ?? runId}${part}${run?.state === 'missing' ? ' (folder missing)' : ''}`;
      })
      .join(', ');
  terminal.document(state);
  if (state.groups.length === 0) {
    terminal.print(
      'No groups yet. `basin groups suggest` suggests some; `basin groups add KEY RUN...` makes one.',
    );
    return;
  }
  const columns = [
    { title: 'architecture', text: (group: Group) => group.architecture },
    { title: 'group', text: (group: Group) => group.key },
    { title: 'runs', align: 'right' as const, text: (group: Group) => String(group.members.length) },
    { title: 'members', text: members },
  ];
  terminal.print(formatTable(state.groups, columns, terminal.style));
}

async function change(globals: Globals, make: (client: Client) => Promise<GroupsState>): Promise<void> {
  await withEngine(globals, async (client) => {
    const state = await make(client);
    show(globals, state, await client.call('runs.list', {}));
  });
}

function edit(client: Client, step: GroupEdit): Promise<GroupsState> {
  return client.call('groups.edit', { edit: step });
}

/** Puts runs into a group and says which of them were there already. */
async function add(
  { terminal }: Globals,
  client: Client,
  key: string,
  texts: string[],
  asked: string | undefined,
): Promise<GroupsState> {
  const runs = await findRuns(client, texts);
  const architecture = asked ?? architectureOf(runs);
  const members = runs.map((run) => ({ runId: run.id }));
  const { groups } = await client.call('groups.get', {});
  const known = groups.find(
    (group) => group.architecture === architecture && [group.key, group.id].includes(key),
  );
  if (known === undefined) return edit(client, { type: 'create', architecture, key, members });
  const fresh = new Set(newAmong(known.members, members).map(({ runId }) => runId));
  const there = runs.filter((run) => !fresh.has(run.id)).map((run) => run.name);
  if (there.length > 0) {
    const which = there.length > 3 ? `${there.length} of these runs` : there.join(', ');
    terminal.note(`${known.key} already has ${which}${fresh.size === 0 ? '; nothing changed' : ''}`);
  }
  return edit(client, { type: 'add-members', groupId: known.id, members });
}

/** That of all these runs. @throws UsageError if they have several */
function architectureOf(runs: readonly RunRow[]): string {
  const found = [...new Set(runs.map(({ architecture }) => architecture))];
  if (found.length === 1) return found[0]!;
  throw new UsageError(`These runs have several architectures: ${found.join(', ')}.`, {
    hint: 'Say which one the group is for with --architecture, or make a group for each.',
  });
}

async function remove(client: Client, text: string, runTexts: string[]): Promise<GroupsState> {
  const { groups } = await client.call('groups.get', {});
  const group = findGroup(groups, text);
  if (runTexts.length === 0) return edit(client, { type: 'remove', groupId: group.id });
  const runs = await findRuns(client, runTexts);
  return edit(client, { type: 'remove-members', groupId: group.id, runIds: runs.map((run) => run.id) });
}

export const define: DefineCommand = (command, globals) => {
  const list = (): Promise<void> => change(globals, (client) => client.call('groups.get', {}));
  command.action(list);
  command.command('list').description('list the groups and their members').action(list);
  command
    .command('add <key> <run...>')
    .description('add runs to a group; a new group is made if needed')
    .option('--architecture <name>', 'architecture of the group (default: that of the runs)')
    .action((key: string, runs: string[], options: { architecture?: string }) =>
      change(globals, (client) => add(globals, client, key, runs, options.architecture)),
    );
  command
    .command('remove <group> [run...]')
    .description('remove runs from a group; without runs, remove the group')
    .action((group: string, runs: string[]) => change(globals, (client) => remove(client, group, runs)));
  command
    .command('rename <group> <key>')
    .description('change the key of a group')
    .action((text: string, key: string) =>
      change(globals, async (client) => {
        const group = findGroup((await client.call('groups.get', {})).groups, text);
        return edit(client, { type: 'rename', groupId: group.id, key });
      }),
    );
  for (const name of ['undo', 'redo'] as const) {
    command
      .command(name)
      .description(`${name} the last change to the groups`)
      .action(() => change(globals, (client) => client.call(`groups.${name}`, {})));
  }
  defineSuggest(command, globals);
  defineExchange(command, globals);
};

function defineSuggest(command: Command, globals: Globals): void {
  command
    .command('suggest')
    .description('suggest groups from what the runs have in common')
    .option('--accept', 'make the suggested groups')
    .action(async (options: { accept?: boolean }) => {
      const { terminal } = globals;
      await withEngine(globals, async (client) => {
        const suggestions = await client.call('groups.suggest', {});
        if (options.accept === true) {
          const groups = suggestions.map(({ architecture, key, runIds }) => ({
            architecture,
            key,
            members: runIds.map((runId) => ({ runId })),
          }));
          const state = await edit(client, { type: 'create-many', groups });
          show(globals, state, await client.call('runs.list', {}));
          return;
        }
        terminal.document(suggestions);
        if (suggestions.length === 0)
          terminal.print(
            'Nothing to suggest: every run with at least two models is already in a group, or there are no runs.',
          );
        for (const { architecture, key, reason, runIds } of suggestions) {
          terminal.print(
            `${terminal.style.bold(`${architecture}/${key}`)}  ${runIds.length} ${runIds.length === 1 ? 'run' : 'runs'}  ${reason}`,
          );
        }
        if (suggestions.length > 0) terminal.print('\n`basin groups suggest --accept` makes them.');
      });
    });
}

function defineExchange(command: Command, globals: Globals): void {
  const { terminal } = globals;
  command
    .command('export')
    .description('write the groups as the checkpoint_directories.py dictionary, or as JSON')
    .addOption(new Option('--format <format>', 'output format').choices(['python', 'json']).default('python'))
    .option('--out <file>', 'write to this file instead of the terminal')
    .action(async (options: { format: 'python' | 'json'; out?: string }) => {
      const { filename, text } = await withEngine(globals, (client) =>
        client.call('groups.export', { format: options.format }),
      );
      if (options.out !== undefined) {
        await writeFileWhole(typedPath(options.out), text);
        terminal.note(`written to ${typedPath(options.out)}`);
      } else {
        terminal.print(text.trimEnd());
      }
      terminal.document({ filename, text });
    });
  command
    .command('import <file>')
    .description('read a checkpoint_directories.py dictionary, or JSON that `groups export` wrote')
    .action(async (file: string) => {
      const path = typedPath(file);
      const text = await readFile(path, 'utf8');
      const format = extname(path) === '.json' ? 'json' : 'python';
      await withEngine(globals, async (client) => {
        const { state, unknownPaths, leftOut } = await client.call('groups.import', {
          ...{ format, text, file: path },
        });
        for (const unknown of unknownPaths) terminal.note(`not in the catalog, left out: ${unknown}`);
        for (const group of leftOut) terminal.note(`${group} has no runs: the group was not made`);
        show(globals, state, await client.call('runs.list', {}));
      });
    });
}
