/** What docs/determinism.md promises across processes: the same setting gives the same bits. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { basinJson } from '../support/cli.ts';
import { newFolder } from './support/workspace.ts';

const section = 'dataset.gaussian_subspace_dataset';
const setting = [
  ...['dataset=gaussian-subspace', 'model.input_dim=24', 'model.hidden_dim=16', 'model.output_dim=4'],
  ...[`${section}.num_samples_train=300`, `${section}.num_samples_test=100`, `${section}.num_classes=4`],
  ...[`${section}.d_intrinsic=3`, `${section}.d_ambient=24`, `${section}.class_separation=3`],
  ...['training.num_epochs=2', 'training.save_every=2', 'num_models=2', 'seed=4'],
  ...[0, 1, 2, 3].map((i) => `model.mask_params.linear_mask_params_${i}.num_fixed=4`),
];

interface Once {
  backend: string;
  weights: Map<string, string>;
  costs: unknown;
}

/** Trains and measures in a workspace of its own, each command in a process of its own. */
async function once(backend: string, threads: string): Promise<Once> {
  const workspace = newFolder();
  const options = { env: { BASIN_BACKEND: backend, BASIN_THREADS: threads } };
  const out = join(workspace, 'runs', 'trained');
  const here = ['--workspace', workspace];
  await basinJson(['train', 'w-asymmetric', ...setting, '--out', out, ...here], options);
  const question = ['--run', out, '--models', '1', '--epoch', '2'];
  const costs = await basinJson(['run', 'permutation-sensitivity', ...question, ...here], options);
  const checkpoints = readdirSync(out).filter((name) => name.endsWith('.safetensors'));
  const weights = new Map(
    checkpoints.map((name) => [name, readFileSync(join(out, name)).toString('base64')]),
  );
  const [job] = await basinJson<{ backend: { name: string } }[]>(['jobs', ...here], options);
  return { backend: job!.backend.name, weights, costs };
}

/** Without the path of the workspace. */
const numbers = ({ costs }: Once): unknown => (costs as { sensitivity_results: unknown }).sensitivity_results;

describe.each(['tensorflow', 'wasm'])('%s', (backend) => {
  test(
    'two processes train the same weights and measure the same numbers',
    { timeout: 240_000 },
    async () => {
      const [first, second] = [await once(backend, '2'), await once(backend, '2')];
      expect([...first.weights.keys()]).toContain('checkpoint_epoch_2_model_2.safetensors');
      expect(first.backend).toContain(backend);
      expect(second.weights).toEqual(first.weights);
      expect(numbers(first)).toBeDefined();
      expect(numbers(second)).toEqual(numbers(first));
    },
  );
});
