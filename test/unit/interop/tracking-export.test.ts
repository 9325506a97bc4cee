/** What was tracked, in an exported run: the file as it is, and those that the published trainer writes. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportCheckpointsJob } from '../../../src-shared/jobs/export-checkpoints.ts';
import { trackingFileSchema } from '../../../src-shared/tracking.ts';
import type { TrackingFile } from '../../../src-shared/tracking.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { ComputeContext } from '../../../src-main/compute/context.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { readResultFile } from '../../../src-main/formats/results/result-files.ts';
import { exportCheckpoints } from '../../../src-main/interop/export/export-checkpoints.ts';
import { itWithTorch, runPython } from '../../support/torch.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-tracking-export-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const context: ComputeContext = {
  backend: () => loadBackend(),
  signal: new AbortController().signal,
  emit: () => undefined,
};

const quick = [
  ...['dataset.val_split=0.95', 'model.hidden_dim=8', 'num_fixed=3', 'seed=5', 'training.num_epochs=2'],
  'training.cosine_similarity={enabled: true, save_every: 1}',
  'training.functional_similarity={enabled: true, save_every: 1}',
];
const kernels =
  'training.ntk_tracking={enabled: true, save_every: 1, num_samples: 5, class_balanced: false, compute_ntk_stats: true, compute_linearization: true, save_matrix: true}';

async function trainedAndExported(name: string, overrides: string[], format: 'pt' | 'safetensors') {
  const run = join(root, name);
  const config = { ...loadTrainingConfig('w-asymmetric-small', [...quick, ...overrides]) };
  if (!existsSync(run)) await train({ run, resume: false, config }, context);
  const directory = join(root, `${name}-${format}`);
  const params = exportCheckpointsJob.params.parse({ run, format, directory });
  const { notes } = await exportCheckpoints(params, context);
  return { run, directory, notes };
}

const fileIn = (directory: string): TrackingFile =>
  trackingFileSchema.parse(JSON.parse(readFileSync(join(directory, 'tracking.json'), 'utf8')));
const torchFiles = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.endsWith('.pt') && !name.startsWith('checkpoint'));

/** Dicts as lists of pairs, since JSON has no keys that are tuples; tensors as lists. */
const script = `
import json, sys, torch
def plain(x):
    if isinstance(x, dict): return [[plain(k), plain(v)] for k, v in x.items()] if any(not isinstance(k, str) for k in x) else {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)): return [plain(v) for v in x]
    if isinstance(x, torch.Tensor): return {"dtype": str(x.dtype), "values": x.tolist()}
    return x
names = ["interpolation_results", "cossim_all_epochs", "funcsim_all_epochs", "ntk_tracking_all_epochs"]
folder = json.load(sys.stdin)
print(json.dumps({n: plain(torch.load(f"{folder}/{n}.pt", weights_only=True)) for n in names}))
`;

describe('an exported run', () => {
  let pt: Awaited<ReturnType<typeof trainedAndExported>>;
  beforeAll(async () => {
    const two = ['num_models=2', 'interpolation=grid', 'interpolation.steps=2', kernels];
    pt = await trainedAndExported('two', two, 'pt');
  });

  it('has what was tracked as it is, kernels included', async () => {
    expect(fileIn(pt.directory)).toEqual(fileIn(pt.run));
    const plain = await trainedAndExported('two', [], 'safetensors');
    expect(fileIn(plain.directory)).toEqual(fileIn(pt.run));
    expect(torchFiles(plain.directory)).toEqual([]);
    const name = 'ntk_matrix_epoch_2_model_1.npy';
    expect(readFileSync(join(plain.directory, name))).toEqual(readFileSync(join(pt.run, name)));
  });

  it('has curves that are read as those of the published trainer', async () => {
    const path = join(pt.directory, 'interpolation_results.pt');
    const { results } = await readResultFile(path);
    const { result } = fileIn(pt.run).interpolation!.all_epoch_results.at(-1)!;
    if ('pairs' in result) throw new Error('one pair was expected');
    const { lambdas, test_loss, val_accuracy, train_barrier_height, distance, num_params } = result;
    const numbers = { lambdas, test_loss, val_accuracy, train_barrier_height, distance, num_params };
    expect(results).toMatchObject([{ kind: 'interpolate', params: { steps: 2, epoch: 2 }, data: numbers }]);
  });

  itWithTorch('has the four files of the published trainer, with its names and these numbers', () => {
    const found = runPython(['-c', script], pt.directory) as Record<string, Record<string, unknown>>;
    const file = fileIn(pt.run);
    const curve = file.interpolation!.all_epoch_results.at(-1)!.result;
    const keys = [
      'lambdas',
      'train_loss',
      'test_accuracy',
      'val_barrier_height',
      'test_linearity',
      'num_params',
    ];
    const picked = Object.fromEntries(keys.map((key) => [key, (curve as Record<string, unknown>)[key]]));
    expect(found['interpolation_results']).toEqual([[[1, 2], expect.objectContaining(picked)]]);
    const [updates] = file.cosine_similarity!.pairs;
    expect(found['cossim_all_epochs']).toEqual({
      all_epoch_results: updates!.all_epoch_results.map(
        ({ epoch, per_layer_similarities, aggregate_similarity }) => ({
          ...{ epoch, per_layer_similarities, aggregate_similarity },
        }),
      ),
      num_epochs: 2,
    });
    const { all_epoch_results, num_epochs } = file.functional_similarity!.pairs[0]!;
    expect(num_epochs).toBe(3);
    expect(found['funcsim_all_epochs']).toEqual({ all_epoch_results, num_epochs });
    const ntk = found['ntk_tracking_all_epochs']!;
    expect(ntk).toMatchObject({ num_epochs: 2, num_samples: 5, class_balanced: false, split: 'train' });
    const last = file.ntk_tracking!.all_epoch_results[2]!;
    const told = (ntk['all_epoch_results'] as Record<string, unknown>[])[1]!;
    expect(told).toMatchObject({
      epoch: 2,
      ntk_stats: last.ntk_stats,
      linearization_agreement: last.linearization_agreement,
      ntk_cka_init: last.init!.cka_squared,
      ntk_diff_frobenius_prev: last.prev!.diff_frobenius,
      ntk_cosine_sim_init: last.init!.cosine_sim,
      ntk_relative_change_prev: last.prev!.relative_change,
    });
    const kernel = told['ntk_matrix'] as { dtype: string; values: number[][] };
    expect(kernel.dtype).toBe('torch.float64');
    expect(kernel.values.map((row) => row.length)).toEqual([5, 5, 5, 5, 5]);
    const trace = kernel.values.reduce((sum, row, i) => sum + row[i]!, 0);
    expect(trace).toBeCloseTo(last.ntk_stats!.trace, 6);
  });

  it('of more than two models says where their similarities are', async () => {
    const { directory, notes } = await trainedAndExported('three', ['num_models=3'], 'pt');
    expect(torchFiles(directory)).toEqual([]);
    expect(notes.join(' ')).toMatch(/about two models.*tracking\.json/);
    expect(fileIn(directory).functional_similarity!.pairs).toHaveLength(3);
  });
});
