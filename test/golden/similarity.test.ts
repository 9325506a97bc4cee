/** Similarity of updates and of predictions against the reference's own numbers. */
import { describe, expect, test } from 'vitest';
import { fixtureRun, goldenJson } from '../support/fixtures.ts';
import { goldenData, job } from '../support/job.ts';
import type { SimilarityRow } from '../../src-shared/jobs/similarity.ts';

interface GoldenCosine {
  per_layer: Record<string, number>;
  aggregate: number;
  aggregate_f64: number;
}
interface Golden {
  cosine_similarity: Record<'epoch0_to_1' | 'epoch1_to_5' | 'epoch0_to_5', GoldenCosine>;
  functional_similarity: Record<string, { splits: Record<string, number>; aggregate: number }>;
}

type Update = SimilarityRow['cosine_similarity']['all_epoch_results'][number];

/** Of the float32 sums of the reference; the float64 aggregates are held to 1e-9. */
const noise = 3e-6;

function expectUpdate(found: Update, golden: GoldenCosine): void {
  expect(Object.keys(found.per_layer_similarities).sort()).toEqual(Object.keys(golden.per_layer).sort());
  for (const [name, value] of Object.entries(golden.per_layer)) {
    expect(Math.abs(found.per_layer_similarities[name]! - value), name).toBeLessThan(noise);
  }
  expect(Math.abs(found.aggregate_similarity - golden.aggregate_f64)).toBeLessThan(1e-9);
}

describe.each(['sym0', 'sym1_kappa1'])('similarity of models 1 and 2, %s', (name) => {
  const golden = goldenJson<Record<string, Golden>>('similarity_ntk')[name]!;
  const question = { run: fixtureRun(name), models: [1, 2], data: goldenData() };

  test('updates and predictions over all saved epochs', async () => {
    const result = await job<SimilarityRow>('similarity', question);
    const cosines = result.cosine_similarity.all_epoch_results;
    expect(cosines.map((entry) => [entry.previous_epoch, entry.epoch])).toEqual([
      [0, 1],
      [1, 5],
    ]);
    expect(result.cosine_similarity.num_epochs).toBe(2);
    expectUpdate(cosines[0]!, golden.cosine_similarity.epoch0_to_1);
    expectUpdate(cosines[1]!, golden.cosine_similarity.epoch1_to_5);
    expect(result.functional_similarity.num_epochs).toBe(3);
    for (const entry of result.functional_similarity.all_epoch_results) {
      const expected = golden.functional_similarity[`epoch${entry.epoch}_models_1_2`]!;
      expect(entry.split_results).toEqual(expected.splits);
      expect(entry.aggregate_similarity).toBeCloseTo(expected.aggregate, 12);
    }
  });

  test('an update over several epochs', async () => {
    const result = await job<SimilarityRow>('similarity', { ...question, epochs: [5, 0], splits: ['test'] });
    expect(result.cosine_similarity.all_epoch_results).toHaveLength(1);
    const [update] = result.cosine_similarity.all_epoch_results;
    expectUpdate(update!, golden.cosine_similarity.epoch0_to_5);
    const [first] = result.functional_similarity.all_epoch_results;
    expect(Object.keys(first!.split_results)).toEqual([
      'test_funcsim',
      'test_agreement_count',
      'test_total_samples',
    ]);
  });
});

test('entries under a mask are alike in both models and left out of the second aggregate', async () => {
  const question = { run: fixtureRun('sym1_kappa1'), models: [1, 2], splits: ['test'], data: goldenData() };
  const { cosine_similarity } = await job<SimilarityRow>('similarity', { ...question, epochs: [0, 5] });
  const [update] = cosine_similarity.all_epoch_results;
  // Measured independently with the masked entries dropped: 0.5637 against 0.5645.
  expect(update!.aggregate_without_fixed).toBeCloseTo(0.5637, 4);
  const standard = await job<SimilarityRow>('similarity', {
    ...question,
    run: fixtureRun('sym0'),
    epochs: [0, 5],
  });
  const [plain] = standard.cosine_similarity.all_epoch_results;
  expect(plain!.aggregate_without_fixed).toBe(plain!.aggregate_similarity);
});

test('several pairs, one epoch: no updates, and a note says so', async () => {
  const result = await job<{ pairs: SimilarityRow[]; notes: string[] }>('similarity', {
    run: fixtureRun('sym0'),
    models: [1, 2, 3],
    epochs: [5],
    splits: ['val'],
    data: goldenData(),
  });
  expect(result.pairs.map((row) => [row.model1_index, row.model2_index])).toEqual([
    [1, 2],
    [1, 3],
    [2, 3],
  ]);
  expect(result.pairs.every((row) => row.cosine_similarity.num_epochs === 0)).toBe(true);
  expect(result.notes.join(' ')).toMatch(/Only epoch 5/);
});

test('an epoch that was not saved is named with those that were', async () => {
  const question = { run: fixtureRun('sym0'), models: [1, 2], epochs: [0, 3], data: goldenData() };
  await expect(job('similarity', question)).rejects.toThrow(/epoch 3.*0, 1, 5/s);
});
