/** `basin run match-activations --groups`: groups of the catalog by name, in words, and the figures of the result. */
import { rmSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

const own = ['--workspace', workspace];
const data = [
  '--data',
  'mnist-10k',
  '--split-file',
  fixturePath('golden/data_split.json'),
  '--random-count',
  '3',
];

test(
  'groups are measured over epochs; the figures are drawn from the stored result',
  { timeout: 240_000 },
  async () => {
    await basinJson(['import', fixtureRun('sym1_kappa0'), fixtureRun('sym1_kappa1'), ...own]);
    await basinJson(['groups', 'add', 'W, σ_F 0', 'sym1_kappa0', ...own]);
    await basinJson(['groups', 'add', 'W1', 'sym1_kappa1', ...own]);
    const one = await basinJson<{ pairs: { group: string }[] }>([
      ...['run', 'match-activations', '--groups', 'W1', '--epochs', '0,5', ...data, ...own],
    ]);
    expect(one.pairs.map(({ group }) => group)).toEqual(Array.from({ length: 7 }, () => 'W1'));
    const asked = ['run', 'match-activations', '--groups', 'all', '--epochs', '0,5', ...data, ...own];
    const words = await basin(asked);
    expect(words.code).toBe(0);
    expect(words.stdout + words.stderr).toContain('2 of 4 epochs of runs were already measured.');
    expect(words.stdout).toContain('keep their slots: W1 (');
    expect(words.stdout).toContain('do not keep their slots: W, σ_F 0 (');
    const named = await basinJson<{ pairs: unknown[] }>([
      ...asked.with(3, 'W, σ_F 0'),
      '--out',
      join(workspace, 'm.json'),
    ]);
    expect(named.pairs).toHaveLength(7);
    const results = await basinJson<{ id: string; kind: string }[]>(['results', ...own]);
    const both = results.filter(({ kind }) => kind === 'match-activations').at(-2)!;
    const figure = join(workspace, 'over-sigma.svg');
    const drawn = await basinJson<{ recipe: { kind: string; data: { axis: string } } }>([
      ...['figure', both.id, '--which', 'σ_F', '--out', figure, ...own],
    ]);
    expect(drawn.recipe).toMatchObject({ kind: 'matching-objective', data: { axis: 'sigma_F' } });
    expect(readFileSync(figure, 'utf8')).toContain('fixed weight scale');
    const none = await basin(['figure', both.id, '--which', 'nothing', '--out', figure, ...own]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('1 (Matching over training)');
    const unknown = await basin([...asked.with(3, 'W1,nobody')]);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('There is no group "nobody"');
  },
);
