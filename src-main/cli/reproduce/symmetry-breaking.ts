/**
 * W_eff = F + D * W: which F and D break the permutation symmetry effectively? Each family's networks are compared as they
 * were trained: does the identity match their neurons about as well as the best permutation, is there a barrier between
 * them, and what does exchanging two neurons cost?
 */
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { barriersOf } from '../../../src-shared/jobs/interpolate.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import type { LayerSensitivity } from '../../../src-shared/jobs/permutation-sensitivity.ts';
import type { LayerMatching } from '../../../src-shared/jobs/pairs.ts';
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import { nearChance, placeBetween } from '../../../src-shared/verdicts/matching.ts';
import { isAbove, isBelow, sampleOf, type Outcome, type Sample } from '../../../src-shared/verdicts/rules.ts';
import { chordDrop, modelAccuracies, spread } from '../demo/summary.ts';
import { publishedTrainingSeconds } from './estimate.ts';
import { cut } from './limit.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';

interface Compared {
  family: string;
  name: string;
  presets: Record<ExperimentSize, string>;
  overrides: string[];
  /** What the papers say; null: nothing, it is only set beside. */
  breaks: boolean | null;
}

const standard = { quick: 'standard-small', paper: 'mlp_symmetry0' };

const compared: readonly Compared[] = [
  { family: 'standard', name: 'standard', presets: standard, overrides: [], breaks: false },
  {
    ...{ family: 'bias-only', name: 'bias-only σ_F=1', presets: standard },
    overrides: ['model.family={name: bias-only, sigma_f: 1}'],
    breaks: false,
  },
  {
    ...{ family: 'linear-residual', name: 'linear residual α=1', presets: standard },
    overrides: ['model.family={name: linear-residual, alpha: 1}'],
    breaks: null,
  },
  {
    ...{ family: 'sparse', name: 'sparse, half of the weights', presets: standard },
    overrides: ['model.family={name: sparse, share: 0.5}'],
    breaks: null,
  },
  {
    ...{ family: 'w-asymmetric', name: 'W-asymmetric σ_F=1' },
    presets: { quick: 'w-asymmetric-small', paper: 'mlp_symmetry1_kappa1' },
    ...{ overrides: [], breaks: true },
  },
  {
    ...{ family: 'syre', name: 'SYRE σ_F=1' },
    presets: { quick: 'syre-small', paper: 'mlp_symmetry3_kappa1' },
    ...{ overrides: [], breaks: true },
  },
];

const settings: Record<ExperimentSize, { epochs: number; models: number; data: string; widths: string }> = {
  quick: { epochs: 10, models: 3, data: 'mnist-10k', widths: '784-64-64-64-10' },
  paper: { epochs: 100, models: 4, data: 'mnist', widths: '784-512-512-512-10' },
};

/** Points of accuracy: a smaller drop counts as none, a larger one deserves the name. */
const noDrop = 5;
const largeDrop = 10;

interface Pair {
  models: [number, number];
  matching: LayerMatching['objectives'][];
  accuracyDrop: number;
  lossBarrier: number | null;
  /** Mean of its two networks' swap costs. */
  swapCost: number;
}

interface Measured extends Compared {
  accuracy: { mean: number; std: number };
  pairs: Pair[];
  /** Where the identity lies between chance (0) and the best permutation (1). */
  place: number | null;
  drop: Sample;
  run: string;
}

/** Median cost of exchanging two neurons of a hidden layer, as a multiple of a neuron's own cost; mean over layers. */
function swapCostOf(layers: readonly LayerSensitivity[]): number {
  const hidden = layers.slice(0, -1);
  const relative = hidden.map((l) => l.transpositions.median / (l.own_cost / l.neurons));
  return spread(relative).mean;
}

async function measure(work: ExperimentWork, one: Compared): Promise<Measured> {
  const { epochs, models, data } = cut(settings[work.size], work.limit);
  const share = 1 / compared.length;
  const trained = await work.train(
    one.presets[work.size],
    [
      ...one.overrides,
      ...[`dataset=${data}`, 'optimizer=adamw', `num_models=${models}`, `seed=${work.seed}`],
      ...[`training.num_epochs=${epochs}`, `training.save_every=${epochs}`],
      `experiment_name=breaking-${one.family}`,
    ],
    `training ${models} networks, ${one.name}`,
    0.6 * share,
  );
  const at = { run: trained.run_directory, epoch: epochs };
  const question = { ...at, matchingSeed: work.seed, randomCount: 20 };
  const matched = await work.run('match-activations', question, `${one.name}: matching`, 0.15 * share);
  const line = { ...at, splits: ['test' as const], align: 'none' as const };
  const walked = await work.run('interpolate', line, `${one.name}: interpolating`, 0.1 * share);
  const costs = await work.run('permutation-sensitivity', at, `${one.name}: swap costs`, 0.15 * share);
  const curves = 'pairs' in walked ? walked.pairs : [walked];
  const rows = 'pairs' in matched ? matched.pairs : [matched];
  const swap = new Map(
    checkpointRows(costs).map((row) => [row.model_index, swapCostOf(row.sensitivity_results)]),
  );
  const pairs = curves.map((curve) => pairOf(curve, rows, swap));
  return {
    ...one,
    accuracy: spread(modelAccuracies(curves)),
    pairs,
    place: placeBetween(pairs.flatMap(({ matching }) => matching)),
    drop: sampleOf(pairs.map(({ accuracyDrop }) => accuracyDrop)),
    run: trained.run_directory,
  };
}

type MatchedRow = {
  model1_index: number;
  model2_index: number;
  matching_results: { objectives: LayerMatching['objectives'] }[];
};

function pairOf(curve: Interpolation, rows: readonly MatchedRow[], swap: ReadonlyMap<number, number>): Pair {
  const { model1_index: a, model2_index: b } = curve;
  const row = rows.find(({ model1_index, model2_index }) => model1_index === a && model2_index === b)!;
  return {
    models: [a, b],
    matching: row.matching_results.map(({ objectives }) => objectives),
    accuracyDrop: chordDrop(curve),
    lossBarrier: barriersOf(curve, 'test').loss?.chord ?? null,
    swapCost: (swap.get(a)! + swap.get(b)!) / 2,
  };
}

/** Biases count as free in realization costs: what a fixed part on them does is not in there. */
const seesSwaps = ({ family }: Compared): boolean => family !== 'bias-only';

const meanOf = (values: readonly number[]): number => spread(values).mean;

/** `yes` from 0.7 on, `no` below 0.5. */
const nearOptimum = (place: number): Outcome => (place >= 0.7 ? 'yes' : place < 0.5 ? 'no' : 'not clear');

/** Is the identity (nearly) the best matching, and is there about no barrier? */
function breaksEffectively({ place, drop }: Measured): Outcome {
  if (place === null) return 'not clear';
  const both = [nearOptimum(place), isBelow(drop, noDrop)];
  if (both.every((outcome) => outcome === 'yes')) return 'yes';
  return both.includes('no') ? 'no' : 'not clear';
}

function dataOf(m: Measured): Record<string, unknown> {
  const objectives = m.pairs.flatMap(({ matching }) => matching);
  const barriers = m.pairs.map(({ lossBarrier }) => lossBarrier ?? NaN);
  const swaps = meanOf(m.pairs.map(({ swapCost }) => swapCost));
  return {
    ...{ family: m.family, name: m.name, run_directory: m.run, test_accuracy: m.accuracy.mean },
    identity_objective: meanOf(objectives.map(({ identity }) => identity)),
    optimal_objective: meanOf(objectives.map(({ optimal }) => optimal)),
    random_objective: meanOf(objectives.map(({ random_mean }) => random_mean ?? NaN)),
    identity_place: m.place,
    accuracy_drop: m.drop.mean,
    loss_barrier: meanOf(barriers),
    swap_cost: seesSwaps(m) ? swaps : null,
    breaks_effectively: breaksEffectively(m),
  };
}

function rowsOf(m: Measured): ExperimentRow[] {
  const data = dataOf(m);
  const number = (key: string, digits: number): string => (data[key] as number).toFixed(digits);
  const place = m.place ?? NaN;
  const { breaks } = m;
  const judged = <T>(yes: T, no: T, none: T): T => (breaks === null ? none : breaks ? yes : no);
  return [
    {
      what: `${m.name}: identity between chance (0) and the best permutation (1)`,
      expected: judged('near the best', 'near chance', '-'),
      measured: `${place.toFixed(2)} (objective ${number('identity_objective', 2)}, best ${number('optimal_objective', 2)})`,
      holds: judged<Outcome | null>(nearOptimum(place), nearChance(place), null),
      data,
    },
    {
      what: `${m.name}: accuracy drop, unaligned`,
      expected: judged('about none', 'large', '-'),
      measured: `${m.drop.mean.toFixed(2)} ± ${m.drop.std.toFixed(2)} points of ${m.accuracy.mean.toFixed(1)} %`,
      holds: judged<Outcome | null>(isBelow(m.drop, noDrop), isAbove(m.drop, largeDrop), null),
      data,
    },
    {
      what: `${m.name}: loss barrier, unaligned`,
      ...{ expected: '-', measured: number('loss_barrier', 3), holds: null, data },
    },
    {
      what: `${m.name}: swap cost, in multiples of a neuron's own cost`,
      expected: '-',
      measured: seesSwaps(m) ? number('swap_cost', 3) : 'not measured: biases count as free',
      holds: null,
      data,
    },
  ];
}

function summaryRows(all: readonly Measured[]): ExperimentRow[] {
  const bias = all.find(({ family }) => family === 'bias-only')!;
  const found = breaksEffectively(bias);
  const place = bias.place ?? NaN;
  const isPlain = nearChance(place) === 'yes' && isAbove(bias.drop, largeDrop) === 'yes';
  const breaking = all.filter((one) => breaksEffectively(one) === 'yes').map(({ name }) => name);
  return [
    {
      what: 'biases alone do not break the symmetry effectively',
      expected: 'holds: near chance, large drop',
      measured: `${place.toFixed(2)}, ${bias.drop.mean.toFixed(2)} points`,
      holds: isPlain ? 'yes' : found === 'yes' ? 'no' : 'not clear',
    },
    {
      what: 'families that do: the identity near the best permutation, about no drop',
      expected: '-',
      measured: breaking.join(', ') || 'none',
      holds: null,
    },
  ];
}

function figureOf(all: readonly Measured[]): FigureRecipe<'scatter'> {
  const axes = {
    place: { label: 'identity, from chance (0) to best (1)', of: (p: Pair) => placeBetween(p.matching) },
    swap: { label: 'swap cost, in own costs', of: (p: Pair) => p.swapCost },
    drop: { label: 'accuracy drop (points)', of: (p: Pair) => p.accuracyDrop },
    barrier: { label: 'loss barrier', of: (p: Pair) => p.lossBarrier },
  } as const;
  const panel = (x: keyof typeof axes, y: keyof typeof axes, some = all) => ({
    ...{ x: { label: axes[x].label }, y: { label: axes[y].label } },
    series: some.map(({ name, pairs }) => ({
      label: name,
      points: pairs.map((pair) => ({
        x: axes[x].of(pair),
        y: axes[y].of(pair),
        name: pair.models.join('-'),
      })),
    })),
  });
  return {
    kind: 'scatter',
    data: {
      panels: [
        { title: 'Matching and accuracy', ...panel('place', 'drop') },
        { title: 'Matching and loss', ...panel('place', 'barrier') },
        { title: 'Swap costs', ...panel('swap', 'drop', all.filter(seesSwaps)) },
      ],
      correlation: false,
    },
    options: { size: 'double' },
  };
}

export const experiment: Experiment = {
  title: 'Which fixed parts break the symmetry effectively',
  paper: {
    says: 'Fixed parts that leave no exact permutation symmetry can still leave networks as far apart as standard ones: biases alone do not break the symmetry effectively, large random fixed weights do.',
    source: 'neuron-identifiability, families; docs/families.md',
  },
  sizes: {
    quick: {
      setting:
        'six families of MLPs 784-64-64-64-10 on the embedded digits, 10 epochs, 3 networks each; matching of activations, accuracy drop and swap costs',
      ...{ seconds: 30, memoryMiB: 2200, known: 'measured' },
    },
    paper: {
      setting:
        'six families of MLPs 784-512-512-512-10 on MNIST, 100 epochs, 4 networks each; matching of activations, accuracy drop and swap costs',
      seconds: publishedTrainingSeconds({ epochs: 100, models: 24 }),
      ...{ memoryMiB: 3072, known: 'estimated' },
    },
  },
  limits: ['epochs', 'models'],
  async run(work) {
    const all: Measured[] = [];
    for (const one of compared) all.push(await measure(work, one));
    const { epochs, data, widths } = cut(settings[work.size], work.limit);
    const caption =
      `Unaligned pairs of networks, each family in a colour: how well the identity matches their neurons, what is lost ` +
      `on the straight line between them, what swapping two neurons costs. MLP ${widths}, ${epochs} epochs on ${data}, ` +
      `seed ${work.seed}. Bias-only networks have no swap costs: in the measure biases are free.`;
    return {
      rows: [...all.flatMap(rowsOf), ...summaryRows(all)],
      figures: { 'symmetry-breaking': { ...figureOf(all), caption } },
    };
  },
};
