/** What exchanging two neurons costs, over the dimension of the data and the scale of the fixed weights. */
import { packMatrix } from '../../../src-shared/figures/index.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import type { LayerRealizationCost } from '../../../src-shared/jobs/realization-cost.ts';
import { trainingSeconds } from './estimate.ts';
import { cut } from './limit.ts';
import { risesByFactor } from '../../../src-shared/verdicts/rules.ts';
import type { Experiment, ExperimentRow, ExperimentWork } from './experiment.ts';
import { dimensions, scales, subspaceSettings, trainOnSubspace } from './subspace-runs.ts';

interface Measured {
  dimension: number;
  sigmaF: number;
  layers: LayerRealizationCost[];
}

async function measure(work: ExperimentWork, dimension: number, sigmaF: number): Promise<Measured> {
  const setting = cut({ ...subspaceSettings[work.size], models: 2 }, work.limit);
  const share = 1 / (dimensions.length * scales.length);
  const { trained, epochs } = await trainOnSubspace(work, setting, dimension, sigmaF, 0.6 * share);
  const question = { run: trained.run_directory, models: [1], epoch: epochs };
  const message = `swap costs, k = ${dimension}, σ_F = ${sigmaF}`;
  const result = await work.run('realization-cost', question, message, 0.4 * share);
  return { dimension, sigmaF, layers: checkpointRows(result)[0]!.realization_cost_results };
}

/** Median over pairs of different neurons. */
function medianSwap({ transposition_cost_squared: { rows, data } }: LayerRealizationCost): number {
  const costs: number[] = [];
  for (let i = 0; i < rows; i++) for (let j = i + 1; j < rows; j++) costs.push(data[i * rows + j]!);
  costs.sort((a, b) => a - b);
  return costs[Math.floor(costs.length / 2)]!;
}

/** Medians of single networks: a difference counts from this factor on. */
const clearly = 1.25;

const at = (measured: readonly Measured[], dimension: number, sigmaF: number) =>
  measured.find((m) => m.dimension === dimension && m.sigmaF === sigmaF)!;

function rowsOf(measured: readonly Measured[]): ExperimentRow[] {
  const first = (m: Measured) => m.layers[0]!;
  const rows = measured.map((m): ExperimentRow => {
    const costs = m.layers.slice(0, -1).map((layer) => medianSwap(layer).toPrecision(3));
    return {
      what: `median swap cost per hidden layer, k = ${m.dimension}, σ_F = ${m.sigmaF}`,
      expected: '-',
      measured: `${costs.join(', ')} (subspace of ${first(m).subspace_dimension})`,
      holds: null,
    };
  });
  for (const dimension of dimensions) {
    const [fixed, free] = [at(measured, dimension, 1), at(measured, dimension, 0)].map((m) =>
      medianSwap(first(m)),
    );
    rows.push({
      what: `first layer, k = ${dimension}: swap cost at σ_F = 1 against σ_F = 0`,
      expected: 'larger: neurons are identifiable',
      measured: `${fixed!.toPrecision(3)} against ${free!.toPrecision(3)}`,
      holds: risesByFactor([free!, fixed!], clearly),
    });
  }
  const overK = dimensions.map((dimension) => medianSwap(first(at(measured, dimension, 1))));
  rows.push({
    what: `first layer, σ_F = 1: swap cost over k = ${dimensions.join(', ')}`,
    expected: 'grows with k',
    measured: overK.map((cost) => cost.toPrecision(3)).join(', '),
    holds: risesByFactor(overK, clearly),
  });
  return rows;
}

export const experiment: Experiment = {
  title: 'Swap costs over the dimension of the data',
  paper: {
    says: 'Swapping two neurons costs more the larger the fixed weights are, and the more dimensions the data have; without fixed weights it costs nothing.',
    source: 'neuron-identifiability, realization costs',
  },
  sizes: {
    quick: {
      setting:
        'the networks of intrinsic-dimension, two for each of k = 2, 8, 32 and σ_F = 0, 1; the cost of every swap of two neurons, first network',
      ...{ seconds: 20, memoryMiB: 2150, known: 'measured' },
    },
    paper: {
      setting:
        'the networks of intrinsic-dimension at their paper size, two for each of k = 2, 8, 32 and σ_F = 0, 1; the cost of every swap of two neurons, first network',
      seconds: trainingSeconds({
        widths: [512, 512, 512, 512, 20],
        ...{ examples: 45_000, batchSize: 128, epochs: 100, models: 12 },
      }),
      ...{ memoryMiB: 2048, known: 'estimated' },
    },
  },
  limits: ['epochs'],
  async run(work) {
    const measured: Measured[] = [];
    for (const sigmaF of scales)
      for (const dimension of dimensions) measured.push(await measure(work, dimension, sigmaF));
    const panels = (sigmaF: number) =>
      dimensions.map((dimension) => ({
        title: `k = ${dimension}, scale ${sigmaF}`,
        matrix: packMatrix(at(measured, dimension, sigmaF).layers[0]!.transposition_cost_squared),
      }));
    return {
      rows: rowsOf(measured),
      figures: {
        'swap-costs': {
          kind: 'matrix',
          data: {
            rows: scales.map(panels),
            valueLabel: 'swap cost, first layer',
            scale: 'signed-sqrt',
            share: 'row',
          },
          options: { size: 'double' },
        },
      },
    };
  },
};
