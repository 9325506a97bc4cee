/**
 * MLPs with BatchNorm instead of LayerNorm: realization costs of the four families by both measures, and the accuracy drop
 * with the norm statistics interpolated and with renewed ones.
 */
import { median } from 'd3';
import { packMatrix, type FigureRecipe } from '../../../src-shared/figures/index.ts';
import { demoFamilies, demoSetting, type DemoFamily } from '../../../src-shared/demo.ts';
import { pairsOf, type Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import { matrix, type Matrix } from '../../../src-shared/matrix.ts';
import { interpolationFigure } from '../../../src-shared/presentations/interpolation-figure.ts';
import { isAbove, isBelow, risesByFactor } from '../../../src-shared/verdicts/rules.ts';
import { modelAccuracies, spread } from '../demo/summary.ts';
import { accuracyDrop, dropText, type AccuracyDrop } from './accuracy-drop.ts';
import { publishedTrainingSeconds } from './estimate.ts';
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
  split: 'train' | 'test';
  steps: number;
  disjoint: boolean;
  /** Neurons of the ridge measure, and examples of it. */
  neurons: number;
  noDrop: number;
  largeDrop: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ epochs: 10, models: 4, split: 'test', steps: 10, disjoint: false, neurons: 16 },
    ...{ noDrop: 5, largeDrop: 10 },
  },
  paper: {
    ...{ epochs: 100, models: 16, split: 'train', steps: 36, disjoint: true, neurons: 16 },
    ...{ noDrop: 1, largeDrop: 2 },
  },
};

/** Layers of the heat maps. */
const layers = ['lins.0', 'lins.1', 'lins.2'];

const statistics = ['interpolate', 're-estimate'] as const;
type Statistics = (typeof statistics)[number];
const statisticsNames: Record<Statistics, string> = {
  interpolate: 'norm statistics interpolated',
  're-estimate': 'norm statistics re-estimated',
};

interface Measured {
  family: DemoFamily;
  curves: Record<Statistics, Interpolation[]>;
  /** Of the first network, layer by layer. */
  mahalanobis: Matrix[];
  ridge: Matrix[];
}

async function measure(work: ExperimentWork, family: DemoFamily, share: number): Promise<Measured> {
  const { epochs, models, split, steps, disjoint, neurons } = cut(settings[work.size], work.limit);
  const demo = demoSetting(work.size === 'paper' ? 'paper' : 'demo', { seed: work.seed, epochs, models });
  const { run_directory: run } = await work.train(
    demo.preset(family),
    [...demo.overrides, 'model.norm=batch', `experiment_name=batchnorm-${demo.preset(family)}`],
    `training ${models} ${family.name} networks with BatchNorm`,
    0.6 * share,
  );
  const line = async (normStatistics: Statistics): Promise<Interpolation[]> => {
    const question = {
      ...{ run, epoch: epochs, splits: [split], steps, align: 'none' as const, normStatistics },
      ...(disjoint && { pairs: disjointPairs(models) }),
    };
    const message = `${family.name}: interpolating, ${statisticsNames[normStatistics]}`;
    return pairsOf(await work.run('interpolate', question, message, 0.1 * share));
  };
  const curves = { interpolate: await line('interpolate'), 're-estimate': await line('re-estimate') };
  const one = { run, models: [1], epoch: epochs, layers };
  const costs = await work.run('realization-cost', one, `${family.name}: Mahalanobis costs`, 0.1 * share);
  const ridge = { ...one, numNeurons: neurons };
  const learned = await work.run('realization-cost-ridge', ridge, `${family.name}: ridge costs`, 0.1 * share);
  return {
    family,
    curves,
    mahalanobis: checkpointRows(costs)[0]!.realization_cost_results.map((layer) =>
      firstNeurons(layer.mahalanobis_distance_squared, neurons),
    ),
    ridge: checkpointRows(learned)[0]!.matrices.map(({ ridge_cost }) => ridge_cost),
  };
}

/** The corner of the first neurons, so that both measures show the same ones. */
export function firstNeurons({ rows, columns, data }: Matrix, count: number): Matrix {
  const [r, c] = [Math.min(count, rows), Math.min(count, columns)];
  const entries = Float64Array.from(
    { length: r * c },
    (_, k) => data[Math.floor(k / c) * columns + (k % c)]!,
  );
  return matrix(r, c, entries);
}

/** Median cost of another neuron's function over the median of a slot's own. */
export function offDiagonalRatio({ rows, columns, data }: Matrix): number {
  const [own, other]: [number[], number[]] = [[], []];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) (i === j ? own : other).push(data[i * columns + j]!);
  return (median(other) ?? NaN) / (median(own) ?? NaN);
}

const connected = ({ sigmaF }: DemoFamily): boolean => sigmaF !== null && sigmaF > 0;
/** Medians of single networks: a difference counts from this factor on. */
const clearly = 1.25;

function dropRows({ family, curves }: Measured, size: ExperimentSize): ExperimentRow[] {
  const { split, noDrop, largeDrop } = settings[size];
  const accuracy = spread(modelAccuracies(curves.interpolate, split));
  const drops = new Map(statistics.map((name) => [name, accuracyDrop(curves[name], split)]));
  const judged = ({ points }: AccuracyDrop) =>
    connected(family) ? isBelow(points, noDrop) : isAbove(points, largeDrop);
  return [
    {
      what: `${family.name}, ${split} accuracy of the networks`,
      expected: '-',
      measured: `${accuracy.mean.toFixed(1)} ± ${accuracy.std.toFixed(1)} %`,
      holds: null,
    },
    ...statistics.map((name) => ({
      what: `${family.name}, accuracy drop, unaligned, ${statisticsNames[name]}`,
      expected:
        name === 'interpolate'
          ? '- (statistics that no network has)'
          : connected(family)
            ? `about none (below ${noDrop} points)`
            : `large (above ${largeDrop} points)`,
      measured: dropText(drops.get(name)!),
      holds: name === 'interpolate' ? null : judged(drops.get(name)!),
    })),
  ];
}

function costRows({ family, mahalanobis, ridge }: Measured): ExperimentRow[] {
  return (
    [
      ['Mahalanobis', mahalanobis],
      ['ridge', ridge],
    ] as const
  ).map(([measure, matrices]) => {
    const ratios = matrices.map(offDiagonalRatio);
    return {
      what: `${family.name}, ${measure} cost of another neuron's function in multiples of the own, layers 1 to ${ratios.length}`,
      expected: connected(family) ? `above 1: neurons are identifiable (by a factor of ${clearly})` : '-',
      measured: ratios.map((ratio) => ratio.toPrecision(3)).join(', '),
      holds: connected(family) ? allAbove(ratios) : null,
    };
  });
}

/** In every layer by the factor that counts; see `risesByFactor`. */
function allAbove(ratios: readonly number[]): ExperimentRow['holds'] {
  const outcomes = ratios.map((ratio) => risesByFactor([1, ratio], clearly));
  if (outcomes.includes('no')) return 'no';
  return outcomes.every((outcome) => outcome === 'yes') ? 'yes' : 'not clear';
}

function mapFigure(all: readonly Measured[], of: 'mahalanobis' | 'ridge'): FigureRecipe<'matrix'> {
  const name = of === 'ridge' ? 'ridge' : 'squared Mahalanobis';
  return {
    kind: 'matrix',
    data: {
      rows: all.map((one) =>
        one[of].map((matrix, i) => ({
          title: `${one.family.name}, layer ${i + 1}`,
          matrix: packMatrix(matrix),
        })),
      ),
      ...{ valueLabel: `realization cost, ${name}`, scale: 'log', share: 'row', across: 3 },
      ...{ rowLabel: 'slot', columnLabel: 'neuron whose function it learns' },
    },
    options: { size: 'double' },
    caption: `What it costs a slot to compute a neuron's function (${name}), first 16 neurons of the first network of each family, with BatchNorm.`,
  };
}

function lineFigure(all: readonly Measured[], size: ExperimentSize): ExperimentReport['figures'][string] {
  const { split } = settings[size];
  const panels = statistics.map((name) => ({
    title: statisticsNames[name],
    series: all.map(({ family, curves }) => ({ label: family.name, pairs: curves[name] })),
  }));
  const recipe = interpolationFigure(panels, { metric: 'accuracy', split, band: 'range', draw: 'mean' });
  if (!recipe) throw new Error('the interpolations lack the accuracies that were requested');
  const caption = `Accuracy on the ${split} split, on the straight line between two unaligned networks with BatchNorm.`;
  return { ...recipe, options: { size: 'double' }, caption };
}

const upperBounds =
  'Ridge costs come from 500 steps of descent, as the authors compute them; it can get stuck, so they are upper bounds.';

export const experiment: Experiment = {
  title: 'Networks with BatchNorm',
  paper: {
    says: 'The authors also trained the four families of MLPs with BatchNorm (group mlp-batchnorm) and drew what it costs a slot to compute another neuron: heat maps of 4 families, 3 layers and 2 kinds of cost. Families with σ_F = 1 should be identifiable and linearly connected with BatchNorm, too.',
    source:
      'the list of runs in an older revision of the published code; their records keep the figures, no numbers',
  },
  sizes: {
    quick: {
      setting:
        'four families of MLPs 784-64-64-64-10 with BatchNorm on the embedded digits, 10 epochs, 4 networks each; test accuracy at 11 points of the 6 lines between them with both norm statistics; ridge and Mahalanobis costs of 3 layers',
      ...{ seconds: 45, memoryMiB: 1800, known: 'measured' },
      remark: upperBounds,
    },
    paper: {
      setting:
        'four families of MLPs 784-512-512-512-10 with BatchNorm on MNIST, 100 epochs, 16 networks each; accuracy on the train split at 37 points of 8 disjoint pairs with both norm statistics; ridge and Mahalanobis costs of 3 layers',
      seconds: 1.3 * publishedTrainingSeconds({ epochs: 100, models: 64 }),
      ...{ memoryMiB: 3072, known: 'estimated' },
      remark: upperBounds,
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const families = cutList(demoFamilies, work.limit);
    const all: Measured[] = [];
    for (const family of families) all.push(await measure(work, family, 1 / families.length));
    return {
      rows: all.flatMap((one) => [...dropRows(one, work.size), ...costRows(one)]),
      figures: {
        'batchnorm-lines': lineFigure(all, work.size),
        'batchnorm-mahalanobis': mapFigure(all, 'mahalanobis'),
        'batchnorm-ridge': mapFigure(all, 'ridge'),
      },
    };
  },
};
