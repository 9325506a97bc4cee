/** What the entries `sgd` and `batchnorm` say of the numbers they are given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import {
  experiment as batchnorm,
  firstNeurons,
  offDiagonalRatio,
} from '../../../src-main/cli/reproduce/batchnorm.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentSize,
  ExperimentWork,
} from '../../../src-main/cli/reproduce/experiment.ts';
import type { Limit } from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment as sgd } from '../../../src-main/cli/reproduce/sgd.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { matrixFigureDataSchema } from '../../../src-shared/figures/kinds/matrix.ts';
import { matrix } from '../../../src-shared/matrix.ts';

type Params = Record<string, unknown>;
/** Points lost in the middle of the line between two networks of a run. */
type Lost = (run: string, params: Params) => number;

const pairs = [
  [1, 2],
  [1, 3],
  [2, 3],
] as const;

/** Entries off the diagonal are `factor` times those on it. */
const costs = (factor: number) =>
  matrix(
    20,
    20,
    Float64Array.from({ length: 400 }, (_, k) => (k % 21 === 0 ? 2 : 2 * factor)),
  );

async function reported(
  experiment: Experiment,
  lost: Lost,
  {
    factor = () => 3,
    size = 'quick',
    limit = {},
  }: { factor?: (run: string) => number; size?: ExperimentSize; limit?: Limit } = {},
) {
  const trained: [string, readonly string[]][] = [];
  const asked: [string, Params][] = [];
  const answer = (kind: string, params: Params): unknown => {
    const run = params['run'] as string;
    const layers = (params['layers'] ?? []) as string[];
    switch (kind) {
      case 'interpolate': {
        const [split] = params['splits'] as string[];
        return {
          pairs: pairs.map(([model1_index, model2_index], i) => ({
            ...{ model1_index, model2_index, lambdas: [0, 0.5, 1] },
            [`${split}_accuracy`]: [90, 90 - lost(run, params) - i / 10, 90],
            [`${split}_barrier_height`]: (-100 * lost(run, params)) / 90,
          })),
        };
      }
      case 'realization-cost':
        return {
          realization_cost_results: layers.map(() => ({ mahalanobis_distance_squared: costs(factor(run)) })),
        };
      default:
        return { matrices: layers.map(() => ({ ridge_cost: firstNeurons(costs(factor(run)), 16) })) };
    }
  };
  const work: ExperimentWork = {
    ...{ size, seed: 5, limit },
    train: (source, overrides) => {
      loadTrainingConfig(source, overrides);
      trained.push([source, overrides]);
      return Promise.resolve({ run_directory: source } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      asked.push([kind, params]);
      return Promise.resolve(answer(kind, params as Params) as never);
    },
  };
  return { report: await experiment.run(work), trained, asked };
}

const judged = ({ rows }: ExperimentReport) =>
  Object.fromEntries(rows.flatMap(({ what, holds }) => (holds === null ? [] : [[what, holds]])));
const connected = (run: string) => !/standard|zero|symmetry0|kappa0/.test(run);
/** As with AdamW: aligned networks, and those with a fixed part, lose nothing. */
const asExpected: Lost = (run, { align }) => (align === 'activation' || connected(run) ? 0.1 : 30);

describe('reproduce sgd', () => {
  it('trains three families with SGD and says that the main result holds', async () => {
    const { report, trained, asked } = await reported(sgd, asExpected);
    expect(
      trained.map(([source, overrides]) => [source, loadTrainingConfig(source, overrides).optimizer?.name]),
    ).toEqual([
      ['standard-small', 'sgd'],
      ['w-asymmetric-zero-small', 'sgd'],
      ['w-asymmetric-small', 'sgd'],
    ]);
    expect(judged(report)).toEqual({
      'standard, accuracy drop, unaligned': 'yes',
      'standard, accuracy drop, aligned by activations': 'yes',
      'W-asymmetric σ_F=0, accuracy drop, unaligned': 'yes',
      'W-asymmetric σ_F=0, accuracy drop, aligned by activations': 'yes',
      'W-asymmetric σ_F=1, accuracy drop, unaligned': 'yes',
    });
    expect(asked.every(([, params]) => params['matchingSeed'] === 5)).toBe(true);
    expect(Object.keys(report.figures)).toEqual(['sgd']);
  });

  it('says so if it does not hold', async () => {
    const { report } = await reported(sgd, (run) => (connected(run) ? 30 : 1));
    expect(judged(report)).toMatchObject({
      'standard, accuracy drop, unaligned': 'no',
      'W-asymmetric σ_F=1, accuracy drop, unaligned': 'no',
    });
  });

  it('at the paper size asks for the published networks, split, points and pairs; --limit cuts them', async () => {
    const { trained, asked } = await reported(sgd, asExpected, { size: 'paper' });
    expect(trained.map(([source]) => source)).toEqual([
      'mlp_symmetry0',
      'mlp_symmetry1_kappa0',
      'mlp_symmetry1_kappa1',
    ]);
    expect(asked[0]![1]).toMatchObject({ epoch: 100, steps: 36, splits: ['train'] });
    expect(asked[0]![1]['pairs']).toHaveLength(8);
    const cut = await reported(sgd, asExpected, {
      size: 'paper',
      limit: { epochs: 1, models: 2, settings: 1 },
    });
    expect(cut.trained).toHaveLength(1);
    const { training, num_models: models } = loadTrainingConfig(...cut.trained[0]!);
    expect([training?.num_epochs, models, cut.asked[0]![1]['pairs']]).toEqual([1, 2, [[1, 2]]]);
  });
});

describe('reproduce batchnorm', () => {
  it('judges by renewed statistics, and draws 4 families x 3 layers of both costs', async () => {
    const lost: Lost = (run, { normStatistics }) =>
      normStatistics === 'interpolate' ? 60 : connected(run) ? 0.1 : 30;
    const { report, trained } = await reported(batchnorm, lost);
    expect(
      trained.every(([source, overrides]) => loadTrainingConfig(source, overrides).model?.norm === 'batch'),
    ).toBe(true);
    const held = judged(report);
    expect(Object.keys(held)).toHaveLength(4 + 4);
    expect(new Set(Object.values(held))).toEqual(new Set(['yes']));
    for (const name of ['batchnorm-mahalanobis', 'batchnorm-ridge']) {
      const data = matrixFigureDataSchema.parse(report.figures[name]!.data);
      expect(data.rows.map((row) => row.length)).toEqual([3, 3, 3, 3]);
      expect(data.rows[0]![0]!.matrix.rows).toBe(16);
    }
  });

  it.each([
    ['no dearer', 1, 'not clear'],
    ['cheaper', 0.5, 'no'],
  ])('a function of another neuron that is %s than the own', async (_, factor, outcome) => {
    const { report } = await reported(batchnorm, () => 0, { factor: () => factor });
    const rows = report.rows.filter(({ what }) => /^SYRE.*cost/.test(what));
    expect(rows.map(({ holds }) => holds)).toEqual([outcome, outcome]);
    expect(judged(report)['standard, accuracy drop, unaligned, norm statistics re-estimated']).toBe('no');
  });

  it('the ratio of medians, and the corner of a matrix', () => {
    expect(offDiagonalRatio(costs(7))).toBe(7);
    const corner = firstNeurons(matrix(2, 3, Float64Array.of(1, 2, 3, 4, 5, 6)), 2);
    expect([corner.columns, [...corner.data]]).toEqual([2, [1, 2, 4, 5]]);
  });
});
