/** `basin runs`: what the catalog holds. */
import { hasBinaryLabels } from '../../../src-shared/config.ts';
import { familyNames } from '../../../src-shared/domain.ts';
import type { RunRow } from '../../../src-shared/api.ts';
import { withEngine } from '../engine.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { findRuns, matches } from '../pick.ts';
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
  { title: 'id', text: (run) => run.id },
];

function epochsText(epochs: readonly number[]): string {
  if (epochs.length === 0) return '-';
  return epochs.length === 1 ? String(epochs[0]) : `${epochs[0]}..${epochs.at(-1)} (${epochs.length})`;
}

function accuracyText({ valAccuracy, dataset }: RunRow): string {
  if (valAccuracy === null) return '-';
  const { mean, std } = valAccuracy;
  const text = std === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${std.toFixed(2)}`;
  return hasBinaryLabels(dataset) ? `${text} of labels` : text;
}

async function list(words: string[], globals: Globals): Promise<void> {
  const { terminal } = globals;
  const runs = await withEngine(globals, (client) => client.call('runs.list', {}));
  const shown = runs.filter((run) => words.every((word) => matches(run, word)));
  terminal.document(shown);
  if (runs.length === 0)
    terminal.print('No runs yet. `basin demo` trains some; `basin import DIR` finds the ones you have.');
  else if (shown.length === 0) terminal.print(`None of the ${runs.length} runs matches ${words.join(' ')}.`);
  else terminal.print(formatTable(shown, columns, terminal.style));
  for (const run of shown) {
    for (const problem of run.problems) terminal.print(terminal.style.bad(`${run.name}: ${problem}`));
  }
}

export const define: DefineCommand = (command, globals) => {
  command
    .argument('[filter...]', 'a part of the name, or key=value such as family=syre or optimizer.lr=0.001')
    .action((words: string[]) => list(words, globals));
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
      const declared = detail.architecture === 'declared' ? 'declared, see model.layers' : undefined;
      const widths = detail.widths?.join('-') ?? declared ?? 'unknown';
      terminal.print(`\npath     ${detail.path}\nwidths   ${widths}`);
      for (const [key, value] of Object.entries(detail.properties))
        terminal.print(`  ${key} = ${String(value)}`);
    });
  command
    .command('remove <run...>')
    .description('remove runs from the catalog; their files are kept')
    .action(async (texts: string[]) => {
      const removed = await withEngine(globals, async (client) => {
        const runs = await findRuns(client, texts);
        await client.call('runs.remove', { runIds: runs.map((run) => run.id) });
        return runs;
      });
      globals.terminal.document(removed);
      for (const run of removed)
        globals.terminal.print(`removed ${run.name} from the catalog; its files are still in ${run.path}`);
    });
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
