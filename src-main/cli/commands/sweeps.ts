/** `basin sweeps list|show|figure|export|rename|remove`. */
import { extname, join } from 'node:path';
import { Option } from 'commander';
import { UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { removeSweep, sweepsIn, writeSweep, type SweepFolder } from '../../formats/sweep-folder.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { checkFolderOf, figureFormatOf, writeFileWhole } from '../out-file.ts';
import { csvOfSweep, documentOfSweep, figureOfSweep, tableOfSweep } from '../sweep/show.ts';
import { cellsIn, holdingsOf, standingOf, sweepMetricNames, type SweepMetric } from '../sweep/standing.ts';
import { formatTable } from '../table.ts';
import { jsonText } from '../terminal.ts';

async function foldersOf(client: Client, { terminal }: Globals): Promise<SweepFolder[]> {
  const { workspace } = await client.call('engine.info', {});
  const { sweeps, problems } = sweepsIn(join(workspace, 'runs'));
  for (const problem of problems) terminal.note(terminal.style.bad(problem));
  return sweeps;
}

/** By its folder's name or its title. @throws UserError for none */
async function findSweep(client: Client, text: string, globals: Globals): Promise<SweepFolder> {
  const all = await foldersOf(client, globals);
  const found = all.find(({ name }) => name === text) ?? all.find(({ sweep }) => sweep.title === text);
  if (found) return found;
  throw new UserError(
    `There is no sweep "${text}".${didYouMean(
      text,
      all.map(({ name }) => name),
    )}`,
    {
      hint: '`basin sweeps` lists them.',
    },
  );
}

async function list(globals: Globals): Promise<void> {
  const { terminal } = globals;
  const rows = await withEngine(globals, async (client) => {
    const found = await foldersOf(client, globals);
    const holdings = await holdingsOf(client);
    return found.map((each) => {
      const cells = cellsIn(each, holdings);
      return {
        ...each,
        runs: cells.length,
        trained: cells.filter(({ state }) => state === 'trained').length,
      };
    });
  });
  terminal.document(
    rows.map(({ name, folder, sweep, runs, trained }) => ({ name, folder, runs, trained, ...sweep })),
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
}

async function drawFigure(text: string, { out, ...choice }: FigureFlags, globals: Globals): Promise<void> {
  const path = typedPath(out);
  const format = figureFormatOf(path);
  await checkFolderOf(path);
  await withEngine(globals, async (client) => {
    const found = await findSweep(client, text, globals);
    const recipe = figureOfSweep(found.sweep, await standingOf(client, found), choice);
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
    const found = await findSweep(client, text, globals);
    const cells = await standingOf(client, found);
    const json = () => `${jsonText(documentOfSweep(found, cells), 1)}\n`;
    await writeFileWhole(path, format === '.csv' ? csvOfSweep(found.sweep, cells) : json());
    globals.terminal.document({ path });
    globals.terminal.print(path);
  });
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  command
    .description('Lists sweeps; shows, draws, exports, renames and removes one.')
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
        const found = await findSweep(client, text, globals);
        const cells = await standingOf(client, found);
        terminal.document(documentOfSweep(found, cells));
        terminal.print(tableOfSweep(found.sweep, cells, terminal.style));
      }),
    );
  command
    .command('figure <sweep>')
    .description('draw measures over a varied setting; bands are over seeds or pairs')
    .requiredOption('--out <file>', 'ends with .svg, .pdf, .png, .csv or .json')
    .option('--over <key>', 'the setting along x (default: the first of the grid)')
    .addOption(new Option('--metric <name>', 'draw only this measure').choices(sweepMetricNames))
    .option('--log', 'a logarithmic x axis')
    .action((text: string, flags: FigureFlags) => drawFigure(text, flags, globals));
  command
    .command('export <sweep>')
    .description('write the table of its runs and measures')
    .requiredOption('--out <file>', 'ends with .csv or .json')
    .action((text: string, { out }: { out: string }) => exportTable(text, out, globals));
  command
    .command('rename <sweep> <title>')
    .description('give it a title; its folder keeps its name')
    .action((text: string, title: string) =>
      withEngine(globals, async (client) => {
        const { folder, sweep, name } = await findSweep(client, text, globals);
        if (title.trim() === '') throw new UsageError('The title is empty.');
        writeSweep(folder, { ...sweep, title: title.trim() });
        terminal.document({ name, title: title.trim() });
        terminal.print(`${name}: ${title.trim()}`);
      }),
    );
  command
    .command('remove <sweep>')
    .description('forget the sweep; its runs stay in the catalog')
    .option('--runs', 'its runs too: to the trash, from where `basin runs restore` brings them back')
    .action((text: string, { runs }: { runs?: true }) =>
      withEngine(globals, async (client) => {
        const found = await findSweep(client, text, globals);
        const cells = await standingOf(client, found);
        const runIds = runs ? cells.flatMap(({ run }) => (run ? [run.id] : [])) : [];
        if (runIds.length > 0) await client.call('runs.edit', { edit: { type: 'trash', runIds } });
        removeSweep(found.folder);
        terminal.document({ name: found.name, trashed: runIds.length });
        terminal.print(
          `removed ${found.name}${runIds.length > 0 ? `; ${runIds.length} runs are in the trash` : '; its runs are still there'}`,
        );
      }),
    );
};
