/** Results of the measures in words, tables and figures; every figure can be drawn. */
import { describe, expect, test } from 'vitest';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const ask = (kind: string, run: string, more: object = {}) =>
  job<object>(kind, {
    ...{
      run: fixtureRun(run),
      models: [1],
      epoch: 5,
      layers: ['lins.1', 'lins.2'],
      data: goldenData(),
      ...more,
    },
  });

const kinds: [string, object][] = [
  ['realization-cost', {}],
  ['subspace-coherence', {}],
  ['permutation-sensitivity', { randomCount: 10 }],
  ['realization-cost-ridge', { numNeurons: 3, iterations: 3, betas: [0.1, 1] }],
];

describe.each(kinds)('%s', (kind, more) => {
  test('one checkpoint and several', async () => {
    for (const models of [[1], [1, 2]]) {
      const shown = present(kind, await ask(kind, 'sym1_kappa1', { models, ...more }))!;
      expect(shown.verdict).toMatch(/\.$/);
      expect(shown.verdict + JSON.stringify(shown.table)).not.toMatch(/NaN|undefined|Infinity/);
      expect(shown.table!.rows.length).toBe(2 * models.length * (kind.endsWith('ridge') ? 2 : 1));
      for (const row of shown.table!.rows) expect(row).toHaveLength(shown.table!.columns.length);
      expect(shown.figures.length).toBeGreaterThan(0);
      for (const { recipe } of shown.figures) expect(drawFigure(recipe).svg).toContain('<svg');
    }
  });
});

test('what is true of a family is said in the words for it', async () => {
  const of = async (run: string) => present('realization-cost', await ask('realization-cost', run))!;
  expect((await of('sym0')).verdict).toContain('costs nothing in any layer');
  expect((await of('sym1_kappa1')).verdict).toContain('100.0 % of all pairs');
  const sigma = await of('sym2');
  expect(sigma.verdict).toContain('costs nothing');
  expect(sigma.notes.join(' ')).toContain('σ-asymmetric');
  const told = async (run: string) =>
    present('permutation-sensitivity', await ask('permutation-sensitivity', run, { layers: ['lins.1'] }))!
      .verdict;
  expect(await told('sym0')).toContain('are not identifiable');
  expect(await told('sym1_kappa1')).toContain('are identifiable');
});
