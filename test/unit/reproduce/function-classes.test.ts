/** What `basin reproduce function-classes` says of the distances it is given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import type { ExperimentReport, ExperimentWork } from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment, limited } from '../../../src-main/cli/reproduce/function-classes.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { boxesDataSchema } from '../../../src-shared/figures/kinds/boxes.ts';
import { matrixFigureDataSchema } from '../../../src-shared/figures/kinds/matrix.ts';
import { functionClassesJob } from '../../../src-shared/jobs/function-classes.ts';
import { matrix } from '../../../src-shared/matrix.ts';

const layers = ['lins.0', 'lins.1'];
const own = 0.1;

/** Of each family the distance of different neurons, in every layer the same. */
async function reported(distances: readonly number[], work: Partial<ExperimentWork> = {}) {
  const asked: { trained: [string, readonly string[]][]; questions: unknown[] } = {
    trained: [],
    questions: [],
  };
  const report = await experiment.run({
    ...{ size: 'quick', seed: 3, limit: {} },
    train: (source, overrides) => {
      loadTrainingConfig(source, overrides);
      asked.trained.push([source, overrides]);
      return Promise.resolve({ run_directory: '/runs/one' } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      expect(kind).toBe('function-classes');
      asked.questions.push(functionClassesJob.params.parse(params));
      const others = distances[asked.questions.length - 1]!;
      return Promise.resolve({
        function_class_results: layers.map((layer) => ({
          layer,
          distance: matrix(2, 2, Float64Array.of(own, others, others, own)),
          others: { count: 2, median: others, lower_quartile: others },
          own: { count: 3, median: own, upper_quartile: own },
        })),
      } as never);
    },
    ...work,
  });
  return { report, ...asked };
}

const held = ({ rows }: ExperimentReport, family: string) =>
  rows.find(({ what }) => what.startsWith(`${family}: neurons can`))!.holds;

describe('function-classes', () => {
  it('the order of the authors holds, and everything can be drawn', async () => {
    const { report, trained, questions } = await reported([0.1, 0.14, 2, 10]);
    expect(report.expectations!.map(({ what, holds }) => [what.split(':')[0], holds])).toEqual([
      ['lins.0', 'yes'],
      ['lins.1', 'yes'],
    ]);
    expect(held(report, 'standard')).toBe('yes');
    expect(held(report, 'W-asymmetric σ_F=0')).toBeNull();
    expect(held(report, 'W-asymmetric σ_F=1')).toBe('yes');
    expect(report.rows[0]).toMatchObject({
      expected: '0.274 (one layer of 512 units, MNIST)',
      measured: '0.100, 0.100',
    });
    expect(trained.map(([source]) => source)).toEqual([
      ...['standard-small', 'w-asymmetric-zero-small', 'w-asymmetric-small', 'syre-small'],
    ]);
    expect(questions[0]).toMatchObject({ epoch: 5, models: [1], numNeurons: 8, drawSeed: 3, sampleSeed: 3 });
    const { 'function-classes': boxes, 'function-class-matrices': matrices } = report.figures;
    // Off the diagonal only.
    expect(boxesDataSchema.parse(boxes!.data).panels[1]!.groups[3]!.values).toEqual([10, 10]);
    expect(matrixFigureDataSchema.parse(matrices!.data).rows.map((row) => row.length)).toEqual([4, 4]);
  });

  it.each([
    ['standard networks whose neurons differ', [1, 2, 3, 4], 'standard', 'no', 'yes'],
    ['asymmetric ones whose neurons do not', [0.1, 0.1, 0.1, 10], 'W-asymmetric σ_F=1', 'no', 'not clear'],
    ['something between', [0.05, 0.1, 0.15, 1], 'W-asymmetric σ_F=1', 'no', 'yes'],
    ['another order', [0.1, 5, 2, 10], 'SYRE σ_F=1', 'yes', 'no'],
    ['a number that is not finite', [0.1, 0.2, NaN, 10], 'W-asymmetric σ_F=1', 'not clear', 'not clear'],
  ] as const)('%s', async (_, distances, family, holds, order) => {
    const { report } = await reported(distances);
    expect(held(report, family)).toBe(holds);
    expect(report.expectations![0]!.holds).toBe(order);
  });

  it('paper: the size of the authors; a limit cuts families and descents too', async () => {
    const { trained, questions } = await reported([0.1, 0.14, 2, 10], { size: 'paper' });
    expect(trained.map(([source]) => source)[3]).toBe('mlp_symmetry3_kappa1');
    expect(questions[0]).toMatchObject({ epoch: 100, numNeurons: 64, outerSamples: 100, iterations: 3000 });
    expect(questions[0]).not.toHaveProperty('samples');
    const part = await reported([0.1, 0.14], { size: 'paper', limit: { epochs: 1, settings: 2 } });
    expect(part.questions).toHaveLength(2);
    expect(part.questions[0]).toMatchObject({ epoch: 1, outerSamples: 1, iterations: 30 });
    const alone = await reported([0.1], { limit: { settings: 1 } });
    expect(alone.report.expectations).toBeUndefined();
    expect(limited('quick', {})).toMatchObject({ draws: 4, steps: 1000 });
  });
});
