/** `basin runs`: what the catalog holds. */
import type { Command } from 'commander';
import { shareOf } from '../../../src-shared/config.ts';
import { familyNames } from '../../../src-shared/domain.ts';
import type { RunRow } from '../../../src-shared/api.ts';
import type { RunEdit } from '../../../src-shared/run-labels.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { chosenRuns, findRuns, matches } from '../pick.ts';
import type { Column } from '../table.ts';
import { formatTable } from '../table.ts';
import { typedPath } from '../../formats/typed-path.ts';

const columns: Column<RunRow>[] = [
  { title: 'run', text: (run) => run.name },
  { title: 'family', text: (run) => (run.family === null ? run.architecture : familyNames[run.family]) },
  { title: 'σ_F', align: 'right', text: (run) => (run.sigmaF === null ? '-' : String(run.sigmaF)) },
  { title: 'data', text: (run) => run.dataset ?? '-' },
  { title: 'models', align: 'right', text: (run) => String(run.models) },
  { title: 'epochs', align: 'right', text: (run) => epochsText(run.epochs) },
  { title: 'val accuracy %', align: 'right', text: accuracyText },
  { title: 'state', text: (run) => run.state },
  { title: 'tags', text: ({ starred, tags }) => [...(starred ? ['★'] : []), ...tags].join(' ') },
  { title: 'id', text: (run) => run.id },
];

function epochsText(epochs: readonly number[]): string {
  if (epochs.length === 0) return '-';
  return epochs.length === 1 ? String(epochs[0]) : `${epochs[0]}..${epochs.at(-1)} (${epochs.length})`;
}

function accuracyText(run: RunRow): string {
  const { valAccuracy } = run;
  if (valAccuracy === null) return '-';
  const { mean, std } = valAccuracy;
  const text = std === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${std.toFixed(2)}`;
  return text + shareOf(run);
}

async function list(words: string[], { archived }: { archived?: true }, globals: Globals): Promise<void> {
  const { terminal } = globals;
  const runs = await withEngine(globals, (client) => client.call('runs.list', {}));
  const found = runs.filter((run) => words.every((word) => matches(run, word)));
  const shown = found.filter((run) => archived === true || !run.archived);
  terminal.document(shown);
  if (runs.length === 0)
    terminal.print('No runs yet. `basin demo` trains some; `basin import DIR` finds the ones you have.');
  else if (shown.length === 0) terminal.print(`None of the ${runs.length} runs matches ${words.join(' ')}.`);
  else terminal.print(formatTable(shown, columns, terminal.style));
  if (shown.length < found.length)
    terminal.note(`${found.length - shown.length} archived, not listed: add --archived.`);
  for (const run of shown) {
    for (const problem of run.problems) terminal.print(terminal.style.bad(`${run.name}: ${problem}`));
  }
}

/** What a person says of runs, and the trash. */
function defineLabels(command: Command, globals: Globals): void {
  const edit = async (texts: string[], editOf: (runs: RunRow[]) => RunEdit): Promise<void> => {
    const changed = await withEngine(globals, async (client) => {
      const runs = await findRuns(client, texts);
      await client.call('runs.edit', { edit: editOf(runs) });
      const ids = new Set(runs.map(({ id }) => id));
      return (await client.call('runs.list', {})).filter(({ id }) => ids.has(id));
    });
    globals.terminal.document(changed);
    for (const { name, tags, starred, archived } of changed) {
      const says = [...(starred ? ['starred'] : []), ...(archived ? ['archived'] : []), ...tags];
      globals.terminal.print(`${name}${says.length === 0 ? '' : `: ${says.join(', ')}`}`);
    }
  };
  const idsOf = (runs: RunRow[]): string[] => runs.map(({ id }) => id);
  command
    .command('rename <run> [name]')
    .description('rename a run; without a name it has that of its folder again')
    .action((text: string, name?: string) =>
      edit([text], ([run]) => ({ type: 'rename', runId: run!.id, title: name ?? null })),
    );
  command
    .command('note <run> <text>')
    .description('put notes on a run; an empty text removes them')
    .action((text: string, notes: string) =>
      edit([text], ([run]) => ({ type: 'annotate', runId: run!.id, notes })),
    );
  command
    .command('tag <run...>')
    .description('add tags to runs, or take them off')
    .option('--add <tags>', 'tags, separated by commas')
    .option('--remove <tags>', 'tags, separated by commas')
    .action((texts: string[], flags: { add?: string; remove?: string }) => {
      const list = (text = ''): string[] => text.split(',').filter((tag) => tag !== '');
      const [add, remove] = [list(flags.add), list(flags.remove)];
      if (add.length + remove.length === 0)
        throw new UsageError('runs tag: no tags were given.', { hint: 'Pass --add or --remove.' });
      return edit(texts, (runs) => ({ type: 'tag', runIds: idsOf(runs), add, remove }));
    });
  for (const [name, type, value, text] of [
    ['star', 'starred', true, 'put a star on runs'],
    ['unstar', 'starred', false, 'take the star off runs'],
    ['archive', 'archived', true, 'put runs away: they are not listed unless asked for'],
    ['unarchive', 'archived', false, 'list archived runs again'],
  ] as const) {
    command
      .command(`${name} <run...>`)
      .description(text)
      .action((texts: string[]) =>
        edit(texts, (runs) =>
          type === 'starred'
            ? { type: 'star', runIds: idsOf(runs), starred: value }
            : { type: 'archive', runIds: idsOf(runs), archived: value },
        ),
      );
  }
  command
    .command('trash')
    .description('list the runs in the trash')
    .action(async () => {
      const runs = await withEngine(globals, (client) => client.call('runs.trash', {}));
      globals.terminal.document(runs);
      if (runs.length === 0) globals.terminal.print('The trash is empty.');
      else globals.terminal.print(formatTable(runs, columns, globals.terminal.style));
    });
  command
    .command('restore <run...>')
    .description('bring runs back from the trash')
    .action(async (texts: string[]) => {
      const restored = await withEngine(globals, async (client) => {
        const runs = chosenRuns(await client.call('runs.trash', {}), texts, 'trash');
        await client.call('runs.edit', { edit: { type: 'restore', runIds: idsOf(runs) } });
        return runs;
      });
      globals.terminal.document(restored);
      for (const { name } of restored) globals.terminal.print(`${name} is back.`);
    });
}

export const define: DefineCommand = (command, globals) => {
  command
    .argument('[filter...]', 'a part of the name, or key=value such as family=syre or optimizer.lr=0.001')
    .option('--archived', 'list archived runs as well')
    .action((words: string[], flags: { archived?: true }) => list(words, flags, globals));
  command
    .command('show <run>')
    .description('show everything about one run')
    .action(async (text: string) => {
      const { terminal } = globals;
      const detail = await withEngine(globals, async (client) => {
        const [run] = await findRuns(client, [text]);
        return client.call('runs.get', { runId: run!.id });
      });
      terminal.document(detail);
      terminal.print(formatTable([detail], columns, terminal.style));
      const declared = (
        { declared: 'declared, see model.layers', exported: 'a network exported from PyTorch' } as Record<
          string,
          string
        >
      )[detail.architecture];
      const widths = detail.widths?.join('-') ?? declared ?? 'unknown';
      terminal.print(`\npath     ${detail.path}\nwidths   ${widths}`);
      for (const [key, value] of Object.entries(detail.properties))
        terminal.print(`  ${key} = ${String(value)}`);
    });
  command
    .command('remove <run...>')
    .description(
      'move runs to the trash: `basin runs restore` brings them back; their files stay where they are',
    )
    .option('--forever', 'forget them at once, with their names, notes, tags and memberships')
    .action(async (texts: string[], { forever }: { forever?: true }) => {
      const removed = await withEngine(globals, async (client) => {
        const runs = await findRuns(client, texts);
        const runIds = runs.map((run) => run.id);
        if (forever) await client.call('runs.remove', { runIds });
        else await client.call('runs.edit', { edit: { type: 'trash', runIds } });
        return runs;
      });
      globals.terminal.document(removed);
      const how = forever ? 'removed from the catalog' : 'moved to the trash';
      for (const run of removed)
        globals.terminal.print(`${run.name}: ${how}; its files are still in ${run.path}`);
    });
  defineLabels(command, globals);
  command
    .command('relocate <run> <dir>')
    .description('tell Basin where the folder of a missing run is now')
    .action(async (text: string, dir: string) => {
      const row = await withEngine(globals, async (client) => {
        const [run] = await findRuns(client, [text]);
        return client.call('runs.relocate', { runId: run!.id, path: typedPath(dir) });
      });
      globals.terminal.document(row);
      globals.terminal.print(`${row.name} is in ${row.path}`);
    });
};
