/** Files of results and weights: sound ones, a way to damage them, and readers. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { readResultFile } from '../../../src-main/formats/results/result-files.ts';
import { describeStateDict } from '../../../src-main/interop/adopt/state-dict-files.ts';
import { encodeNpy } from '../../../src-main/formats/npy.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { tuple } from '../../../src-main/formats/torch/tree.ts';
import type { WritableTree } from '../../../src-main/formats/torch/tree.ts';
import type { FuzzedFormat } from '../formats/fuzz-formats.ts';
import { mutate } from '../formats/fuzz-mutations.ts';

const curve = {
  lambdas: [0, 1],
  test_loss: [0.5, 0.25],
  distance: 1,
  normalized_distance: 0.5,
  num_params: 4,
};
const lmc = JSON.stringify([
  {
    ...{
      run_key: 'a',
      model1_index: 1,
      model2_index: 2,
      epoch: 1,
      checkpoint_path_1: '/a/1',
      checkpoint_path_2: '/a/2',
    },
    interpolation_results_unaligned: curve,
  },
]);
const costs = {
  ...{ layer: 'lins.0', hook_mode: 'RecordInput', subspace_dimension: 1, full_dimension: 2 },
  ...{ explained_variance_ratio: 0.9, subspace_coherence: 0.5 },
  ...Object.fromEntries(
    ['mahalanobis_distance_squared', 'transposition_cost_squared', 'proj_center_distances'].map((name) => [
      name,
      { $matrix: name },
    ]),
  ),
};
const row = {
  ...{
    run_key: 'r',
    model_index: 1,
    epoch: 1,
    checkpoint_path: 'c',
    run_directory: 'r',
    split: 'train',
    data: 'd',
  },
  ...{ warnings: [], backend: { name: 'cpu', version: '1', device: 'cpu', threads: 1 } },
  realization_cost_results: [costs],
};
const matrixBytes = encodeNpy({ dtype: 'float64', shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) });
const manifest = { format: 'basin-analysis', version: 1, results: ['r-1'], figures: [] };
const result = { kind: 'realization-cost', title: 't', params: {}, provenance: {}, data: row };
const entries = {
  'results/r-1/result.json': strToU8(JSON.stringify(result)),
  ...Object.fromEntries(
    Object.keys(costs)
      .slice(-3)
      .map((name) => [`results/r-1/matrices/${name}.npy`, matrixBytes]),
  ),
};
const sha256 = Object.fromEntries(
  Object.entries(entries).map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]),
);
const analysis = (level: 0 | 6): Buffer =>
  Buffer.from(
    zipSync({ 'analysis.json': strToU8(JSON.stringify({ ...manifest, sha256 })), ...entries }, { level }),
  );

const resultsIn = async (path: string): Promise<number> => (await readResultFile(path)).results.length;

/** `scratch`: a folder for the files. */
export function exchangedFormats(scratch: string): FuzzedFormat[] {
  function torchBytes(tree: WritableTree): Buffer {
    const path = join(scratch, 'sound.pt');
    writeTorchFile(path, tree);
    return readFileSync(path);
  }
  const tensor = (shape: number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  const weights = new Map(
    Object.entries({
      'lins.0.weight': [3, 2],
      'lins.0.bias': [3],
      'lins.1.weight': [2, 3],
      'lins.1.bias': [2],
    }).map(([name, shape]) => [name, tensor(shape)]),
  );
  const curves = new Map<WritableTree, WritableTree>([
    [tuple<WritableTree>(1, 2), new Map<string, WritableTree>(Object.entries(curve))],
  ]);

  const reader =
    (extension: string, read: (path: string) => number | Promise<number>): FuzzedFormat['read'] =>
    async (bytes, name) => {
      const path = join(scratch, `${name}${extension}`);
      writeFileSync(path, bytes);
      return read(path);
    };

  return [
    {
      name: 'analysis zip',
      binary: true,
      corpus: [analysis(0), analysis(6)],
      damage: mutate,
      read: reader('.zip', resultsIn),
    },
    {
      name: 'result JSON',
      binary: false,
      corpus: [Buffer.from(lmc)],
      damage: mutate,
      read: reader('.json', resultsIn),
    },
    {
      name: 'interpolation_results.pt',
      binary: true,
      corpus: [torchBytes(curves)],
      damage: mutate,
      read: reader('.pt', resultsIn),
    },
    {
      name: 'weights without a config',
      binary: true,
      corpus: [torchBytes(weights), torchBytes(tuple<WritableTree>(weights, 97.5))],
      damage: mutate,
      read: reader('.pt', (path) => describeStateDict(path).length),
    },
    {
      name: 'result Parquet',
      binary: true,
      corpus: [readFileSync(new URL('../../engine/data/ridge-polars.parquet', import.meta.url))],
      damage: mutate,
      read: reader('.parquet', resultsIn),
    },
  ];
}
