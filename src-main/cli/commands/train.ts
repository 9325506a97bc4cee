/** `basin train PRESET|config.yaml key.path=value ...`: trains a run; `--resume RUN` resumes one, `--longer RUN` continues it, `--fork RUN` forks it. */
import { familyNames, hasNumFixed, hasSigma } from '../../../src-shared/domain.ts';
import { executionText, trainingExecutionText } from '../../../src-shared/execution.ts';
import { jobKinds, type JobParamsInput, type JobResult } from '../../../src-shared/jobs/index.ts';
import { accuracyName, familiarForm, objectiveText } from '../../../src-shared/objective.ts';
import type { LossName } from '../../../src-shared/objective.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import { trackingFileName } from '../../../src-shared/tracking.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { presetNames } from '../../formats/presets.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runKind } from '../job.ts';
import { wholeNumber } from '../numbers.ts';
import { duration } from '../progress-line.ts';
import { shellWord } from '../../../src-shared/shell-word.ts';
import { self } from '../self.ts';
import { listenerFor } from '../show-job.ts';
import { addSlurmFlags, onSlurm, printScript, type OnSlurm, type SlurmFlags } from '../slurm/flags.ts';
import { finishedOf, runOnSlurm } from '../slurm/run.ts';
import { trackedText } from '../tracked-text.ts';
import { forkParams, longerJob, resumeParams, trainingParams } from '../training.ts';

interface TrainFlags {
  out?: string;
  resume?: string;
  dataDir?: string;
  splitFile?: string;
  fork?: string;
  epoch?: number;
  children?: number;
  longer?: string;
  toEpoch?: number;
}

/** `93.2` of one model, `93.2 ± 0.4` of several. */
function meanText(values: readonly number[] | null, digits: number): string {
  if (values === null || values.length === 0) return '-';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(
    values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(values.length - 1, 1),
  );
  return values.length === 1 ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${spread.toFixed(digits)}`;
}

/** Accuracy, and what people read in place of the loss, as far as a task has them. */
function readable(
  lossName: LossName | undefined,
  { loss, accuracy }: { loss: readonly number[] | null; accuracy: readonly number[] | null },
): { name: string; text: string }[] {
  const name = accuracyName(lossName);
  const form = familiarForm(lossName);
  return [
    ...(name === undefined ? [] : [{ name, text: `${meanText(accuracy, 2)} %` }]),
    ...(form ? [{ name: form.name, text: meanText(loss && loss.map(form.of), 4) }] : []),
  ];
}

function epochLine({ epoch, trainLoss, valLoss, valAccuracy, lossName, tracked }: EpochMetrics): string {
  const parts = [
    `epoch ${String(epoch).padStart(3)}`,
    `train loss ${meanText(trainLoss, 4)}`,
    `val loss ${meanText(valLoss, 4)}`,
    ...readable(lossName, { loss: valLoss, accuracy: valAccuracy }).map(
      ({ name, text }) => `val ${name} ${text}`,
    ),
  ];
  const more = tracked ? trackedText(tracked) : '';
  return `${parts.join('   ')}${more === '' ? '' : `\n            ${more}`}`;
}

/** One number if all layers have it, else one per layer. */
const byLayer = (values: readonly number[]): string =>
  new Set(values).size === 1 ? String(values[0]) : values.join(' · ');

/** `, σ_F 1, 16 · 16 · 16 · 32 fixed weights per neuron`, as far as the family has them. */
function fixedText({ family, sigma_f: sigma, num_fixed: fixed }: JobResult<'train'>): string {
  const scale = hasSigma(family) ? `, σ_F ${byLayer(sigma)}` : '';
  return `${scale}${hasNumFixed(family) ? `, ${byLayer(fixed)} fixed weights per neuron` : ''}`;
}

const testLines = ({ loss_name: name, test_loss: loss, test_accuracy: accuracy }: JobResult<'train'>) =>
  readable(name, { loss, accuracy }).map((line) => ({ ...line, name: `test ${line.name}` }));

function report(result: JobResult<'train'>, { terminal }: Globals): void {
  terminal.document(result);
  const fixed = fixedText(result);
  const size = `${result.models} models of ${result.parameters} trainable parameters`;
  const evaluated = result.evaluation ? `; validation ${executionText(result.evaluation)}` : '';
  terminal.print(
    [
      terminal.style.bold(
        `${familyNames[result.family]}${fixed}: ${size}, ${result.epochs} epochs in ${duration(result.seconds)}`,
      ),
      ...(result.fixed_part === undefined ? [] : [`fixed part     ${result.fixed_part}`]),
      ...testLines(result).map(({ name, text }) => `${name.padEnd(14)} ${text}`),
      `test loss      ${meanText(result.test_loss, 4)}`,
      ...(result.loss_name ? [objectiveText(result.loss_name)] : []),
      ...(result.stopped_early === undefined
        ? []
        : [`stopped early  after epoch ${result.epochs}: ${result.stopped_early}`]),
      `data           ${result.data.name} (${result.data.origin})`,
      `seeds          seed ${result.seeds.seed}, mask ${result.seeds.mask_seed}, init ${result.seeds.init_seed.join(' ')}, batches ${result.seeds.optimization_seed.join(' ')}`,
      `computed       steps ${trainingExecutionText(result.execution)}${evaluated}`,
      ...(result.tracking
        ? [
            `tracked        ${result.tracking.epochs.length} epochs in ${duration(result.tracking.seconds)}, see ${trackingFileName}`,
          ]
        : []),
      `run folder ${result.run_directory}`,
      '',
      `next: ${self} run interpolate --run ${shellWord(result.run_directory)} --epoch ${result.epochs}`,
    ].join('\n'),
  );
}

async function paramsFor(
  client: Client,
  words: string[],
  flags: TrainFlags,
  { terminal }: Globals,
): Promise<JobParamsInput<'train'>> {
  if (flags.resume !== undefined) return resumeParams(flags.resume);
  if (flags.longer !== undefined) {
    const { workspace } = await client.call('engine.info', {});
    const request = { run: flags.longer, to: flags.toEpoch!, out: flags.out };
    const { params, note } = longerJob(request, workspace);
    terminal.note(note);
    return params;
  }
  const [source, ...overrides] = words;
  const { workspace } = await client.call('engine.info', {});
  return trainingParams({ source: source!, overrides, ...flags }, workspace);
}

function checkWords(words: string[], flags: TrainFlags): void {
  const { fork, epoch, children } = flags;
  if (fork === undefined && (epoch !== undefined || children !== undefined))
    throw new UsageError('--epoch and --children belong to --fork RUN.');
  if (fork !== undefined) return checkFork(flags);
  if (flags.longer !== undefined || flags.toEpoch !== undefined) return checkLonger(words, flags);
  const given = Object.keys(flags).filter((flag) => flag !== 'resume');
  if (flags.resume !== undefined && (words.length > 0 || given.length > 0)) {
    throw new UsageError('--resume reuses the settings of the run; remove the other arguments');
  }
  if (flags.resume === undefined && words.length === 0) {
    throw new UsageError('Nothing to train: give a preset or a config.yaml.', {
      hint: `Presets: ${presetNames().join(', ')}.`,
    });
  }
}

function checkLonger(words: string[], flags: TrainFlags): void {
  if (flags.longer === undefined) throw new UsageError('--to-epoch belongs to --longer RUN.');
  if (flags.toEpoch === undefined)
    throw new UsageError('--longer needs --to-epoch K, the last epoch to train.');
  const others = Object.keys(flags).filter((flag) => !['longer', 'toEpoch', 'out'].includes(flag));
  if (words.length > 0 || others.length > 0)
    throw new UsageError('--longer keeps the settings of the run; remove the other arguments');
}

function checkFork(flags: TrainFlags): void {
  if (flags.epoch === undefined)
    throw new UsageError('--fork needs --epoch K, the last epoch that the children share.', {
      hint: '`basin runs` says which epochs of a run were saved.',
    });
  const other = (['resume', 'dataDir', 'splitFile', 'longer', 'toEpoch'] as const).find(
    (flag) => flags[flag] !== undefined,
  );
  if (other !== undefined)
    throw new UsageError('a fork has the data and the settings of its parent; remove the other options');
}

/** One, or of a fork all its children. */
async function allParams(
  client: Client,
  words: string[],
  flags: TrainFlags,
  globals: Globals,
): Promise<JobParamsInput<'train'>[]> {
  const { fork, epoch, children = 2, out } = flags;
  if (fork === undefined) return [await paramsFor(client, words, flags, globals)];
  const { workspace } = await client.call('engine.info', {});
  return forkParams({ parent: fork, epoch: epoch!, children, settings: words, out }, workspace);
}

/** One after the other. */
async function trainHere(
  client: Client,
  list: readonly JobParamsInput<'train'>[],
  { terminal, signal }: Globals,
): Promise<JobResult<'train'>[]> {
  const results: JobResult<'train'>[] = [];
  for (const params of list) {
    const shown = listenerFor(terminal, 'Training');
    const listener = {
      ...shown.listener,
      epoch: (metrics: EpochMetrics) => terminal.note(epochLine(metrics)),
    };
    results.push((await runKind(client, 'train', params, signal, listener)).result);
    shown.finish();
  }
  return results;
}

/** All at once. Undefined with --detach. */
async function trainOnSlurm(
  client: Client,
  list: readonly JobParamsInput<'train'>[],
  slurm: OnSlurm,
  globals: Globals,
): Promise<JobResult<'train'>[] | undefined> {
  const epoch = (metrics: EpochMetrics): void => globals.terminal.note(epochLine(metrics));
  const requests = list.map((params) => ({
    ...{ label: params.run, ask: { kind: 'train', params } },
    // Lines of several runs would tell nobody which is whose.
    ...(list.length === 1 && { listener: { epoch } }),
  }));
  const ends = await runOnSlurm(client, requests, slurm, globals, 'Training');
  if (!ends) return undefined;
  const finished = await Promise.all(ends.map((end) => finishedOf(client, end)));
  return finished.map(({ result }) => jobKinds.train.result.parse(result));
}

function reportFork(results: readonly JobResult<'train'>[], { epoch }: TrainFlags, globals: Globals): void {
  const { terminal } = globals;
  const { path } = results[0]!.forked_from!;
  terminal.document({ parent: path, epoch, children: results });
  const bold = `${results.length === 1 ? '1 child' : `${results.length} children`} of ${path}, forked from epoch ${epoch}`;
  const children = results.map((result) =>
    [result.run_directory, ...testLines(result).map(({ name, text }) => `${name} ${text}`)].join('   '),
  );
  const [first, second] = results;
  const last = ({ run_directory: run, epochs }: JobResult<'train'>): string =>
    shellWord(`${run}/checkpoint_epoch_${epochs}_model_1.safetensors`);
  const next =
    second === undefined
      ? []
      : ['', `next: ${self} run interpolate --checkpoints ${last(first!)},${last(second)}`];
  terminal.print([terminal.style.bold(bold), ...children, ...next].join('\n'));
}

const settingsHelp = `
Settings, as key.path=value over the preset or file:
  sigma_f=0.5        scale of the fixed weights, in every layer; sigma_f=[1,1,0.5,0.25] one per layer
                     (W-asymmetric and SYRE)
  num_fixed=12       fixed weights per neuron, in every layer; model.n_mul multiplies it (W-asymmetric)
  model.family={name: sparse, share: 0.5}   another family, on a standard preset: linear-residual (alpha),
                     sparse (share), bias-only (sigma_f), given (file); docs/families.md. On a network exported
                     from PyTorch: w-asymmetric or sparse, with parameters=PATTERNS; docs/pytorch.md
  dataset=NAME       other data, also your own (basin data add): classes, next tokens or numbers to predict, as it says
  optimizer.lr=3e-4  any key of config.yaml; optimizer=sgd sets a whole section, ~key.path removes a key
A setting that would have no effect is refused, with the reason.`;

export const define: DefineCommand = (command, globals) => {
  addSlurmFlags(command)
    .description('Trains a run: all its models together, sharing their fixed weights. Writes a run folder.')
    .argument('[words...]', 'a preset or config.yaml, then settings such as num_models=4 sigma_f=0.5')
    .option('--out <dir>', "the run folder (default: a new one in the workspace's runs folder)")
    .option('--resume <dir>', 'resume this run from its last checkpoint')
    .option(
      '--longer <dir>',
      'continue this run up to --to-epoch, in a new run folder, with the batches and learning rates of a single longer run',
    )
    .option('--to-epoch <k>', 'with --longer: the last epoch to train', wholeNumber(1, 1e9))
    .option(
      '--fork <dir>',
      'train children of this run: they share its weights and optimizer state up to --epoch',
    )
    .option(
      '--epoch <k>',
      'with --fork: the last epoch that they share, 0 for the initial weights',
      wholeNumber(0, 1e9),
    )
    .option(
      '--children <n>',
      'with --fork: how many, each with a different batch order from there (default: 2)',
      wholeNumber(1, 1000),
    )
    .option(
      '--data-dir <dir>',
      'folder of the data files, same as dataset.data_dir=DIR; for your own IDX files, add dataset=idx',
    )
    .option('--split-file <file>', 'JSON with train_indices and val_indices, same as dataset.split_file=FILE')
    .addHelpText('after', settingsHelp)
    .addHelpText('after', `\nPresets: ${presetNames().join(', ')}`)
    .action(async (words: string[], { on, detach, dryRun, ...flags }: TrainFlags & SlurmFlags) => {
      checkWords(words, flags);
      const slurm = onSlurm({ on, detach, dryRun }, globals);
      await withEngine(globals, async (client) => {
        const list = await allParams(client, words, flags, globals);
        if (slurm && dryRun) return printScript(list.length, slurm, globals);
        const results = slurm
          ? await trainOnSlurm(client, list, slurm, globals)
          : await trainHere(client, list, globals);
        if (!results) return;
        if (flags.fork === undefined) report(results[0]!, globals);
        else reportFork(results, flags, globals);
      });
    });
};
