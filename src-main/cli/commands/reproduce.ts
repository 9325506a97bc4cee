/** `basin reproduce NAME`: repeats an experiment of the papers and sets what it finds beside what they say. */
import { join } from 'node:path';
import { Option } from 'commander';
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { wrap } from '../demo/report.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { wholeNumber } from '../numbers.ts';
import { checkFolderOf } from '../out-file.ts';
import { duration } from '../progress-line.ts';
import type { Experiment, ExperimentRow, ExperimentSize, Limit } from '../reproduce/experiment.ts';
import { experimentSizes } from '../reproduce/experiment.ts';
import { experimentNames, experiments } from '../reproduce/index.ts';
import { isLimited, limitFor, parseLimit } from '../reproduce/limit.ts';
import { keepForPage, refuseForPage, writePage } from '../reproduce/page.ts';
import { longTime, planText } from '../reproduce/plan.ts';
import { tally, tallyText } from '../reproduce/record.ts';
import { refuseMissed, runExperiment, type Reproduced } from '../reproduce/run-experiment.ts';
import { formatTable } from '../table.ts';
import { fileStamp } from '../when.ts';

interface ReproduceFlags {
  size: ExperimentSize;
  seed: number;
  limit?: Limit;
  dryRun?: true;
  page?: string;
  dataDir?: string;
  out?: string;
}

type Named = readonly [name: string, experiment: Experiment];

/** Nothing if nothing was expected. */
function verdict({ style }: Globals['terminal'], holds: ExperimentRow['holds']): string {
  if (holds === null) return '';
  if (holds === 'yes') return style.good('✓');
  return holds === 'no' ? style.bad('✗') : `? ${holds}`;
}

function show({ report, record, figures }: Reproduced, folder: string, { terminal }: Globals): void {
  const columns = [
    { title: 'what', text: (row: ExperimentRow) => row.what },
    { title: 'paper', text: (row: ExperimentRow) => row.expected },
    { title: 'measured', text: (row: ExperimentRow) => row.measured },
    { title: '', text: (row: ExperimentRow) => verdict(terminal, row.holds) },
  ];
  const part = isLimited(record.limit) ? ', a part of it: not judged' : '';
  terminal.print(`${terminal.style.bold(record.title)}, ${record.size} size${part}, seed ${record.seed}\n`);
  terminal.print(formatTable([...report.rows, ...(report.expectations ?? [])], columns, terminal.style));
  if (figures.length > 0) terminal.print(`\nfigures  ${folder}`);
  terminal.note(duration(record.seconds));
}

/** As `--json` has it. */
const documentOf = ({ record, figures }: Reproduced): Record<string, unknown> => ({ ...record, figures });

const planDocument = ([name, { title, sizes }]: Named, size: ExperimentSize) => ({
  ...{ name, title, size, ...sizes[size] },
});

function dryRun(named: readonly Named[], size: ExperimentSize, { terminal }: Globals): void {
  const plans = named.map((one) => planDocument(one, size));
  terminal.document(plans.length === 1 ? plans[0] : { experiments: plans });
  for (const [name, { title, sizes }] of named) {
    terminal.print(`${terminal.style.bold(name)}  ${title}, ${size} size`);
    terminal.print(`${wrap(planText(sizes[size]), terminal.width)}\n`);
  }
  if (plans.length > 1)
    terminal.print(`Together about ${longTime(plans.reduce((sum, { seconds }) => sum + seconds, 0))}.`);
}

async function one(
  client: Client,
  [name, experiment]: Named,
  folder: string,
  flags: ReproduceFlags,
  globals: Globals,
): Promise<Reproduced> {
  const { size, seed, dataDir } = flags;
  const limit = flags.limit ?? {};
  globals.terminal.note(wrap(planText(experiment.sizes[size]), globals.terminal.width));
  const idle = Object.keys(limit).filter((each) => !experiment.limits.some((known) => known === each));
  if (idle.length > 0) globals.terminal.note(`--limit ${idle.join(', ')} changes nothing in ${name}.`);
  const asked = { size, seed, folder, limit: limitFor(experiment, limit), ...(dataDir && { dataDir }) };
  const done = await runExperiment(client, name, experiment, asked, globals);
  if (flags.page !== undefined) await keepForPage(typedPath(flags.page), done);
  return done;
}

async function reproduceOne(named: Named, flags: ReproduceFlags, globals: Globals): Promise<void> {
  const [name] = named;
  await withEngine(globals, async (client) => {
    const { workspace } = await client.call('engine.info', {});
    const folder = typedPath(flags.out ?? join(workspace, 'figures', `${name}-${fileStamp()}`));
    const done = await one(client, named, folder, flags, globals);
    globals.terminal.document(documentOf(done));
    show(done, folder, globals);
    refuseMissed(name, [...done.report.rows, ...(done.report.expectations ?? [])]);
  });
}

/** One after the other. One that fails is told, and the others go on. */
async function reproduceAll(named: readonly Named[], flags: ReproduceFlags, globals: Globals): Promise<void> {
  const { terminal, signal } = globals;
  await withEngine(globals, async (client) => {
    const { workspace } = await client.call('engine.info', {});
    const parent = typedPath(flags.out ?? join(workspace, 'figures', `all-${fileStamp()}`));
    const documents: Record<string, unknown>[] = [];
    const lines: { name: string; found: string; seconds: number }[] = [];
    const failed: string[] = [];
    for (const [place, each] of named.entries()) {
      const [name] = each;
      terminal.note(`${terminal.style.bold(name)} (${place + 1} of ${named.length})`);
      const started = performance.now();
      try {
        const folder = join(parent, name);
        const done = await one(client, each, folder, flags, globals);
        show(done, folder, globals);
        terminal.print('');
        documents.push(documentOf(done));
        lines.push({ name, found: tallyText(tally(done.record)), seconds: done.record.seconds });
        refuseMissed(name, [...done.report.rows, ...(done.report.expectations ?? [])]);
      } catch (error) {
        if (signal.aborted || error instanceof CancelledError) throw error;
        failed.push(name);
        terminal.note(`${name}: ${messageOf(error)}`);
        documents.push({ name, error: messageOf(error) });
        lines.push({ name, found: 'failed', seconds: (performance.now() - started) / 1000 });
      }
    }
    terminal.document({ size: flags.size, seed: flags.seed, experiments: documents });
    const columns = [
      { title: 'experiment', text: (line: (typeof lines)[number]) => line.name },
      { title: 'expectations', text: (line: (typeof lines)[number]) => line.found },
      { title: 'time', text: (line: (typeof lines)[number]) => duration(line.seconds) },
    ];
    terminal.print(formatTable(lines, columns, terminal.style));
    terminal.note(`${duration(lines.reduce((sum, { seconds }) => sum + seconds, 0))} in all`);
    if (failed.length > 0) {
      throw new UserError(
        `reproduce all: ${failed.length} of ${named.length} failed: ${failed.join(', ')}.`,
        {
          hint: 'The others are complete. Each can be run alone: basin reproduce NAME.',
        },
      );
    }
  });
}

const load = async (name: string): Promise<Named> => [name, (await experiments[name]!()).experiment];
const loadAll = (): Promise<Named[]> => Promise.all(experimentNames.map(load));

async function reproduce(name: string, flags: ReproduceFlags, globals: Globals): Promise<void> {
  const named = name === 'all' ? await loadAll() : [await load(name)];
  if (flags.dryRun) {
    dryRun(named, flags.size, globals);
    return;
  }
  const limit = flags.limit ?? {};
  if (name !== 'all') limitFor(named[0]![1], limit, name);
  if (flags.page !== undefined) {
    refuseForPage({ size: flags.size, limit });
    await checkFolderOf(typedPath(flags.page));
  }
  try {
    await (name === 'all' ? reproduceAll(named, flags, globals) : reproduceOne(named[0]!, flags, globals));
  } finally {
    // What was found before a failure is on the page as well.
    if (flags.page !== undefined) await writePage(typedPath(flags.page), await loadAll());
  }
}

export const define: DefineCommand = (command, globals) => {
  command
    .description(
      `Repeats an experiment of the papers and prints the published and the measured numbers side by side. Names: ${experimentNames.join(', ')}; all: one after the other.`,
    )
    .argument('<name>', `all, or one of ${experimentNames.join(', ')}`)
    .addOption(
      new Option('--size <size>', "quick: minutes; paper: the authors' own grid as far as it is on record")
        .choices([...experimentSizes])
        .default('quick'),
    )
    .addOption(
      new Option('--seed <n>', 'determines every random draw')
        .default(1)
        .argParser(wholeNumber(0, 0xffffffff)),
    )
    .option('--dry-run', 'only say what is trained and measured, and the time and memory that takes')
    .addOption(
      new Option(
        '--limit <limits>',
        'cut the size down to see that it runs, e.g. epochs=1,models=2; nothing is judged then',
      ).argParser(parseLimit),
    )
    .option('--data-dir <dir>', 'folder of the digits, for experiments that train on digits')
    .option('--out <dir>', "folder for the figures (default: a new one in the workspace's figures folder)")
    .option(
      '--page <file>',
      'also write what was found to this page (Markdown), with data and pictures next to it',
    )
    .action((name: string, flags: ReproduceFlags) => {
      if (name !== 'all' && !Object.hasOwn(experiments, name)) {
        throw new UsageError(`There is no experiment "${name}".${didYouMean(name, experimentNames)}`, {
          hint: `Experiments: ${experimentNames.join(', ')}; or all.`,
        });
      }
      return reproduce(name, flags, globals);
    });
};
