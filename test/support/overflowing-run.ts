/** Runs of small ReLU networks of which some overflow in float32, or hold weights that are not finite. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCheckpoint } from '../../src-main/formats/checkpoint.ts';
import type { TensorValue } from '../../src-main/formats/tensor.ts';
import { randomModels } from '../unit/networks/random-models.ts';

/** What becomes of a stored tensor; it may be changed in place. */
export type Change = (tensor: string, data: Float32Array) => unknown;

export const unchanged: Change = () => undefined;

/** Factors by tensor; `all` for those that are not named. */
export const scaledBy =
  (factors: Record<string, number>): Change =>
  (tensor, data) => {
    const factor = factors[tensor] ?? factors['all'] ?? 1;
    data.forEach((value, k) => (data[k] = value * factor));
  };

/** Saved while it was diverging: its weights are huge, but finite. */
export const diverging = scaledBy({ all: 3e13 });

/**
 * Writes a run with one model per change, at epoch 5, into the new folder `directory`. The models are random networks of
 * the digits (784-16-16-10), the same ones each time.
 */
export function writeOverflowingRun(
  directory: string,
  changes: Change[],
  norm: 'batch' | null = null,
): string {
  mkdirSync(directory);
  writeFileSync(
    join(directory, 'config.yaml'),
    `dataset: { name: mnist-10k, data_dir: null, batch_size: 64, val_split: 0.1 }
num_models: ${changes.length}
training: { num_epochs: 5 }
model: { name: mlp_mnist, input_dim: 784, hidden_dim: 16, output_dim: 10, num_layers: 3, norm: ${norm},
  elementwise_affine: true, activation: relu, symmetry: 0 }
`,
  );
  const { models } = randomModels(
    { family: 'standard', norm: norm ?? 'none', activation: 'relu', widths: [784, 16, 16, 10] },
    changes.map((_, i) => i + 1),
  );
  models.forEach((model, i) => {
    const tensors = new Map<string, TensorValue>();
    for (const [tensor, { shape, data: values }] of model) {
      const data = Float32Array.from(values);
      changes[i]!(tensor, data);
      const counter = { dtype: 'int64' as const, shape: [], data: BigInt64Array.of(0n) };
      const stored = { dtype: 'float32' as const, shape: [...shape], data };
      tensors.set(tensor, tensor.endsWith('num_batches_tracked') ? counter : stored);
    }
    writeCheckpoint(directory, { epoch: 5, model: i + 1, tensors, valAccuracy: 0.5 });
  });
  return directory;
}
