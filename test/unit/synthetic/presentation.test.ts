/** What a person sees of the similarity and synthetic-coherence kinds: words, numbers, figures that draw. */
import { expect, test } from 'vitest';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const draws = (kind: string, result: unknown) => {
  const shown = present(kind, result)!;
  expect(shown.figures.length).toBeGreaterThan(0);
  for (const { recipe } of shown.figures) expect(drawFigure(recipe).svg).toContain('<svg');
  for (const row of shown.table?.rows ?? []) expect(row).toHaveLength(shown.table!.columns.length);
  return shown;
};

test('synthetic coherence', async () => {
  const small = {
    copies: 3,
    width: 16,
    nTrain: 64,
    nTest: 64,
    batchSize: 32,
    epochs: 20,
    outerSeeds: [0, 1],
    numPairs: 1,
  };
  const shown = draws('synthetic-coherence', await job('synthetic-coherence', small));
  expect(shown.figures.map(({ recipe }) => recipe.kind)).toEqual([
    'coherence-barrier',
    'coherence-endpoints',
  ]);
  expect(shown.table!.rows).toHaveLength(6);
  draws(
    'synthetic-coherence',
    await job('synthetic-coherence', { ...small, copies: 1, embeddings: ['exact_copy'] }),
  );
});

test('similarity, over epochs and at one', async () => {
  const question = { run: fixtureRun('sym0'), models: [1, 2], splits: ['val'], data: goldenData() };
  const shown = draws('similarity', await job('similarity', question));
  expect(shown.verdict).toContain('At epoch 5 the predictions of two networks agree on 94.0 %');
  expect(shown.table!.rows).toHaveLength(3);
  const one = draws('similarity', await job('similarity', { ...question, epochs: [5] }));
  expect(one.verdict).toMatch(/no updates/);
});
