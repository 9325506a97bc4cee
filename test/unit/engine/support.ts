import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { FoundRun } from '../../../src-shared/interop.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'basin-unit-'));
  folders.push(folder);
  return folder;
}

/** A run as a scan would find it: standard or W-asymmetric, two models, two epochs. */
export function foundRun(
  path: string,
  options: { sigmaF?: number; norm?: string | null; width?: number } = {},
): FoundRun {
  const { sigmaF, norm = 'layer', width = 8 } = options;
  const mask =
    sigmaF === undefined ? {} : { mask_params: { default: { mask_constant: sigmaF, num_fixed: 2 } } };
  const symmetry = sigmaF === undefined ? 0 : 1;
  const model = {
    name: 'mlp_mnist',
    symmetry,
    norm,
    input_dim: 16,
    hidden_dim: width,
    output_dim: 4,
    num_layers: 3,
    ...mask,
  };
  const checkpoints = [0, 5].flatMap((epoch) =>
    [1, 2].map((m) => ({
      file: `checkpoint_epoch_${epoch}_model_${m}.pt`,
      model: m,
      epoch,
      bytes: 1000,
      mtimeMs: 1,
      valAccuracy: 10 * m + epoch,
      problem: null,
    })),
  );
  return { path, config: { model, dataset: { name: 'mnist' } }, configHash: path, checkpoints, problems: [] };
}
