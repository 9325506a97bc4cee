/** The blocks of docs/python.md, run as they stand on files that Basin wrote. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { workerEntry } from '../../src-shared/worker-protocol.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { itWithTorch, python } from '../support/torch.ts';
import { newFolder, runJob, testEngine } from './support/workspace.ts';

const page = readFileSync('docs/python.md', 'utf8');
const blocks = [...page.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);

it('the page has a block for every kind of file', () => {
  const files = [
    '.pt"',
    '.safetensors"',
    '.json"',
    '.csv"',
    '.parquet"',
    '.npy"',
    '.zip"',
    'checkpoint_directories',
  ];
  for (const file of files) expect(blocks.join('\n'), file).toContain(file);
});

async function result(engine: Engine, kind: string, params: object): Promise<string> {
  const job = await runJob(engine, kind, params);
  expect(job.error).toBeNull();
  return job.resultId!;
}

/** Everything the page names, in one folder. */
async function makeFiles(folder: string): Promise<void> {
  const engine = await testEngine(newFolder(), { kinds: [], worker: { entry: workerEntry } });
  const save = async (resultId: string, name: string, format: 'json' | 'csv' | 'parquet' | 'npy') => {
    const { bytes } = await engine.call('results.export', { resultId, format });
    writeFileSync(join(folder, name), bytes);
  };
  const config = parse(readFileSync('resources/presets/w-asymmetric-small.yaml', 'utf8')) as object;
  const training = { num_epochs: 1, save_every: 1 };
  // The run's own folder is the one where the blocks run: its checkpoints, metrics and config are what they read.
  await result(engine, 'train', {
    run: folder,
    config: { ...config, num_models: 2, training, seed: 5, mask_seed: 3 },
  });
  const exported = join(folder, 'exported');
  await result(engine, 'export-checkpoints', { run: folder, epochs: [1], directory: exported });
  const name = 'checkpoint_epoch_1_model_1.pt';
  writeFileSync(join(folder, name), readFileSync(join(exported, name)));
  const run = fixtureRun('sym1_kappa1');
  const pair = { run, models: [1, 2], epoch: 5, data: { name: 'mnist-10k' } };
  const curve = await result(engine, 'interpolate', { ...pair, steps: 2, splits: ['test'] });
  await save(curve, 'curve.json', 'json');
  await save(curve, 'curve.csv', 'csv');
  await save(
    await result(engine, 'match-activations', { ...pair, withMatrices: true }),
    'matrices.npy',
    'npy',
  );
  const layers = ['lins.2', 'lins.3'];
  const costs = await result(engine, 'realization-cost', { ...pair, models: [1], layers });
  await save(costs, 'costs.parquet', 'parquet');
  writeFileSync(join(folder, 'analysis.zip'), (await engine.call('results.bundle', {})).bytes);
  await result(engine, 'import', { paths: [run] });
  const [row] = await engine.call('runs.list', {});
  const edit = { type: 'create' as const, architecture: 'mlp', key: 'w1', members: [{ runId: row!.id }] };
  await engine.call('groups.edit', { edit });
  const { text } = await engine.call('groups.export', { format: 'python' });
  writeFileSync(join(folder, 'checkpoint_directories.py'), text);
  const numbers = (await engine.call('results.get', { resultId: costs })).data as {
    realization_cost_results: { transposition_cost_squared: { $matrix: string } }[];
  };
  const { $matrix } = numbers.realization_cost_results[0]!.transposition_cost_squared;
  const swap = await engine.call('results.matrix', { resultId: costs, name: $matrix });
  writeFileSync(join(folder, 'expected.json'), JSON.stringify(Array.from(swap.data)));
}

itWithTorch(
  'every block of docs/python.md runs, and pandas reads the numbers that Basin has',
  async () => {
    const folder = newFolder();
    await makeFiles(folder);
    const outputs = blocks.map((code) => {
      const { status, stdout, stderr } = spawnSync(python!, ['-c', code], { cwd: folder, encoding: 'utf8' });
      expect(status, `${code}\n${stderr}`).toBe(0);
      expect(stdout.trim(), code).not.toBe('');
      return stdout;
    });
    expect(outputs.join('\n')).toContain("'basin': '");
    const exact = `
import json, numpy as np, pandas as pd
layer = pd.read_parquet("costs.parquet").loc[0, "realization_cost_results"][0]
assert np.array_equal(np.stack(layer["transposition_cost_squared"]).ravel(), np.array(json.load(open("expected.json"))))
curve = json.load(open("curve.json"))["data"]
assert pd.read_csv("curve.csv")["test_loss"].tolist() == curve["test_loss"]`;
    const { status, stderr } = spawnSync(python!, ['-c', exact], { cwd: folder, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  },
  240_000,
);
