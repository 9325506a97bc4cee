/** Are the neurons of two networks active on the same inputs? Signs of activations in the four families over training. */
import type { DemoFamily } from '../../../src-shared/demo.ts';
import { demoFamilies, demoSetting } from '../../../src-shared/demo.ts';
import type { ActivationPattern, PatternPair } from '../../../src-shared/jobs/activation-patterns.ts';
import { activeByChance, beyondChance, meanBeyondChance } from '../../../src-shared/verdicts/patterns.ts';
import { isAbove, isBelow, sampleOf, type Sample } from '../../../src-shared/verdicts/rules.ts';
import { spread } from '../demo/summary.ts';
import { trainingSeconds } from './estimate.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentRow,
  ExperimentSize,
  ExperimentWork,
} from './experiment.ts';
import { cut, cutList } from './limit.ts';
import { disjointPairs } from './pairs.ts';

interface Setting {
  epochs: number;
  models: number;
  saveEvery: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: { epochs: 10, models: 6, saveEvery: 2 },
  paper: { epochs: 100, models: 16, saveEvery: 20 },
};

/** From here on the signs of two networks agree clearly more often than by chance. */
const aboveChance = 0.25;

interface Measured {
  family: DemoFamily;
  pairs: PatternPair[];
}

/** A pair is the least that can be compared, and both ends of training are saved. */
function limited({ size, limit }: Pick<ExperimentWork, 'size' | 'limit'>): Setting {
  const { epochs, models, saveEvery } = cut(settings[size], limit);
  return { epochs, models: Math.max(2, models), saveEvery: Math.min(saveEvery, epochs) };
}

async function measure(work: ExperimentWork, family: DemoFamily, share: number): Promise<Measured> {
  const { epochs, models, saveEvery } = limited(work);
  const demo = demoSetting(work.size === 'paper' ? 'paper' : 'demo', { seed: work.seed, epochs, models });
  // Later settings replace earlier ones.
  const saved = `training.save_every=${saveEvery}`;
  const trained = await work.train(
    demo.preset(family),
    [...demo.overrides, saved, `experiment_name=patterns-${family.presets.small}`],
    `training ${models} ${family.name} networks`,
    0.8 * share,
  );
  const result = await work.run(
    'activation-patterns',
    {
      ...{ run: trained.run_directory, pairs: disjointPairs(models), split: 'train' },
      epochs: Array.from({ length: Math.floor(epochs / saveEvery) + 1 }, (_, i) => i * saveEvery),
    },
    `${family.name}: signs of activations`,
    0.2 * share,
  );
  return { family, pairs: result.pairs };
}

const lastPoint = 'post_activation_function';

/** Behind the activation, of every layer. */
const patternsAt = ({ activation_pattern_results: all }: PatternPair): ActivationPattern[] =>
  all.filter(({ hook_location: point }) => point === lastPoint);

/** Agreement between chance (0) and always (1) of each pair: mean over layers. */
const placesAt = (pairs: readonly PatternPair[], epoch: number): number[] =>
  pairs.filter((pair) => pair.epoch === epoch).map((pair) => meanBeyondChance(patternsAt(pair)) ?? NaN);

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
/** Without the sign of a mean that is 0 in two digits. */
const placeText = ({ mean, std, count }: Sample): string =>
  `${mean
    .toFixed(2)
    .replace(/^-(?=0\.00$)/, '')
    .replace('-', '−')}${count > 1 ? ` ± ${std.toFixed(2)}` : ''}`;

function rowsOf({ family: { name, sigmaF }, pairs }: Measured): ExperimentRow[] {
  const epochs = [...new Set(pairs.map(({ epoch }) => epoch))];
  const [first, last] = [epochs[0]!, epochs.at(-1)!];
  const patterns = pairs.filter(({ epoch }) => epoch === last).flatMap(patternsAt);
  const mean = (of: (p: ActivationPattern) => number | null): number =>
    spread(patterns.map((p) => of(p) ?? NaN)).mean;
  const isFixed = sigmaF !== null && sigmaF > 0;
  // Only the places of zeros are shared there.
  const judged = sigmaF !== 0;
  const row = (epoch: number): ExperimentRow => {
    const place = sampleOf(placesAt(pairs, epoch));
    const holds = isFixed ? isAbove(place, aboveChance) : isBelow(place, activeByChance);
    return {
      what: `${name}: agreement of signs between chance (0) and always (1), epoch ${epoch}`,
      expected: !judged ? '-' : isFixed ? 'above chance' : 'as by chance',
      measured: placeText(place),
      holds: judged ? holds : null,
      data: { family: name, epoch, beyond_chance: place.mean },
    };
  };
  return [
    ...[...new Set([first, last])].map(row),
    {
      what: `${name}: agreement of signs, and by chance, epoch ${last}`,
      expected: '-',
      measured: `${percent(mean((p) => p.agreement_ratio))}, ${percent(mean((p) => p.chance_agreement_ratio))}`,
      holds: null,
    },
    {
      what: `${name}: positive; deviation over inputs, over neurons, epoch ${last}`,
      expected: '-',
      measured: [
        percent(mean((p) => (p.positive_ratio_a + p.positive_ratio_b) / 2)),
        mean((p) => p.std_per_neuron_a).toFixed(3),
        mean((p) => p.std_per_input_a).toFixed(3),
      ].join('; '),
      holds: null,
    },
  ];
}

/** One panel per hidden layer, one series per family, one curve per pair. */
function figuresOf(measured: readonly Measured[]): ExperimentReport['figures'] {
  const layers = patternsAt(measured[0]!.pairs[0]!).map(({ layer }) => layer);
  const curves = (label: string, of: (pattern: ActivationPattern) => number | null) =>
    layers.map((layer, l) => ({
      label: `${label}, hidden layer ${l + 1}`,
      series: measured.map(({ family, pairs }) => {
        const epochs = [...new Set(pairs.map(({ epoch }) => epoch))];
        const names = [...new Set(pairs.map(({ model1_index }) => model1_index))];
        const at = (model: number, epoch: number): number => {
          const pair = pairs.find((one) => one.model1_index === model && one.epoch === epoch)!;
          return of(patternsAt(pair).find((pattern) => pattern.layer === layer)!) ?? NaN;
        };
        return {
          label: family.name,
          epochs,
          models: names.map((model) => ({
            name: `${model}–${model + 1}`,
            values: epochs.map((epoch) => at(model, epoch)),
          })),
        };
      }),
    }));
  const figure = (label: string, of: (pattern: ActivationPattern) => number | null) => ({
    kind: 'training-curves' as const,
    data: { panels: curves(label, of) },
    options: { size: 'double' as const },
  });
  return {
    'signs-beyond-chance': figure('beyond chance', beyondChance),
    'signs-agreement': figure('agreement', (p) => p.agreement_ratio),
    'signs-positive': figure('positive', (p) => (p.positive_ratio_a + p.positive_ratio_b) / 2),
  };
}

const paperTraining = {
  ...{ widths: [784, 512, 512, 512, 10], examples: 54_000, batchSize: 64, epochs: 100 },
  models: 16 * demoFamilies.length,
};

export const experiment: Experiment = {
  title: 'Activation patterns of independently trained networks',
  paper: {
    says: 'The authors compare the signs of the activations of two networks at epochs 0 to 100; their numbers are not on record. If neurons keep their slots, those of the same place should be active on the same inputs: as by chance in standard networks, above chance with fixed weights of σ_F = 1.',
    source:
      'compare_activation_patterns.py in the history of the authors’ repository; the expectation is that of the matching objective',
  },
  sizes: {
    quick: {
      setting:
        'four families of MLPs 784-64-64-64-10 on the embedded digits, 6 networks of 10 epochs each; 3 disjoint pairs on the train split at epochs 0, 2 .. 10',
      ...{ seconds: 30, memoryMiB: 2200, known: 'measured' },
      remark: 'Smaller than the authors’ in width, data, epochs and networks.',
    },
    paper: {
      setting:
        'four families of MLPs 784-512-512-512-10 on MNIST, 16 networks of 100 epochs each; 8 disjoint pairs on the train split at epochs 0, 20 .. 100',
      seconds: trainingSeconds(paperTraining) + 4 * 6 * 60,
      ...{ memoryMiB: 3000, known: 'estimated' },
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const families = cutList(demoFamilies, work.limit);
    const measured: Measured[] = [];
    for (const family of families) measured.push(await measure(work, family, 1 / families.length));
    return { rows: measured.flatMap(rowsOf), figures: figuresOf(measured) };
  },
};
