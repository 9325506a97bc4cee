/** `basin train PRESET|config.yaml key.path=value ...`: trains a run; `--resume RUNDIR` resumes one. */
import { familyNames, hasNumFixed, hasSigma } from '../../../src-shared/domain.ts';
import { executionText, trainingExecutionText } from '../../../src-shared/execution.ts';
import type { JobParamsInput, JobResult } from '../../../src-shared/jobs/index.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { presetNames } from '../../formats/presets.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runKind } from '../job.ts';
import { duration } from '../progress-line.ts';
import { self, shellWord } from '../self.ts';
import { listenerFor } from '../show-job.ts';
import { resumeParams, trainingParams } from '../training.ts';

interface TrainFlags {
  out?: string;
  resume?: string;
  dataDir?: string;
  splitFile?: string;
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

function epochLine({ epoch, trainLoss, valLoss, valAccuracy }: EpochMetrics): string {
  const parts = [
    `epoch ${String(epoch).padStart(3)}`,
    `train loss ${meanText(trainLoss, 4)}`,
    `val loss ${meanText(valLoss, 4)}`,
    `val accuracy ${meanText(valAccuracy, 2)} %`,
  ];
  return parts.join('   ');
}

/** One number if all layers have it, else one per layer. */
const byLayer = (values: readonly number[]): string =>
  new Set(values).size === 1 ? String(values[0]) : values.join(' · ');

/** `, σ_F 1, 16 · 16 · 16 · 32 fixed weights per neuron`, as far as the family has them. */
function fixedText({ family, sigma_f: sigma, num_fixed: fixed }: JobResult<'train'>): string {
  const scale = hasSigma(family) ? `, σ_F ${byLayer(sigma)}` : '';
  return `${scale}${hasNumFixed(family) ? `, ${byLayer(fixed)} fixed weights per neuron` : ''}`;
}

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
      `test accuracy  ${meanText(result.test_accuracy, 2)} %`,
      `test loss      ${meanText(result.test_loss, 4)}`,
      `data           ${result.data.name} (${result.data.origin})`,
      `seeds          seed ${result.seeds.seed}, mask ${result.seeds.mask_seed}, init ${result.seeds.init_seed.join(' ')}, batches ${result.seeds.optimization_seed.join(' ')}`,
      `computed       steps ${trainingExecutionText(result.execution)}${evaluated}`,
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
): Promise<JobParamsInput<'train'>> {
  if (flags.resume !== undefined) return resumeParams(flags.resume);
  const [source, ...overrides] = words;
  const { workspace } = await client.call('engine.info', {});
  return trainingParams({ source: source!, overrides, ...flags }, workspace);
}

function checkWords(words: string[], flags: TrainFlags): void {
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

const settingsHelp = `
Settings, as key.path=value over the preset or file:
  sigma_f=0.5        scale of the fixed weights, in every layer; sigma_f=[1,1,0.5,0.25] one per layer
                     (W-asymmetric and SYRE)
  num_fixed=12       fixed weights per neuron, in every layer; model.n_mul multiplies it (W-asymmetric)
  model.family={name: sparse, share: 0.5}   another family, on a standard preset: linear-residual (alpha),
                     sparse (share), bias-only (sigma_f), given (file); docs/families.md
  optimizer.lr=3e-4  any key of config.yaml; optimizer=sgd sets a whole section, ~key.path removes a key
A setting that would have no effect is refused, with the reason.`;

export const define: DefineCommand = (command, globals) => {
  command
    .description('Trains a run: all its models together, sharing their fixed weights. Writes a run folder.')
    .argument('[words...]', 'a preset or config.yaml, then settings such as num_models=4 sigma_f=0.5')
    .option('--out <dir>', "the run folder (default: a new one in the workspace's runs folder)")
    .option('--resume <dir>', 'resume this run from its last checkpoint')
    .option(
      '--data-dir <dir>',
      'folder of the data files, same as dataset.data_dir=DIR; for your own IDX files, add dataset=idx',
    )
    .option('--split-file <file>', 'JSON with train_indices and val_indices, same as dataset.split_file=FILE')
    .addHelpText('after', settingsHelp)
    .addHelpText('after', `\nPresets: ${presetNames().join(', ')}`)
    .action(async (words: string[], flags: TrainFlags) => {
      checkWords(words, flags);
      await withEngine(globals, async (client) => {
        const params = await paramsFor(client, words, flags);
        const shown = listenerFor(globals.terminal, 'Training');
        const epoch = (metrics: EpochMetrics): void => {
          globals.terminal.note(epochLine(metrics));
        };
        const { result } = await runKind(client, 'train', params, globals.signal, {
          ...shown.listener,
          epoch,
        });
        shown.finish();
        report(result, globals);
      });
    });
};
