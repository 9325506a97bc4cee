/** Ridge realization costs against the reference's own numbers. */
import { describe, expect, test } from 'vitest';
import type { RidgeRow } from '../../src-shared/jobs/realization-cost-ridge.ts';
import { fixtureRun, goldenJson } from '../support/fixtures.ts';
import { goldenData, job } from '../support/job.ts';

interface Golden {
  ridge: {
    id1: number[];
    id2: number[];
    results: {
      beta: number;
      objective_full_per_neuron: number[];
      objective_mse_per_neuron: number[];
      objective_weight_regularization_per_neuron: number[];
      weight_scale_1_per_neuron: number[];
      weight_scale_2_per_neuron: number[];
    }[];
  };
}

/** Float32 noise of 400 Adam steps, relative to the size of what is compared. */
const noise = 2e-5;

describe.each(['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym3_kappa1'])('%s', (name) => {
  test('all pairs of eight neurons, two betas, the second started warm', async () => {
    const { ridge } = goldenJson<Golden>(name);
    const row = await job<RidgeRow>('realization-cost-ridge', {
      ...{ run: fixtureRun(name), models: [1], epoch: 5, layers: ['lins.1'], data: goldenData() },
      ...{ numNeurons: 8, iterations: 200, betas: ridge.results.map(({ beta }) => beta) },
    });
    const found = row.results[name]!;
    expect(found.map(({ layer, beta }) => [layer, beta])).toEqual(
      ridge.results.map(({ beta }) => ['lins.1', beta]),
    );
    for (const [b, expected] of ridge.results.entries()) {
      const costs = found[b]!.neuron_realization_costs;
      expect(costs.map(({ id1 }) => id1)).toEqual(ridge.id1);
      expect(costs.map(({ id2 }) => id2)).toEqual(ridge.id2);
      for (const [p, cost] of costs.entries()) {
        const near = (value: number, of: number[]) => {
          expect(
            Math.abs(value - of[p]!),
            `pair ${p}, beta ${expected.beta}: ${value} and ${of[p]}`,
          ).toBeLessThan(noise * (Math.abs(of[p]!) + 0.01));
        };
        near(cost.objective_full, expected.objective_full_per_neuron);
        near(cost.objective_mse, expected.objective_mse_per_neuron);
        near(cost.objective_weight_regularization, expected.objective_weight_regularization_per_neuron);
        near(cost.weight_scale_1, expected.weight_scale_1_per_neuron);
        near(cost.weight_scale_2, expected.weight_scale_2_per_neuron);
      }
    }
  });
});
