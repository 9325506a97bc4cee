/** Coherence of the inputs and anisotropy of the neurons, layer by layer, over the epochs of one run. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import { rankCorrelation } from '../../../src-shared/figures/statistics.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import type { LayerCoherence } from '../../../src-shared/jobs/subspace-coherence.ts';
import { agreement, boundHolds, measuresAgree } from '../../../src-shared/verdicts/costs.ts';
import { publishedTrainingSeconds } from './estimate.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { cut } from './limit.ts';

interface Setting {
  source: string;
  data: string;
  epochs: number;
  models: number;
  /** Epochs that are measured. */
  watched: readonly number[];
}

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ source: 'w-asymmetric-small', data: 'mnist-10k', epochs: 20, models: 3 },
    watched: [0, 1, 2, 3, 5, 8, 12, 16, 20],
  },
  paper: {
    ...{ source: 'mlp_symmetry1_kappa1', data: 'mnist', epochs: 100, models: 16 },
    watched: [0, 1, 2, 5, 10, 20, 40, 60, 80, 100],
  },
};

/** With which the bound on the anisotropy may fail. */
const violation = '0.1';

/** Of one layer: by epoch, then network. */
interface LayerOverTraining {
  layer: string;
  at: LayerCoherence[][];
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

async function measure(work: ExperimentWork, setting: Setting): Promise<LayerOverTraining[]> {
  const { source, data, epochs, models, watched } = setting;
  const overrides = [
    ...[`dataset=${data}`, 'optimizer=adamw', `num_models=${models}`, `seed=${work.seed}`],
    ...[`training.num_epochs=${epochs}`, 'training.save_every=1', 'experiment_name=coherence-training'],
  ];
  const trained = await work.train(source, overrides, `training ${models} networks`, 0.5);
  const question = { run: trained.run_directory, epoch: [...watched] };
  const result = await work.run('subspace-coherence', question, 'coherence at each epoch', 0.5);
  const rows = checkpointRows(result);
  // Also measured where no neurons are: at the network's output.
  const layers = rows[0]!.coherence_results.filter(({ anisotropy_operator_norms: norms }) => norms !== null);
  return layers.map(({ layer }) => ({
    layer,
    at: watched.map((epoch) =>
      rows
        .filter((row) => row.epoch === epoch)
        .map((row) => row.coherence_results.find((one) => one.layer === layer)!),
    ),
  }));
}

const least = (one: LayerCoherence): number => one.subspace_dimension / one.full_dimension;
const boundOf = (one: LayerCoherence): number => one.anisotropy_bounds?.[violation] ?? NaN;

function numberRows(layers: readonly LayerOverTraining[], watched: readonly number[]): ExperimentRow[] {
  const over = `epochs ${watched[0]} to ${watched.at(-1)}`;
  return layers.map(({ layer, at }): ExperimentRow => {
    const [coherence, minimum, anisotropy, bound] = (
      [
        (one) => one.subspace_coherence,
        least,
        (one) => one.mean_anisotropy_operator_norm ?? NaN,
        boundOf,
      ] as ((one: LayerCoherence) => number)[]
    ).map((of) => at.map((networks) => meanOf(networks.map(of)))) as [number[], number[], number[], number[]];
    const ends = (values: readonly number[]): string =>
      `${values[0]!.toPrecision(2)} to ${values.at(-1)!.toPrecision(2)}`;
    return {
      what: `${layer}, ${over}: coherence (least possible, k/d); mean anisotropy (bound)`,
      expected: '-',
      measured: `${ends(coherence)} (${ends(minimum)}); ${ends(anisotropy)} (${ends(bound)})`,
      holds: null,
      data: { layer, epochs: watched, coherence, least_coherence: minimum, anisotropy, bound },
    };
  });
}

/** |S - p I| of a matrix S with eigenvalues from 0 to 1 is never larger: a bound from here on says nothing. */
const largestAnisotropy = 1;

function boundRow({ layer, at }: LayerOverTraining): ExperimentRow {
  const checkpoints = at.flat();
  const shares = checkpoints.map((one) => {
    const norms = one.anisotropy_operator_norms!;
    return norms.filter((norm) => norm <= boundOf(one)).length / norms.length;
  });
  // Networks of a run share their mask, and epochs their network: only the neurons of one are independent draws.
  const neurons = checkpoints[0]!.anisotropy_operator_norms!.length;
  const share = meanOf(shares);
  const idle = checkpoints.every((one) => boundOf(one) >= largestAnisotropy);
  return {
    what: `${layer}: neurons whose anisotropy is within the bound, over all epochs`,
    expected: idle ? '-' : `${100 * (1 - Number(violation))} % or more`,
    measured: idle
      ? 'all: the bound is above 1, and no anisotropy is'
      : `${(100 * share).toFixed(1)} %, at the worst epoch ${(100 * Math.min(...shares)).toFixed(1)} %`,
    holds: idle ? null : boundHolds(share * neurons, neurons, Number(violation)),
    data: { layer, share, worst: Math.min(...shares), neurons, idle },
  };
}

/** The bound grows with the coherence: does the anisotropy? Nothing can be said of inputs that are the data. */
function togetherRow({ layer, at }: LayerOverTraining): ExperimentRow {
  const over = (of: (one: LayerCoherence) => number): number[] =>
    at.map((networks) => meanOf(networks.map(of)));
  const coherence = over((one) => one.subspace_coherence);
  const anisotropy = over((one) => one.mean_anisotropy_operator_norm ?? NaN);
  const constant = Math.max(...coherence) - Math.min(...coherence) <= 1e-6;
  const { rho } = rankCorrelation(coherence, anisotropy);
  return {
    what: `${layer}: anisotropy over epochs goes with the coherence, as its bound does`,
    expected: constant ? '-' : `rank correlation of ${agreement.good} or more`,
    measured: constant ? 'the coherence is that of the data at every epoch' : rho.toFixed(2),
    holds: constant ? null : measuresAgree(rho),
    data: { layer, rank_correlation: constant ? null : rho },
  };
}

function figureOf(
  layers: readonly LayerOverTraining[],
  watched: readonly number[],
): FigureRecipe<'bounded-curves'> {
  const series = (of: (one: LayerCoherence) => number, bound: (one: LayerCoherence) => number) =>
    layers.map(({ layer, at }) => ({
      label: layer,
      epochs: [...watched],
      curves: at[0]!.map((_, network) => at.map((networks) => of(networks[network]!))),
      bound: at.map((networks) => meanOf(networks.map(bound))),
    }));
  return {
    kind: 'bounded-curves',
    data: {
      panels: [
        {
          label: 'subspace coherence',
          boundLabel: 'least possible, k/d',
          series: series((one) => one.subspace_coherence, least),
        },
        {
          label: 'mean anisotropy',
          boundLabel: `bound, δ = ${violation}`,
          series: series((one) => one.mean_anisotropy_operator_norm ?? NaN, boundOf),
        },
      ],
    },
    options: { size: 'double' },
    caption: `Coherence of the inputs and mean anisotropy of the neurons of each layer over training, mean and range over networks. Dashed: the least coherence that k of d dimensions can have, and the bound that the anisotropy exceeds with a probability of at most ${violation}.`,
  };
}

function settingOf({ size, limit }: ExperimentWork): Setting {
  const whole = cut(settings[size], limit);
  return { ...whole, watched: whole.watched.filter((epoch) => epoch <= whole.epochs) };
}

export const experiment: Experiment = {
  title: 'Coherence and anisotropy over training',
  paper: {
    says: 'Of each layer the authors draw over the epochs the coherence of its inputs, with the least possible one (k/d), and the anisotropy of its neurons, with the bound that it may exceed with probability 0.1. No numbers are recorded.',
    source: 'measure_subspace_coherence_and_anisotropy.ipynb of the authors',
  },
  sizes: {
    quick: {
      setting:
        'one run of 3 W-asymmetric MLPs 784-64-64-64-10, σ_F = 1, on the embedded digits, 20 epochs, measured at 9 of them',
      ...{ seconds: 15, memoryMiB: 1250, known: 'measured' },
    },
    paper: {
      setting:
        'one run of 16 W-asymmetric MLPs 784-512-512-512-10, σ_F = 1, on MNIST, 100 epochs, measured at 10 of them',
      seconds: publishedTrainingSeconds({ epochs: 100, models: 16 }),
      ...{ memoryMiB: 3072, known: 'estimated' },
    },
  },
  limits: ['epochs', 'models'],
  async run(work) {
    const setting = settingOf(work);
    const layers = await measure(work, setting);
    return {
      rows: numberRows(layers, setting.watched),
      expectations: [...layers.map(boundRow), ...layers.map(togetherRow)],
      figures: { 'coherence-over-training': figureOf(layers, setting.watched) },
    };
  },
};
