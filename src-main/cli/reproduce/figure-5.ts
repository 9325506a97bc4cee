/** Swap costs of untrained networks, measured in two ways, over the dimension of the data, sigma_F and the width. */
import { rankCorrelation } from '../../../src-shared/figures/statistics.ts';
import { packMatrix } from '../../../src-shared/figures/index.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import type { RidgePair } from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { matrix, type Matrix } from '../../../src-shared/matrix.ts';
import { swapCosts } from '../../../src-shared/swap-costs.ts';
import { agreement, costAppears, manifold, measuresAgree } from '../../../src-shared/verdicts/costs.ts';
import { risesByFactor } from '../../../src-shared/verdicts/rules.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentRow,
  ExperimentSize,
  ExperimentWork,
} from './experiment.ts';
import { cutList } from './limit.ts';
import { dimensions, networkSeed, trainOnSubspace } from './subspace-runs.ts';

interface Setting {
  widths: readonly number[];
  /** The first ones of a layer: all their ordered pairs are fitted. */
  neurons: number;
  /** Examples made; a tenth is the split that ridge costs are fitted on. */
  examples: number;
  iterations: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: { widths: [16, 64], neurons: 16, examples: 5000, iterations: 500 },
  paper: { widths: [16, 64, 128, 2048], neurons: 64, examples: 50_000, iterations: 2000 },
};

/** Without fixed weights first, as in the published figure. */
const scales = [0, 1] as const;
const beta = 0.01;
const layer = 'lins.0';
const ways = ['mahalanobis', 'ridge'] as const;
type Way = (typeof ways)[number];
const wayNames: Record<Way, string> = { mahalanobis: 'Mahalanobis', ridge: 'ridge' };

interface Measured {
  width: number;
  dimension: number;
  sigmaF: number;
  /** Swap costs of the first neurons. */
  costs: Record<Way, Matrix>;
}

/** The square of the first rows and columns. */
function corner({ columns, data }: Matrix, n: number): Matrix {
  const part = Float64Array.from({ length: n * n }, (_, k) => data[Math.floor(k / n) * columns + (k % n)]!);
  return matrix(n, n, part);
}

/** As the published figure has them: from the squared norms of the free weights alone, without the error that is left. */
function ridgeSwaps(pairs: readonly RidgePair[], n: number): Matrix {
  const costs = new Float64Array(n * n).fill(NaN);
  for (const { id1, id2, objective_weight_regularization: norm } of pairs) costs[id2 * n + id1] = norm;
  return matrix(n, n, swapCosts(costs, n));
}

async function measure(
  work: ExperimentWork,
  setting: Setting,
  at: { width: number; dimension: number; sigmaF: number },
  share: number,
): Promise<Measured> {
  const { width, dimension, sigmaF } = at;
  const part = Math.ceil(width / 8);
  const untrained = {
    ...{ width, train: setting.examples, test: 1000, separation: 0.3, epochs: 0, models: 1 },
    numFixed: [64, part, part, part] as const,
    // Else the first neurons of all widths would be the same ones.
    seed: networkSeed(work.seed, width),
  };
  const { trained } = await trainOnSubspace(work, untrained, dimension, sigmaF, 0.1 * share);
  const question = { run: trained.run_directory, epoch: 0, layers: [layer] };
  const message = `swap costs, ${width} units, k = ${dimension}, σ_F = ${sigmaF}`;
  const exact = await work.run('realization-cost', question, message, 0.2 * share);
  const n = Math.min(setting.neurons, width);
  const fit = { betas: [beta], numNeurons: n, iterations: setting.iterations };
  const fitted = await work.run(
    'realization-cost-ridge',
    { ...question, ...fit },
    `${message}, ridge`,
    0.7 * share,
  );
  const [row] = checkpointRows(exact);
  const [pairs] = Object.values(checkpointRows(fitted)[0]!.results).flat();
  return {
    ...at,
    costs: {
      mahalanobis: corner(row!.realization_cost_results[0]!.transposition_cost_squared, n),
      ridge: ridgeSwaps(pairs!.neuron_realization_costs, n),
    },
  };
}

/** Of every two different neurons. */
function pairsOf({ rows, data }: Matrix): number[] {
  const costs: number[] = [];
  for (let i = 0; i < rows; i++) for (let j = i + 1; j < rows; j++) costs.push(data[i * rows + j]!);
  return costs;
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[Math.floor(values.length / 2)] ?? NaN;
const medianOf = ({ costs }: Measured, way: Way): number => median(pairsOf(costs[way]));

/** Of the two measures over pairs of neurons. */
const correlationOf = ({ costs }: Measured): number =>
  rankCorrelation(pairsOf(costs.mahalanobis), pairsOf(costs.ridge)).rho;

/** Single numbers: growth counts from this factor on. */
const clearly = 1.25;
const number = (value: number): string =>
  Math.abs(value) < 1e-3 ? value.toExponential(1) : value.toPrecision(3);

function numberRow(one: Measured): ExperimentRow {
  const { width, dimension, sigmaF } = one;
  const [mahalanobis, ridge] = ways.map((way) => medianOf(one, way)) as [number, number];
  return {
    what: `median swap cost, ${width} units, k = ${dimension}, σ_F = ${sigmaF}`,
    expected: '-',
    measured: `Mahalanobis ${number(mahalanobis)}, ridge ${number(ridge)}`,
    holds: null,
    data: { width, dimension, sigma_f: sigmaF, mahalanobis, ridge, rank_correlation: correlationOf(one) },
  };
}

/** What the figure shows, for one width. */
function expectationsAt(measured: readonly Measured[], width: number): ExperimentRow[] {
  const here = measured.filter((one) => one.width === width);
  const [without, withF] = scales.map((sigmaF) => here.filter((one) => one.sigmaF === sigmaF)) as [
    Measured[],
    Measured[],
  ];
  const rows = ways.flatMap((way): ExperimentRow[] => {
    const name = `${width} units, ${wayNames[way]}`;
    const [none, some] = [without, withF].map((list) => list.map((one) => medianOf(one, way))) as [
      number[],
      number[],
    ];
    return [
      ...withF.map(({ dimension }, i): ExperimentRow => ({
        what: `${name}, k = ${dimension}: swap cost at σ_F = 1 against σ_F = 0`,
        expected: `there, against about none: ${manifold} times or more`,
        measured: `${number(some[i]!)} against ${number(none[i]!)}`,
        holds: costAppears(none[i]!, some[i]!),
      })),
      {
        what: `${name}, σ_F = 1: swap cost over k = ${withF.map(({ dimension }) => dimension).join(', ')}`,
        expected: 'grows with k',
        measured: some.map(number).join(', '),
        holds: risesByFactor(some, clearly),
      },
    ];
  });
  const agree = withF.map((one): ExperimentRow => {
    const rho = correlationOf(one);
    return {
      what: `${width} units, k = ${one.dimension}, σ_F = 1: both measures order the pairs alike`,
      expected: `rank correlation of ${agreement.good} or more`,
      measured: rho.toFixed(2),
      holds: measuresAgree(rho),
    };
  });
  return [...rows, ...agree];
}

function figuresOf(measured: readonly Measured[]): ExperimentReport['figures'] {
  const widths = [...new Set(measured.map(({ width }) => width))];
  const figure = (width: number) => ({
    kind: 'matrix' as const,
    data: {
      rows: scales.flatMap((sigmaF) =>
        ways.map((way) =>
          measured
            .filter((one) => one.width === width && one.sigmaF === sigmaF)
            .map(({ dimension, costs }) => ({
              title: `k = ${dimension}, σ_F = ${sigmaF}, ${wayNames[way]}`,
              matrix: packMatrix(costs[way]),
            })),
        ),
      ),
      ...{ valueLabel: 'swap cost', scale: 'signed-sqrt' as const, colours: 'swap-costs' as const },
      share: 'row' as const,
    },
    options: { size: 'double' as const },
    caption: `What swapping two neurons of the first layer costs in untrained networks of ${width} units, in the colours of the published figure.`,
  });
  return Object.fromEntries(widths.map((width) => [`figure-5-width-${width}`, figure(width)]));
}

const paperText =
  'untrained W-asymmetric MLPs on 20 classes of Gaussians on k = 2, 8, 32 of 512 dimensions, σ_F = 0, 1';

export const experiment: Experiment = {
  title: 'Swap costs of untrained networks, by Mahalanobis distance and by ridge regression',
  paper: {
    says: 'Without fixed weights swapping two neurons costs about nothing; with σ_F = 1 it costs, the more the higher the dimension of the data. Ridge regression finds the same picture as the Mahalanobis distance. Shown for 64 units, first layer, β = 0.01.',
    source: 'neuron-identifiability, Figure 5; src/eval/plots.py',
  },
  sizes: {
    quick: {
      setting: `${paperText}, 16 and 64 units; the first 16 neurons of the first layer, ridge regression of 500 steps on 500 examples`,
      ...{ seconds: 50, memoryMiB: 950, known: 'measured' },
    },
    paper: {
      setting: `${paperText}, 16, 64, 128 and 2048 units; the first 64 neurons of the first layer, ridge regression of 2000 steps on 5000 examples`,
      ...{ seconds: 25_000, memoryMiB: 3000, known: 'estimated' },
      remark:
        'The authors do not record how many steps and neurons their ridge regression had, nor how many weights they fixed in the other layers, which are not measured.',
    },
  },
  limits: ['settings'],
  async run(work) {
    const setting = settings[work.size];
    const [widths, ks] = [cutList(setting.widths, work.limit), cutList(dimensions, work.limit)];
    const share = 1 / (widths.length * ks.length * scales.length);
    const measured: Measured[] = [];
    for (const width of widths)
      for (const sigmaF of scales)
        for (const dimension of ks)
          measured.push(await measure(work, setting, { width, dimension, sigmaF }, share));
    return {
      rows: measured.map(numberRow),
      expectations: widths.flatMap((width) => expectationsAt(measured, width)),
      figures: figuresOf(measured),
    };
  },
};
