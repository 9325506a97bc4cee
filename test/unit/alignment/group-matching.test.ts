/** Matching of whole groups over training: which pairs, the same numbers as asked alone, words and figures. */
import { expect, test } from 'vitest';
import { drawFigure, figureNumbers } from '../../../src-shared/figures/index.ts';
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { ActivationMatchingRow } from '../../../src-shared/jobs/match-activations.ts';
import { matchActivationsJob } from '../../../src-shared/jobs/match-activations.ts';
import { groupSubjects } from '../../../src-shared/group-subjects.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

interface Matching {
  pairs: ActivationMatchingRow[];
  warnings: string[];
}

const common = { data: goldenData(), randomCount: 5 };
const groups = [
  { name: 'standard', runs: [{ run: fixtureRun('sym0') }] },
  { name: 'W, no fixed part', runs: [{ run: fixtureRun('sym1_kappa0') }] },
  { name: 'W', runs: [{ run: fixtureRun('sym1_kappa1') }] },
  { name: 'SYRE', runs: [{ run: fixtureRun('sym3_kappa1') }] },
];
const all = job<Matching>('match-activations', { ...common, groups, epochs: 'all' });

/** "hidden layer 1 optimal 5" -> the value drawn there for the first pair. */
function drawn(recipe: FigureRecipe): Map<string, unknown> {
  const { rows } = figureNumbers(recipe);
  return new Map(rows.map(([panel, what, curve, x, value]) => [`${panel}|${what}|${curve}|${x}`, value]));
}

test('every pair of every epoch, with the numbers it has when asked alone', async () => {
  const { pairs, warnings } = await all;
  expect(warnings).toEqual([]);
  const count = (group: string, epoch: number) =>
    pairs.filter((row) => row.group === group && row.epoch === epoch).length;
  // The fixtures hold two models at epochs 0 and 1, four at epoch 5.
  expect([count('standard', 0), count('standard', 1), count('standard', 5)]).toEqual([1, 1, 6]);
  expect([count('SYRE', 0), count('SYRE', 5)]).toEqual([1, 6]);
  const alone = await job<ActivationMatchingRow>('match-activations', {
    ...common,
    run: fixtureRun('sym1_kappa1'),
    models: [2, 3],
    epoch: 5,
  });
  const same = pairs.find((row) => row.group === 'W' && row.epoch === 5 && row.model1_index === 2)!;
  expect(same.model2_index).toBe(3);
  for (const [l, found] of same.matching_results.entries()) {
    const expected = alone.matching_results[l]!;
    expect(found.objectives.optimal).toBeCloseTo(expected.objectives.optimal, 6);
    expect(found.objectives.identity).toBeCloseTo(expected.objectives.identity, 6);
    expect(found.permutations).toEqual(expected.permutations);
    expect(found).toMatchObject({ sigma_f: 1, fixed_share: l === 0 ? 16 / 784 : 16 / 64 });
  }
});

test('figures over epochs, over σ_F and over layers show means and spread over pairs', async () => {
  const result = await all;
  const { figures, verdict, table } = present('match-activations', result)!;
  expect(figures.map(({ title }) => title)).toEqual([
    'Matching over training',
    'Matching over σ_F, at epoch 5',
    'Matching over layers, at epoch 5',
  ]);
  expect(verdict).toMatch(/keep their slots: W \(\d+ %\); SYRE \(100 %\)/);
  expect(verdict).toMatch(/do not keep their slots: standard \(−?\d %\); W, no fixed part/);
  for (const row of table!.rows) expect(row).toHaveLength(table!.columns.length);
  for (const { recipe } of figures) expect(drawFigure(recipe).svg).toContain('<svg');
  const [epochs, sigma] = figures.map(({ recipe }) => drawn(recipe));
  const rows = result.pairs.filter((row) => row.group === 'W' && row.epoch === 5);
  const optimal = rows.map((row) => row.matching_results[1]!.objectives.optimal);
  for (const [p, value] of optimal.entries()) {
    expect(epochs!.get(`W, hidden layer 2|optimal|pair ${p + 1}|5`)).toBe(value);
    expect(sigma!.get(`W-asymmetric, hidden layer 2|optimal|pair ${p + 1}|1`)).toBe(value);
  }
  const random = rows.flatMap((row) => row.matching_results[1]!.objectives.random);
  expect(epochs!.get('W, hidden layer 2|random|low|5')).toBe(Math.min(...random));
  expect(epochs!.get('W, hidden layer 2|random|high|5')).toBe(Math.max(...random));
  // A pair that an epoch lacks is a gap, not a zero.
  expect(epochs!.get('W, hidden layer 2|optimal|pair 4|0')).toBeNull();
});

test('a sweep of the fixed share is drawn over it, one row per σ_F', async () => {
  const { pairs } = await all;
  const w = pairs.filter((row) => row.group === 'W' && row.epoch === 5);
  const swept = [0.125, 0.25, 0.5].flatMap((share) =>
    w.map((row) => ({
      ...row,
      group: `share ${share}`,
      matching_results: row.matching_results.map((layer) => ({ ...layer, fixed_share: share })),
    })),
  );
  const result = { ...(await all), pairs: swept };
  const figure = present('match-activations', result)!.figures.find(({ title }) => title.includes('share'))!;
  expect(figure.recipe).toMatchObject({ kind: 'matching-objective', data: { axis: 'sparsity' } });
  const values = drawn(figure.recipe);
  expect(values.get('σ_F = 1, hidden layer 1|identity|pair 1|0.5')).toBe(
    w[0]!.matching_results[0]!.objectives.identity,
  );
  expect(drawFigure(figure.recipe).svg).toContain('fixed share of weights');
});

test('groups that are no hidden layers are shown by their names', async () => {
  const { pairs, ...rest } = await all;
  const named = pairs.map((row) => ({
    ...row,
    matching_results: row.matching_results.map((result) => ({
      ...result,
      layer: { P_0: 'stream', P_1: 'up.0', P_2: 'up.1' }[result.layer]!,
    })),
  }));
  const { figures, table } = present('match-activations', { ...rest, pairs: named })!;
  expect(new Set(table!.rows.map((row) => row[table!.columns.indexOf('layer')]))).toEqual(
    new Set(['stream', 'up.0', 'up.1']),
  );
  expect(figures.map(({ title }) => title)).toEqual([
    'Matching over training',
    'Matching over σ_F, at epoch 5',
  ]);
  const row = pairs.find(({ group, epoch }) => group === 'W' && epoch === 5)!;
  expect(drawn(figures[0]!.recipe).get('W, up.0|optimal|pair 1|5')).toBe(
    row.matching_results[1]!.objectives.optimal,
  );
  for (const { recipe } of figures) expect(drawFigure(recipe).svg).not.toMatch(/NaN|hidden layer/);
});

test('a run of two groups is measured once and stands in both; single checkpoints are only those', async () => {
  const run = fixtureRun('sym0');
  const only: [number, number][] = [
    [5, 1],
    [5, 3],
    [1, 1],
  ];
  const { pairs, warnings } = await job<Matching>('match-activations', {
    ...common,
    groups: [
      { name: 'whole', runs: [{ run }] },
      { name: 'two of it', runs: [{ run, only }] },
      { name: 'one of it', runs: [{ run: fixtureRun('sym1_kappa1'), only: [[5, 1]] }] },
    ],
    epochs: [1, 5],
  });
  const names = pairs.map((row) => `${row.group} ${row.epoch} ${row.model1_index}-${row.model2_index}`);
  expect(names.filter((name) => name.startsWith('whole'))).toHaveLength(7);
  expect(names.filter((name) => name.startsWith('two'))).toEqual(['two of it 5 1-3']);
  expect(warnings).toEqual([expect.stringContaining('one of it: ')]);
});

test('what cannot be asked is refused with words', async () => {
  const run = fixtureRun('sym0');
  const refused = (params: object) =>
    matchActivationsJob.params
      .safeParse(params)
      .error?.issues.map(({ message }) => message)
      .join(' ');
  const group = { name: 'g', runs: [{ run }] };
  expect(refused({ groups: [group] })).toContain('the epochs are needed');
  expect(refused({ groups: [group], epochs: 'all', models: [1] })).toContain('replaces models');
  expect(refused({ run, epoch: 5, epochs: [5] })).toContain('replaces epoch');
  expect(refused({ run })).toContain('the epoch is needed');
  await expect(job('match-activations', { ...common, run, epochs: [5, 7] })).rejects.toThrow(
    /no checkpoint of epoch 7; it has epochs 0, 1, 5/,
  );
  await expect(
    job('match-activations', {
      ...common,
      groups: [{ name: 'g', runs: [{ run, only: [[5, 1]] }] }],
      epochs: [5],
    }),
  ).rejects.toThrow('no run of g has two models');
});

test('groups of the catalog become runs with their folders', () => {
  const group = { id: 'a', architecture: 'mlp', key: 'k', colour: '#000000', notes: '' };
  const row = { id: 'r', name: 'r', path: '/runs/r', state: 'ready' } as never;
  const members = [{ runId: 'r' }];
  expect(groupSubjects([{ ...group, members }], [row])).toEqual([{ name: 'k', runs: [{ run: '/runs/r' }] }]);
  const single = [{ runId: 'r', checkpointIds: ['r/e10m2', 'r/e10m1'] }];
  expect(groupSubjects([{ ...group, members: single }], [row])[0]!.runs[0]!.only).toEqual([
    [10, 2],
    [10, 1],
  ]);
  expect(() => groupSubjects([{ ...group, members: [] }], [row])).toThrow('has no runs');
  expect(() => groupSubjects([{ ...group, members: [{ runId: 'x' }] }], [row])).toThrow('is missing');
});
