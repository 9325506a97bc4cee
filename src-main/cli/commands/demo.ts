/** `basin demo`: the field's main result on real digits, from nothing, in about a minute. */
import { join } from 'node:path';
import { Option } from 'commander';
import type { Client } from '../../../src-shared/rpc.ts';
import { wholeProgress } from '../demo/progress.ts';
import { demoMeaning, demoTable, trapSentence, wrap } from '../demo/report.ts';
import type { DemoWork, MeasuredFamily } from '../demo/run.ts';
import { drawFigures, groupRuns, measureFamilies } from '../demo/run.ts';
import type { DemoSize } from '../../../src-shared/demo.ts';
import { demoSetting, demoSizes } from '../../../src-shared/demo.ts';
import { withEngine } from '../engine.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { wholeNumber } from '../numbers.ts';
import { duration } from '../progress-line.ts';
import { shellWord } from '../../../src-shared/shell-word.ts';
import { self } from '../self.ts';
import { fileStamp } from '../when.ts';
import { typedPath } from '../../formats/typed-path.ts';

interface DemoFlags {
  size: DemoSize;
  seed: number;
  dataDir?: string;
  epochs?: number;
  models?: number;
  out?: string;
}

function backendText({ name, version, device, threads }: MeasuredFamily['backend']): string {
  return `${name} ${version} (${device.toUpperCase()}, ${threads} threads)`;
}

function opening({ terminal }: Globals, work: DemoWork): void {
  terminal.note(
    wrap(
      `Four families of networks, ${work.setting.models} networks each: ${work.setting.text}.`,
      terminal.width,
    ),
  );
  terminal.note(
    wrap(
      'Can two independently trained networks be averaged? How much test accuracy is lost at the worst point of the straight line between them?',
      terminal.width,
    ),
  );
}

function closing(
  { terminal }: Globals,
  measured: readonly MeasuredFamily[],
  figures: string[],
  work: DemoWork,
): void {
  const families = measured.map(({ summary }) => summary);
  const width = Math.min(terminal.width, 100);
  const png = figures.find((path) => path.endsWith('.png'))!;
  const run = families.find((family) => family.sigma_f === 1)!.run_directory;
  terminal.print(
    [
      '',
      demoTable(families, terminal.style),
      '',
      ...demoMeaning(families).map((sentence) => wrap(sentence, width)),
      '',
      wrap(trapSentence(families), width, '  '),
      '',
      `${terminal.style.bold('figure')}     ${png}  (also as .svg, .pdf)`,
      `${terminal.style.bold('runs')}       ${join(work.workspace, 'runs')}  (${self} runs)`,
      `${terminal.style.bold('workspace')}  ${work.workspace}`,
      `${terminal.style.bold('next')}       ${self} run match-activations --run ${shellWord(run)} --models 1,2 --epoch ${work.setting.epochs}`,
    ].join('\n'),
  );
}

async function demo(globals: Globals, flags: DemoFlags): Promise<void> {
  const { terminal, signal } = globals;
  const started = performance.now();
  await withEngine(globals, async (client: Client) => {
    const { workspace, version } = await client.call('engine.info', {});
    const setting = demoSetting(flags.size, flags);
    const progress = wholeProgress(terminal, 'demo');
    const work: DemoWork = { client, signal, progress, setting, dataDir: flags.dataDir, workspace };
    opening(globals, work);
    const measured = await measureFamilies(work);
    progress.finish();
    const families = measured.map(({ summary }) => summary);
    await groupRuns(client, families);
    const backend = measured[0]!.backend;
    const provenance = {
      basinVersion: version,
      backend: backendText(backend),
      kind: 'demo',
      seeds: { seed: flags.seed },
    };
    const figures = await drawFigures(
      work,
      measured,
      flags.out === undefined ? join(workspace, 'figures', `demo-${fileStamp()}`) : typedPath(flags.out),
      provenance,
    );
    const seconds = (performance.now() - started) / 1000;
    closing(globals, measured, figures, work);
    terminal.note(
      `\n${backendText(backend)}${backend.reason === undefined ? '' : `: ${backend.reason}`}, ${duration(seconds)}`,
    );
    terminal.document({
      families,
      figures,
      backend,
      size: flags.size,
      setting: setting.text,
      seed: flags.seed,
      seconds,
      workspace,
    });
  });
}

export const define: DefineCommand = (command, globals) => {
  command
    .description(
      'Trains four families of networks on real digits, interpolates between all pairs of each, with and without alignment, and draws the result. About a minute on two cores.',
    )
    .addOption(
      new Option(
        '--size <size>',
        'demo: 64 units; stock: 512 units; paper: 512 units, all of MNIST, 100 epochs',
      )
        .choices([...demoSizes])
        .default('demo'),
    )
    .addOption(
      new Option('--seed <n>', 'determines initialisations, fixed weights and batch orders')
        .default(1)
        .argParser(wholeNumber(0, 0xffffffff)),
    )
    .option('--data-dir <dir>', 'folder of IDX files, instead of the embedded digits')
    .addOption(
      new Option('--epochs <n>', "number of epochs, instead of the size's own").argParser(
        wholeNumber(1, 100_000),
      ),
    )
    .addOption(new Option('--models <n>', 'networks per family').argParser(wholeNumber(2, 64)))
    .option('--out <dir>', "folder for the figures (default: a new one in the workspace's figures folder)")
    .action((flags: DemoFlags) => demo(globals, flags));
};
