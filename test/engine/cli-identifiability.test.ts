/** `basin run` of the measures of identifiability on reference run directories: documents, files, refusals. */
import { afterAll, describe, expect, test } from 'vitest';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readParquet } from '../../src-main/formats/parquet.ts';
import { basin, basinJson, digitsFolder, temporaryFolder } from '../support/cli.ts';
import { fixturePath, fixtureRun, goldenJson, goldenNpy } from '../support/fixtures.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

const flags = (kind: string, run: string) => [
  ...['run', kind, '--run', fixtureRun(run), '--epoch', '5', '--data-dir', digitsFolder],
  ...['--split-file', fixturePath('golden/data_split.json'), '--workspace', workspace],
];

interface CostLayer {
  layer: string;
  hook_mode: string;
  subspace_dimension: number;
  mahalanobis_distance_squared: number[][];
  transposition_cost_squared: number[][];
  proj_center_distances: number[][];
}
interface Cost {
  run_key: string;
  model_index: number;
  epoch: number;
  realization_cost_results: CostLayer[];
}

describe('realization-cost', () => {
  test('one object, matrices as rows, and the same in a Parquet file of one row per checkpoint', async () => {
    const out = join(workspace, 'costs.parquet');
    const found = await basinJson<Cost>([
      ...flags('realization-cost', 'sym1_kappa1'),
      '--models',
      '1',
      '--out',
      out,
    ]);
    expect(found).toMatchObject({ run_key: 'sym1_kappa1', model_index: 1, epoch: 5 });
    const results = found.realization_cost_results;
    expect(results.map(({ layer }) => layer)).toEqual(['lins.0', 'lins.1', 'lins.2', 'lins.3']);
    const golden = goldenNpy('sym1_kappa1/rc_m1_lins.1_mahalanobis_squared_f64').data;
    for (const [i, row] of results[1]!.mahalanobis_distance_squared.entries()) {
      for (const [j, cost] of row.entries()) expect(cost / golden[i * 64 + j]!).toBeCloseTo(1, 9);
    }
    const { columns, rows } = await readParquet(out);
    expect(columns.map((column) => column.split(':')[0])).toEqual([
      ...['checkpoint_path', 'run_directory', 'realization_cost_results', 'model_index', 'epoch', 'run_key'],
    ]);
    expect(rows).toHaveLength(1);
    const stored = rows[0]!.realization_cost_results as CostLayer[];
    expect(stored.map(({ hook_mode }) => hook_mode)).toEqual(results.map(({ hook_mode }) => hook_mode));
    expect(stored[3]!.transposition_cost_squared).toEqual(results[3]!.transposition_cost_squared);
  });

  test('several models and epochs are a list', async () => {
    const args = flags('realization-cost', 'sym0').with(5, '1,5');
    const found = await basinJson<Cost[]>([...args, '--models', '1,2', '--layers', 'lins.3']);
    expect(found.map(({ model_index, epoch }) => [model_index, epoch])).toEqual([
      [1, 1],
      [2, 1],
      [1, 5],
      [2, 5],
    ]);
  });

  test('a model, layer or data folder that is not there is named', async () => {
    for (const [more, expected] of [
      [['--models', '9'], /model 9|models? .*9/],
      [['--models', '1', '--layers', 'lins.8'], /lins\.8/],
      [['--models', '1,1'], /listed twice/],
    ] as const) {
      const { code, stderr } = await basin([...flags('realization-cost', 'sym0'), ...more, '--json']);
      expect(code).toBe(1);
      expect(stderr).toMatch(expected);
    }
  });
});

test('subspace-coherence has the keys of the reference, the output of the model included', async () => {
  const golden = goldenJson<{ subspace_coherence: { model1: { layer: string; hook_mode: string }[] } }>(
    'sym1_kappa0',
  );
  const found = await basinJson<{ coherence_results: { layer: string; hook_mode: string }[] }>([
    ...flags('subspace-coherence', 'sym1_kappa0'),
    ...['--models', '1'],
  ]);
  const expected = golden.subspace_coherence.model1;
  expect(found.coherence_results.map(({ layer, hook_mode }) => [layer, hook_mode])).toEqual(
    expected.map(({ layer, hook_mode }) => [layer, hook_mode]),
  );
  expect(Object.keys(found.coherence_results[0]!).sort()).toEqual(Object.keys(expected[0]!).sort());
});

test('realization-cost-ridge takes the same flags, and two models', async () => {
  const out = join(workspace, 'ridge.parquet');
  const found = await basinJson<{ model_index: number; results: Record<string, { layer: string }[]> }[]>([
    ...flags('realization-cost-ridge', 'sym1_kappa1'),
    ...['--models', '1,2', '--num-neurons', '3', '--iterations', '5', '--out', out],
  ]);
  expect(found.map(({ model_index }) => model_index)).toEqual([1, 2]);
  expect(found[0]!.results.sym1_kappa1!.map(({ layer }) => layer)).toEqual(['lins.0', 'lins.1', 'lins.2']);
  const { rows } = await readParquet(out);
  expect(rows).toHaveLength(2);
  expect(Object.keys(rows[0]!).slice(0, 2)).toEqual(['num_inner_descent_iterations', 'results']);
});
