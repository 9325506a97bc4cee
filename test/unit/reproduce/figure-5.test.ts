/** What `basin reproduce figure-5` asks for, and says of the numbers it is given. */
import { describe, expect, it } from 'vitest';
import type { ExperimentSize, ExperimentWork, Limit } from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment } from '../../../src-main/cli/reproduce/figure-5.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { matrix } from '../../../src-shared/matrix.ts';

interface Told {
  /** What exchanging neurons i and j costs, of one setting. */
  mahalanobis: (k: number, sigmaF: number, i: number, j: number) => number;
  ridge?: (k: number, sigmaF: number, i: number, j: number) => number;
}

const spread = (i: number, j: number) => 1 + 0.1 * ((3 * (i + j) + i * j) % 7);
const published: Told = { mahalanobis: (k, sigmaF, i, j) => (sigmaF === 0 ? -1e-5 : (k / 3) * spread(i, j)) };

async function reported(told: Told, given: { size?: ExperimentSize; limit?: Limit } = {}) {
  const trained: string[][] = [];
  const asked: Record<string, unknown>[] = [];
  const at = new Map<string, [k: number, sigmaF: number, width: number]>();
  const value = (overrides: readonly string[], key: string) =>
    Number(overrides.find((one) => one.startsWith(`${key}=`))!.slice(key.length + 1));
  const result = (kind: string, params: Record<string, unknown>): unknown => {
    const [k, sigmaF, width] = at.get(params['run'] as string)!;
    if (kind === 'realization-cost') {
      const swaps = Float64Array.from({ length: width ** 2 }, (_, e) => {
        const [i, j] = [Math.floor(e / width), e % width];
        return i === j ? 0 : told.mahalanobis(k, sigmaF, Math.min(i, j), Math.max(i, j));
      });
      return { realization_cost_results: [{ transposition_cost_squared: matrix(width, width, swaps) }] };
    }
    const n = params['numNeurons'] as number;
    const pairs = Array.from({ length: n * n }, (_, e) => {
      const [id1, id2] = [Math.floor(e / n), e % n];
      const swap = (told.ridge ?? told.mahalanobis)(k, sigmaF, Math.min(id1, id2), Math.max(id1, id2));
      const norm = id1 === id2 ? 3 : 3 + swap / 2;
      return { id1, id2, objective_weight_regularization: norm, objective_full: 1e6 };
    });
    return { results: { run: [{ layer: 'lins.0', beta: 0.01, neuron_realization_costs: pairs }] } };
  };
  const work: ExperimentWork = {
    ...{ size: given.size ?? 'quick', seed: 5, limit: given.limit ?? {} },
    train: (source, overrides) => {
      loadTrainingConfig(source, overrides);
      const run = `/runs/${trained.length}`;
      trained.push([...overrides]);
      at.set(run, [
        value(overrides, 'dataset.gaussian_subspace_dataset.d_intrinsic'),
        value(overrides, 'sigma_f'),
        value(overrides, 'model.hidden_dim'),
      ]);
      return Promise.resolve({ run_directory: run } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      asked.push(params);
      return Promise.resolve(result(kind, params as Record<string, unknown>) as never);
    },
  };
  return { report: await experiment.run(work), trained, asked };
}

const outcomes = ({ report }: Awaited<ReturnType<typeof reported>>, words: RegExp) =>
  report.expectations!.filter(({ what }) => words.test(what)).map(({ holds }) => holds);

describe('reproduce figure-5', () => {
  it('measures untrained networks, each width with weights of its own, in both ways', async () => {
    const { report, trained, asked } = await reported(published);
    expect(trained).toHaveLength(12);
    expect(trained.every((overrides) => overrides.includes('training.num_epochs=0'))).toBe(true);
    const seeds = trained.map((overrides) => overrides.find((one) => one.startsWith('seed=')));
    expect(new Set(seeds).size).toBe(2);
    expect(asked.every(({ epoch, layers }) => epoch === 0 && String(layers) === 'lins.0')).toBe(true);
    expect(asked.filter(({ betas }) => String(betas) === '0.01')).toHaveLength(12);
    expect(report.expectations!.map(({ holds }) => holds)).toEqual(Array(22).fill('yes'));
    expect(report.rows[3]).toMatchObject({
      what: 'median swap cost, 16 units, k = 2, σ_F = 1',
      data: { width: 16, dimension: 2, sigma_f: 1, rank_correlation: expect.closeTo(1, 9) as number },
    });
  });

  it('takes the swap costs of the ridge from the norms, as the published figure does', async () => {
    const { report } = await reported(published);
    const { mahalanobis, ridge } = report.rows[3]!.data as Record<string, number>;
    expect(ridge).toBeCloseTo(mahalanobis!, 9);
  });

  it('draws one figure per width in the published colours', async () => {
    const { figures } = (await reported(published)).report;
    expect(Object.keys(figures)).toEqual(['figure-5-width-16', 'figure-5-width-64']);
    for (const recipe of Object.values(figures)) {
      expect(recipe.data).toMatchObject({ colours: 'swap-costs', scale: 'signed-sqrt' });
      expect(drawFigure(recipe).panels).toHaveLength(12);
    }
  });

  it.each<[string, Told, RegExp, string]>([
    ['cost as much without', { mahalanobis: (k, _, i, j) => k * spread(i, j) }, /against σ_F = 0/, 'no'],
    ['do not grow', { mahalanobis: (k, f, i, j) => (f / k) * spread(i, j) }, /over k =/, 'no'],
    [
      'are ordered otherwise',
      { ...published, ridge: (k, f, i, j) => (f * k) / spread(i, j) },
      /order the pairs alike/,
      'no',
    ],
  ])('swap costs that %s are said to be so', async (_, told, words, outcome) => {
    expect(new Set(outcomes(await reported(told), words))).toEqual(new Set([outcome]));
  });

  it('cuts widths and dimensions, and has the authors’ grid at the paper size', async () => {
    const part = await reported(published, { limit: { settings: 1 } });
    expect(part.trained).toHaveLength(2);
    const whole = await reported(published, { size: 'paper' });
    const widths = whole.trained.map((overrides) => overrides.find((one) => /hidden_dim/.test(one))!);
    expect([...new Set(widths)].map((one) => Number(one.split('=')[1]))).toEqual([16, 64, 128, 2048]);
    expect(whole.trained).toHaveLength(24);
  });
});
