/** The synthetic coherence experiment replayed from the reference's own draws, and its trend beside the full one's. */
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { embeddingBasis } from '../../src-main/compute/synthetic/embedding.ts';
import { scalarTraining, testLoss } from '../../src-main/compute/synthetic/scalar-network.ts';
import type { ScalarNetwork, ScalarTask } from '../../src-main/compute/synthetic/scalar-network.ts';
import { curveBetween, scalarExamples } from '../../src-main/compute/synthetic/synthetic-coherence.ts';
import { embeddingFamilies } from '../../src-shared/jobs/synthetic-coherence.ts';
import type { EmbeddingFamily, SyntheticFamily } from '../../src-shared/jobs/synthetic-coherence.ts';
import { CancelledError } from '../../src-shared/errors.ts';
import { rankCorrelation } from '../../src-shared/figures/statistics.ts';
import { fixturePath, goldenJson } from '../support/fixtures.ts';
import { cancelledContext, job } from '../support/job.ts';
import { largestDifference } from '../support/reference-run.ts';

interface Golden {
  config: SyntheticFamily['config'];
  data: Record<
    string,
    {
      mask: number[][];
      train_latent: number[][];
      test_latent: number[][];
      frame_perm: number[];
      frame_angles: number[];
    }
  >;
  embeddings: Record<string, { basis: number[][] }>;
  training_randomness: Record<
    string,
    { initial_hidden_weight: number[][]; minibatch_permutations: number[][] }
  >;
  final_models_in_order: Record<
    EmbeddingFamily,
    { seed: number; final_hidden_weight: number[][] | null; final_hidden_bias: number[]; test_mse: number }[]
  >;
  results: Record<EmbeddingFamily, SyntheticFamily>;
}
const golden = goldenJson<Golden>('synthetic_coherence');
const { config } = golden;

/** float32 against float64 over 60 steps of AdamW. */
const noise = 2e-7;
/** Weights gather the rounding of every step. */
const weightNoise = 4e-7;

function frameOf(outer: number) {
  const { frame_perm, frame_angles } = golden.data[outer]!;
  return { order: frame_perm, angles: frame_angles };
}

function taskOf(family: EmbeddingFamily, outer: number, active: number): ScalarTask {
  const { mask, train_latent, test_latent } = golden.data[outer]!;
  return {
    width: config.width,
    inputs: 2 * config.copies,
    mask: Float64Array.from(mask.flat()),
    basis: embeddingBasis(family, config.copies, active, frameOf(outer)),
    train: scalarExamples(train_latent.flat()),
    test: scalarExamples(test_latent.flat()),
  };
}

function replay(task: ScalarTask, seed: number): ScalarNetwork {
  const { initial_hidden_weight, minibatch_permutations } = golden.training_randomness[seed]!;
  const weight = Float64Array.from(initial_hidden_weight.flat());
  const initial = { weight, bias: new Float64Array(config.width) };
  const training = scalarTraining(task, initial, minibatch_permutations, {
    batchSize: config.batch_size,
    learningRate: config.lr,
    weightDecay: config.weight_decay,
    biasWeightDecay: config.bias_weight_decay,
    trainBias: config.train_hidden_bias,
  });
  for (;;) {
    const { done, value } = training.next();
    if (done) return value;
  }
}

test('embeddings', () => {
  for (const [name, { basis }] of Object.entries(golden.embeddings)) {
    const [, kind, outer, active] = /^(.*)\|outer(\d)\|active(\d)$/.exec(name)!;
    const anchored = kind!.endsWith('_anchor_aligned');
    const family = kind!.replace('_anchor_aligned', '') as EmbeddingFamily;
    const found = embeddingBasis(family, config.copies, Number(active), frameOf(Number(outer)), anchored);
    expect(largestDifference(found, basis.flat()), name).toBeLessThan(1e-7);
  }
});

test.each(embeddingFamilies)('training and interpolation replayed, %s', async (family) => {
  const models = golden.final_models_in_order[family].values();
  let [worstWeight, worstBias, worstLoss] = [0, 0, 0];
  for (const { outer_seed, spread_records } of golden.results[family].outer_records) {
    for (const { active_copies, pair_records } of spread_records) {
      const task = taskOf(family, outer_seed, active_copies);
      for (const { seeds, interpolation } of pair_records) {
        const ends: ScalarNetwork[] = [];
        for (const seed of seeds) {
          const network = replay(task, seed);
          const model = models.next().value!;
          expect(model.seed).toBe(seed);
          const weight = model.final_hidden_weight;
          if (weight) worstWeight = Math.max(worstWeight, largestDifference(network.weight, weight.flat()));
          worstBias = Math.max(worstBias, largestDifference(network.bias, model.final_hidden_bias));
          worstLoss = Math.max(worstLoss, Math.abs(testLoss(task, network) - model.test_mse));
          ends.push(network);
        }
        const curve = curveBetween(task, ends[0]!, ends[1]!, config.interpolation_steps);
        worstLoss = Math.max(worstLoss, largestDifference(curve.test_losses, interpolation.test_losses));
        const { peak_barrier, midpoint_barrier } = interpolation;
        worstLoss = Math.max(worstLoss, Math.abs(curve.peak_barrier - peak_barrier));
        worstLoss = Math.max(worstLoss, Math.abs(curve.midpoint_barrier - midpoint_barrier));
      }
    }
  }
  expect(worstLoss).toBeLessThan(noise);
  expect(Math.max(worstWeight, worstBias)).toBeLessThan(weightNoise);
});

const fullFile = { exact_copy: 'exact-copy', random_tight_frame: 'random-frame' } as const;

test(
  'the stock setting, one pair, beside the reference at five seeds of ten',
  { timeout: 120_000 },
  async () => {
    const result = await job<Record<EmbeddingFamily, SyntheticFamily>>('synthetic-coherence', {
      outerSeeds: [0],
      numPairs: 1,
    });
    for (const family of embeddingFamilies) {
      const file = fixturePath(`synthetic_full/${fullFile[family]}.json`);
      const full = JSON.parse(readFileSync(file, 'utf8')) as SyntheticFamily;
      const found = result[family];
      expect(Object.keys(found).sort()).toEqual(Object.keys(full).sort());
      expect(found.aggregate.map((entry) => entry.coherence)).toEqual(
        full.aggregate.map((entry) => entry.coherence),
      );
      for (const [i, { mean_midpoint_barrier: mean }] of found.aggregate.entries()) {
        const { mean_midpoint_barrier: expected, std_midpoint_barrier: deviation } = full.aggregate[i]!;
        expect(Math.abs(mean - expected), `${family} ${i + 1}`).toBeLessThan(3 * deviation!);
      }
      const [low, high] = [found.aggregate[0]!, found.aggregate.at(-1)!];
      expect(high.mean_midpoint_barrier).toBeGreaterThan(5 * low.mean_midpoint_barrier);
      const active = found.aggregate.map((entry) => entry.active_copies);
      const barriers = found.aggregate.map((entry) => entry.mean_midpoint_barrier);
      expect(rankCorrelation(active, barriers).rho).toBeGreaterThan(0.8);
    }
  },
);

test('the same seeds give the same numbers, and one family does not depend on the other', async () => {
  const small = {
    copies: 2,
    width: 8,
    nTrain: 64,
    nTest: 64,
    batchSize: 32,
    epochs: 5,
    outerSeeds: [3],
    numPairs: 2,
  };
  const both = await job<Record<string, unknown>>('synthetic-coherence', small);
  const one = await job<Record<string, unknown>>('synthetic-coherence', {
    ...small,
    embeddings: ['random_tight_frame'],
  });
  expect(one['random_tight_frame']).toEqual(both['random_tight_frame']);
  expect(one['exact_copy']).toBeUndefined();
});

test('on however many threads the numbers are the same', async () => {
  const small = { copies: 2, width: 8, nTrain: 64, nTest: 64, epochs: 5, outerSeeds: [3], numPairs: 3 };
  const found: object[] = [];
  for (const threads of ['1', '3']) {
    vi.stubEnv('BASIN_THREADS', threads);
    const { seconds: _timed, ...numbers } = await job<Record<string, unknown>>('synthetic-coherence', small);
    found.push(numbers);
  }
  vi.unstubAllEnvs();
  expect(found[1]).toEqual(found[0]);
});

test('a long training is cancelled at once', async () => {
  const { context, looks } = cancelledContext(5);
  // To the end it would take hours.
  const running = job('synthetic-coherence', { epochs: 100_000, copies: 1 }, context);
  await expect(running).rejects.toBeInstanceOf(CancelledError);
  expect(looks()).toBe(5);
});
