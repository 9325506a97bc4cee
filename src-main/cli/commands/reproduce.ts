/** `basin reproduce NAME`: repeats an experiment of the papers and sets what it finds beside what they say. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Option } from 'commander';
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { ProvenanceInput } from '../../../src-shared/provenance.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { wholeProgress } from '../demo/progress.ts';
import { wrap } from '../demo/report.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runKind } from '../job.ts';
import { wholeNumber } from '../numbers.ts';
import { writeFileWhole } from '../out-file.ts';
import { duration } from '../progress-line.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentRow,
  ExperimentSize,
  ExperimentWork,
} from '../reproduce/experiment.ts';
import { experimentSizes } from '../reproduce/experiment.ts';
import { formatTable } from '../table.ts';
import { forkParams, trainingParams } from '../training.ts';
import { fileStamp } from '../when.ts';
import { typedPath } from '../../formats/typed-path.ts';

const experiments: Record<string, () => Promise<{ experiment: Experiment }>> = {
  'main-table': () => import('../reproduce/main-table.ts'),
  'intrinsic-dimension': () => import('../reproduce/intrinsic-dimension.ts'),
  coherence: () => import('../reproduce/coherence.ts'),
  'matching-objective': () => import('../reproduce/matching-objective.ts'),
  'swap-costs': () => import('../reproduce/swap-costs.ts'),
  'chord-deviation': () => import('../reproduce/chord-deviation.ts'),
  resnet: () => import('../reproduce/resnet.ts'),
  instability: () => import('../reproduce/instability.ts'),
  symmetry: () => import('../reproduce/symmetry.ts'),
  'symmetry-breaking': () => import('../reproduce/symmetry-breaking.ts'),
};
const names = Object.keys(experiments);

interface ReproduceFlags {
  size: ExperimentSize;
  seed: number;
  dataDir?: string;
  out?: string;
}

/** Every figure as SVG, PDF and PNG. Returns absolute paths. */
async function draw(
  client: Client,
  figures: ExperimentReport['figures'],
  folder: string,
  provenance: ProvenanceInput,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [name, recipe] of Object.entries(figures)) {
    for (const format of ['svg', 'pdf', 'png'] as const) {
      const { bytes } = await client.call('figures.export', {
        recipe: { options: {}, provenance, ...recipe },
        format,
        dpi: 200,
      });
      const path = join(folder, `${name}.${format}`);
      await writeFileWhole(path, bytes);
      paths.push(path);
    }
  }
  return paths;
}

/** @throws UserError if an expectation that is required does not hold: the command fails, with everything printed */
export function refuseMissed(name: string, rows: readonly ExperimentRow[]): void {
  const missed = rows.filter(({ required, holds }) => required === true && holds !== 'yes');
  if (missed.length === 0) return;
  throw new UserError(
    `reproduce ${name}: what is required does not hold: ${missed.map(({ what, measured }) => `${what} (${measured})`).join('; ')}.`,
    { hint: 'Runs and figures are kept. Another --seed draws other networks.' },
  );
}

/** A row as `--json` has it. */
const plain = ({ data, ...row }: ExperimentRow): Record<string, unknown> => ({ ...row, ...data });

/** Nothing if nothing was expected. */
function verdict({ style }: Globals['terminal'], holds: ExperimentRow['holds']): string {
  if (holds === null) return '';
  if (holds === 'yes') return style.good('✓');
  return holds === 'no' ? style.bad('✗') : `? ${holds}`;
}

async function reproduce(name: string, flags: ReproduceFlags, globals: Globals): Promise<void> {
  const { terminal, signal } = globals;
  const { experiment } = await experiments[name]!();
  const started = performance.now();
  const setting = experiment.opening?.(flags.size);
  await withEngine(globals, async (client) => {
    const { workspace, version } = await client.call('engine.info', {});
    if (setting !== undefined) terminal.note(wrap(setting, terminal.width));
    const progress = wholeProgress(terminal, name);
    const run: ExperimentWork['run'] = async (kind, params, message, share) => {
      if (signal.aborted) throw new CancelledError();
      return (await runKind(client, kind, params, signal, progress.step(message, share))).result;
    };
    const { families, rows, expectations, figures } = await experiment.run({
      fork: (fork, message, share) => {
        const { parent, epoch, settings = [] } = fork;
        const [params] = forkParams({ parent, epoch, children: 1, settings }, workspace);
        return run('train', { ...params!, fork }, message, share);
      },
      size: flags.size,
      seed: flags.seed,
      run,
      train: async (source, overrides, message, share) =>
        run(
          'train',
          await trainingParams({ source, overrides, dataDir: flags.dataDir }, workspace),
          message,
          share,
        ),
    });
    progress.finish();
    const provenance = { basinVersion: version, kind: `reproduce ${name}`, seeds: { seed: flags.seed } };
    const folder = typedPath(flags.out ?? join(workspace, 'figures', `${name}-${fileStamp()}`));
    const paths = await draw(client, figures, folder, provenance);
    const seconds = (performance.now() - started) / 1000;
    terminal.document({
      ...{ name, title: experiment.title, ...flags },
      ...(setting !== undefined && { setting }),
      ...(families && { families }),
      rows: rows.map(plain),
      ...(expectations && { expectations: expectations.map(plain) }),
      ...{ figures: paths, seconds },
    });
    const columns = [
      { title: 'what', text: (row: ExperimentRow) => row.what },
      { title: 'paper', text: (row: ExperimentRow) => row.expected },
      { title: 'measured', text: (row: ExperimentRow) => row.measured },
      { title: '', text: (row: ExperimentRow) => verdict(terminal, row.holds) },
    ];
    terminal.print(`${terminal.style.bold(experiment.title)}, seed ${flags.seed}\n`);
    terminal.print(formatTable([...rows, ...(expectations ?? [])], columns, terminal.style));
    terminal.print(`\nfigures  ${folder}`);
    terminal.note(`${duration(seconds)}`);
    refuseMissed(name, [...rows, ...(expectations ?? [])]);
  });
}

export const define: DefineCommand = (command, globals) => {
  command
    .description(
      `Repeats an experiment of the papers and prints the published and the measured numbers side by side. Names: ${names.join(', ')}.`,
    )
    .argument('<name>', `one of ${names.join(', ')}`)
    .addOption(
      new Option('--size <size>', 'quick: minutes; paper: as published')
        .choices([...experimentSizes])
        .default('quick'),
    )
    .addOption(
      new Option('--seed <n>', 'determines every random draw')
        .default(1)
        .argParser(wholeNumber(0, 0xffffffff)),
    )
    .option('--data-dir <dir>', 'folder of the digits, for experiments that train on digits')
    .option('--out <dir>', "folder for the figures (default: a new one in the workspace's figures folder)")
    .action((name: string, flags: ReproduceFlags) => {
      if (!Object.hasOwn(experiments, name)) {
        throw new UsageError(`There is no experiment "${name}".${didYouMean(name, names)}`, {
          hint: `Experiments: ${names.join(', ')}.`,
        });
      }
      return reproduce(name, flags, globals);
    });
};
