/** What `basin reproduce coherence-over-training` says of the numbers it is given. */
import { describe, expect, it } from 'vitest';
import { experiment } from '../../../src-main/cli/reproduce/coherence-over-training.ts';
import type { ExperimentSize, ExperimentWork, Limit } from '../../../src-main/cli/reproduce/experiment.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';

interface Told {
  coherence: (epoch: number) => number;
  anisotropy: (epoch: number, neuron: number) => number;
  bound: number;
}

const usual: Told = {
  coherence: (epoch) => 0.9 - 0.01 * epoch,
  anisotropy: (epoch, neuron) => 0.5 - 0.01 * epoch + 0.001 * neuron,
  bound: 0.8,
};

async function reported(told: Told, size: ExperimentSize = 'quick', limit: Limit = {}) {
  let models = 0;
  const asked: { epoch: number[] }[] = [];
  const norms = (epoch: number) => Array.from({ length: 40 }, (_, neuron) => told.anisotropy(epoch, neuron));
  const layer = (name: string, epoch: number, coherence: number) => ({
    ...{ layer: name, subspace_coherence: coherence, subspace_dimension: 10, full_dimension: 100 },
    anisotropy_operator_norms: name === 'model-output' ? null : norms(epoch),
    mean_anisotropy_operator_norm: norms(epoch).reduce((sum, norm) => sum + norm, 0) / 40,
    anisotropy_bounds: { '0.2': 1e-9, '0.1': told.bound },
  });
  const work: ExperimentWork = {
    ...{ size, seed: 5, limit },
    train: (source, overrides) => {
      models = loadTrainingConfig(source, overrides).num_models!;
      return Promise.resolve({ run_directory: '/runs/a' } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (_kind, params) => {
      asked.push(params as { epoch: number[] });
      return Promise.resolve(
        asked[0]!.epoch.flatMap((epoch) =>
          Array.from({ length: models }, (_, model) => ({
            ...{ epoch, model_index: model + 1 },
            coherence_results: [
              layer('lins.0', epoch, 0.3),
              layer('lins.1', epoch, told.coherence(epoch)),
              layer('model-output', epoch, 1),
            ],
          })),
        ) as never,
      );
    },
  };
  return { report: await experiment.run(work), asked, models: () => models };
}

const expectation = async (told: Told, words: RegExp) =>
  (await reported(told)).report.expectations!.find(({ what }) => words.test(what))!;

describe('reproduce coherence-over-training', () => {
  it('measures one run at several epochs, the first layers of its neurons only', async () => {
    const { report, asked, models } = await reported(usual);
    expect(asked).toHaveLength(1);
    expect(asked[0]!.epoch).toEqual([0, 1, 2, 3, 5, 8, 12, 16, 20]);
    expect(models()).toBe(3);
    expect(report.rows.map(({ measured }) => measured)).toEqual([
      '0.30 to 0.30 (0.10 to 0.10); 0.52 to 0.32 (0.80 to 0.80)',
      '0.90 to 0.70 (0.10 to 0.10); 0.52 to 0.32 (0.80 to 0.80)',
    ]);
    const figure = drawFigure(report.figures['coherence-over-training']);
    expect(figure.panels).toHaveLength(2);
    expect(figure.series.map(({ label }) => label)).toEqual([
      ...['lins.0', 'lins.1', 'least possible, k/d', 'bound, δ = 0.1'],
    ]);
  });

  it.each<[string, Partial<Told>, string | null, RegExp]>([
    ['held by all', {}, 'yes', /^100\.0 %/],
    ['exceeded by many', { anisotropy: (_, neuron) => (neuron < 20 ? 0.9 : 0.1) }, 'no', /^50\.0 %/],
    [
      'exceeded by a few too many',
      { anisotropy: (_, neuron) => (neuron < 6 ? 0.9 : 0.1) },
      'not clear',
      /^85\.0 %/,
    ],
    ['above what there can be', { bound: 1.2 }, null, /the bound is above 1/],
  ])('a bound that is %s', async (_, told, holds, measured) => {
    const row = await expectation({ ...usual, ...told }, /^lins\.1.*within the bound/);
    expect(row.holds).toBe(holds);
    expect(row.measured).toMatch(measured);
  });

  it.each<[string, Partial<Told>, string]>([
    ['goes with the coherence', {}, 'yes'],
    ['goes against it', { anisotropy: (epoch) => 0.1 + 0.01 * epoch }, 'no'],
  ])('an anisotropy that %s', async (_, told, holds) => {
    expect((await expectation({ ...usual, ...told }, /^lins\.1.*goes with/)).holds).toBe(holds);
  });

  it('says nothing of the coherence of the data, which does not change', async () => {
    expect(await expectation(usual, /^lins\.0.*goes with/)).toMatchObject({ holds: null, expected: '-' });
  });

  it('measures no epoch beyond the last, and 16 networks at the paper size', async () => {
    const { asked, models } = await reported(usual, 'paper', { epochs: 4 });
    expect(asked[0]!.epoch).toEqual([0, 1, 2]);
    expect(models()).toBe(16);
  });
});
