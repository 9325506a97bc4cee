/** The residual networks among the reference's runs, and the CIFAR-10 images that they saw. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resolveModel, readConfig } from '../../src-shared/config.ts';
import type { ResnetSpec } from '../../src-shared/model.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { readYaml } from '../../src-main/formats/yaml.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { stateDictFromCheckpoint } from '../../src-main/compute/models/index.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { fixturePath, goldenJson } from './fixtures.ts';

export const resnetRuns = ['resnet_sym0', 'resnet_sym1_kappa2', 'resnet_sym3_kappa2'] as const;

export function resnetSpec(run: string): ResnetSpec {
  const file = fixturePath(`resnets/${run}/config.yaml`);
  const spec = resolveModel(readConfig(readYaml(file), file), file);
  if (spec.architecture !== 'resnet') throw new Error(`${file} is no residual network`);
  return spec;
}

export const resnetCheckpoint = (run: string, model: number): string =>
  fixturePath(join('resnets', run, `checkpoint_epoch_6_model_${model}.pt`));

/** Absolute path of the whole run directory. */
export function resnetRun(run: string): string {
  for (const model of [1, 2]) resnetCheckpoint(run, model);
  return dirname(fixturePath(`resnets/${run}/config.yaml`));
}

/** The folder of the CIFAR-10 images of these runs, in CIFAR's own binary format. */
export function cifarFolder(): string {
  fixturePath('cifar10/data_batch_1.bin');
  return dirname(fixturePath('cifar10/test_batch.bin'));
}

export function resnetState(run: string, model: number): StateDict {
  const file = resnetCheckpoint(run, model);
  const checkpoint = openCheckpoint(file);
  try {
    return stateDictFromCheckpoint(checkpoint.tensors, resnetSpec(run), file);
  } finally {
    checkpoint.close();
  }
}

interface Split {
  train: number[];
  val: number[];
  normalisation: { mean: number[]; std: number[] };
}

/** Images of one of the two batches, normalised, channels first; without augmentation. */
function images(file: 'data_batch_1' | 'test_batch', { mean, std }: Split['normalisation']): Examples {
  const bytes = readFileSync(fixturePath(`cifar10/${file}.bin`));
  const features = 3 * 32 * 32;
  const count = bytes.length / (features + 1);
  const x = new Float32Array(count * features);
  const labels = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    const start = n * (features + 1);
    labels[n] = bytes[start]!;
    for (let i = 0; i < features; i++) {
      const channel = Math.floor(i / 1024);
      x[n * features + i] = (bytes[start + 1 + i]! / 255 - mean[channel]!) / std[channel]!;
    }
  }
  return { count, features, x, labels, shape: [3, 32, 32] };
}

/** The splits of the reference's runs. */
export function cifarSplits(): Record<'train' | 'val' | 'test', Examples> {
  const { train, val, normalisation } = goldenJson<Split>('resnet_data_split');
  const all = images('data_batch_1', normalisation);
  const select = (rows: readonly number[]): Examples => {
    const x = new Float32Array(rows.length * all.features);
    rows.forEach((row, i) =>
      x.set(all.x.subarray(row * all.features, (row + 1) * all.features), i * all.features),
    );
    return { ...all, count: rows.length, x, labels: Int32Array.from(rows, (row) => all.labels[row]!) };
  };
  return { train: select(train), val: select(val), test: images('test_batch', normalisation) };
}
