/** What `basin reproduce sigma-sweep` and `sparsity-sweep` ask for, and say of the numbers they are given. */
import { describe, expect, it } from 'vitest';
import type {
  Experiment,
  ExperimentSize,
  ExperimentWork,
  Limit,
} from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment as sigmaSweep } from '../../../src-main/cli/reproduce/sigma-sweep.ts';
import { experiment as sparsitySweep } from '../../../src-main/cli/reproduce/sparsity-sweep.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { nearChance, placesRise } from '../../../src-shared/verdicts/matching.ts';

interface Told {
  optimal: (sigma: number, share: number) => number;
  identity: (sigma: number, share: number) => number;
  /** Points lost in the middle, of a pair. */
  drop: (sigma: number, pair: number) => number;
}

const usual: Told = {
  optimal: (sigma) => 0.5 + 0.1 * sigma,
  identity: (sigma, share) => (sigma === 0 ? 0 : Math.min(1, sigma + 2 * share) * (0.5 + 0.1 * sigma)),
  drop: (sigma, pair) => (sigma >= 1 ? 1 : 40) + 0.1 * pair,
};

async function reported(
  experiment: Experiment,
  told: Told,
  { size = 'quick', limit = {} }: { size?: ExperimentSize; limit?: Limit } = {},
) {
  const runs = new Map<string, { sigma: number; share: number; models: number; epochs: number }>();
  const asked: Record<string, unknown>[] = [];
  const resultOf = (kind: string, params: Record<string, unknown>): unknown => {
    const { sigma, share, models } = runs.get(params['run'] as string)!;
    const pairs =
      (params['pairs'] as [number, number][] | undefined) ??
      Array.from({ length: models * (models - 1) }, (_, p): [number, number] => [p, p + 1]);
    const names = ([a, b]: [number, number]) => ({ model1_index: a, model2_index: b });
    if (kind === 'interpolate') {
      const split = String((params['splits'] as string[])[0]);
      const curve = (pair: [number, number], p: number) => ({
        ...{ ...names(pair), lambdas: [0, 0.5, 1] },
        [`${split}_accuracy`]: [90, 90 - told.drop(sigma, p), 90],
        [`${split}_barrier_height`]: -1,
      });
      return { pairs: pairs.map(curve) };
    }
    const objectives = {
      ...{ optimal: told.optimal(sigma, share), identity: told.identity(sigma, share) },
      ...{ random: [-0.01, 0, 0.01], random_mean: 0, random_std: 0.01 },
    };
    return {
      pairs: pairs.map((pair) => ({
        ...names(pair),
        matching_results: ['P_0', 'P_1', 'P_2'].map((layer) => ({ layer, objectives })),
      })),
    };
  };
  const work: ExperimentWork = {
    ...{ size, seed: 5, limit },
    train: (source, overrides) => {
      const config = loadTrainingConfig(source, overrides);
      const [, sigma, share] = /^experiment_name=matching-sigma([\d.]+?)(?:-fixed([\d.]+))?$/.exec(
        overrides.at(-1)!,
      )!;
      const run = `/runs/${runs.size}`;
      const [models, epochs] = [config.num_models!, config.training!.num_epochs!];
      runs.set(run, { sigma: Number(sigma), share: Number(share ?? 0.125), models, epochs });
      return Promise.resolve({ run_directory: run } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      asked.push(params);
      return Promise.resolve(resultOf(kind, params as Record<string, unknown>) as never);
    },
  };
  return { report: await experiment.run(work), runs: [...runs.values()], asked };
}

const holds = ({ report }: Awaited<ReturnType<typeof reported>>) =>
  report.expectations!.map((row) => row.holds);

describe('reproduce sigma-sweep', () => {
  it('trains the authors’ ten scales, and says what held', async () => {
    const found = await reported(sigmaSweep, usual);
    expect(found.runs.map(({ sigma }) => sigma)).toEqual([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]);
    expect(found.report.rows[7]).toMatchObject({
      expected: '0.804, 0.804, about 0; 99.98 to 99.96 % (512 units)',
      measured: '0.600, 0.600, 0.000; drop of 1.10 ± 0.10 points from 90.0 %',
      holds: null,
      data: { sigma_f: 1, accuracy: 90 },
    });
    expect(holds(found)).toEqual(['yes', 'yes', 'yes', 'yes']);
    for (const recipe of Object.values(found.report.figures)) expect(drawFigure(recipe).svg).toMatch(/^<svg/);
  });

  it.each<[string, Partial<Told>, string[]]>([
    ['is at the optimum throughout', { identity: usual.optimal }, ['no', 'yes', 'no', 'yes']],
    ['stays at chance', { identity: () => 0 }, ['yes', 'no', 'no', 'yes']],
    ['connects nothing', { drop: (_, pair) => 40 + pair }, ['yes', 'yes', 'yes', 'not clear']],
    ['separates', { drop: (sigma, pair) => 10 * sigma + 0.1 * pair }, ['yes', 'yes', 'yes', 'no']],
  ])('a fixed part that %s is said to', async (_, told, outcomes) => {
    expect(holds(await reported(sigmaSweep, { ...usual, ...told }))).toEqual(outcomes);
  });

  it('at the paper size has their networks, pairs, points and split, and holds each row against their numbers', async () => {
    const theirs = { 0: [0.512, -0.005], 1: [0.804, 0.804] } as Record<number, number[]>;
    const told: Told = {
      ...usual,
      optimal: (sigma) => theirs[sigma]?.[0] ?? 0.1,
      identity: (sigma) => theirs[sigma]?.[1] ?? 0.1,
    };
    const { report, runs, asked } = await reported(sigmaSweep, told, { size: 'paper' });
    expect(runs.every(({ models, epochs }) => models === 16 && epochs === 100)).toBe(true);
    expect(asked[0]!['pairs']).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(asked[1]).toMatchObject({ splits: ['train'], steps: 36, epoch: 100 });
    expect(asked[1]!['pairs']).toHaveLength(8);
    expect(report.rows.map((row) => row.holds)).toEqual([
      ...['yes', 'no', 'no', 'no', 'no', 'no', 'no', 'yes', 'no', 'no'],
    ]);
  });

  it('can be cut', async () => {
    const cut = { epochs: 1, models: 2, settings: 2 };
    const { report, runs } = await reported(sigmaSweep, usual, { limit: cut });
    expect(report.rows[0]!.measured).toMatch(/drop of 40\.00 points/); // a single pair does not scatter
    expect(runs).toEqual([0, 0.01].map((sigma) => ({ sigma, share: 0.125, models: 2, epochs: 1 })));
  });
});

describe('reproduce sparsity-sweep', () => {
  it('compares zeros, which are to do nothing, with fixed weights of scale 1', async () => {
    const told: Told = { ...usual, identity: (sigma, share) => (sigma === 0 ? 0 : Math.min(0.6, share)) };
    const found = await reported(sparsitySweep, told);
    expect(found.runs).toHaveLength(14);
    expect(holds(found)).toEqual(['yes', 'yes', 'yes', 'yes']);
    expect(Object.keys(found.report.figures)).toEqual(['sparsity-sweep-sigma0', 'sparsity-sweep-sigma1']);
    expect(found.report.rows[1]!.what).toMatch(/^σ_F = 0, 5 % fixed/);
  });

  it.each<[string, Told['identity'], string[]]>([
    ['zeros that break the symmetry', (_, share) => Math.min(0.5, 4 * share), ['yes', 'no', 'yes', 'yes']],
    [
      'zeros that do so only if they are most',
      (_, share) => (share > 0.5 ? 0.5 : 0),
      ['yes', 'yes', 'yes', 'yes'],
    ],
    ['fixed weights that do nothing', () => 0, ['yes', 'yes', 'yes', 'no']],
  ])('sees %s', async (_, identity, outcomes) => {
    expect(holds(await reported(sparsitySweep, { ...usual, identity }))).toEqual(outcomes);
  });

  it('has the authors’ shares at the paper size, and the share 0', async () => {
    const { runs, asked } = await reported(sparsitySweep, usual, { size: 'paper' });
    expect(runs.filter(({ sigma }) => sigma === 1).map(({ share }) => share)).toEqual([
      ...[0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99],
    ]);
    expect(asked[0]!['pairs']).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});

describe('the place of the identity', () => {
  it.each([
    [0.29, 'yes'],
    [-0.29, 'yes'],
    [0.4, 'not clear'],
    [0.5, 'no'],
    [-0.5, 'no'],
    [NaN, 'not clear'],
  ] as const)('%d is near chance: %s', (place, outcome) => {
    expect(nearChance(place)).toBe(outcome);
  });

  it('of one setting alone does not rise', () => {
    expect(placesRise([1])).toBe('not clear');
  });
});
