/** What `basin reproduce symmetry-breaking` says of the numbers it is given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import { experiment } from '../../../src-main/cli/reproduce/symmetry-breaking.ts';
import type { ExperimentReport, ExperimentWork } from '../../../src-main/cli/reproduce/experiment.ts';
import { scatterDataSchema } from '../../../src-shared/figures/kinds/scatter.ts';

/** Of the networks of one family: 0 (like standard ones) to 1 (told apart by what is fixed). */
type Place = (family: string) => number;

const pairsOfThree = [
  [1, 2],
  [1, 3],
  [2, 3],
] as const;

async function reported(placeOf: Place): Promise<ExperimentReport> {
  const families = new Map<string, string>();
  const trained: ExperimentWork['train'] = (_source, overrides) => {
    const family = /^experiment_name=breaking-(.+)$/.exec(overrides.find((o) => o.startsWith('exp'))!)![1]!;
    families.set(`/runs/${family}`, family);
    return Promise.resolve({ run_directory: `/runs/${family}` } as never);
  };
  const resultOf = (kind: string, run: string): unknown => {
    const place = placeOf(families.get(run)!);
    switch (kind) {
      case 'match-activations':
        return {
          pairs: pairsOfThree.map(([model1_index, model2_index]) => ({
            ...{ model1_index, model2_index },
            matching_results: [
              {
                objectives: {
                  ...{ identity: 0.6 * place, optimal: 0.6 },
                  ...{ random: [-0.01, 0, 0.01], random_mean: 0 },
                },
              },
            ],
          })),
        };
      case 'interpolate':
        return {
          pairs: pairsOfThree.map(([model1_index, model2_index], i) => ({
            ...{ model1_index, model2_index, lambdas: [0, 0.5, 1] },
            test_accuracy: [90, 90 - 40 * (1 - place) - i, 90],
            test_loss: [0.3, 0.3 + (1 - place), 0.3],
          })),
        };
      default:
        return [1, 2, 3].map((model_index) => ({
          model_index,
          sensitivity_results: [6, 8, 99].map((median) => ({
            ...{ neurons: 4, own_cost: 8 },
            transpositions: { median: place * median },
          })),
        }));
    }
  };
  return experiment.run({
    ...{ size: 'quick', seed: 1, limit: {}, train: trained },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => Promise.resolve(resultOf(kind, (params as { run: string }).run) as never),
  });
}

const biasRow = ({ rows }: ExperimentReport) => rows.find(({ what }) => what.startsWith('biases alone'))!;
const dataOf = ({ rows }: ExperimentReport, family: string) =>
  rows.find(({ data }) => data?.['family'] === family)!.data!;

describe('symmetry-breaking', () => {
  const strong: Place = (family) => (family === 'syre' || family === 'w-asymmetric' ? 1 : 0);

  it('gives each family its numbers, and one figure that can be drawn', async () => {
    const report = await reported(strong);
    expect(dataOf(report, 'syre')).toMatchObject({
      ...{ identity_objective: 0.6, optimal_objective: 0.6, identity_place: 1, loss_barrier: 0 },
      // 6 / 2 and 8 / 2 own costs; the output layer is left out.
      ...{ accuracy_drop: 1, swap_cost: 3.5, breaks_effectively: 'yes' },
    });
    expect(dataOf(report, 'linear-residual')).toMatchObject({
      ...{ identity_place: 0, accuracy_drop: 41, loss_barrier: 1, swap_cost: 0, breaks_effectively: 'no' },
    });
    // Biases count as free there: no number at all, not 0.
    expect(dataOf(report, 'bias-only')['swap_cost']).toBeNull();
    expect(report.rows.filter(({ holds }) => holds !== null).every(({ holds }) => holds === 'yes')).toBe(
      true,
    );
    expect(report.rows.at(-1)!.measured).toBe('W-asymmetric σ_F=1, SYRE σ_F=1');
    const [recipe] = Object.values(report.figures);
    expect(Object.keys(report.figures)).toEqual(['symmetry-breaking']);
    expect(scatterDataSchema.safeParse(recipe!.data).error).toBeUndefined();
  });

  it.each<[string, Place, string]>([
    ['far apart', strong, 'yes'],
    ['together', () => 1, 'no'],
    ['between', (family) => (family === 'bias-only' ? 0.6 : strong(family)), 'not clear'],
  ])(
    'networks with fixed biases that are %s: "biases alone do not break it" is %s',
    async (_, place, holds) => {
      expect(biasRow(await reported(place)).holds).toBe(holds);
    },
  );

  it('sees a family that does not do what the papers say', async () => {
    const report = await reported(() => 0);
    const rows = report.rows.filter(({ data }) => data?.['family'] === 'syre');
    expect(rows.map(({ holds }) => holds)).toEqual(['no', 'no', null, null]);
    expect(report.rows.at(-1)!.measured).toBe('none');
  });
});
