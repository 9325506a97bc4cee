/**
 * The numbers that made the paper: the accuracy of a standard ResNet20 collapses on the straight line between two networks,
 * that of a W-asymmetric one stays. The quick size trains the narrowest ones on the embedded digits.
 */
import type { Family } from '../../../src-shared/domain.ts';
import type { JobParamsInput } from '../../../src-shared/jobs/index.ts';
import { pairsOf } from '../../../src-shared/jobs/interpolate.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { keepsMost, losesMost, repairs } from '../../../src-shared/verdicts/residual.ts';
import type { Outcome } from '../../../src-shared/verdicts/rules.ts';
import { demoCurves } from '../demo/figure.ts';
import { spread, summarise, treatments } from '../demo/summary.ts';
import type { CurvesByTreatment, FamilySummary, Treatment } from '../demo/summary.ts';
import { cut } from './limit.ts';
import { disjointPairs } from './pairs.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';

interface Compared {
  name: string;
  family: Family;
  sigmaF: number | null;
  presets: Record<ExperimentSize, string>;
  /** Accuracy of the authors' networks and at the worst point between them, percent of the train split. */
  authors: { ends: number; worst: number };
  /** Do the authors' networks keep most of their accuracy between them? */
  kept: boolean;
}

const compared: readonly Compared[] = [
  {
    ...{ name: 'standard', family: 'standard', sigmaF: null, kept: false },
    presets: { quick: 'resnet-small', paper: 'resnet_symmetry0' },
    authors: { ends: 97.4, worst: 9.3 },
  },
  {
    ...{ name: 'W-asymmetric σ_F=0', family: 'w-asymmetric', sigmaF: 0, kept: false },
    presets: { quick: 'resnet-w-asymmetric-zero-small', paper: 'resnet_symmetry1_kappa0' },
    authors: { ends: 97.2, worst: 9.6 },
  },
  {
    ...{ name: 'W-asymmetric σ_F=2', family: 'w-asymmetric', sigmaF: 2, kept: true },
    presets: { quick: 'resnet-w-asymmetric-small', paper: 'resnet_symmetry1_kappa2' },
    authors: { ends: 97.4, worst: 89.7 },
  },
  {
    ...{ name: 'SYRE σ_F=2', family: 'syre', sigmaF: 2, kept: true },
    presets: { quick: 'resnet-syre-small', paper: 'resnet_symmetry3_kappa2' },
    authors: { ends: 96.1, worst: 74.7 },
  },
];

type Question = Partial<JobParamsInput<'interpolate'>>;

interface Setting {
  epochs: number;
  models: number;
  overrides: string[];
  /** Which points of which pairs. */
  line: Question;
  /** Of the unaligned line; the authors' numbers are of the train split. */
  splits: ('train' | 'test')[];
  /** Pairs for a number of networks; all if absent. */
  pairs?: (models: number) => [number, number][];
  /** What is said at the start and under the figure. */
  text: string;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ epochs: 1, models: 2 },
    overrides: ['dataset.batch_size=16', 'optimizer.lr=0.003'],
    splits: ['test'],
    // Activations of 800 images are plenty: every pixel is a row.
    line: { steps: 4, alignSplit: 'val' },
    text: 'ResNet20 of 16 to 64 channels (w = 1) on the embedded digits, padded to 32 x 32: 2 networks of each family, 1 epoch of 7,200 images, batch 16, AdamW 3e-3; test accuracy on 2,000 images at 5 points of the line',
  },
  paper: {
    ...{ epochs: 100, models: 16, overrides: [] },
    ...{ splits: ['train', 'test'], line: { steps: 36 }, pairs: disjointPairs },
    text: 'ResNet20 of 128 to 512 channels (w = 8) on CIFAR-10: 16 networks of each family, 100 epochs of 45,000 images with augmentation, batch 128, AdamW 1e-4 rising to 1e-2; test accuracy on 10,000 images at 37 points of the line, 8 pairs',
  },
};

const questions: Record<Treatment, Question> = {
  none: { align: 'none' },
  activation: { align: 'activation' },
  weight: { align: 'weight' },
  reference_lmc_script: { align: 'activation', mode: 'reference-lmc-script' },
};

const names: Record<Treatment, string> = {
  none: 'unaligned',
  activation: 'aligned by activations',
  weight: 'aligned by weights',
  reference_lmc_script: 'anti-aligned (LMC script)',
};

/** Of the whole work; measured at the quick size. */
const trainingShare = 0.6 / compared.length;
const lineShare = 0.4 / compared.length / treatments.length;

interface Measured extends Compared {
  summary: FamilySummary;
  curves: CurvesByTreatment;
}

async function measure(work: ExperimentWork, one: Compared): Promise<Measured> {
  const { epochs, models, overrides, line, splits, pairs } = cut(settings[work.size], work.limit);
  const trained = await work.train(
    one.presets[work.size],
    [
      ...[...overrides, `num_models=${models}`, `training.num_epochs=${epochs}`],
      ...[`training.save_every=${epochs}`, `training.val_every=${epochs}`],
      ...[`seed=${work.seed}`, `experiment_name=${one.presets[work.size]}`],
    ],
    `training ${models} ${one.name} networks`,
    trainingShare,
  );
  const curves: Partial<Record<Treatment, Interpolation[]>> = {};
  for (const treatment of treatments) {
    const question = {
      ...{ run: trained.run_directory, epoch: epochs },
      splits: treatment === 'none' ? splits : ['test' as const],
      ...(pairs && { pairs: pairs(models) }),
      ...{ matchingSeed: work.seed, ...line, ...questions[treatment] },
    };
    const message = `${one.name}: interpolating, ${names[treatment]}`;
    curves[treatment] = pairsOf(await work.run('interpolate', question, message, lineShare));
  }
  const whole = curves as CurvesByTreatment;
  const about = { name: one.name, family: one.family, sigmaF: one.sigmaF };
  return {
    ...one,
    summary: summarise({ ...about, runDirectory: trained.run_directory }, whole),
    curves: whole,
  };
}

/** Percent of the better end's accuracy: the barrier height, turned around. */
const lostOf = ({ summary }: Measured, treatment: Treatment): number =>
  -summary.test_barrier_height[treatment].mean;

/** Points below the chord can be few where the barrier height is not: the ends differ. */
function lostText(measured: Measured, treatment: Treatment): string {
  const { mean, std } = measured.summary.test_accuracy_drop[treatment];
  const range = measured.summary.pairs.length > 1 ? ` ± ${std.toFixed(1)}` : '';
  return `${lostOf(measured, treatment).toFixed(1)} % (${mean.toFixed(1)}${range} points below the chord)`;
}

/** Where the train split was measured, as the authors did: means over pairs at the ends and at the worst point. */
function authorsRow({ name, authors, curves }: Measured): ExperimentRow[] {
  const lines = curves.none.flatMap(({ train_accuracy: line }) => (line ? [line.map((v) => v ?? NaN)] : []));
  if (lines.length === 0) return [];
  const means = lines[0]!.map((_, i) => spread(lines.map((line) => line[i]!)).mean);
  const ends = (means[0]! + means.at(-1)!) / 2;
  return [
    {
      what: `${name}, train accuracy from the ends to the worst point, unaligned`,
      expected: `${authors.ends} to ${authors.worst} %`,
      measured: `${ends.toFixed(1)} to ${Math.min(...means).toFixed(1)} %`,
      holds: null,
    },
  ];
}

function rowsOf(measured: Measured): ExperimentRow[] {
  const { name, authors, kept, summary } = measured;
  const unaligned = lostOf(measured, 'none');
  const share = (100 * (authors.ends - authors.worst)) / authors.ends;
  const row = (treatment: Treatment, expected: string, holds: Outcome | null): ExperimentRow => ({
    what: `${name}, barrier height, ${names[treatment]}`,
    ...{ expected, measured: lostText(measured, treatment), holds },
  });
  const repaired = (treatment: Treatment): ExperimentRow =>
    kept
      ? row(treatment, '-', null)
      : row(treatment, 'clearly less than unaligned', repairs(unaligned, lostOf(measured, treatment)));
  return [
    {
      what: `${name}, test accuracy of the networks`,
      expected: `${authors.ends} % (train split)`,
      measured: `${summary.test_accuracy.mean.toFixed(1)} ± ${summary.test_accuracy.std.toFixed(1)} %`,
      holds: null,
    },
    ...authorsRow(measured),
    row(
      'none',
      `${share.toFixed(0)} % (${authors.ends} to ${authors.worst} %): ${kept ? 'most kept' : 'most lost'}`,
      kept ? keepsMost(unaligned) : losesMost(unaligned),
    ),
    repaired('activation'),
    repaired('weight'),
    row('reference_lmc_script', 'pairs the least correlated channels', null),
  ];
}

const named = (all: readonly Measured[], name: string): Measured => all.find((one) => one.name === name)!;

/** What the paper stands or falls with. */
function requiredRow(all: readonly Measured[]): ExperimentRow {
  const [standard, asymmetric] = [named(all, 'standard'), named(all, 'W-asymmetric σ_F=2')].map((one) =>
    lostOf(one, 'none'),
  );
  return {
    what: 'unaligned standard networks lose more accuracy than W-asymmetric ones with σ_F=2 (barrier heights)',
    expected: '90 and 8 %; required',
    measured: `${standard!.toFixed(1)} and ${asymmetric!.toFixed(1)} %`,
    holds: standard! > asymmetric! ? 'yes' : 'no',
    required: true,
  };
}

export const experiment: Experiment = {
  title: 'Linear mode connectivity of residual networks',
  paper: {
    says: "On the straight line between two networks a standard ResNet20 and a W-asymmetric one of σ_F = 0 lose everything, a W-asymmetric one of σ_F = 2 keeps most. Accuracy of the authors' networks from the ends to the worst point: 97.4 to 9.3, 97.2 to 9.6, 97.4 to 89.7 and (SYRE, σ_F = 2) 96.1 to 74.7 %.",
    source:
      'plots.ipynb of the authors: w = 8, CIFAR-10, train split, 37 points, 8 disjoint pairs of 16 networks',
  },
  sizes: {
    quick: {
      setting: settings.quick.text,
      ...{ seconds: 460, memoryMiB: 1650, known: 'measured' },
      remark: 'After one epoch the networks are far from trained, the standard ones most.',
    },
    paper: {
      setting: settings.paper.text,
      ...{ seconds: 6.3e7, memoryMiB: 8192, known: 'estimated' },
      remark:
        'It takes 2.2e18 multiply-adds: made for a large GPU, where it takes days. The authors measured the lines on 10 batches of 512 images; here all images of the split are used.',
    },
  },
  limits: ['epochs', 'models'],
  async run(work) {
    const all: Measured[] = [];
    for (const one of compared) all.push(await measure(work, one));
    const data = demoCurves(all.map(({ name, curves }) => ({ label: name, curves })));
    const caption = `Test accuracy on the straight line between two residual networks, unaligned and aligned by activations. ${settings[work.size].text}; seed ${work.seed}.`;
    return {
      families: all.map(({ summary }) => summary),
      rows: all.flatMap(rowsOf),
      expectations: [requiredRow(all)],
      figures: { resnet: { kind: 'interpolation', data, options: { size: 'double' }, caption } },
    };
  },
};
