/** With a large fixed part the identity matches two networks' neurons about as well as the best permutation. */
import { nearChance, placesRise } from '../../../src-shared/verdicts/matching.ts';
import { publishedTrainingSeconds } from './estimate.ts';
import { cut, cutList } from './limit.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { identityPlace, objectiveFigure, objectivesOf, trainFixed } from './matching-sweep.ts';
import type { FixedPart, MatchingSetting, Objectives } from './matching-sweep.ts';

interface Setting extends MatchingSetting {
  sigmas: number[];
  /** Fixed shares of every neuron's weights, at sigma_F = `sparsitySigma`. */
  shares: number[];
}

/** The curve over epochs is drawn at this sigma_F. */
const epochsSigma = 1;
/** Where the identity is neither at chance nor at the optimum. */
const sparsitySigma = 0.5;

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ source: 'w-asymmetric-small', inputs: [784, 64, 64, 64], data: 'mnist-10k' },
    ...{ epochs: 8, models: 3, saveEvery: 2 },
    sigmas: [0, 0.5, 1, 2],
    shares: [0.0625, 0.125, 0.25, 0.5],
  },
  paper: {
    ...{ source: 'w-asymmetric', inputs: [784, 512, 512, 512], data: 'mnist' },
    ...{ epochs: 100, models: 4, saveEvery: 10 },
    sigmas: [0, 0.25, 0.5, 1, 2],
    shares: [0.0625, 0.125, 0.25, 0.5],
  },
};

function settingOf(work: ExperimentWork): Setting {
  const whole = cut(settings[work.size], work.limit);
  const { sigmas, shares, epochs, saveEvery } = whole;
  return {
    ...whole,
    sigmas: [...cutList(sigmas, work.limit)],
    shares: [...cutList(shares, work.limit)],
    saveEvery: Math.min(saveEvery, epochs),
  };
}

/** Trains networks of one fixed part and measures them at the epochs asked for. */
async function measure(
  work: ExperimentWork,
  fixed: FixedPart,
  watched: readonly number[],
): Promise<Objectives[]> {
  const setting = settingOf(work);
  const part = 1 / (setting.sigmas.length + setting.shares.length);
  const run = await trainFixed(work, setting, fixed, 0.8 * part);
  const found: Objectives[] = [];
  for (const epoch of watched)
    found.push(await objectivesOf(work, { run, epoch, randomCount: 20 }, (0.2 * part) / watched.length));
  return found;
}

function rowsOf(
  setting: Setting,
  overSigma: readonly Objectives[],
  overShares: readonly Objectives[],
): ExperimentRow[] {
  const row = (at: string, found: Objectives, chance: boolean): ExperimentRow => {
    const place = identityPlace(found);
    return {
      what: `identity between chance (0) and the optimum (1), ${at}`,
      expected: chance ? 'near chance' : '-',
      measured: place.toFixed(2),
      holds: chance ? nearChance(place) : null,
    };
  };
  const trend = (over: string, found: readonly Objectives[]): ExperimentRow => {
    const places = found.map(identityPlace);
    return {
      what: `the same over ${over}`,
      expected: 'rises towards the optimum',
      measured: `${places[0]!.toFixed(2)} to ${places.at(-1)!.toFixed(2)}`,
      holds: placesRise(places),
    };
  };
  return [
    ...overSigma.map((found, i) => row(`σ_F = ${setting.sigmas[i]}`, found, setting.sigmas[i] === 0)),
    trend('growing σ_F', overSigma),
    ...overShares.map((found, i) =>
      row(`${100 * setting.shares[i]!} % fixed, σ_F = ${sparsitySigma}`, found, false),
    ),
    trend('the fixed share of weights', overShares),
  ];
}

export const experiment: Experiment = {
  title: 'Matching objective over the fixed weights',
  paper: {
    says: "With small fixed weights the identity matches two networks' neurons no better than chance; with large ones about as well as the best permutation. Authors, all layers, σ_F from 0 to 5: optimal .512 to .976, identity -.005 to .976.",
    source: 'plots.ipynb of the authors, MLP, epoch 100',
  },
  sizes: {
    quick: {
      setting:
        'W-asymmetric MLPs 784-64-64-64-10 on the embedded digits, 8 epochs, 3 networks for each of σ_F = 0, 0.5, 1, 2, and of fixed shares 1/16, 1/8, 1/4, 1/2 at σ_F = 0.5',
      ...{ seconds: 25, memoryMiB: 2100, known: 'measured' },
    },
    paper: {
      setting:
        'W-asymmetric MLPs 784-512-512-512-10 on MNIST, 100 epochs, 4 networks for each of σ_F = 0, 0.25, 0.5, 1, 2, and of fixed shares 1/16, 1/8, 1/4, 1/2 at σ_F = 0.5',
      seconds: publishedTrainingSeconds({ epochs: 100, models: 36 }),
      ...{ memoryMiB: 2048, known: 'estimated' },
      remark: "The authors' whole sweep of σ_F is sigma-sweep, that of shares sparsity-sweep.",
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const setting = settingOf(work);
    const { epochs, saveEvery, sigmas, shares } = setting;
    const allEpochs = Array.from({ length: Math.floor(epochs / saveEvery) + 1 }, (_, i) => i * saveEvery);
    const overSigma: Objectives[] = [];
    const overShares: Objectives[] = [];
    let overEpochs: Objectives[] = [];
    for (const sigma of sigmas) {
      const found = await measure(work, { sigma }, sigma === epochsSigma ? allEpochs : [epochs]);
      overSigma.push(found.at(-1)!);
      if (sigma === epochsSigma) overEpochs = found;
    }
    for (const share of shares)
      overShares.push(...(await measure(work, { sigma: sparsitySigma, share }, [epochs])));
    return {
      rows: rowsOf(setting, overSigma, overShares),
      figures: {
        'matching-over-sigma': objectiveFigure('sigma_F', sigmas, overSigma),
        ...(overEpochs.length > 0 && {
          'matching-over-epochs': objectiveFigure('epoch', allEpochs, overEpochs),
        }),
        'matching-over-sparsity': objectiveFigure('sparsity', shares, overShares),
      },
    };
  },
};
