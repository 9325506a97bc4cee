/** `basin figure SOURCE... --out FILE` (or `--format pdf`): draws a recipe, a saved figure or results; `basin figure list`. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { figureFormats } from '../../../src-shared/api.ts';
import { barrierNames } from '../../../src-shared/barriers.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { colourMaps, fixedColourMaps } from '../../../src-shared/figures/colour.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import { parseRange, withColours } from '../figure-look.ts';
import type { ColourFlags } from '../figure-look.ts';
import { addStyleFlags, inFlags, styledOptions } from '../figure-style.ts';
import type { StyleFlags } from '../figure-style.ts';
import type { FigureChoice, StoredResult } from '../figure-from-result.ts';
import { figureOfResults } from '../figure-from-result.ts';
import type { DefineCommand } from '../globals.ts';
import { readResult } from '../job.ts';
import { checkFolderOf, figureFormatOf, freePaths, writeFileWhole } from '../out-file.ts';
import { warnOfOutdated } from '../standing.ts';
import { formatTable } from '../table.ts';
import { when } from '../when.ts';
import { findResult } from './results.ts';
import { typedPath } from '../../formats/typed-path.ts';

type Format = (typeof figureFormats)[number];

interface FigureFlags extends FigureChoice, ColourFlags, StyleFlags {
  out?: string[];
  format?: Format[];
  dpi?: number;
  save?: string;
  force?: boolean;
}

interface Recipe {
  kind: string;
  data: unknown;
  options?: Record<string, unknown>;
}

/** Where to write: `--out` names files; `--format` leaves the name to the figure, in the folder of the call. */
function targetsOf({ out, format }: FigureFlags): { path: string | undefined; format: Format }[] {
  // Not a required option of commander's: `figure list` would ask for it too.
  if ((out === undefined) === (format === undefined))
    throw new UsageError('say where to write the figure: either --out FILE or --format pdf');
  return (
    format?.map((each) => ({ path: undefined, format: each })) ??
    out!.map((text) => {
      const path = typedPath(text);
      return { path, format: figureFormatOf(path) };
    })
  );
}

function parseDpi(text: string): number {
  const dpi = Number(text);
  if (dpi >= 36 && dpi <= 2400) return dpi;
  throw new InvalidArgumentError('Expected a number from 36 to 2400.');
}

async function readRecipe(path: string): Promise<Recipe> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Recipe;
  } catch (error) {
    throw new UserError(`${path}: not a figure recipe: ${messageOf(error)}`);
  }
}

/** As the app draws them: by key of the group, and by name of each run that is in one group only. */
async function groupColours(client: Client): Promise<Map<string, string>> {
  const [{ groups }, runs] = await Promise.all([client.call('groups.get', {}), client.call('runs.list', {})]);
  const names = new Map(runs.map(({ id, name }) => [id, name]));
  const ofRuns = groups.flatMap(({ members, colour }) =>
    members.flatMap(({ runId }) => (names.has(runId) ? [{ name: names.get(runId)!, colour }] : [])),
  );
  const single = [...Map.groupBy(ofRuns, ({ name }) => name)].filter(([, same]) => same.length === 1);
  return new Map([
    ...single.map(([name, [run]]) => [name, run!.colour] as const),
    ...groups.map(({ key, colour }) => [key, colour] as const),
  ]);
}

/** The recipe that the sources stand for, and the ids of the results behind it. */
async function recipeOf(
  client: Client,
  sources: string[],
  choice: FigureChoice,
): Promise<[Recipe, string[]]> {
  const [first] = sources;
  if (sources.length === 1 && first!.endsWith('.json')) return [await readRecipe(typedPath(first!)), []];
  const saved = (await client.call('figures.list', {})).find((figure) => figure.id === first);
  if (sources.length === 1 && saved !== undefined) return [saved.recipe, saved.resultIds];
  const results: StoredResult[] = [];
  for (const source of sources) {
    const row = await findResult(client, source);
    results.push({ ...row, result: (await readResult(client, row.id)).result });
  }
  const colours = await groupColours(client);
  return [figureOfResults(results, choice, colours), results.map((stored) => stored.id)];
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  command
    .description(
      'Draws results, a saved figure or a recipe. The same recipe gives the same file, byte for byte.',
    )
    .argument('<source...>', "ids of results, or one saved figure's id, or one recipe (.json)")
    .option(
      '--out <file...>',
      `file to write, in the format of its extension: ${figureFormats.map((f) => `.${f}`).join(', ')}`,
    )
    .addOption(
      new Option(
        '--format <format...>',
        "instead of --out: write to the current folder under the figure's own name, numbered if the name is taken",
      ).choices([...figureFormats]),
    )
    .option('--force', 'with --format: overwrite an existing file');
  addStyleFlags(command)
    .addOption(new Option('--dpi <n>', 'resolution of a png').argParser(parseDpi))
    .addOption(
      new Option('--metric <metric>', 'of interpolations').choices(['accuracy', 'loss']).default('accuracy'),
    )
    .addOption(
      new Option('--split <split>', 'of interpolations').choices(['train', 'val', 'test']).default('test'),
    )
    .addOption(
      new Option('--barrier <definition>', 'for interpolations: the barrier definition quoted in the caption')
        .choices([...barrierNames])
        .default('chord'),
    )
    .addOption(
      new Option('--scale <scale>', 'of matrices')
        .choices(['linear', 'signed-sqrt', 'log'])
        .default('linear'),
    )
    .addOption(
      new Option(
        '--colours <map>',
        'of matrices and contours; swap-costs is the published map, in which every value has its colour',
      ).choices(['auto', ...colourMaps, ...fixedColourMaps]),
    )
    .addOption(
      new Option(
        '--range <low,high>',
        'values at the ends of the colours, such as --range=-2,30 (default: as the values)',
      ).argParser(parseRange),
    )
    .addOption(
      new Option(
        '--share <what>',
        'of matrices: one colour scale for each row of panels, or for all',
      ).choices(['row', 'all']),
    )
    .option(
      '--which <n|words>',
      "for results with several figures: the figure's number, or words from its title",
    )
    .option('--save <title>', 'also save the figure in the workspace under this title')
    .action(async (sources: string[], flags: FigureFlags) => {
      const targets = targetsOf(flags);
      for (const { path } of targets) if (path !== undefined) await checkFolderOf(path);
      await withEngine(globals, async (client) => {
        const [found, resultIds] = await recipeOf(client, sources, flags);
        await warnOfOutdated(client, terminal, resultIds);
        const options = styledOptions(found.options ?? {}, flags);
        const recipe = { ...withColours(found, flags), options };
        const dpi = flags.dpi === undefined ? {} : { dpi: flags.dpi };
        const drawn: { path: string; bytes: Uint8Array }[] = [];
        const told: string[] = [];
        for (const { path, format } of targets) {
          const { bytes, filename, warnings } = await inFlags(() =>
            client.call('figures.export', { recipe, format, ...dpi }),
          );
          told.push(...warnings);
          drawn.push({ path: path ?? join(process.cwd(), filename), bytes });
        }
        for (const warning of new Set(told)) terminal.note(`warning: ${warning}`);
        const asNamed = drawn.map(({ path }) => path);
        // A name that the person gave is what they want; one that the figure's kind gave may be another figure's.
        const written = flags.out !== undefined || flags.force ? asNamed : await freePaths(drawn);
        for (const [i, { bytes }] of drawn.entries()) {
          await writeFileWhole(written[i]!, bytes);
          const other =
            written[i] === asNamed[i]
              ? ''
              : `; ${basename(asNamed[i]!)} already exists: --force overwrites it`;
          terminal.print(`${written[i]!} (${bytes.byteLength} bytes)${other}`);
        }
        const saved =
          flags.save === undefined
            ? null
            : await client.call('figures.save', { title: flags.save, resultIds, recipe });
        terminal.document({
          figures: written,
          recipe,
          saved: saved?.id ?? null,
          warnings: [...new Set(told)],
        });
      });
    });
  command
    .command('list')
    .description('list the figures saved in the workspace')
    .action(async () => {
      const figures = await withEngine(globals, (client) => client.call('figures.list', {}));
      terminal.document(figures);
      const columns = [
        { title: 'id', text: (figure: (typeof figures)[number]) => figure.id },
        { title: 'kind', text: (figure: (typeof figures)[number]) => figure.kind },
        { title: 'title', text: (figure: (typeof figures)[number]) => figure.title },
        { title: 'made', text: (figure: (typeof figures)[number]) => when(figure.createdAt) },
      ];
      terminal.print(
        figures.length === 0 ? 'No figures yet.' : formatTable(figures, columns, terminal.style),
      );
    });
};
