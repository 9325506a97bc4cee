/** A run of small residual networks on padded digits, untrained, with a split of few examples. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, resolveModel } from '../../src-shared/config.ts';
import type { ResnetSpec } from '../../src-shared/model.ts';
import { writeCheckpoint } from '../../src-main/formats/checkpoint.ts';
import type { TensorValue } from '../../src-main/formats/tensor.ts';
import { readYaml } from '../../src-main/formats/yaml.ts';
import { initialise } from '../../src-main/compute/models/index.ts';

interface Wish {
  models: number;
  /** Examples of the train split. */
  train: number;
  norm?: 'batch' | 'group';
  /** 0 standard, 1 W-asymmetric, 3 SYRE. */
  symmetry?: 0 | 1 | 3;
}

const masks = {
  default: { mask_constant: 2, do_normal_mask: true },
  conv_f: { num_fixed: 4 },
  conv_1: { conv: { num_fixed: 36 }, skip: { num_fixed: 4 } },
  conv_2: { conv: { num_fixed: 54 }, skip: { num_fixed: 6 } },
  conv_3: { conv: { num_fixed: 72 }, skip: { num_fixed: 8 } },
  linear: { num_fixed: 8 },
};

/** Writes the run at epoch 1 into the new folder `directory`. The models are the same ones each time. */
export function writeResnetRun(
  directory: string,
  { models, train, norm = 'batch', symmetry = 0 }: Wish,
): string {
  mkdirSync(directory);
  const rows = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  const split = { train_indices: rows(0, train), val_indices: rows(train, 20) };
  writeFileSync(join(directory, 'split.json'), JSON.stringify(split));
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `dataset: { name: mnist-10k-32, data_dir: null, batch_size: 64, split_file: split.json }
num_models: ${models}
training: { num_epochs: 1 }
model: { name: resnet_cifar, depth: 20, w: 1, num_classes: 10, input_shape: [1, 32, 32], norm: ${norm},
  symmetry: ${symmetry}, mask_params: ${JSON.stringify(masks)} }
`,
  );
  const spec = resolveModel(readConfig(readYaml(config), config), config) as ResnetSpec;
  const init = Array.from({ length: models }, (_, i) => i + 1);
  initialise(spec, { init, mask: 3 }).forEach((state, i) => {
    const tensors = new Map<string, TensorValue>(
      [...state].map(([name, { shape, data }]) => [
        name,
        name.endsWith('num_batches_tracked')
          ? { dtype: 'int64', shape: [], data: BigInt64Array.of(0n) }
          : { dtype: 'float32', shape: [...shape], data: Float32Array.from(data) },
      ]),
    );
    writeCheckpoint(directory, { epoch: 1, model: i + 1, tensors, valAccuracy: 0.5 });
  });
  return directory;
}
