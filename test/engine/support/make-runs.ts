/** Run folders as neuron-identifiability writes them, tiny: real configs, real (small) checkpoints. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCheckpoint } from '../../../src-main/formats/run-directory.ts';

export interface MadeRun {
  name: string;
  symmetry?: 0 | 1 | 2 | 3;
  sigmaF?: number;
  norm?: string;
  models?: number;
  epochs?: number[];
  /** Numbers per checkpoint. */
  size?: number;
  /** Runs that differ in this alone have the same config and other weights. */
  weights?: number;
}

export function configText({ name, symmetry = 0, sigmaF = 1, norm = 'layer', models = 2 }: MadeRun): string {
  const masks =
    symmetry === 1 || symmetry === 3
      ? `  mask_params:\n    default:\n      mask_constant: ${sigmaF}\n      mask_type: random_subsets\n      do_normal_mask: true\n      num_fixed: 2\n`
      : '';
  return `dataset:\n  name: mnist\n  batch_size: 64\nmodel:\n  _target_: src.models.mlp.create_mlp\n  name: mlp_mnist\n  input_dim: 16\n  hidden_dim: 8\n  output_dim: 4\n  num_layers: 3\n  norm: ${norm}\n  symmetry: ${symmetry}\n${masks}num_models: ${models}\nexperiment_name: ${name}\nmy_own_key:\n  kept: true\n`;
}

/** Returns the run's folder. */
export function makeRun(parent: string, run: MadeRun): string {
  const folder = join(parent, run.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yaml'), configText(run));
  for (const epoch of run.epochs ?? [0, 5]) {
    for (let model = 1; model <= (run.models ?? 2); model++) makeCheckpoint(folder, epoch, model, run);
  }
  return folder;
}

export function makeCheckpoint(
  folder: string,
  epoch: number,
  model: number,
  { size = 16, weights = 0 }: Pick<MadeRun, 'size' | 'weights'> = {},
): string {
  const data = Float32Array.from({ length: size }, (_, i) => Math.fround(epoch + model / 10 + i + weights));
  const tensors = new Map([['lins.0.weight', { dtype: 'float32' as const, shape: [size], data }]]);
  return writeCheckpoint(folder, { epoch, model, valAccuracy: 0.5 + model / 10, tensors });
}

/** Many runs quickly: one checkpoint is made and copied. */
export function makeManyRuns(parent: string, runs: number, models: number, epochs: number[]): void {
  for (let i = 0; i < runs; i++) {
    const sigmaF = (i % 5) / 4;
    const folder = join(parent, `batch-${Math.floor(i / 100)}`, `run-${String(i).padStart(4, '0')}`);
    mkdirSync(folder, { recursive: true });
    const symmetry = (i % 4) as 0 | 1 | 2 | 3;
    writeFileSync(join(folder, 'config.yaml'), configText({ name: `run-${i}`, symmetry, sigmaF, models }));
    for (const epoch of epochs) {
      for (let model = 1; model <= models; model++) {
        const name = `checkpoint_epoch_${epoch}_model_${model}.safetensors`;
        const pattern = `${parent}-pattern-${epoch}-${model}`;
        if (i === 0) {
          mkdirSync(pattern, { recursive: true });
          makeCheckpoint(pattern, epoch, model, { size: 64 });
        }
        copyFileSync(join(pattern, name), join(folder, name));
      }
    }
  }
}
