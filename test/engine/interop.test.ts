/** Result files of the published scripts: taken in, shown like our own, each once. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { Barriers } from '../../src-shared/barriers.ts';
import { writeParquet } from '../../src-main/formats/parquet.ts';
import { readParquet } from '../../src-main/formats/parquet.ts';
import { PythonFloat, tuple } from '../../src-main/formats/torch/tree.ts';
import type { WritableTree } from '../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';
import { importInto, only, open } from './support/exchange.ts';
import { newFolder } from './support/workspace.ts';

const curve = {
  lambdas: [0, 0.5, 1],
  ...{ train_accuracy: [99, 60, 98], val_accuracy: [97, 59, 96], test_accuracy: [96, 58, 95] },
  ...{ train_loss: [0.1, 1.5, 0.2], val_loss: [0.2, 1.6, 0.25], test_loss: [0.3, 1.7, 0.35] },
  ...{ distance: 12.5, normalized_distance: 0.05, num_params: 60000 },
  ...{ train_barrier_height: -39.4, val_barrier_height: -39.2, test_barrier_height: -39.6 },
  ...{ train_linearity: false, val_linearity: false, test_linearity: false },
};
const lmcRow = (run_key: string, epoch = 100) => ({
  ...{ run_key, model1_index: 1, model2_index: 2, epoch },
  checkpoint_path_1: `/lab/${run_key}/checkpoint_epoch_100_model_1.pt`,
  checkpoint_path_2: `/lab/${run_key}/checkpoint_epoch_100_model_2.pt`,
  interpolation_results_unaligned: curve,
  interpolation_results_activation_aligned: { ...curve, test_accuracy: [96, 30, 95] },
});

describe('files of the published scripts', () => {
  it('curves of the LMC script become one interpolation per run and alignment, its anti-alignment named', async () => {
    const folder = newFolder();
    const path = join(folder, 'lmc.json');
    writeFileSync(path, JSON.stringify([lmcRow('a'), lmcRow('b')]));
    const engine = await open();
    const { recognised, broken } = await importInto(engine, path);
    expect(broken).toEqual([]);
    expect(recognised).toEqual([{ path, what: expect.stringContaining('measure_lmc'), results: 4 }]);
    const rows = await engine.call('results.list', { kind: 'interpolate' });
    expect(rows.map(({ origin }) => origin)).toEqual(Array(4).fill('imported'));
    const all = [];
    for (const { id } of rows)
      all.push(
        (await engine.call('results.get', { resultId: id })).data as typeof curve & {
          align: string;
          note?: string;
          test_loss_barriers: Barriers;
          test_accuracy_drops: Barriers;
        },
      );
    const aligned = all.filter(({ align }) => align === 'activation');
    expect(aligned).toHaveLength(2);
    expect(aligned[0]).toMatchObject({ mode: 'reference-lmc-script', test_accuracy: [96, 30, 95] });
    expect(aligned[0]!.note).toMatch(/least/i);
    const unaligned = all.find(({ align }) => align === 'none')!;
    expect(unaligned.test_loss_barriers.max_ends).toBeCloseTo(1.35, 12);
    expect(unaligned.test_loss_barriers.chord).toBeCloseTo(1.375, 12);
    expect(unaligned.test_accuracy_drops.chord).toBeCloseTo(37.5, 12);
    // The script's own number stays.
    expect(unaligned.test_barrier_height).toBe(-39.6);
    await importInto(engine, path);
    expect(await engine.call('results.list', { kind: 'interpolate' })).toHaveLength(4);
  });

  it('interpolation_results.pt in a run folder is found beside its checkpoints', async () => {
    const folder = join(newFolder(), 'run');
    mkdirSync(folder);
    for (const name of ['config.yaml', 'checkpoint_epoch_5_model_1.pt'])
      copyFileSync(join(fixtureRun('sym0'), name), join(folder, name));
    const tree = (value: unknown): WritableTree => {
      if (Array.isArray(value)) return value.map(tree);
      return typeof value === 'number' ? new PythonFloat(value) : (value as WritableTree);
    };
    const dict = new Map(
      Object.entries({ ...curve, num_params: 5n, val_loss: NaN }).map(([k, v]) => [k, tree(v)]),
    );
    writeTorchFile(join(folder, 'interpolation_results.pt'), new Map([[tuple<WritableTree>(1, 2), dict]]));
    const engine = await open();
    const result = await importInto(engine, folder);
    expect(result).toMatchObject({ runs: 1, broken: [], recognised: [{ results: 1 }] });
    const { data } = await only(engine, 'interpolate');
    expect(data).toMatchObject({
      model1_index: 1,
      model2_index: 2,
      test_accuracy: curve.test_accuracy,
      align: 'none',
    });
    expect(data).not.toHaveProperty('val_loss');
  });

  it('matching and coherence JSON with the NaN of Python', async () => {
    const folder = newFolder();
    const objectives = {
      optimal: 0.9,
      identity: 0.1,
      random: [0.01, 0.02],
      random_mean: 0.015,
      random_std: 0.007,
    };
    const matching = {
      ...{ matching_mode: 'post_norm', correlation_mode: 'dot_product', layer: 'P_0', objectives },
      permutations: { optimal: [1, 0, 2] },
    };
    const text = JSON.stringify([
      { run_key: 'k', model1_index: 1, model2_index: 2, epoch: 5, matching_results: [matching] },
    ]);
    writeFileSync(join(folder, 'matching.json'), text.replace('0.007', 'NaN'));
    const layer = {
      ...{
        layer: 'lins.0',
        hook_mode: 'RecordInput',
        subspace_coherence: 0.5,
        subspace_dimension: 3,
        full_dimension: 9,
      },
      ...{
        explained_variance_ratio: 0.91,
        anisotropy_operator_norms: [0.1, 0.2],
        mean_anisotropy_operator_norm: 0.15,
      },
      anisotropy_bounds: { '0.2': 1.5 },
    };
    writeFileSync(
      join(folder, 'coherence.json'),
      JSON.stringify([{ run_key: 'k', model_index: 1, epoch: 5, coherence_results: [layer] }]),
    );
    const engine = await open();
    const result = await importInto(engine, join(folder, 'matching.json'), join(folder, 'coherence.json'));
    expect(result.broken).toEqual([]);
    expect((await only(engine, 'match-activations')).data).toMatchObject({
      matching_results: [
        { permutations: { optimal: [1, 0, 2] }, objectives: { optimal: 0.9, random_std: null } },
      ],
    });
    expect((await only(engine, 'subspace-coherence')).data).toMatchObject({ coherence_results: [layer] });
  });

  it('realization costs: Parquet into Basin and out again has equal numbers', async () => {
    const folder = newFolder();
    const matrixType = { list: { list: 'double' } } as const;
    const numbers = [
      [0.1, 1 / 3, 2e-300],
      [Math.PI, -0.5, 5e20],
      [1, 2, 3],
    ];
    const costs = {
      ...{ layer: 'lins.0', hook_mode: 'RecordInput', mahalanobis_distance_squared: numbers },
      ...{ proj_center_distances: numbers, transposition_cost_squared: numbers },
      ...{
        subspace_dimension: 2n,
        full_dimension: 3n,
        explained_variance_ratio: 0.93,
        subspace_coherence: 0.7,
      },
    };
    const path = join(folder, 'costs.parquet');
    writeParquet(path, [
      { name: 'checkpoint_path', type: 'string', values: ['/lab/w/checkpoint_epoch_100_model_1.pt'] },
      { name: 'run_directory', type: 'string', values: ['/lab/w'] },
      {
        name: 'realization_cost_results',
        type: {
          list: {
            struct: {
              ...{ layer: 'string', hook_mode: 'string', mahalanobis_distance_squared: matrixType },
              ...{ proj_center_distances: matrixType, transposition_cost_squared: matrixType },
              ...{ subspace_dimension: 'int64', full_dimension: 'int64' },
              ...{ explained_variance_ratio: 'double', subspace_coherence: 'double' },
            },
          },
        },
        values: [[costs]],
      },
      { name: 'model_index', type: 'int64', values: [1n] },
      { name: 'epoch', type: 'int64', values: [100n] },
    ]);
    const engine = await open();
    expect(await importInto(engine, path)).toMatchObject({ broken: [], recognised: [{ results: 1 }] });
    const { id } = await only(engine, 'realization-cost');
    const { bytes } = await engine.call('results.export', { resultId: id, format: 'parquet' });
    const again = join(folder, 'again.parquet');
    writeFileSync(again, bytes);
    const before = (await readParquet(path)).rows[0]!;
    const after = (await readParquet(again)).rows[0]!;
    const matrices = (row: Record<string, unknown>) =>
      (row['realization_cost_results'] as (typeof costs)[]).map((c) => [
        c.mahalanobis_distance_squared,
        c.proj_center_distances,
        c.transposition_cost_squared,
        [c.explained_variance_ratio, c.subspace_coherence, Number(c.subspace_dimension)],
      ]);
    expect(matrices(after)).toEqual(matrices(before));
    expect(after['checkpoint_path']).toBe(before['checkpoint_path']);
    // Basin's own Parquet file is read like the script's.
    const other = await open();
    expect(await importInto(other, again)).toMatchObject({ broken: [], recognised: [{ results: 1 }] });
  });

  it('ridge costs, as polars wrote them for the script: into Basin and out again, equal to the last bit', async () => {
    const folder = newFolder();
    const path = fileURLToPath(new URL('data/ridge-polars.parquet', import.meta.url));
    const engine = await open();
    expect(await importInto(engine, path)).toMatchObject({ broken: [], recognised: [{ results: 2 }] });
    const rows = await engine.call('results.list', { kind: 'realization-cost-ridge' });
    expect(rows.map(({ title, origin }) => `${title} ${origin}`).toSorted()).toEqual([
      'Realization cost, ridge: mlp_a imported',
      'Realization cost, ridge: mlp_b imported',
    ]);
    const before = await readParquet(path);
    const original = before.rows[0]!['results'] as Record<string, unknown>;
    const other = await open();
    for (const { id, title } of rows) {
      const key = title.slice(-5);
      const { data } = await engine.call('results.get', { resultId: id });
      // Every ordered pair was fitted for a, so that its costs are a matrix too; b lacks two.
      expect(data).toMatchObject({ model_index: 1, run_key: key, samples: null, split: 'val' });
      expect((data as { matrices: unknown[] }).matrices).toHaveLength(key === 'mlp_a' ? 4 : 0);
      const { bytes } = await engine.call('results.export', { resultId: id, format: 'parquet' });
      const again = join(folder, `${key}.parquet`);
      writeFileSync(again, bytes);
      const after = await readParquet(again);
      expect((after.rows[0]!['results'] as typeof original)[key]).toEqual(original[key]);
      expect(after.rows[0]!['num_inner_descent_iterations']).toBe(5000n);
      expect(after.columns[1]).toContain('id1: int64');
      await importInto(other, again);
    }
    const [a] = (await other.call('results.list', { kind: 'realization-cost-ridge' })).toReversed();
    const first = rows.find(({ title }) => title === a!.title)!;
    expect((await other.call('results.get', { resultId: a!.id })).data).toEqual(
      (await engine.call('results.get', { resultId: first.id })).data,
    );
    const name = 'matrices.0.ridge_cost';
    const withMatrices = rows.find(({ title }) => title.endsWith('mlp_a'))!;
    const costs = (original['mlp_a'] as { neuron_realization_costs: Record<string, unknown>[] }[])[0]!;
    const ridge = await engine.call('results.matrix', { resultId: withMatrices.id, name });
    for (const { id1, id2, objective_full: cost } of costs.neuron_realization_costs)
      expect(ridge.data[Number(id2) * 3 + Number(id1)]).toBe(cost);
  });

  it('the published synthetic experiment, whole', async () => {
    const engine = await open();
    const path = fixturePath('synthetic_full/exact-copy.json');
    expect(await importInto(engine, path)).toMatchObject({ broken: [], recognised: [{ path, results: 1 }] });
    const { data } = await only(engine, 'synthetic-coherence');
    const original = JSON.parse(readFileSync(path, 'utf8')) as { aggregate: unknown };
    expect((data['exact_copy'] as { aggregate: unknown }).aggregate).toEqual(original.aggregate);
  });

  it('a folder: every file of results below it is found by what it holds; a second import changes nothing', async () => {
    const folder = newFolder();
    const deep = join(folder, '2024', 'run');
    mkdirSync(deep, { recursive: true });
    for (const name of ['config.yaml', 'checkpoint_epoch_5_model_1.pt'])
      copyFileSync(join(fixtureRun('sym0'), name), join(deep, name));
    writeFileSync(join(folder, 'any name.json'), JSON.stringify([lmcRow('a')]));
    copyFileSync(fixturePath('synthetic_full/exact-copy.json'), join(folder, '2024', 'x.json'));
    copyFileSync(
      fileURLToPath(new URL('data/ridge-polars.parquet', import.meta.url)),
      join(deep, 'table.parquet'),
    );
    copyFileSync(join(fixtureRun('sym0'), 'checkpoint_epoch_5_model_2.pt'), join(folder, 'weights.pt'));
    const other = await open();
    await importInto(other, join(folder, 'any name.json'));
    const { bytes } = await other.call('results.bundle', {});
    writeFileSync(join(folder, 'bundle.zip'), bytes);
    // Nothing of ours, and broken ones.
    writeFileSync(join(folder, 'settings.json'), '{"editor": 1}');
    writeFileSync(join(folder, 'other.zip'), zipSync({ 'a.txt': strToU8('x') }));
    writeParquet(join(folder, 'sales.parquet'), [{ name: 'price', type: 'double', values: [1] }]);
    writeFileSync(join(folder, 'cut.json'), '[{"interpolation_results_unaligned": ');
    const engine = await open();
    const first = await importInto(engine, folder);
    const names = (list: { path: string }[]) =>
      list.map(({ path }) => path.slice(folder.length + 1)).toSorted();
    expect(first.runs).toBe(1);
    expect(names(first.recognised)).toEqual(
      ['2024/run/table.parquet', '2024/x.json', 'any name.json', 'bundle.zip', 'weights.pt'].toSorted(),
    );
    expect(first.recognised.find(({ path }) => path.endsWith('weights.pt'))!.what).toContain('adopt');
    expect(names(first.passedOver)).toEqual(['other.zip', 'sales.parquet', 'settings.json']);
    expect(first.passedOverCount).toBe(3);
    expect(names(first.broken)).toEqual(['cut.json']);
    const all = async () => (await engine.call('results.list', {})).map(({ id }) => id);
    const before = await all();
    // Two curves, the same two from the zip, one experiment, two ridge costs.
    expect(before).toHaveLength(7);
    const second = await importInto(engine, folder);
    expect(second.changes).toMatchObject({ added: 0, updated: 0, unchanged: 1 });
    expect(await all()).toEqual(before);
  });

  it('what is nothing of this kind is refused with what was looked for', async () => {
    const folder = newFolder();
    const files = {
      'other.json': '{"a": 1}',
      'broken.json': '[{"run_key": ',
      'not.zip': 'no zip',
      'lmc.json': JSON.stringify([{ ...lmcRow('a'), interpolation_results_unaligned: { lambdas: 'x' } }]),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const engine = await open();
    const { broken, recognised } = await importInto(
      engine,
      ...Object.keys(files).map((name) => join(folder, name)),
    );
    expect(recognised).toEqual([]);
    expect(broken.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('no known result'),
      expect.stringContaining('not JSON'),
      expect.stringContaining('no zip'),
      expect.stringContaining('lambdas'),
    ]);
  });
});
