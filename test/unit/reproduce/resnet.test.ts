/** What `basin reproduce resnet` says of the numbers it is given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import { refuseMissed } from '../../../src-main/cli/reproduce/run-experiment.ts';
import type {
  ExperimentReport,
  ExperimentSize,
  ExperimentWork,
} from '../../../src-main/cli/reproduce/experiment.ts';
import { planText } from '../../../src-main/cli/reproduce/plan.ts';
import { experiment } from '../../../src-main/cli/reproduce/resnet.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';

/** Middle accuracies of a family, unaligned and aligned; the ends have 80 %. */
type Middles = Record<string, [unaligned: number, aligned: number]>;

const asPublished: Middles = {
  resnet_symmetry0: [10, 40],
  resnet_symmetry1_kappa0: [12, 30],
  resnet_symmetry1_kappa2: [74, 74],
  resnet_symmetry3_kappa2: [60, 61],
};

const quickNames: Record<string, string> = {
  'resnet-small': 'resnet_symmetry0',
  'resnet-w-asymmetric-zero-small': 'resnet_symmetry1_kappa0',
  'resnet-w-asymmetric-small': 'resnet_symmetry1_kappa2',
  'resnet-syre-small': 'resnet_symmetry3_kappa2',
};

async function reported(middles: Middles, size: ExperimentSize = 'quick') {
  const questions: Record<string, unknown>[] = [];
  const trained: [string, readonly string[]][] = [];
  const work: ExperimentWork = {
    ...{ size, seed: 5, limit: {} },
    train: (source, overrides) => {
      loadTrainingConfig(source, overrides);
      trained.push([source, overrides]);
      return Promise.resolve({ run_directory: `/runs/${quickNames[source] ?? source}` } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (_kind, params) => {
      const asked = params as Record<string, unknown>;
      questions.push(asked);
      const [unaligned, aligned] = middles[(asked['run'] as string).replace('/runs/', '')]!;
      const middle = asked['align'] === 'none' ? unaligned : aligned;
      return Promise.resolve({
        ...{ model1_index: 1, model2_index: 2, lambdas: [0, 0.5, 1] },
        ...{ test_accuracy: [80, middle, 80], test_barrier_height: (100 * (middle - 80)) / 80 },
      } as never);
    },
  };
  return { report: await experiment.run(work), questions, trained };
}

const outcomes = ({ rows }: ExperimentReport) =>
  Object.fromEntries(rows.flatMap(({ what, holds }) => (holds === null ? [] : [[what, holds]])));

describe('reproduce resnet', () => {
  it('has the families in the shape of the demo, and says what held beside the authors’ numbers', async () => {
    const { report, questions } = await reported(asPublished);
    expect(report.families).toMatchObject([
      { name: 'standard', family: 'standard', sigma_f: null, test_barrier_height: { none: { mean: -87.5 } } },
      { name: 'W-asymmetric σ_F=0', family: 'w-asymmetric', sigma_f: 0 },
      { name: 'W-asymmetric σ_F=2', sigma_f: 2, test_barrier_height: { none: { mean: -7.5 } } },
      { name: 'SYRE σ_F=2', family: 'syre', sigma_f: 2, test_accuracy_drop: { none: { mean: 20 } } },
    ]);
    expect([...new Set(Object.values(outcomes(report)))]).toEqual(['yes']);
    expect(report.rows.find(({ what }) => what === 'standard, barrier height, unaligned')).toMatchObject({
      expected: '90 % (97.4 to 9.3 %): most lost',
      measured: '87.5 % (70.0 points below the chord)',
    });
    expect(report.expectations).toMatchObject([{ measured: '87.5 and 7.5 %', holds: 'yes', required: true }]);
    expect(() => {
      refuseMissed('resnet', report.expectations!);
    }).not.toThrow();
    expect(Object.keys(report.figures)).toEqual(['resnet']);
    expect(questions.every(({ matchingSeed }) => matchingSeed === 5)).toBe(true);
  });

  it('fails if standard networks do not lose more than W-asymmetric ones', async () => {
    const { report } = await reported({ ...asPublished, resnet_symmetry0: [74, 74] });
    expect(report.expectations![0]!.holds).toBe('no');
    expect(() => {
      refuseMissed('resnet', report.expectations!);
    }).toThrow(/required does not hold.*7\.5 and 7\.5 %/);
  });

  it.each<[string, Middles, string, string]>([
    ['kept', { resnet_symmetry1_kappa0: [79, 79] }, 'W-asymmetric σ_F=0, barrier height, unaligned', 'no'],
    ['between', { resnet_symmetry3_kappa2: [40, 40] }, 'SYRE σ_F=2, barrier height, unaligned', 'not clear'],
    ['lost', { resnet_symmetry1_kappa2: [10, 10] }, 'W-asymmetric σ_F=2, barrier height, unaligned', 'no'],
    ['not repaired', { resnet_symmetry0: [10, 9] }, 'standard, barrier height, aligned by weights', 'no'],
    [
      'hardly repaired',
      { resnet_symmetry0: [10, 12] },
      'standard, barrier height, aligned by activations',
      'not clear',
    ],
  ])('accuracy that is %s is said to be so', async (_, middles, what, holds) => {
    const { report } = await reported({ ...asPublished, ...middles });
    expect(outcomes(report)[what]).toBe(holds);
  });

  it('at the paper size trains the published presets, 16 networks each, and says first that it takes years', async () => {
    const { trained, questions } = await reported(asPublished, 'paper');
    expect(trained.map(([source]) => source)).toEqual(Object.keys(asPublished));
    for (const [source, overrides] of trained) {
      const { dataset, training, num_models: models, model } = loadTrainingConfig(source, overrides);
      expect([dataset?.name, training?.num_epochs, models, model?.w]).toEqual(['cifar10', 100, 16, 8]);
    }
    expect(questions[0]).toMatchObject({ epoch: 100, steps: 36, splits: ['train', 'test'] });
    expect(questions[1]).toMatchObject({ splits: ['test'] });
    expect(questions[0]!['pairs']).toHaveLength(8);
    expect(planText(experiment.sizes.paper)).toMatch(/CIFAR-10.*about 2\.0 years on two idle cores/);
  });
});
