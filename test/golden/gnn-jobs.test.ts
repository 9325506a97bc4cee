/** Jobs on the published graph networks, from their folders: what a person who imports them gets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadDataset } from '../../src-main/compute/data/index.ts';
import { goldenJson } from '../support/fixtures.ts';
import { gnnRunFolder, graphFolder } from '../support/gnn-runs.ts';
import { job } from '../support/job.ts';
import { largestDifference } from '../support/reference-run.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-gnn-jobs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const run = gnnRunFolder('gnn_sym0', root);
const data = { dataDir: graphFolder() };

type Curves = Record<string, number[]>;
interface Golden {
  interpolation_rewarm: Curves;
  interpolation_norewarm: Curves;
  aligned_norewarm_dot_product: Curves;
}
const golden = goldenJson<Golden>('gnn_sym0');

interface Interpolation {
  note: string;
  warnings: string[];
  split_sizes: Record<string, number>;
  norm_statistics: string;
  statistics_batch?: number;
  distance: number;
  stored_ends?: Curves;
}

async function interpolated(params: object): Promise<Interpolation & Curves> {
  const { splits, ...rest } = { splits: ['train', 'val', 'test'], ...params } as { splits: string[] };
  return job('interpolate', { run, epoch: 20, steps: 4, splits, data, ...rest });
}

function requireCurves(found: Curves, expected: Curves): void {
  for (const split of ['train', 'val', 'test']) {
    expect(largestDifference(found[`${split}_loss`]!, expected[`${split}_loss`]!)).toBeLessThan(2e-6);
    const accuracies = [found, expected].map((curves) => curves[`${split}_accuracy`]!) as [
      number[],
      number[],
    ];
    expect(largestDifference(...accuracies)).toBeLessThan(1e-4);
  }
}

describe('interpolation', () => {
  it('of running statistics is the published line without re-warming', async () => {
    const found = await interpolated({ normStatistics: 'interpolate' });
    requireCurves(found, golden.interpolation_norewarm);
    expect(found.split_sizes).toEqual({ train: 100, val: 40, test: 60 });
    expect(Math.abs(found.distance - Number(golden.interpolation_norewarm['distance']))).toBeLessThan(1e-4);
  });

  it('by the statistics of the whole graph is the published line with re-warming, and says so', async () => {
    const found = await interpolated({ normStatistics: 'batch' });
    requireCurves(found, golden.interpolation_rewarm);
    expect(found).toMatchObject({ norm_statistics: 'batch', statistics_batch: 200 });
    expect(found.note).toContain('the statistics of all 200 nodes of the graph');
    expect(found.stored_ends!['test_loss']![0]).toBeCloseTo(
      golden.interpolation_norewarm['test_loss']![0]!,
      5,
    );
  });

  it('re-estimates unbiased variances of the whole graph: nearly the same', async () => {
    const found = await interpolated({ normStatistics: 're-estimate' });
    const difference = largestDifference(found['test_loss']!, golden.interpolation_rewarm['test_loss']!);
    expect(difference).toBeGreaterThan(1e-4);
    expect(difference).toBeLessThan(1e-2);
  });

  it('aligned by activations is the published line, over all nodes, and says so', async () => {
    const found = await interpolated({
      ...{ normStatistics: 'interpolate', align: 'activation', mode: 'dot_product' },
    });
    requireCurves(found, golden.aligned_norewarm_dot_product);
    expect(found.note).toContain('Activations are compared on all nodes of the graph');
  });

  it('warns that the files are not the data set that the config names', async () => {
    const { name } = await loadDataset({ dataDir: graphFolder() });
    const { warnings } = await interpolated({ normStatistics: 'interpolate', splits: ['test'] });
    expect(warnings.join()).toContain(`The run was trained on arxiv; the numbers here are for ${name}`);
  });
});

describe('is refused:', () => {
  it.each<[string, string, object, string]>([
    [
      'a batch of another size',
      'interpolate',
      { normStatistics: 'batch', statisticsBatch: 50, data },
      'statisticsBatch is 50, but all 200 nodes of a graph are one batch.',
    ],
    ['data without edges', 'interpolate', { data: { name: 'mnist-10k' } }, 'data set "mnist-10k" ('],
    ['no folder', 'interpolate', {}, 'data set "arxiv": no data folder is given'],
    [
      'a measure of single examples',
      'realization-cost',
      { data },
      'describes a graph network; identifiability is measured',
    ],
  ])('%s', async (_, kind, params, message) => {
    await expect(job(kind, { run, epoch: 20, ...params })).rejects.toThrow(message);
  });

  it('a graph for networks that take examples one by one', async () => {
    const directory = join(root, 'mlp');
    const config = {
      model: { name: 'mlp_mnist', symmetry: 0, input_dim: 784, hidden_dim: 4, output_dim: 10, num_layers: 2 },
      ...{ dataset: { name: 'mnist-10k' }, training: { num_epochs: 0 }, num_models: 2, seed: 1 },
    };
    await job('train', { run: directory, config });
    await expect(job('interpolate', { run: directory, epoch: 0, data })).rejects.toThrow(
      `is a graph, but the models of ${directory} take examples one by one.`,
    );
  });
});

describe('a merged model', () => {
  it('of W-asymmetric networks is a sigma-asymmetric one, as they have gates; a curve begins at it', async () => {
    const from = gnnRunFolder('gnn_sym1', root);
    const directory = join(root, 'merged');
    const merged = await job<{ notes: string[]; statistics_batch: number }>('merge', {
      ...{ run: from, epoch: 20, directory, data, normStatistics: 're-estimate', format: 'pt' },
    });
    expect(merged.statistics_batch).toBe(200);
    const found = await interpolated({
      ...{ run: from, normStatistics: 're-estimate', splits: ['test'], steps: 2 },
    });
    // Against itself, with the running statistics that were written.
    const path = join(directory, 'checkpoint_epoch_20_model_1.pt');
    const alone = await job<Curves>('interpolate', {
      ...{ checkpoints: [path, path], steps: 1, splits: ['test'], data, normStatistics: 'interpolate' },
    });
    expect(Math.abs(alone['test_loss']![0]! - found['test_loss']![1]!)).toBeLessThan(1e-5);
  });
});

it('similarity counts nodes of each split', async () => {
  const found = await job<{ functional_similarity: { all_epoch_results: { split_results: object }[] } }>(
    'similarity',
    {
      ...{ run, data, epochs: [20] },
    },
  );
  expect(found.functional_similarity.all_epoch_results[0]!.split_results).toMatchObject({
    ...{ train_agreement_count: 99, train_total_samples: 100, val_agreement_count: 37 },
    ...{ val_total_samples: 40, test_agreement_count: 59, test_total_samples: 60 },
  });
});
