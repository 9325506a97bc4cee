/** `basin sweeps list|show|figure|export|rename|remove`. */
import { extname } from 'node:path';
import { Option } from 'commander';
import {
  csvOfSweep,
  documentOfSweep,
  figureOfSweep,
  sweepMetricNames,
  type SweepMetric,
} from '../../../src-shared/sweep-figures.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { checkFolderOf, figureFormatOf, writeFileWhole } from '../out-file.ts';
import { tableOfSweep } from '../sweep/show.ts';
import { formatTable } from '../table.ts';
import { jsonText } from '../terminal.ts';

async function list(globals: Globals): Promise<void> {
  const { terminal } = globals;
  const { sweeps: rows, problems } = await withEngine(globals, (client) => client.call('sweeps.list', {}));
  for (const problem of problems) terminal.note(terminal.style.bad(problem));
  terminal.document(
    rows.map(({ name, folder, sweep, runs, trained, complete, failed, active }) => ({
      ...{ name, folder, runs, trained, complete, failed, active },
      ...sweep,
    })),
  );
  if (rows.length === 0) {
    terminal.print('No sweeps yet. `basin sweep PRESET --grid sigma_f=0,0.5,1` makes one.');
    return;
  }
  type Row = (typeof rows)[number];
  const columns = [
    { title: 'sweep', text: ({ name }: Row) => name },
    { title: 'title', text: ({ name, sweep }: Row) => (sweep.title === name ? '' : sweep.title) },
    { title: 'trained', align: 'right' as const, text: ({ runs, trained }: Row) => `${trained} of ${runs}` },
    { title: 'of', text: ({ sweep }: Row) => [sweep.source, ...sweep.settings].join(' ') },
    {
      title: 'varied',
      text: ({ sweep }: Row) => sweep.grid.map(({ key, values }) => `${key} (${values.length})`).join(', '),
    },
    { title: 'made', text: ({ sweep }: Row) => sweep.createdAt.slice(0, 16).replace('T', ' ') },
  ];
  terminal.print(formatTable(rows, columns, terminal.style));
}

interface FigureFlags {
  out: string;
  over?: string;
  metric?: SweepMetric;
  log?: true;
  pool?: string[];
}

async function drawFigure(text: string, { out, ...choice }: FigureFlags, globals: Globals): Promise<void> {
  const path = typedPath(out);
  const format = figureFormatOf(path);
  await checkFolderOf(path);
  await withEngine(globals, async (client) => {
    const { sweep, cells } = await client.call('sweeps.get', { name: text });
    const recipe = figureOfSweep(sweep, cells, choice);
    const { bytes, warnings } = await client.call('figures.export', {
      recipe: { options: {}, ...recipe },
      format,
    });
    for (const warning of warnings) globals.terminal.note(`warning: ${warning}`);
    await writeFileWhole(path, bytes);
    globals.terminal.document({ path });
    globals.terminal.print(path);
    if (recipe.caption !== undefined) globals.terminal.note(recipe.caption);
  });
}

async function exportTable(text: string, out: string, globals: Globals): Promise<void> {
  const path = typedPath(out);
  const format = extname(path);
  if (format !== '.csv' && format !== '.json')
    throw new UsageError(`--out ${out}: expected a name that ends with .csv or .json`);
  await checkFolderOf(path);
  await withEngine(globals, async (client) => {
    const standing = await client.call('sweeps.get', { name: text });
    const json = () => `${jsonText(documentOfSweep(standing), 1)}\n`;
    await writeFileWhole(path, format === '.csv' ? csvOfSweep(standing.sweep, standing.cells) : json());
    globals.terminal.document({ path });
    globals.terminal.print(path);
  });
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  command
    .description('Lists sweeps; shows, draws, exports, cancels, renames and removes one.')
    .action(() => list(globals));
  command
    .command('list')
    .description('list the sweeps of the workspace')
    .action(() => list(globals));
  command
    .command('show <sweep>')
    .description('its runs, what was varied and what was measured')
    .action((text: string) =>
      withEngine(globals, async (client) => {
        const standing = await client.call('sweeps.get', { name: text });
        terminal.document(documentOfSweep(standing));
        terminal.print(tableOfSweep(standing.sweep, standing.cells, terminal.style));
      }),
    );
  command
    .command('figure <sweep>')
    .description('draw measures over a varied setting; bands are over seeds or pairs')
    .requiredOption('--out <file>', 'ends with .svg, .pdf, .png, .csv or .json')
    .option('--over <key>', 'the setting along x (default: the first of the grid)')
    .addOption(new Option('--metric <name>', 'draw only this measure').choices(sweepMetricNames))
    .option('--log', 'a logarithmic x axis')
    .option(
      '--pool <keys>',
      'settings whose values are repetitions, such as seed: one point for all of them',
      (text: string) => text.split(','),
    )
    .action((text: string, flags: FigureFlags) => drawFigure(text, flags, globals));
  command
    .command('export <sweep>')
    .description('write the table of its runs and measures')
    .requiredOption('--out <file>', 'ends with .csv or .json')
    .action((text: string, { out }: { out: string }) => exportTable(text, out, globals));
  command
    .command('cancel <sweep>')
    .description('stop it; what was trained and measured is kept')
    .action((text: string) =>
      withEngine(globals, async (client) => {
        const { name, trained, runs, active } = await client.call('sweeps.cancel', { name: text });
        terminal.document({ name, trained, runs, active });
        terminal.print(`stopped ${name}: ${trained} of ${runs} runs are trained`);
      }),
    );
  command
    .command('rename <sweep> <title>')
    .description('give it a title; its folder keeps its name')
    .action((text: string, title: string) =>
      withEngine(globals, async (client) => {
        if (title.trim() === '') throw new UsageError('The title is empty.');
        const { name, sweep } = await client.call('sweeps.rename', { name: text, title });
        terminal.document({ name, title: sweep.title });
        terminal.print(`${name}: ${sweep.title}`);
      }),
    );
  command
    .command('remove <sweep>')
    .description('forget the sweep; its runs stay in the catalog')
    .option('--runs', 'its runs too: to the trash, from where `basin runs restore` brings them back')
    .action((text: string, { runs }: { runs?: true }) =>
      withEngine(globals, async (client) => {
        const { trashed } = await client.call('sweeps.remove', { name: text, runs: runs ?? false });
        terminal.document({ name: text, trashed });
        terminal.print(
          `removed ${text}${trashed > 0 ? `; ${trashed} runs are in the trash` : '; its runs are still there'}`,
        );
      }),
    );
};
