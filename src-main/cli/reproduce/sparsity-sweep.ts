/** How well the identity matches neurons over the share of weights that are fixed, with and without a scale. */
import { nearChance, placesRise } from '../../../src-shared/verdicts/matching.ts';
import { publishedTrainingSeconds } from './estimate.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { cut, cutList } from './limit.ts';
import {
  identityPlace,
  meanObjectives,
  objectiveFigure,
  objectivesOf,
  trainFixed,
} from './matching-sweep.ts';
import type { MatchingSetting, Objectives } from './matching-sweep.ts';
import { disjointPairs } from './pairs.ts';

interface Setting extends MatchingSetting {
  shares: readonly number[];
  /** Networks that are matched, the first ones, in disjoint pairs; absent: every two. */
  matched?: number;
  randomCount: number;
}

const sigmas = [0, 1] as const;
const authorsShares = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99];

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ source: 'w-asymmetric-small', inputs: [784, 64, 64, 64], data: 'mnist-10k' },
    ...{ epochs: 5, models: 3, saveEvery: 5, randomCount: 20 },
    shares: [0, 0.05, 0.1, 0.2, 0.5, 0.8, 0.95],
  },
  paper: {
    ...{ source: 'mlp_symmetry1_kappa1', inputs: [784, 512, 512, 512], data: 'mnist' },
    ...{ epochs: 100, models: 4, saveEvery: 100, matched: 4, randomCount: 100 },
    shares: [0, ...authorsShares],
  },
};

interface Measured {
  sigma: number;
  share: number;
  objectives: Objectives;
}

async function measure(
  work: ExperimentWork,
  setting: Setting,
  at: { sigma: number; share: number },
  part: number,
): Promise<Measured> {
  const { epochs, matched, randomCount } = setting;
  const run = await trainFixed(work, setting, at, 0.8 * part);
  const pairs = matched === undefined ? {} : { pairs: disjointPairs(Math.min(matched, setting.models)) };
  const question = { run, epoch: epochs, randomCount, ...pairs };
  return { ...at, objectives: await objectivesOf(work, question, 0.2 * part) };
}

const number = (value: number): string => value.toFixed(3).replace('-', '−');

const percent = (share: number): string => `${Number((100 * share).toFixed(6))} %`;
/** Shares of zeros of which the published W-asymmetric networks of sigma_F = 0 tell something: theirs are an eighth. */
const mostZeros = 0.2;

function numberRow({ sigma, share, objectives }: Measured): ExperimentRow {
  const { optimal, identity, random } = meanObjectives(objectives);
  const place = identityPlace(objectives);
  return {
    what: `σ_F = ${sigma}, ${percent(share)} fixed: correlation of the optimal, identity, random permutations`,
    expected: '-',
    measured: `${[optimal, identity, random].map(number).join(', ')}; identity between chance (0) and the optimum (1): ${place.toFixed(2)}`,
    holds: null,
    data: { sigma_f: sigma, share, optimal, identity, random, place },
  };
}

function expectationsAt(measured: readonly Measured[], sigma: number): ExperimentRow[] {
  const here = measured.filter((one) => one.sigma === sigma);
  const places = here.map(({ objectives }) => identityPlace(objectives));
  const shares = here.map(({ share }) => percent(share));
  const few = places.filter((_, i) => here[i]!.share <= mostZeros);
  const farthest = few.reduce((far, place) => (Math.abs(place) > Math.abs(far) ? place : far), 0);
  return [
    {
      what: `σ_F = ${sigma}: identity between chance (0) and the optimum (1), ${shares[0]} fixed`,
      expected: 'near chance',
      measured: places[0]!.toFixed(2),
      holds: nearChance(places[0]!),
    },
    {
      what: `σ_F = ${sigma}: the same over the fixed share, ${shares.join(', ')}`,
      expected: sigma === 0 ? `near chance up to ${100 * mostZeros} %` : 'rises towards the optimum',
      measured: places.map((place) => place.toFixed(2)).join(', '),
      holds: sigma === 0 ? nearChance(farthest) : placesRise(places),
    },
  ];
}

export const experiment: Experiment = {
  title: 'Matching objective over the fixed share of the weights',
  paper: {
    says: "The authors draw how well the optimal, the identity and random permutations match neurons over the fixed share of every neuron's weights, from 1 to 99 %, with fixed weights of scale σ_F = 1 and with zeros (σ_F = 0). No numbers are recorded but those at a share of an eighth: fixed weights of scale 1 make the identity the best permutation, zeros leave it at chance.",
    source:
      'plots.py of the authors, activation-matching-sparsity; mlp-sparsity-sweep in checkpoint_directories.py',
  },
  sizes: {
    quick: {
      setting:
        'W-asymmetric MLPs 784-64-64-64-10 on the embedded digits, 5 epochs, 3 networks for each of σ_F = 0, 1 and fixed shares of 0, 5, 10, 20, 50, 80, 95 %',
      ...{ seconds: 25, memoryMiB: 2150, known: 'measured' },
    },
    paper: {
      setting:
        'W-asymmetric MLPs 784-512-512-512-10 on MNIST, 100 epochs, 4 networks for each of σ_F = 0, 1 and fixed shares of 0, 1, 2, 5, 10, 20, ..., 90, 95, 97, 99 %',
      seconds: publishedTrainingSeconds({ epochs: 100, models: 128 }),
      ...{ memoryMiB: 2048, known: 'estimated' },
      remark:
        'The authors trained the sweep twice; their records name the second one "same-init" and add the share 0 to it, which is part of this one, without saying what is the same.',
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const whole = cut(settings[work.size], work.limit);
    const setting = { ...whole, saveEvery: Math.min(whole.saveEvery, whole.epochs) };
    const shares = cutList(setting.shares, work.limit);
    const part = 1 / (shares.length * sigmas.length);
    const measured: Measured[] = [];
    for (const sigma of sigmas)
      for (const share of shares) measured.push(await measure(work, setting, { sigma, share }, part));
    const figures = sigmas.map((sigma) => {
      const here = measured.filter((one) => one.sigma === sigma);
      const found = here.map(({ objectives }) => objectives);
      return [`sparsity-sweep-sigma${sigma}`, objectiveFigure('sparsity', shares, found)] as const;
    });
    return {
      rows: measured.map(numberRow),
      expectations: sigmas.flatMap((sigma) => expectationsAt(measured, sigma)),
      figures: Object.fromEntries(figures),
    };
  },
};
