/** `basin ...`: the command line of the engine. Only the command that was asked for is loaded. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { exitCodeOf, exitCodes, failureLines, UsageError } from './errors.ts';
import type { DefineCommand, Globals } from './globals.ts';
import { watchInterrupt } from './interrupt.ts';
import { createTerminal } from './terminal.ts';
import { typedPath } from '../formats/typed-path.ts';

interface Entry {
  summary: string;
  load(): Promise<{ define: DefineCommand }>;
}

const commands: Record<string, Entry> = {
  demo: {
    summary: 'train four families, interpolate between their networks, draw the result',
    load: () => import('./commands/demo.ts'),
  },
  train: { summary: 'train a run from a preset or a config.yaml', load: () => import('./commands/train.ts') },
  sweep: {
    summary: 'train every combination of some settings',
    load: () => import('./commands/sweep.ts'),
  },
  sweeps: {
    summary: 'list, draw, export, cancel, rename and remove sweeps',
    load: () => import('./commands/sweeps.ts'),
  },
  run: {
    summary: 'run a job of any kind; `basin run --help` lists the kinds',
    load: () => import('./commands/run.ts'),
  },
  reproduce: {
    summary: 'repeat an experiment of the papers',
    load: () => import('./commands/reproduce.ts'),
  },
  import: {
    summary: 'add the run folders below a folder to the catalog',
    load: () => import('./commands/import.ts'),
  },
  runs: { summary: 'list the runs in the catalog', load: () => import('./commands/runs.ts') },
  groups: { summary: 'list, make and change groups of runs', load: () => import('./commands/groups.ts') },
  results: { summary: 'list results, or print one', load: () => import('./commands/results.ts') },
  figure: { summary: 'draw results as SVG, PDF or PNG', load: () => import('./commands/figure.ts') },
  export: { summary: 'write a result as JSON or Parquet', load: () => import('./commands/export.ts') },
  serve: {
    summary: 'serve the app to a browser, locally or through SSH',
    load: () => import('./commands/serve.ts'),
  },
  data: { summary: 'list and download data sets', load: () => import('./commands/data.ts') },
  doctor: {
    summary: 'check this installation and the workspace',
    load: () => import('./commands/doctor.ts'),
  },
  jobs: { summary: 'list, follow and cancel jobs', load: () => import('./commands/jobs.ts') },
  worker: {
    summary: 'run one job from a file, without an engine: a task of a cluster',
    load: () => import('./commands/worker.ts'),
  },
};

const flagsWithValue = new Set(['--workspace']);

/** The command's name: the first word that is neither a flag nor a global flag's value. */
function commandName(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (!word.startsWith('-')) return word;
    if (flagsWithValue.has(word)) i++;
  }
  return undefined;
}

/** Global flags are needed before commander parses: even its own messages follow them. */
function readGlobals(argv: readonly string[]): Globals {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  const terminal = createTerminal({ json: words.includes('--json'), debug: words.includes('--debug') });
  const at = words.findLastIndex((word) => word === '--workspace' || word.startsWith('--workspace='));
  const word = words[at];
  const value = word === '--workspace' ? words[at + 1] : word?.slice('--workspace='.length);
  const interrupt = watchInterrupt((text) => {
    terminal.note(text);
  });
  return {
    workspace: value === undefined ? undefined : typedPath(value),
    terminal,
    interrupt,
    signal: interrupt.signal,
  };
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Settings that a command inherits only when it is made, so before its subcommands. */
function configure(command: Command): Command {
  return command
    .exitOverride()
    .showHelpAfterError('(add --help for the flags)')
    .configureHelp({ showGlobalOptions: true, sortOptions: false })
    .configureOutput({ writeErr: (text) => process.stderr.write(text.replace(/^error: /, 'basin: ')) });
}

function createProgram(): Command {
  return configure(new Command('basin'))
    .description(
      'Linear mode connectivity: train families of networks, measure whether they can be merged, and why.',
    )
    .version(version(), '-V, --version')
    .option(
      '--workspace <dir>',
      'folder of the catalog, runs and results (default: $BASIN_WORKSPACE, else ~/Basin)',
    )
    .option('--json', 'print one JSON document, and nothing else, on stdout')
    .option('--debug', 'show stack traces');
}

async function dispatch(argv: readonly string[], globals: Globals): Promise<void> {
  const program = createProgram();
  const asked = commandName(argv);
  for (const [name, entry] of Object.entries(commands)) {
    const command = program.command(name).summary(entry.summary).description(entry.summary);
    if (name === asked) await (await entry.load()).define(command, globals);
  }
  if (asked !== undefined && asked !== 'help' && !Object.hasOwn(commands, asked)) {
    throw new UsageError(`There is no command "${asked}".${didYouMean(asked, Object.keys(commands))}`, {
      hint: '`basin --help` lists the commands.',
    });
  }
  if (asked === undefined && argv.length === 0) {
    program.outputHelp();
    return;
  }
  await program.parseAsync([...argv], { from: 'user' });
}

/** Runs one command line (without `node` and the script's name) and gives its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const globals = readGlobals(argv);
  try {
    await dispatch(argv, globals);
    return globals.signal.aborted && !globals.interrupt.isTheEnd ? exitCodes.cancelled : exitCodes.done;
  } catch (thrown) {
    const code = exitCodeOf(thrown);
    for (const line of failureLines(thrown, globals.terminal.debug)) globals.terminal.note(line);
    return thrown instanceof CommanderError && thrown.exitCode === 0 ? exitCodes.done : code;
  }
}
