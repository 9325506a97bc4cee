/** How realization costs change with the dimension of the data and the width, beside the predicted power of the width. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import { powerLaw } from '../../../src-shared/figures/statistics.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import type { LayerRealizationCost } from '../../../src-shared/jobs/realization-cost.ts';
import type { Matrix } from '../../../src-shared/matrix.ts';
import { rateAgrees, rateShare } from '../../../src-shared/verdicts/costs.ts';
import { sampleOf, type Sample } from '../../../src-shared/verdicts/rules.ts';
import { trainingSeconds } from './estimate.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { cut, cutList } from './limit.ts';
import { networkSeed, trainOnSubspace } from './subspace-runs.ts';

interface Setting {
  /** Of the networks that are trained: one sweep over the dimension at one width, one over the width at one dimension. */
  dimensions: readonly number[];
  atWidth: number;
  widths: readonly number[];
  atDimension: number;
  sigmas: readonly number[];
  examples: number;
  epochs: number;
  /** Networks of each setting: all are fitted, the first is drawn. */
  models: number;
  /** The rate: dimensions, neurons of the first layer, networks drawn. */
  rate: { dimensions: readonly number[]; neurons: number; draws: number };
}

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ dimensions: [2, 8, 32], atWidth: 128, widths: [32, 64, 128, 256], atDimension: 8, sigmas: [1] },
    ...{ examples: 5000, epochs: 4, models: 6 },
    rate: { dimensions: [2, 8, 32], neurons: 512, draws: 10 },
  },
  paper: {
    ...{ dimensions: [2, 8, 32, 128], atWidth: 512, widths: [16, 64, 128, 512, 2048], atDimension: 128 },
    ...{ sigmas: [0, 1], examples: 50_000, epochs: 50, models: 6 },
    rate: { dimensions: [2, 8, 32, 128], neurons: 1024, draws: 10 },
  },
};

/** Of a layer of one network at one place of the sweep: distances of slots to functions, not squared. */
interface Costs {
  layer: string;
  /** Dimension of the layer's input subspace. */
  subspace: number;
  own: number[];
  others: number[];
}

/** With more neurons, the values of the boxes fill the figure's file. */
const mostNeurons = 32;
const fiveDigits = (value: number): number => Number(value.toPrecision(5));
/** Rounding may leave a cost of 0 below it. */
const root = (squared: number): number => Math.sqrt(Math.max(0, squared));

function costsOf(found: LayerRealizationCost): Costs {
  const { rows, columns, data } = found.mahalanobis_distance_squared;
  const n = Math.min(rows, mostNeurons);
  const [own, others]: [number[], number[]] = [[], []];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) (i === j ? own : others).push(fiveDigits(root(data[i * columns + j]!)));
  return { layer: found.layer, subspace: found.subspace_dimension, own, others };
}

async function costsAt(
  work: ExperimentWork,
  setting: Setting,
  at: { width: number; dimension: number; sigmaF: number },
  share: number,
): Promise<Costs[][]> {
  const { width, dimension, sigmaF } = at;
  const { examples, epochs, models } = setting;
  const part = Math.ceil(width / 8);
  const network = {
    ...{ width, train: examples, test: 1000, separation: 0.3, epochs, models },
    numFixed: [64, part, part, Math.ceil(width / 2)] as const,
  };
  const { trained } = await trainOnSubspace(work, network, dimension, sigmaF, 0.7 * share);
  const message = `realization costs, ${width} units, k = ${dimension}, σ_F = ${sigmaF}`;
  const question = { run: trained.run_directory, epoch: epochs };
  const result = await work.run('realization-cost', question, message, 0.3 * share);
  return checkpointRows(result).map(({ realization_cost_results: layers }) => layers.map(costsOf));
}

/** What falls as the layer gets wider: how near the two nearest centers are, and a slot to another's function. */
export interface Nearest {
  neurons: number;
  centers: number;
  functions: number;
}

/** Smallest entry off the diagonal of a block of the diagonal. */
function smallest({ columns, data }: Matrix, start: number, size: number): number {
  let least = Infinity;
  for (let i = start; i < start + size; i++)
    for (let j = start; j < start + size; j++) if (i !== j) least = Math.min(least, data[i * columns + j]!);
  return least;
}

/**
 * Neurons of the first layer are drawn independently of each other: any m of them are a layer of width m. Geometric means
 * over the blocks of 16, 32, ... neurons of one layer.
 */
export function nearestByWidth(found: {
  proj_center_distances: Matrix;
  mahalanobis_distance_squared: Matrix;
}): Nearest[] {
  const all = found.proj_center_distances.rows;
  const list: Nearest[] = [];
  for (let neurons = 16; neurons <= all; neurons *= 2) {
    const starts = Array.from({ length: Math.floor(all / neurons) }, (_, b) => b * neurons);
    const mean = (of: (start: number) => number): number =>
      Math.exp(starts.reduce((sum, start) => sum + Math.log(of(start)), 0) / starts.length);
    list.push({
      neurons,
      centers: mean((start) => smallest(found.proj_center_distances, start, neurons)),
      functions: mean((start) => root(smallest(found.mahalanobis_distance_squared, start, neurons))),
    });
  }
  return list;
}

interface Rate {
  dimension: number;
  subspace: number;
  /** One list per network drawn. */
  draws: Nearest[][];
}

async function rateAt(
  work: ExperimentWork,
  { rate, examples }: Setting,
  dimension: number,
  share: number,
): Promise<Rate> {
  const found: Rate = { dimension, subspace: dimension, draws: [] };
  for (let draw = 1; draw <= rate.draws; draw++) {
    const part = rate.neurons / 8;
    const network = {
      ...{ width: rate.neurons, train: Math.min(examples, 5000), test: 100, separation: 0.3 },
      ...{ epochs: 0, models: 1, seed: networkSeed(work.seed, draw) },
      numFixed: [64, part, part, part] as const,
    };
    const { trained } = await trainOnSubspace(work, network, dimension, 1, (0.4 * share) / rate.draws);
    const question = { run: trained.run_directory, epoch: 0, layers: ['lins.0'] };
    const message = `nearest centers, k = ${dimension}, network ${draw}`;
    const result = await work.run('realization-cost', question, message, (0.6 * share) / rate.draws);
    const layer = checkpointRows(result)[0]!.realization_cost_results[0]!;
    found.subspace = layer.subspace_dimension;
    found.draws.push(nearestByWidth(layer));
  }
  return found;
}

const exponentOf = (xs: readonly number[], ys: readonly number[]): number => powerLaw(xs, ys)?.slope ?? NaN;
const signed = (value: number): string => value.toFixed(3).replace('-', '−');
const powerText = ({ mean, std, count }: Sample): string =>
  `${signed(mean)}${count > 1 ? ` ± ${std.toFixed(3)}` : ''}`;
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const exponentsOf = ({ draws }: Rate, of: 'centers' | 'functions'): Sample =>
  sampleOf(
    draws.map((list) =>
      exponentOf(
        list.map(({ neurons }) => neurons),
        list.map((nearest) => nearest[of]),
      ),
    ),
  );

function rateRows(rate: Rate): ExperimentRow[] {
  const predicted = -2 / rate.subspace;
  const widths = rate.draws[0]!.map(({ neurons }) => neurons);
  const names = {
    centers: 'the two nearest centers',
    functions: 'a slot and the nearest function of another',
  };
  return (['centers', 'functions'] as const).map((of): ExperimentRow => {
    const found = exponentsOf(rate, of);
    return {
      what: `k = ${rate.subspace} (data of ${rate.dimension}): distance between ${names[of]}, over ${widths[0]} to ${widths.at(-1)} neurons`,
      expected: `power −2/k = ${signed(predicted)}, within ${100 * rateShare} %`,
      measured: `power ${powerText(found)}`,
      holds: rateAgrees(found, predicted),
      data: { dimension: rate.dimension, of, predicted, exponent: found.mean, std: found.std },
    };
  });
}

interface Sweep {
  sigmaF: number;
  over: 'width' | 'dimension';
  places: readonly number[];
  /** By place, then network, then layer. */
  found: Costs[][][];
}

/** Of one layer, by place then network. */
const layerOf = ({ found }: Sweep, l: number): Costs[][] =>
  found.map((networks) => networks.map((layers) => layers[l]!));
const layersOf = ({ found }: Sweep): string[] => found[0]![0]!.map(({ layer }) => layer);

/** (hidden units)^(-2/k) of each place, k as measured: the geometric mean over networks. */
const predictedRates = (at: readonly Costs[][], widths: readonly number[]): number[] =>
  at.map((networks, p) => {
    const exponents = networks.map(({ subspace }) => -2 / subspace);
    return widths[p]! ** sampleOf(exponents).mean;
  });

/** Medians at the places of a sweep, over the networks, layer by layer. */
function sweepRows(sweep: Sweep): ExperimentRow[] {
  const { sigmaF, over, places } = sweep;
  return layersOf(sweep).map((layer, l): ExperimentRow => {
    const [own, others] = (['own', 'others'] as const).map((which) =>
      layerOf(sweep, l).map((networks) => median(networks.flatMap((costs) => costs[which]))),
    ) as [number[], number[]];
    const text = (values: readonly number[]): string => values.map((v) => v.toPrecision(2)).join(', ');
    return {
      what: `${layer}, σ_F = ${sigmaF}: median distance to own and to others' functions over ${over} ${places.join(', ')}`,
      expected: '-',
      measured: `own ${text(own)}; others ${text(others)}`,
      holds: null,
      data: { layer, sigma_f: sigmaF, over, places, own, others },
    };
  });
}

/**
 * Of a sweep over the width: the power with which own costs change, of each network, beside the predicted one. It is one
 * power only where the dimension k of the layer's input subspace is the same at all widths: in the first layer.
 */
function powerRows(sweep: Sweep): ExperimentRow[] {
  const { sigmaF, over, places } = sweep;
  if (over !== 'width') return [];
  return layersOf(sweep).map((layer, l): ExperimentRow => {
    const at = layerOf(sweep, l);
    const powers = (which: 'own' | 'others'): Sample =>
      sampleOf(
        at[0]!.map((_, n) =>
          exponentOf(
            places,
            at.map((networks) => median(networks[n]![which])),
          ),
        ),
      );
    const [own, others] = [powers('own'), powers('others')];
    const ks = at.flatMap((networks) => networks.map(({ subspace }) => subspace));
    const single = ks.every((k) => k === ks[0]);
    const predicted = exponentOf(places, predictedRates(at, places));
    return {
      what: `${layer}, σ_F = ${sigmaF}: distance to the own function, over ${places.join(', ')} units`,
      expected: single
        ? `power −2/k = ${signed(predicted)} (k = ${ks[0]}), within ${100 * rateShare} %`
        : `no single power: k from ${Math.min(...ks)} to ${Math.max(...ks)}`,
      measured: `power ${powerText(own)} (others' functions ${signed(others.mean)})`,
      holds: single ? rateAgrees(own, predicted) : null,
      data: { layer, sigma_f: sigmaF, predicted, own: own.mean, own_std: own.std, others: others.mean },
    };
  });
}

/**
 * Own and others' functions side by side, one panel per layer. Over the width also the predicted rate, from the first
 * median of the own: it has no constant, so it tells nothing of one dimension against another.
 */
function sweepFigure(sweep: Sweep): FigureRecipe<'paired-boxes'> {
  const { over, places, sigmaF } = sweep;
  const panels = layersOf(sweep).map((layer, l) => {
    const at = layerOf(sweep, l);
    const first = at.map((networks) => networks[0]!);
    const rates = over === 'width' ? predictedRates(at, places) : [];
    const start = median(first[0]!.own) / (rates[0] ?? NaN);
    const rate = { label: 'predicted rate, (hidden units)^(−2/k)', values: rates.map((r) => start * r) };
    return {
      title: layer,
      xLabel: over === 'width' ? 'hidden units' : 'dimension of the data k',
      categories: places.map(String),
      series: [
        { label: "another neuron's function", values: first.map(({ others }) => others) },
        { label: 'own function', values: first.map(({ own }) => own) },
      ],
      lines: over === 'width' ? [rate] : [],
    };
  });
  const dashed =
    "; dashed: the predicted rate, k the dimension of the layer's input subspace, from the first median of the own functions";
  return {
    kind: 'paired-boxes',
    data: { label: 'Mahalanobis distance', log: true, panels },
    options: { size: 'double' },
    caption: `Distance at which slots of a trained network realise their own and other neurons' functions, over the ${over}, σ_F = ${sigmaF}${over === 'width' ? dashed : ''}.`,
  };
}

const gapFigure = (rates: readonly Rate[]): FigureRecipe<'gamma-out'> => ({
  kind: 'gamma-out',
  data: {
    sigmaF: 1,
    points: rates.flatMap(({ subspace, draws }) =>
      draws[0]!.map(({ neurons }, w) => ({
        ...{ k: subspace, m: neurons },
        measured: draws.map((list) => Math.SQRT2 * list[w]!.centers),
      })),
    ),
  },
  options: { size: 'double' },
});

function settingOf({ size, limit }: ExperimentWork): Setting {
  const whole = cut(settings[size], limit);
  return {
    ...whole,
    ...{ dimensions: cutList(whole.dimensions, limit), widths: cutList(whole.widths, limit) },
    rate: { ...whole.rate, dimensions: cutList(whole.rate.dimensions, limit) },
  };
}

export const experiment: Experiment = {
  title: 'Rates of realization costs over the dimension of the data and the width',
  paper: {
    says: 'With box plots of realization costs, own and others, over the dimension of the data and the hidden width the authors draw the rate (hidden units)^(−2/k), k the dimension of the input subspace: so near do the two nearest of that many random centers in k dimensions come.',
    source: 'measure_realization_cost.ipynb of the authors, epoch 50',
  },
  sizes: {
    quick: {
      setting:
        'W-asymmetric MLPs, σ_F = 1, on 5,000 Gaussian examples, 6 networks each, 4 epochs: 128 units at k = 2, 8, 32; 32 to 256 units at k = 8. The rate on 10 untrained networks of 512 units for each of k = 2, 8, 32, by blocks of 16 to 512 neurons of the first layer',
      ...{ seconds: 75, memoryMiB: 1250, known: 'measured' },
      remark:
        'The rate is that of the limit of many neurons: in 32 dimensions 512 neurons are few, and their nearest centers are nearer than it says.',
    },
    paper: {
      setting:
        'W-asymmetric MLPs, σ_F = 0 and 1, on 50,000 Gaussian examples, 6 networks each, 50 epochs: 512 units at k = 2, 8, 32, 128; 16, 64, 128, 512, 2048 units at k = 128. The rate on 10 untrained networks of 1024 units for each k',
      seconds:
        trainingSeconds({
          widths: [512, 512, 512, 512, 20],
          ...{ examples: 45_000, batchSize: 128, epochs: 50, models: 72 },
        }) +
        trainingSeconds({
          widths: [512, 2048, 2048, 2048, 20],
          ...{ examples: 45_000, batchSize: 128, epochs: 50, models: 12 },
        }),
      ...{ memoryMiB: 4096, known: 'estimated' },
      remark:
        "The notebook keeps no list of widths and dimensions, no separation and no numbers of fixed weights: widths are those of the authors' untrained networks, the separation is the configuration's.",
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const setting = settingOf(work);
    const { dimensions, atWidth, widths, atDimension, sigmas, rate } = setting;
    const share = 0.5 / (sigmas.length * (dimensions.length + widths.length));
    const sweeps: Sweep[] = [];
    for (const sigmaF of sigmas) {
      const overK: Costs[][][] = [];
      for (const dimension of dimensions)
        overK.push(await costsAt(work, setting, { width: atWidth, dimension, sigmaF }, share));
      sweeps.push({ sigmaF, over: 'dimension', places: dimensions, found: overK });
      const overWidth: Costs[][][] = [];
      for (const width of widths)
        overWidth.push(await costsAt(work, setting, { width, dimension: atDimension, sigmaF }, share));
      sweeps.push({ sigmaF, over: 'width', places: widths, found: overWidth });
    }
    const rates: Rate[] = [];
    for (const dimension of rate.dimensions)
      rates.push(await rateAt(work, setting, dimension, 0.5 / rate.dimensions.length));
    return {
      rows: sweeps.flatMap(sweepRows),
      expectations: [...sweeps.flatMap(powerRows), ...rates.flatMap(rateRows)],
      figures: {
        ...Object.fromEntries(
          sweeps.map((sweep) => [
            `cost-rates-over-${sweep.over}${sigmas.length > 1 ? `-sigma${sweep.sigmaF}` : ''}`,
            sweepFigure(sweep),
          ]),
        ),
        'nearest-centers': gapFigure(rates),
      },
    };
  },
};
