/** What `basin reproduce activation-patterns` says of the signs it is given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import { experiment } from '../../../src-main/cli/reproduce/activation-patterns.ts';
import type { ExperimentReport, ExperimentWork } from '../../../src-main/cli/reproduce/experiment.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { trainingCurvesDataSchema } from '../../../src-shared/figures/kinds/training-curves.ts';
import { activationPatternsJob } from '../../../src-shared/jobs/activation-patterns.ts';
import type { JobParams } from '../../../src-shared/jobs/index.ts';

type Question = JobParams<'activation-patterns'>;

/** Place between chance (0.6) and always, of family f (0 to 3) at an epoch. */
type Place = (f: number, epoch: number) => number;

async function reported(placeOf: Place, work: Partial<ExperimentWork> = {}) {
  const questions: Question[] = [];
  const trained: [string, readonly string[]][] = [];
  const report = await experiment.run({
    ...{ size: 'quick', seed: 3, limit: {} },
    train: (source, overrides) => {
      trained.push([source, overrides]);
      return Promise.resolve({ run_directory: '/runs/one' } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      expect(kind).toBe('activation-patterns');
      const question = activationPatternsJob.params.parse(params);
      questions.push(question);
      const pattern = (epoch: number, p: number, point: string, l: number) => ({
        ...{ hook_location: point, layer: `P_${l}`, chance_agreement_ratio: 0.6 },
        // Before the activation: nothing that the rows are about.
        agreement_ratio:
          point === 'post_linear' ? 1 : 0.6 + 0.4 * (placeOf(questions.length - 1, epoch) + 0.01 * p),
        ...{ positive_ratio_a: 0.4, positive_ratio_b: 0.2, std_per_neuron_a: 0.3, std_per_input_a: 0.5 },
      });
      const pairs = question.epochs!.flatMap((epoch) =>
        question.pairs!.map(([model1_index, model2_index], p) => ({
          ...{ model1_index, model2_index, epoch },
          activation_pattern_results: ['post_linear', 'post_activation_function'].flatMap((point) =>
            [0, 1].map((l) => pattern(epoch, p, point, l)),
          ),
        })),
      );
      return Promise.resolve({ pairs } as never);
    },
    ...work,
  });
  return { report, questions, trained };
}

const judged = ({ rows }: ExperimentReport, family: string) =>
  rows
    .filter(({ what }) => what.startsWith(`${family}: agreement of signs between`))
    .map(({ holds }) => holds);

const asExpected: Place = (f) => (f < 2 ? 0 : 0.5);

describe('activation-patterns', () => {
  it('as expected: standard networks by chance, fixed weights above it', async () => {
    const { report, questions, trained } = await reported(asExpected);
    expect(judged(report, 'standard')).toEqual(['yes', 'yes']);
    expect(judged(report, 'W-asymmetric σ_F=0')).toEqual([null, null]);
    expect(judged(report, 'SYRE σ_F=1')).toEqual(['yes', 'yes']);
    expect(report.rows[0]).toMatchObject({ measured: '0.01 ± 0.01' });
    expect(report.rows[2]!.measured).toBe('60.4 %, 60.0 %');
    expect(report.rows[3]!.measured).toBe('30.0 %; 0.300; 0.500');
    expect(questions[0]).toMatchObject({
      pairs: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      epochs: [0, 2, 4, 6, 8, 10],
      split: 'train',
    });
    for (const [source, overrides] of trained) {
      const { training, num_models: models, seed } = loadTrainingConfig(source, overrides);
      expect([training?.save_every, training?.num_epochs, models, seed]).toEqual([2, 10, 6, 3]);
    }
    for (const { data } of Object.values(report.figures)) {
      const { panels } = trainingCurvesDataSchema.parse(data);
      expect(panels.map(({ series }) => series.length)).toEqual([4, 4]);
      expect(panels[0]!.series[3]!.models.map(({ name }) => name)).toEqual(['1–2', '3–4', '5–6']);
    }
  });

  it.each<[string, Place, string, string]>([
    ['standard networks that are alike', () => 0.5, 'standard', 'no'],
    ['fixed weights that do nothing', () => 0, 'SYRE σ_F=1', 'no'],
    ['something at the limit', (f) => (f === 3 ? 0.245 : 0.095), 'SYRE σ_F=1', 'not clear'],
    ['the same of standard networks', (f) => (f === 3 ? 0.245 : 0.095), 'standard', 'not clear'],
    ['numbers that are not finite', () => NaN, 'standard', 'not clear'],
  ])('%s', async (_, place, family, holds) => {
    expect(judged((await reported(place)).report, family)).toEqual([holds, holds]);
  });

  it('the two ends of training are judged apart', async () => {
    const { report } = await reported((f, epoch) => (f === 2 && epoch === 10 ? 0 : asExpected(f, epoch)));
    expect(judged(report, 'W-asymmetric σ_F=1')).toEqual(['yes', 'no']);
  });

  it('paper: eight disjoint pairs at epochs 0 to 100 by 20; a limit leaves a pair and both ends', async () => {
    const whole = await reported(asExpected, { size: 'paper' });
    expect(whole.questions[0]!.pairs).toHaveLength(8);
    expect(whole.questions[0]!.epochs).toEqual([0, 20, 40, 60, 80, 100]);
    const { questions, trained } = await reported(asExpected, {
      ...{ size: 'paper', limit: { epochs: 1, models: 1, settings: 1 } },
    });
    expect(questions).toHaveLength(1);
    expect(questions[0]).toMatchObject({ pairs: [[1, 2]], epochs: [0, 1] });
    expect(loadTrainingConfig(...trained[0]!)).toMatchObject({ num_models: 2, training: { save_every: 1 } });
  });
});
