/** Two neurons side by side: the same numbers as in the reference's matrices, of the same weights. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, describe, test } from 'vitest';
import { actingDoubles } from '../../src-main/compute/networks/effective.ts';
import { hostValues } from '../../src-main/compute/networks/host.ts';
import { loadAnalysisData } from '../../src-main/compute/analysis-data.ts';
import { loadCheckpoint, readRun } from '../../src-main/compute/load-models.ts';
import type { InspectedNeurons } from '../../src-shared/jobs/inspect-neurons.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import { fixtureRun, goldenJson, goldenNpy } from '../support/fixtures.ts';
import { goldenData, job } from '../support/job.ts';

interface Golden {
  realization_cost: { model1: { layer: string; subspace_dimension: number }[] };
}
const checkpoint = (run: string, model = 1) => `${fixtureRun(run)}/checkpoint_epoch_5_model_${model}.pt`;
const inspect = (params: object) =>
  job<InspectedNeurons>('inspect-neurons', { data: goldenData(), ...params });
const row = (m: Matrix, i: number) => m.data.slice(i * m.columns, (i + 1) * m.columns);

describe.each(['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym3_kappa1'])('%s', (name) => {
  test.each([
    ['lins.0', 3, 41],
    ['lins.2', 60, 5],
    ['lins.3', 1, 8],
  ] as const)('%s: neurons %i and %i cost what the matrix says', async (layer, i, j) => {
    const found = await inspect({ checkpoints: [checkpoint(name)], layer, neurons: [i, j] });
    const golden = goldenNpy(`${name}/rc_m1_${layer}_mahalanobis_squared_f64`).data;
    const n = Math.sqrt(golden.length);
    const { costs, weights, fixed, masks } = found;
    const close = (value: number, expected: number) =>
      expect(Math.abs(value - expected)).toBeLessThan(1e-9 * Math.max(1, Math.abs(expected)));
    close(costs!.own_first, golden[i * n + i]!);
    close(costs!.own_second, golden[j * n + j]!);
    close(costs!.first_realises_second, golden[i * n + j]!);
    close(costs!.second_realises_first, golden[j * n + i]!);
    close(costs!.swap, golden[i * n + j]! + golden[j * n + i]! - golden[i * n + i]! - golden[j * n + j]!);
    const distances = goldenNpy(`${name}/rc_m1_${layer}_projected_center_distances`).data;
    expect(costs!.center_distance).toBeCloseTo(distances[i * n + j]!, 4);
    const about = goldenJson<Golden>(name).realization_cost.model1.find((one) => one.layer === layer)!;
    expect(costs!.subspace_dimension).toBe(about.subspace_dimension);

    // Where nothing may change the weight is the fixed part; a center is the fixed part's shadow, a projection the weight's.
    const projectionLengths = [0, 1].map((r) => Math.hypot(...row(costs!.projections, r)));
    projectionLengths.forEach((length, r) => expect(length).toBeCloseTo(costs!.projected_norms[r]!, 9));
    if (name === 'sym0') return void expect([fixed, masks, costs!.centers]).toEqual([null, null, null]);
    [0, 1].forEach((r) =>
      expect(Math.hypot(...row(costs!.centers!, r))).toBeCloseTo(costs!.center_norms[r]!, 9),
    );
    if (name === 'sym3_kappa1') return void expect(masks).toBeNull();
    masks!.data.forEach((free, k) => {
      if (free === 0) expect(weights.data[k]).toBe(fixed!.data[k]);
      else expect(fixed!.data[k]).toBe(0);
    });
    const zeros = row(masks!, 0).filter((free) => free === 0).length;
    expect([zeros, found.neurons[0].fixed, found.neurons[0].free]).toEqual([
      ...[layer === 'lins.3' ? 32 : 16, layer === 'lins.3' ? 32 : 16],
      masks!.columns - (layer === 'lins.3' ? 32 : 16),
    ]);
  });
});

test('activations are those of the network, counted in bins, the strongest first, with their images', async () => {
  const path = checkpoint('sym1_kappa1');
  const run = readRun(fixtureRun('sym1_kappa1'));
  const model = loadCheckpoint(run, path);
  const { splits } = await loadAnalysisData(run, goldenData(), ['test']);
  const { x, labels } = splits.get('test')!;
  const count = 300;
  const arrays = [...actingDoubles(run.graph, model.state)].map(([name, { data }]) => [name, data] as const);
  const values = hostValues(run.graph, new Map(arrays), Float64Array.from(x.subarray(0, count * 784)));
  const out = values.get('activations.1')!;
  const column = (j: number) => Array.from({ length: count }, (_, r) => out[r * 64 + j]!);
  const { activations, picture } = await inspect({
    ...{ checkpoints: [path], layer: 'lins.1', neurons: [7, 20], examples: count, strongest: 3, bins: 10 },
  });
  expect(picture).toBeNull();
  expect([activations.examples, activations.of, activations.split]).toEqual([count, 2000, 'test']);
  [7, 20].forEach((neuron, k) => {
    const values = column(neuron);
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    expect(activations.means[k]).toBeCloseTo(mean, 10);
    expect(activations.counts[k]!.reduce((sum, value) => sum + value, 0)).toBe(count);
    const best = values.map((value, index) => ({ value, index })).sort((a, b) => b.value - a.value);
    expect(activations.strongest[k]!.map(({ index }) => index)).toEqual(
      best.slice(0, 3).map(({ index }) => index),
    );
    const top = activations.strongest[k]![0]!;
    expect(top.value).toBeCloseTo(best[0]!.value, 9);
    expect(top.label).toBe(labels[top.index]);
    expect(Array.from(row(activations.images![k]!, 0))).toEqual(
      Array.from(x.slice(top.index * 784, (top.index + 1) * 784)),
    );
  });
  const [a, b] = [column(7), column(20)];
  expect(Math.min(...a, ...b)).toBeCloseTo(activations.low, 10);
  expect(Math.max(...a, ...b)).toBeCloseTo(activations.high, 10);
  const [ma, mb] = activations.means;
  const cross = a.reduce((sum, value, r) => sum + (value - ma) * (b[r]! - mb), 0) / count;
  expect(activations.correlation).toBeCloseTo(cross / (activations.stds[0] * activations.stds[1]), 10);
});

test('costs and activations follow data that were overwritten in their place, and another config', async () => {
  const root = mkdtempSync(join(tmpdir(), 'basin-inspected-'));
  const digits = fileURLToPath(new URL('../../resources/data/mnist-10k', import.meta.url));
  cpSync(digits, join(root, 'data'), { recursive: true });
  cpSync(fixtureRun('sym1_kappa1'), join(root, 'run'), { recursive: true });
  const look = () =>
    inspect({
      checkpoints: [join(root, 'run', 'checkpoint_epoch_5_model_1.pt')],
      data: { name: 'mnist', dataDir: join(root, 'data') },
      ...{ layer: 'lins.0', neurons: [3, 41], examples: 500 },
    });
  const before = await look();
  for (const name of ['train-images-idx3-ubyte.gz', 't10k-images-idx3-ubyte.gz']) {
    const bytes = gunzipSync(readFileSync(join(root, 'data', name)));
    // Upside down: as many images, other ones.
    bytes.subarray(16).reverse();
    writeFileSync(join(root, 'data', name), gzipSync(bytes));
  }
  const after = await look();
  expect(after.costs!.swap).not.toBeCloseTo(before.costs!.swap, 3);
  expect(after.activations.means[0]).not.toBeCloseTo(before.activations.means[0], 3);
  const config = join(root, 'run', 'config.yaml');
  const text = readFileSync(config, 'utf8').replaceAll(/norm: layer/g, 'norm: none');
  expect(text).not.toBe(readFileSync(config, 'utf8'));
  writeFileSync(config, text);
  await expect(look()).rejects.toThrow(/norm/);
  rmSync(root, { recursive: true });
});

test('a setting that cannot be read stands in the way of nothing that does not ask for it', async () => {
  const root = mkdtempSync(join(tmpdir(), 'basin-inspected-'));
  cpSync(fixtureRun('sym0'), root, { recursive: true });
  const config = join(root, 'config.yaml');
  const text = readFileSync(config, 'utf8').replace(/^( +lr:).*$/m, '$1 ???');
  expect(text).not.toBe(readFileSync(config, 'utf8'));
  writeFileSync(config, text);
  const look = (folder: string) =>
    inspect({
      checkpoints: [join(folder, 'checkpoint_epoch_5_model_1.pt')],
      layer: 'lins.0',
      neurons: [3, 41],
    });
  const [here, there] = [await look(root), await look(fixtureRun('sym0'))];
  expect(here.costs).toEqual(there.costs);
  rmSync(root, { recursive: true });
});

test('correlation of neurons of two models is the similarity that matching maximises; they have no costs', async () => {
  const files = [checkpoint('sym0', 1), checkpoint('sym0', 2)];
  const golden = goldenJson<{
    pairs: Record<
      string,
      {
        activation_matching: Record<
          string,
          Record<string, { permutation: number[]; similarities_file?: string }>
        >;
      }
    >;
  }>('sym0').pairs['1-2']!.activation_matching['post_activation_function|pearson_correlation']!['P_0']!;
  const similarity = goldenNpy(`${golden.similarities_file!.replace(/\.npy$/, '')}`).data;
  const j = golden.permutation[5]!;
  const found = await inspect({
    // The layer by the name that the matching has for it.
    ...{ checkpoints: files, layer: 'P_0', neurons: [5, j] },
    ...{ activationSplit: 'train', examples: 100_000, strongest: 0 },
  });
  expect(found.activations.correlation).toBeCloseTo(similarity[5 * 64 + j]!, 5);
  expect(found.costs).toBeNull();
  expect(found.layer).toBe('lins.0');
  expect(found.picture).toEqual([28, 28]);
  expect(found.neurons.map(({ model_index }) => model_index)).toEqual([1, 2]);
});

test('what is not there is named', async () => {
  const at = { checkpoints: [checkpoint('sym0')] };
  await expect(inspect({ ...at, layer: 'lins.0', neurons: [3, 64] })).rejects.toThrow(
    'neurons: lins.0 has neurons 0 to 63, not 64',
  );
  await expect(inspect({ ...at, layer: 'lins.9', neurons: [0, 1] })).rejects.toThrow(/no layer "lins.9"/);
  await expect(
    inspect({ checkpoints: ['/nowhere/checkpoint_epoch_1_model_1.pt'], layer: 'lins.0', neurons: [0, 1] }),
  ).rejects.toThrow(/nowhere/);
});
